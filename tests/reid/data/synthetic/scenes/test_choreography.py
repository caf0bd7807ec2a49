"""Choreography: what must hold of everyone's walks, on several seeds, with few people and with too many."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import combinations, pairwise

import numpy as np
import pytest

from reid.data.synthetic.dice import Dice
from reid.data.synthetic.draws import Draws
from reid.data.synthetic.scenes.choreography import Recording, Stay, choreograph
from reid.data.synthetic.scenes.walk import Ground, Walker

BENCH_AND_POST = np.asarray([[6.5, -1.2, 7.0, -0.6], [5.0, 2.0, 5.6, 2.4]])
GROUND = Ground(4.8, 9.5, 0.55, BENCH_AND_POST)
TRANSIT_S = (2.0, 5.0)
SEEDS = range(4)


def walkers(count: int) -> list[Walker]:
    return [Walker(1.1 + 0.04 * (number % 10), 1.4) for number in range(count)]


def recordings(count: int, seconds: float = 20.0) -> list[Recording]:
    return [Recording(GROUND, 3.0 * camera, 3.0 * camera + seconds) for camera in range(count)]


def made(seed: int, *, people: int = 12, cameras: int = 2, seconds: float = 20.0) -> list[Stay]:
    return choreograph(Dice(Draws([seed])), walkers(people), recordings(cameras, seconds), TRANSIT_S)


def by_person(stays: list[Stay]) -> dict[int, list[Stay]]:
    grouped = defaultdict(list)
    for stay in stays:
        grouped[stay.person].append(stay)
    return grouped


def places(stay: Stay) -> np.ndarray:
    return stay.walk.at(np.arange(stay.walk.start_s, stay.walk.end_s, 0.05)).place_m


@pytest.mark.parametrize("seed", SEEDS)
class TestEveryone:
    def test_is_in_one_place_at_a_time_and_takes_the_time_of_the_way(self, seed: int) -> None:
        for own in by_person(made(seed, seconds=60.0)).values():
            for earlier, later in pairwise(own):
                away_s = later.walk.start_s - earlier.walk.end_s
                assert TRANSIT_S[0] - 1e-6 <= away_s <= TRANSIT_S[1] + 1e-6

    def test_walks_around_obstacles(self, seed: int) -> None:
        assert min(GROUND.clearance_m(places(stay)).min() for stay in made(seed)) > -0.01

    def test_comes_from_out_of_sight_and_goes_there(self, seed: int) -> None:
        for stay in made(seed):
            for place in places(stay)[[0, -1]]:
                assert abs(place[1]) > GROUND.slope * place[0] + 0.3  # half a body is 0.3 m wide

    def test_is_in_the_picture_on_the_way(self, seed: int) -> None:
        for stay in made(seed):
            x, y = places(stay).T
            seen = (np.abs(y) < GROUND.slope * x) & (x > GROUND.near_m - 0.5) & (x < GROUND.far_m + 0.5)
            assert seen.sum() * 0.05 > 1.5

    def test_keeps_clear_of_the_others(self, seed: int) -> None:
        for one, other in combinations(made(seed), 2):
            if one.camera == other.camera:
                assert one.walk.distance_m(other.walk) > 0.58

    def test_never_turns_on_the_spot(self, seed: int) -> None:
        for stay in made(seed):
            yaw = stay.walk.at(np.arange(stay.walk.start_s, stay.walk.end_s, 0.1)).yaw_rad
            assert np.abs(np.diff(yaw)).max() < 0.35  # 20 degrees in a tenth of a second


@pytest.mark.parametrize("seed", SEEDS)
def test_most_people_are_recorded_by_both_cameras(seed: int) -> None:
    windows = recordings(2)
    seen = defaultdict(set)
    for stay in made(seed):
        window = windows[stay.camera]
        if min(stay.walk.end_s, window.end_s) - max(stay.walk.start_s, window.start_s) > 2.0:
            seen[stay.person].add(stay.camera)
    assert len(seen) == 12
    assert sum(len(cameras) == 2 for cameras in seen.values()) >= 8


def test_there_is_some_of_everything() -> None:
    stays = [stay for seed in range(8) for stay in by_person(made(seed, seconds=60.0)).values()]
    flat = [stay for own in stays for stay in own]
    halting = sum(
        float(stay.walk.at(np.arange(stay.walk.start_s, stay.walk.end_s, 0.1)).stride.min()) == 0 for stay in flat
    )
    assert 0.1 < halting / len(flat) < 0.4
    back_again = sum(earlier.camera == later.camera for own in stays for earlier, later in pairwise(own))
    assert 0.03 < back_again / len(flat) < 0.25
    starts = Counter((stay.camera, stay.walk.start_s) for stay in made(2, people=40))
    assert {1, 2} == set(starts.values())
    yaws = np.concatenate([stay.walk.at(np.linspace(stay.walk.start_s, stay.walk.end_s, 9)).yaw_rad for stay in flat])
    quarters = np.bincount(np.floor(yaws / (np.pi / 2) + 0.5).astype(int) % 4, minlength=4) / len(yaws)
    assert quarters.min() > 0.06  # away, to the left, towards the camera, to the right


def test_pairs_walk_side_by_side() -> None:
    pairs = [
        (one, other)
        for seed in range(8)
        for one, other in combinations(made(seed), 2)
        if (one.camera, one.walk.start_s) == (other.camera, other.walk.start_s)
    ]
    assert pairs
    for one, other in pairs:
        times = np.arange(one.walk.start_s, one.walk.end_s, 0.1)
        apart = np.hypot(*(one.walk.at(times).place_m - other.walk.at(times).place_m).T)
        np.testing.assert_allclose(apart, 0.72, atol=0.12)


def test_the_same_seed_walks_the_same_way() -> None:
    for one, same in zip(made(5), made(5), strict=True):
        assert (one.person, one.camera, one.walk.start_s) == (same.person, same.camera, same.walk.start_s)
        np.testing.assert_array_equal(places(one), places(same))
    assert [stay.walk.start_s for stay in made(5)] != [stay.walk.start_s for stay in made(6)]


@pytest.mark.parametrize(("people", "cameras", "seconds"), [(1, 1, 1.0), (1, 2, 5.0), (3, 5, 30.0), (60, 1, 10.0)])
def test_any_numbers_go(people: int, cameras: int, seconds: float) -> None:
    stays = made(1, people=people, cameras=cameras, seconds=seconds)
    assert {stay.person for stay in stays} == set(range(people))
    assert {stay.camera for stay in stays} <= set(range(cameras))
    for own in by_person(stays).values():
        assert all(abs(earlier.camera - later.camera) <= 1 for earlier, later in pairwise(own))
