"""Changes a gallery without end, in a child of its own whenever a line comes in, whose number it answers with."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from pipeline.gallery.changing import expire, merge, split
from pipeline.gallery.store import GalleryStore, NewSighting
from reid.errors import VreidError


def change_for_ever(folder: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    with GalleryStore(folder) as store:
        dim = store.made_of["dim"]
        while True:
            people = [person.id for person in store.people()]
            action = rng.choice(["add", "add", "merge", "split", "delete", "cap", "expire", "compact"])
            try:
                if action == "add" and len(people) < 100:
                    with store.writing() as writer:
                        run = writer.add_run(folder / f"run{rng.integers(10**9)}", "now")
                        for _ in range(3):
                            person = writer.add_person()
                            for track in range(4):
                                vector = rng.normal(size=dim).astype(np.float32)
                                moment = float(rng.integers(10**6))
                                number, picture = person * 10 + track, rng.bytes(3000)
                                new = NewSighting("gate", number, 0.0, 1.0, True, None, None, moment, vector, picture)
                                writer.add_sighting(person, run, new)
                elif action == "merge" and len(people) > 1:
                    merge(store, *map(int, rng.choice(people, 2, replace=False)))
                elif action == "split" and people:
                    person = int(rng.choice(people))
                    split(store, person, [sighting.id for sighting in store.sightings(person)][::2])
                elif action == "delete" and people:
                    with store.writing() as writer:
                        writer.drop_sightings([one.id for one in store.sightings(int(rng.choice(people)))])
                    store.scrub()
                elif action == "cap" and people:
                    with store.writing() as writer:
                        writer.drop_looks(store.looks(int(rng.choice(people)))[0][1:].tolist())
                elif action == "expire":
                    expire(store, datetime.fromtimestamp(int(rng.integers(10**5)), UTC))
                elif action == "compact":
                    store.compact()
            except VreidError as error:
                if "damaged" in str(error):
                    raise


def answer(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            change_for_ever(folder, int(line))
        answer(str(child))
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            time.sleep(0.001)
        answer("dead")
