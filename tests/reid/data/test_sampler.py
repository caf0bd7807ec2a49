"""Batches of P people with K tracklets: what every batch holds, what an epoch goes through, and the corner cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from reid.data.mars_layout import read_tracks
from reid.data.records import TrackletRecord
from reid.data.sampler import BatchSettings, pk_batches, share_of
from reid.errors import ConfigError


def records(people: dict[int, Sequence[int]], shuffle: int | None = None) -> list[TrackletRecord]:
    """One tracklet for each person and number of a camera."""
    made = [TrackletRecord(person, camera, ("a",)) for person, cameras in people.items() for camera in cameras]
    if shuffle is not None:
        made = [made[row] for row in np.random.default_rng(shuffle).permutation(len(made))]
    return made


def some_people(seed: int, count: int = 13, cameras: int = 4, most: int = 9) -> list[TrackletRecord]:
    rng = np.random.default_rng(seed)
    return records(
        {1 + person: rng.integers(1, 1 + cameras, rng.integers(1, 1 + most)).tolist() for person in range(count)}, seed
    )


def groups_of(batches: list[list[int]], settings: BatchSettings) -> list[list[list[int]]]:
    """Each batch as P groups of K rows."""
    size = settings.tracklets
    return [[batch[at : at + size] for at in range(0, len(batch), size)] for batch in batches]


@pytest.mark.parametrize("different_cameras", [False, True])
@pytest.mark.parametrize("epoch_of", ["tracklets", "people"])
@pytest.mark.parametrize(("people", "tracklets"), [(2, 1), (4, 2), (5, 3), (13, 6), (1, 4)])
def test_every_batch_is_p_people_with_k_tracklets(
    people: int, tracklets: int, epoch_of: str, different_cameras: bool
) -> None:
    settings = BatchSettings(people=people, tracklets=tracklets, epoch=epoch_of, different_cameras=different_cameras)
    for seed in range(5):
        all_of_them = some_people(seed)
        for batch in groups_of(pk_batches(all_of_them, settings, seed=seed, epoch=1), settings):
            assert len(batch) == people
            owners = []
            for group in batch:
                assert len(group) == tracklets
                (owner,) = {all_of_them[row].person_id for row in group}
                owners.append(owner)
                own = [row for row, record in enumerate(all_of_them) if record.person_id == owner]
                most_often = max(Counter(group).values())
                if different_cameras:
                    cameras = {all_of_them[row].camera_id for row in own}
                    assert len({all_of_them[row].camera_id for row in group}) == min(tracklets, len(cameras))
                    assert most_often <= -(-tracklets // len(own)) + 1
                else:
                    assert most_often == -(-tracklets // len(own))  # no repetition that is not needed
            assert len(set(owners)) == people


class TestAnEpochOfTracklets:
    def test_everything_is_dealt_where_nothing_is_left_over(self) -> None:
        """Three people with groups of their own each time, so that no rest can be left."""
        all_of_them = records({1: [1] * 6, 2: [1] * 5, 3: [1] * 6})
        settings = BatchSettings(people=3, tracklets=2)
        for epoch in range(20):
            batches = pk_batches(all_of_them, settings, seed=0, epoch=epoch)
            assert len(batches) == 3
            dealt = Counter(row for batch in batches for row in batch)
            assert set(dealt) == set(range(17))
            assert sum(dealt.values()) == 18
            assert {dealt[row] for row in (*range(6), *range(11, 17))} == {1}

    def test_a_last_group_is_filled_with_others_first(self) -> None:
        for epoch in range(20):
            (first, second) = pk_batches(
                records({7: [1] * 5}), BatchSettings(people=1, tracklets=4), seed=0, epoch=epoch
            )
            assert len(set(first)) == len(set(second)) == 4
            assert set(first) | set(second) == set(range(5))

    def test_too_few_tracklets_repeat(self) -> None:
        settings = BatchSettings(people=1, tracklets=5)
        thirds = Counter()
        for epoch in range(50):
            (batch,) = pk_batches(records({7: [1, 1]}), settings, seed=0, epoch=epoch)
            assert sorted(Counter(batch).values()) == [2, 3]
            thirds[Counter(batch)[0]] += 1
        assert min(thirds.values()) > 10  # either of the two is the one that comes three times
        (batch,) = pk_batches(records({7: [1]}), settings, seed=0, epoch=0)
        assert batch == [0] * 5

    def test_the_ragged_end_is_dropped_and_is_another_one_each_time(self) -> None:
        all_of_them = records({person: [1, 1] for person in range(1, 8)})
        settings = BatchSettings(people=3, tracklets=2)
        left = Counter()
        for epoch in range(60):
            batches = pk_batches(all_of_them, settings, seed=0, epoch=epoch)
            assert len(batches) == 2
            (missing,) = set(range(1, 8)) - {all_of_them[row].person_id for batch in batches for row in batch}
            left[missing] += 1
        assert set(left) == set(range(1, 8))

    def test_one_person_with_most_of_the_tracklets_ends_the_epoch_early(self) -> None:
        all_of_them = records({1: [1] * 100, 2: [1] * 4, 3: [1] * 2})
        assert len(pk_batches(all_of_them, BatchSettings(people=2, tracklets=2), seed=0, epoch=0)) <= 3

    def test_the_real_training_set_is_nearly_gone_through(self, shared_data: Path) -> None:
        table = read_tracks(shared_data / "mars-info", "train")
        all_of_them = [TrackletRecord(person, camera, ("a",)) for _, _, person, camera in table.tolist()]
        settings = BatchSettings(people=8, tracklets=2)
        batches = pk_batches(all_of_them, settings, seed=0, epoch=0)
        groups = sum(-(-count // 2) for count in Counter(record.person_id for record in all_of_them).values())
        assert 0.9 * groups / 8 < len(batches) <= groups // 8


class TestDifferentCameras:
    def test_a_rare_camera_repeats(self) -> None:
        all_of_them = records({1: [1] * 10 + [2]})
        settings = BatchSettings(people=1, tracklets=2, different_cameras=True)
        batches = pk_batches(all_of_them, settings, seed=0, epoch=0)
        assert len(batches) == 10
        assert all(10 in batch for batch in batches)
        assert {row for batch in batches for row in batch} == set(range(11))

    def test_cameras_of_one_size_need_no_repetition(self) -> None:
        all_of_them = records({1: [1, 1, 1, 2, 2, 2, 3, 3, 3]})
        settings = BatchSettings(people=1, tracklets=3, different_cameras=True)
        batches = pk_batches(all_of_them, settings, seed=0, epoch=0)
        assert sorted(row for batch in batches for row in batch) == list(range(9))

    def test_more_tracklets_than_cameras_take_the_others_before_they_repeat(self) -> None:
        all_of_them = records({1: [1] * 10 + [2]})
        settings = BatchSettings(people=1, tracklets=4, different_cameras=True)
        for batch in pk_batches(all_of_them, settings, seed=0, epoch=0):
            assert len(set(batch)) == 4
            assert 10 in batch

    def test_one_camera_is_as_if_it_did_not_matter(self) -> None:
        all_of_them = records({person: [3] * 5 for person in range(1, 6)})
        plain = BatchSettings(people=2, tracklets=2)
        strict = BatchSettings(people=2, tracklets=2, different_cameras=True)
        assert pk_batches(all_of_them, strict, seed=4, epoch=2) == pk_batches(all_of_them, plain, seed=4, epoch=2)

    def test_which_of_the_groups_comes_first_is_random(self) -> None:
        """The first of three groups dealt has none of the smallest camera, the others have it two times in three."""
        all_of_them = records({1: [1, 1, 2, 2, 3], 2: [1]})
        settings = BatchSettings(people=2, tracklets=2, different_cameras=True)
        seen = sum(4 in pk_batches(all_of_them, settings, seed=0, epoch=epoch)[0] for epoch in range(400))
        assert 0.37 * 400 < seen < 0.52 * 400

    def test_without_it_one_camera_is_common(self) -> None:
        """The property above is not one that holds by itself."""
        all_of_them = records({1: [1] * 10 + [2]})
        batches = pk_batches(all_of_them, BatchSettings(people=1, tracklets=2), seed=0, epoch=0)
        assert sum(10 in batch for batch in batches) <= 2


class TestAnEpochOfPeople:
    def test_each_person_once(self) -> None:
        all_of_them = some_people(0, count=12)
        settings = BatchSettings(people=4, tracklets=3, epoch="people")
        batches = pk_batches(all_of_them, settings, seed=0, epoch=0)
        owners = [all_of_them[group[0]].person_id for batch in groups_of(batches, settings) for group in batch]
        assert sorted(owners) == list(range(1, 13))

    def test_the_ragged_end_is_another_one_each_time(self) -> None:
        all_of_them = records({person: [1] for person in range(1, 8)})
        settings = BatchSettings(people=3, tracklets=1, epoch="people")
        left = set()
        for epoch in range(40):
            batches = pk_batches(all_of_them, settings, seed=0, epoch=epoch)
            assert len(batches) == 2
            left |= set(range(7)) - {row for batch in batches for row in batch}
        assert left == set(range(7))

    @pytest.mark.parametrize("different_cameras", [False, True])
    def test_every_tracklet_gets_its_turn(self, different_cameras: bool) -> None:
        all_of_them = records({1: [1] * 5 + [2, 3, 3]})
        settings = BatchSettings(people=1, tracklets=2, epoch="people", different_cameras=different_cameras)
        turns = Counter(
            row for epoch in range(400) for row in pk_batches(all_of_them, settings, seed=0, epoch=epoch)[0]
        )
        assert set(turns) == set(range(8))
        if not different_cameras:
            assert min(turns.values()) > 60  # 100 each is expected


class TestAPureFunction:
    def test_the_same_again(self) -> None:
        all_of_them, settings = some_people(3), BatchSettings(people=4, tracklets=2, different_cameras=True)
        state = np.random.get_state()[1].copy()  # noqa: NPY002
        first = pk_batches(all_of_them, settings, seed=5, epoch=7)
        assert pk_batches(all_of_them, settings, seed=5, epoch=7) == first
        np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
        assert pk_batches(all_of_them, settings, seed=5, epoch=8) != first
        assert pk_batches(all_of_them, settings, seed=6, epoch=7) != first


class TestRefusals:
    @pytest.mark.parametrize("count", [0, 3])
    @pytest.mark.parametrize("epoch_of", ["tracklets", "people"])
    def test_fewer_people_than_a_batch_needs(self, count: int, epoch_of: str) -> None:
        settings = BatchSettings(people=4, tracklets=2, epoch=epoch_of)
        with pytest.raises(ConfigError, match=f"people: a batch of 4 different people .* the {count} there are"):
            pk_batches(records({1 + person: [1] * 9 for person in range(count)}), settings, seed=0, epoch=0)

    @pytest.mark.parametrize("wrong", [{"people": 0}, {"tracklets": 0}, {"epoch": "batches"}, {"persons": 3}])
    def test_settings(self, wrong: dict[str, object]) -> None:
        with pytest.raises(ValidationError):
            BatchSettings(**wrong)


class TestShares:
    def test_shares_joined_are_the_batch(self) -> None:
        settings = BatchSettings(people=6, tracklets=2)
        batch = list(range(100, 112))
        assert share_of(batch, 0, 1, settings) == batch
        assert [share_of(batch, rank, 3, settings) for rank in range(3)] == [
            [100, 101, 102, 103],
            [104, 105, 106, 107],
            [108, 109, 110, 111],
        ]

    def test_people_that_cannot_be_shared_out(self) -> None:
        with pytest.raises(ConfigError, match=r"people: the 6 people .* among 4 processes; use a multiple of 4"):
            share_of(list(range(12)), 0, 4, BatchSettings(people=6, tracklets=2))
