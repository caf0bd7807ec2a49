"""Merging, splitting and forgetting people of a gallery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.gallery.changing import expire, forget_run, merge, split
from pipeline.gallery.store import GalleryStore
from reid.errors import ConfigError
from tests.pipeline.gallery.samples import CREATED, MADE_OF, seen
from tests.pipeline.gallery.test_store import add


@pytest.fixture
def store(tmp_path: Path) -> GalleryStore:
    """Person 1 at the gate at 0 s and, without a vector, at 100 s; person 2 at 5 s; person 3 at 40 s, in two runs."""
    store = GalleryStore.create(tmp_path / "people", MADE_OF, None)
    add(store, [seen("gate", 1, 0, 0), seen("gate", 4, 100, None)], [seen("gate", 2, 5, 10)], [seen("gate", 3, 40, 20)])
    return store


def state(store: GalleryStore) -> dict[int, list[int]]:
    return {person.id: [sighting.id for sighting in store.sightings(person.id)] for person in store.people()}


def test_two_become_one_under_the_lower_number(store: GalleryStore) -> None:
    assert merge(store, 3, 1) == 1
    assert state(store) == {1: [1, 4, 2], 2: [3]}
    assert store.looks(1)[0].tolist() == [1, 4]


@pytest.mark.parametrize(
    ("people", "message"),
    [
        ((1, 2), "cannot be one: both were seen in gate at the same time"),
        ((1, 1), "person 1 is one person already"),
        ((1, 9), "there is no person 9 in the gallery"),
    ],
)
def test_what_cannot_be_is_refused(store: GalleryStore, people: tuple[int, int], message: str) -> None:
    before = state(store)
    with pytest.raises(ConfigError, match=message):
        merge(store, *people)
    assert state(store) == before


def test_one_camera_at_one_time_in_two_runs_is_the_same_recording(store: GalleryStore) -> None:
    add(store, [seen("gate", 1, 2, 0)], run="again")
    merge(store, 1, 4)
    add(store, [seen("hall", 1, 500, 0)], run="third")
    assert merge(store, 1, 5) == 1


def test_a_part_becomes_somebody_else(store: GalleryStore) -> None:
    merge(store, 1, 3)
    assert split(store, 1, [4]) == 4
    assert state(store) == {1: [1, 2], 2: [3], 4: [4]}


@pytest.mark.parametrize(
    ("sightings", "message"),
    [
        ([3], "--sightings: 3 is no sighting of person 1; theirs are 1, 2"),
        ([], "--sightings: nothing is"),
        ([2], "both parts of person 1 need a sighting whose vector is kept; these are 1"),
        ([1, 2], "both parts of person 1 need"),
    ],
)
def test_parts_that_make_no_person_are_refused(store: GalleryStore, sightings: list[int], message: str) -> None:
    before = state(store)
    with pytest.raises(ConfigError, match=message):
        split(store, 1, sightings)
    assert state(store) == before


def test_what_is_old_goes_and_whoever_was_not_seen_since(store: GalleryStore) -> None:
    """At 51 s persons 1 and 2 were gone, but for a stay of person 1 by which nobody could know them again."""
    assert expire(store, CREATED + timedelta(seconds=45)) == 2
    assert state(store) == {3: [4]}
    assert expire(store, datetime(2000, 1, 1, tzinfo=UTC)) == 0


def test_what_a_run_added_is_forgotten(store: GalleryStore) -> None:
    add(store, [seen("hall", 1, 500, 0)], run="second")
    assert forget_run(store, Path("/runs/run")) == 4
    assert state(store) == {4: [5]}
    with pytest.raises(ConfigError, match="holds nothing of /runs/run; its runs are /runs/second"):
        forget_run(store, Path("/runs/run"))


def test_of_two_who_became_one_no_more_is_kept_than_of_one(store: GalleryStore) -> None:
    merge(store, 1, 3, most_looks=1)
    assert store.looks(1)[0].tolist() == [4]
    assert len(store.sightings(1)) == 3
