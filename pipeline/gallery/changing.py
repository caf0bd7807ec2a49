"""What people say about those in a gallery, and what it forgets by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pipeline.config import GalleryConfig
from pipeline.gallery.adding import superfluous
from pipeline.gallery.compatibility import Compatibility
from pipeline.gallery.store import GalleryStore
from reid.errors import ConfigError


def merge(store: GalleryStore, first: int, second: int, *, most_looks: int = GalleryConfig().most_looks) -> int:
    """Say that two people are one.

    Args:
        store: the gallery.
        first: one of them.
        second: the other.
        most_looks: how many vectors are kept of them.

    Returns:
        The number that stands for both from now on: the lower one.

    Raises:
        ConfigError: there are no such people, or they cannot be one.
        RunError: as for `GalleryStore.writing`.
    """
    if first == second:
        raise ConfigError(f"person {first} is one person already")
    with store.writing() as writer:
        some, others = store.sightings(first), store.sightings(second)
        conflict = Compatibility().conflict(some, others)
        if conflict is not None:
            raise ConfigError(f"persons {first} and {second} cannot be one: {conflict}")
        kept, gone = (first, others) if first < second else (second, some)
        writer.move([sighting.id for sighting in gone], kept)
        writer.inherit(kept, max(first, second))
        writer.drop_looks(superfluous(*store.looks(kept)[::2], most_looks))
    return kept


def split(store: GalleryStore, person_id: int, sighting_ids: Sequence[int]) -> int:
    """Say that some sightings of a person are of someone else.

    Args:
        store: the gallery.
        person_id: the person.
        sighting_ids: those that are someone else's; at least one with a vector is left, and one is among them.

    Returns:
        The number of the new person.

    Raises:
        ConfigError: there is no such person, or those are not all sightings of theirs.
        RunError: as for `GalleryStore.writing`.
    """
    with store.writing() as writer:
        own = {sighting.id for sighting in store.sightings(person_id)}
        strangers = [number for number in sighting_ids if number not in own]
        if strangers or not sighting_ids:
            what = f"{strangers[0]} is" if strangers else "nothing is"
            shown = ", ".join(map(str, sorted(own)))
            raise ConfigError(f"--sightings: {what} no sighting of person {person_id}; theirs are {shown}")
        pictured = set(store.looks(person_id)[0].tolist())
        for side in (set(sighting_ids), own - set(sighting_ids)):
            if not side & pictured:
                raise ConfigError(
                    f"--sightings: both parts of person {person_id} need a sighting whose vector is kept; these are "
                    + ", ".join(map(str, sorted(pictured)))
                )
        new = writer.add_person()
        writer.move(sighting_ids, new)
    return new


def expire(store: GalleryStore, before: datetime) -> int:
    """Forget what was seen before a moment, and whoever was not seen since.

    Args:
        store: the gallery.
        before: the moment.

    Returns:
        How many sightings went.

    Raises:
        RunError: as for `GalleryStore.writing` and `GalleryStore.scrub`.
    """
    with store.writing() as writer:
        old = writer.seen_before(before.timestamp())
        writer.drop_sightings(old, still_in_runs=True)
    store.scrub()
    return len(old)


def forget_run(store: GalleryStore, run: Path) -> int:
    """Forget what a run had added.

    Args:
        store: the gallery.
        run: where the run stood when it was added.

    Returns:
        How many sightings went.

    Raises:
        ConfigError: the gallery does not know the run.
        RunError: as for `GalleryStore.writing` and `GalleryStore.scrub`.
    """
    with store.writing() as writer:
        numbers = {known.id for known in store.runs() if known.path == run.resolve()}
        if not numbers:
            shown = ", ".join(str(known.path) for known in store.runs()) or "none"
            raise ConfigError(f"the gallery {store.folder} holds nothing of {run}; its runs are {shown}")
        gone = [sighting.id for sighting in store.sightings() if sighting.run_id in numbers]
        writer.drop_sightings(gone)
        for number in numbers:
            writer.drop_left_in_runs(number)
    store.scrub()
    return len(gone)
