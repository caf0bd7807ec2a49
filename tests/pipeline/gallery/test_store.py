"""The gallery's file: what it holds, what it refuses, and that nothing tears it."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pipeline.gallery.store import FILE, GalleryStore, NewSighting
from reid.errors import ConfigError, InputError, RunError
from tests.pipeline.gallery.samples import MADE_OF, seen
from tests.pipeline.test_identities import CURVE

KILLS = 200


@pytest.fixture
def store(tmp_path: Path) -> GalleryStore:
    return GalleryStore.create(tmp_path / "people", MADE_OF, CURVE)


def add(store: GalleryStore, *people: list[NewSighting], run: str = "run") -> list[int]:
    with store.writing() as writer:
        run_id = writer.add_run(Path("/runs") / run, "then")
        numbers = []
        for sightings in people:
            numbers.append(writer.add_person())
            for sighting in sightings:
                writer.add_sighting(numbers[-1], run_id, sighting)
    return numbers


def test_what_was_added_is_there_again_for_the_next_one_who_opens_it(store: GalleryStore) -> None:
    one, other = add(store, [seen("gate", 1, 0, 30), seen("hall", 1, 40, None)], [seen("gate", 2, 5, 90)])
    store.close()
    with GalleryStore(store.folder) as again:
        people = [(person.id, person.sightings, person.looks) for person in again.people()]
        assert people == [(one, 2, 1), (other, 1, 1)]
        assert [sighting.camera_id for sighting in again.sightings(one)] == ["gate", "hall"]
        numbers, owners, vectors = again.looks()
        assert owners.tolist() == [one, other]
        np.testing.assert_allclose(vectors, [[np.cos(np.pi / 6), 0.5], [0, 1]], atol=1e-7)
        assert again.picture(int(numbers[0])) == b"picture of gate 1"
        assert again.calibration == CURVE
        assert [run.path for run in again.runs()] == [Path("/runs/run")]


def test_what_fails_on_the_way_changes_nothing(store: GalleryStore) -> None:
    add(store, [seen("gate", 1, 0, 30)])
    with pytest.raises(KeyError), store.writing() as writer:
        writer.add_person()
        raise KeyError
    with pytest.raises(ConfigError, match="in the gallery already"), store.writing() as writer:
        writer.add_run(Path("/runs/run"), "then")
    assert len(store.people()) == len(store.runs()) == 1


def test_numbers_are_never_used_again(store: GalleryStore) -> None:
    (first,) = add(store, [seen("gate", 1, 0, 30)])
    with store.writing() as writer:
        writer.drop_sightings([sighting.id for sighting in store.sightings(first)])
    assert store.people() == store.runs() == []
    assert add(store, [seen("gate", 1, 0, 30)]) == [first + 1]


def test_whoever_has_no_vector_left_is_forgotten(store: GalleryStore) -> None:
    one, other = add(store, [seen("gate", 1, 0, 30), seen("hall", 1, 40, None)], [seen("gate", 2, 5, 90)])
    with store.writing() as writer:
        writer.drop_looks(store.looks(one)[0].tolist())
    assert [person.id for person in store.people()] == [other]


def test_a_vector_of_another_width_does_not_get_in(store: GalleryStore) -> None:
    wrong = seen("gate", 1, 0, 30)
    with pytest.raises(InputError, match="CHECK"):
        add(store, [NewSighting(**{**wrong.__dict__, "vector": np.ones(3, np.float32)})])
    assert store.people() == []


def test_one_reads_while_another_writes(store: GalleryStore) -> None:
    add(store, [seen("gate", 1, 0, 30)])
    with GalleryStore(store.folder) as reader, store.writing() as writer:
        writer.add_person()
        assert len(reader.people()) == 1


def test_a_second_writer_is_told_to_wait(store: GalleryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.gallery.store._BUSY_S", 0.1)
    with (
        GalleryStore(store.folder) as second,
        store.writing(),
        pytest.raises(RunError, match="nothing was changed, try again"),
        second.writing(),
    ):
        pass


@pytest.mark.parametrize("name", ["model", "fingerprint", "variant", "policy", "dim"])
def test_vectors_of_another_kind_are_refused(store: GalleryStore, name: str) -> None:
    with pytest.raises(InputError, match=f"with {name} .* cannot be compared"):
        GalleryStore.create(store.folder, {**MADE_OF, name: 3}, None)


def test_what_is_no_gallery_is_refused(store: GalleryStore, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no gallery of vreid"):
        GalleryStore(tmp_path)
    store.close()
    with sqlite3.connect(store.path) as db:
        db.execute("UPDATE meta SET value = 'vreid-gallery/9' WHERE key = 'format'")
    with pytest.raises(InputError, match="another version: vreid-gallery/9"):
        GalleryStore(store.folder)


def test_a_damaged_file_is_called_damaged(store: GalleryStore) -> None:
    store.close()
    store.path.write_bytes(b"what" * 5000)
    with pytest.raises(InputError, match="is damaged"):
        GalleryStore(store.folder)
    with sqlite3.connect(store.folder / "other.sqlite") as db:
        db.execute("CREATE TABLE meta (key, value)")
    (store.folder / "other.sqlite").rename(store.path)
    with pytest.raises(InputError, match="another version: None"):
        GalleryStore(store.folder)


def test_who_comes_second_opens_what_the_first_made(store: GalleryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    add(store, [seen("gate", 1, 0, 30)])
    monkeypatch.setattr(Path, "exists", lambda _: False)  # as it was when the second one looked
    with GalleryStore.create(store.folder, MADE_OF, CURVE) as second:
        assert len(second.people()) == 1
    assert [path.name for path in store.folder.iterdir() if "unfinished" in path.name] == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE meta SET value = '[1]' WHERE key = 'calibration'",
        "UPDATE meta SET value = '[]' WHERE key = 'made_of'",
        "DELETE FROM meta WHERE key = 'state'",
        "DROP TABLE meta",
    ],
)
def test_a_gallery_that_was_tampered_with_is_called_damaged(store: GalleryStore, change: str) -> None:
    store.close()
    with sqlite3.connect(store.path) as db:
        db.execute(change)
    db.close()
    with pytest.raises(InputError, match="is damaged"):
        GalleryStore(store.folder)


@pytest.mark.parametrize(
    "change",
    ["DELETE FROM runs", "UPDATE sightings SET seen = 'noon'", "UPDATE sightings SET start_s = 'soon'"],
)
def test_rows_that_contradict_each_other_are_called_damaged(store: GalleryStore, change: str) -> None:
    """Otherwise a deletion would pass over what is still in a run."""
    (number,) = add(store, [seen("gate", 1, 0, 30)])
    with sqlite3.connect(store.path) as db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute(change)
    db.close()
    with pytest.raises(InputError, match="is damaged"):
        store.people()
        store.sightings(number)


def test_an_empty_file_is_called_damaged_and_stays_empty(store: GalleryStore) -> None:
    store.close()
    store.path.write_bytes(b"")
    with pytest.raises(InputError, match="is damaged"):
        GalleryStore(store.folder)
    assert store.path.read_bytes() == b""


def test_deleted_vectors_and_pictures_are_overwritten(store: GalleryStore) -> None:
    (one,) = add(store, [seen("gate", track, track * 20.0, 30 + track) for track in range(200)])
    secret = store.looks(one)[2][77].tobytes()
    assert secret in b"".join(path.read_bytes() for path in store.folder.iterdir())
    with store.writing() as writer:
        writer.drop_sightings([sighting.id for sighting in store.sightings(one)])
    store.scrub()
    left = b"".join(path.read_bytes() for path in store.folder.iterdir())
    assert secret not in left
    assert b"picture of gate" not in left


def test_a_large_gallery_keeps_an_index_until_something_changes(
    store: GalleryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.vector_index._EXACT_BELOW", 100)
    (one,) = add(store, [seen("gate", track, track * 20.0, 3 * track) for track in range(119)])
    wanted = store.looks(one)[2][40]
    number = int(store.looks(one)[0][40])
    assert store.index().nearest(wanted, 1) == [(number, pytest.approx(1.0, abs=1e-6))]
    (kept,) = store.folder.glob("*.faiss")
    before = kept.stat().st_mtime_ns
    assert store.index().nearest(wanted, 1)[0][0] == number
    assert kept.stat().st_mtime_ns == before
    kept.write_bytes(b"no index")
    assert store.index().nearest(wanted, 1)[0][0] == number
    (store.folder / ".index-7.faiss.abc").mkdir()  # of a search that was killed
    with store.writing() as writer:
        writer.drop_sightings([number])
    assert [path.name for path in store.folder.iterdir() if "faiss" in path.name] == []
    assert store.index().nearest(wanted, 1)[0][0] != number


def test_it_survives_being_killed_at_any_moment(tmp_path: Path) -> None:
    """No row without its vector, no vector without its row, and a sound file, however often a writer is killed."""
    folder = tmp_path / "people"
    GalleryStore.create(folder, {**MADE_OF, "dim": 128}, CURVE).close()
    rng = random.Random(0)
    seen_people = set()
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("busy_writer.py")), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    ) as parent:
        assert parent.stdin is not None and parent.stdout is not None
        for number in range(KILLS):
            parent.stdin.write(f"{number}\n")
            parent.stdin.flush()
            child = int(parent.stdout.readline())
            time.sleep(rng.uniform(0.005, 0.06))
            os.kill(child, signal.SIGKILL)
            assert parent.stdout.readline() == "dead\n"
            with GalleryStore(folder) as store:
                numbers, owners, vectors = store.looks()
                people = store.people()
                assert vectors.shape == (len(numbers), 128)
                assert {person.id for person in people} == set(owners.tolist())
                assert {sighting.person_id for sighting in store.sightings()} == set(owners.tolist())
                seen_people.add(max(owners.tolist(), default=0))
            with sqlite3.connect(folder / FILE) as db:
                assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                assert db.execute("PRAGMA foreign_key_check").fetchall() == []
                assert db.execute("SELECT COUNT(*) FROM people").fetchone() == (len(people),)
            db.close()
        parent.stdin.close()
    assert len(seen_people) > 20  # it was at work
