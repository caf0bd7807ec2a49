"""People set aside from the training set."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from reid.data.held_out import hold_out
from reid.data.mars_layout import read_tracks
from reid.data.records import DataSet, TrackletRecord
from reid.data.synthetic.tracklets import SyntheticTracklets
from reid.errors import ConfigError


class NoPictures:
    def read(self, frames: object) -> list[object]:
        raise AssertionError("holding out reads no pictures")


def data_set(*train: tuple[int, int]) -> DataSet:
    """Make a data set of tracklets of people in cameras."""
    records = tuple(TrackletRecord(*each, (f"picture {row}",)) for row, each in enumerate(train))
    return DataSet("hand-made", records, (), (), (), NoPictures())  # type: ignore[arg-type]


TWO_CAMERAS = data_set(*((person, camera) for person in range(1, 11) for camera in (1, 2)))


def check_split(whole: DataSet, people: int, seed: int) -> DataSet:
    """Check what holds for every split, and return the people set aside."""
    rest, held_out = hold_out(whole, people, seed)
    aside = {record.person_id for record in held_out.test}
    assert held_out.test == tuple(record for record in whole.train if record.person_id in aside)
    assert rest == tuple(record for record in whole.train if record.person_id not in aside)
    assert len(aside) == people
    assert (held_out.name, held_out.train, held_out.source) == (whole.name, (), whole.source)
    assert held_out.gallery == tuple(range(len(held_out.test)))
    visits = Counter((record.person_id, record.camera_id) for record in held_out.queries)
    assert set(visits.values()) <= {1}
    cameras = Counter(person for person, _ in {(each.person_id, each.camera_id) for each in held_out.test})
    several = {(each.person_id, each.camera_id) for each in held_out.test if cameras[each.person_id] > 1}
    assert set(visits) == several
    return held_out


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("people", [2, 3, 8])
def test_two_cameras(people: int, seed: int) -> None:
    held_out = check_split(TWO_CAMERAS, people, seed)
    assert held_out.query == held_out.gallery  # one tracklet each, so that every one of them searches


def test_many_tracklets_of_one_visit_search_once() -> None:
    held_out = check_split(SyntheticTracklets(people=40, cameras=5, seed=3).data_set(), 6, 0)
    assert len(held_out.query) < len(held_out.gallery)


def test_mars(shared_data: Path) -> None:
    table = read_tracks(shared_data / "mars-info", "train").tolist()
    whole = data_set(*((person, camera) for _, _, person, camera in table))
    held_out = check_split(whole, 62, 0)
    assert 62 * 8_298 / 625 * 0.5 < len(held_out.test) < 62 * 8_298 / 625 * 2
    assert all(
        len({each.camera_id for each in held_out.test if each.person_id == q.person_id}) > 1 for q in held_out.queries
    )


def test_the_seed_decides() -> None:
    assert hold_out(TWO_CAMERAS, 3, 7) == hold_out(TWO_CAMERAS, 3, 7)
    drawn = {frozenset(each.person_id for each in hold_out(TWO_CAMERAS, 3, seed)[1].test) for seed in range(8)}
    assert len(drawn) > 3
    # The same two people every time, but not the same tracklets of them.
    often = data_set(*((person, camera) for person in (1, 2) for camera in (1, 2, 2, 2, 2)), (3, 1), (4, 1))
    assert len({hold_out(often, 2, seed)[1].query for seed in range(8)}) > 3


def test_the_order_of_the_records_does_not_decide_who() -> None:
    backwards = data_set(*((each.person_id, each.camera_id) for each in TWO_CAMERAS.train[::-1]))
    people = [{each.person_id for each in hold_out(whole, 3, 5)[1].test} for whole in (TWO_CAMERAS, backwards)]
    assert people[0] == people[1]


def test_people_seen_by_one_camera_come_last_and_never_search() -> None:
    mixed = data_set((1, 1), (2, 1), (2, 2), (3, 1), (4, 3), (4, 1), (5, 2), (6, 2))
    for seed in range(5):
        assert {each.person_id for each in hold_out(mixed, 2, seed)[1].test} == {2, 4}
        held_out = check_split(mixed, 3, seed)
        assert {each.person_id for each in held_out.queries} == {2, 4}


@pytest.mark.parametrize("people", [-1, 0, 1, 9, 10, 11])
def test_too_many_or_too_few_are_refused(people: int) -> None:
    with pytest.raises(ConfigError, match=f"^held_out_people: 2 to 8 of the 10 people .* not {people}$"):
        hold_out(TWO_CAMERAS, people, 0)


def test_sets_that_cannot_spare_anybody_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^held_out_people: .* has 3 people, too few"):
        hold_out(data_set((1, 1), (1, 2), (2, 1), (2, 2), (3, 1)), 2, 0)
    with pytest.raises(ConfigError, match=r"^held_out_people: nobody .* two cameras"):
        hold_out(data_set(*((person, 1) for person in range(1, 6))), 2, 0)
