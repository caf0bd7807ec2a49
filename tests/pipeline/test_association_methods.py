"""What holds for every method of association."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.association.assignments import METHODS, associate, check_method
from pipeline.association.online import OnlineAssociator
from pipeline.config import TopologyConfig, TransitConfig
from pipeline.constraints import Constraints, Stay, TrackletId
from pipeline.vector_index import VectorIndex
from reid.errors import ConfigError

every_method = pytest.mark.parametrize("method", METHODS)


def unit(*angles_degrees: float) -> np.ndarray:
    radians = np.radians(angles_degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def ids(
    method: str,
    vectors: np.ndarray,
    stays: list[Stay],
    *,
    threshold: float = 0.9,
    topology: TopologyConfig | None = None,
    evidence: list[bool] | None = None,
    together: Sequence[Sequence[int]] = (),
    apart: Sequence[tuple[list[TrackletId], list[TrackletId]]] = (),
    k_reciprocal: int = 0,
) -> list[int | None]:
    assignments = associate(
        vectors,
        stays,
        evidence or [True] * len(stays),
        Constraints(topology or TopologyConfig(), apart),
        VectorIndex(vectors),
        threshold=threshold,
        candidates_k=50,
        method=method,
        k_reciprocal=k_reciprocal,
        together=together,
    )
    return [assignment.identity_id for assignment in assignments]


@every_method
def test_two_people_in_two_cameras_who_come_again(method: str) -> None:
    stays = [Stay("a", 0, 5), Stay("a", 1, 6), Stay("b", 20, 25), Stay("b", 21, 26), Stay("a", 40, 45)]
    assert ids(method, unit(0, 80, 10, 85, 5), stays) == [1, 2, 1, 2, 1]


@every_method
def test_below_the_threshold_nothing_is_forced(method: str) -> None:
    stays = [Stay("a", 0, 5), Stay("b", 20, 25)]
    assert ids(method, unit(0, 30), stays) == [1, 2]
    assert ids(method, unit(0, 30), stays, threshold=0.8) == [1, 1]


@every_method
def test_nobody_and_one(method: str) -> None:
    assert ids(method, np.zeros((0, 2), np.float32), []) == []
    assert ids(method, unit(0), [Stay("a", 0, 5)]) == [1]
    assert ids(method, unit(0), [Stay("a", 0, 5)], evidence=[False]) == [None]


def random_scene(rng: np.random.Generator) -> tuple[np.ndarray, list[Stay], list[bool], TopologyConfig]:
    """Some people in some cameras, dressed more or less alike, in a place that allows more or less."""
    number, people, cameras = int(rng.integers(2, 16)), int(rng.integers(1, 6)), int(rng.integers(1, 4))
    looks = rng.normal(size=(people, 6)) + rng.choice([0.0, 3.0])
    vectors = looks[rng.integers(0, people, number)] + rng.uniform(0.1, 1.0) * rng.normal(size=(number, 6))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    starts = rng.uniform(0, 60, number)
    lengths = rng.uniform(1, 20, number)
    stays = [
        Stay(f"cam{camera}", start, start + length, bool(rng.random() < 0.9), track)
        for track, (camera, start, length) in enumerate(
            zip(rng.integers(0, cameras, number), starts, lengths, strict=True)
        )
    ]
    topology = TopologyConfig(
        all_non_overlapping=bool(rng.random() < 0.3),
        transit=(TransitConfig(cameras=("cam0", "cam1"), min_s=float(rng.uniform(0, 10)), max_s=None),),
    )
    return vectors, stays, (rng.random(number) < 0.8).tolist(), topology


def random_corrections(
    rng: np.random.Generator, stays: list[Stay], topology: TopologyConfig
) -> tuple[list[list[int]], list[tuple[list[TrackletId], list[TrackletId]]]]:
    """Pairs that a user keeps apart, and groups that they join, as far as that is possible."""
    pairs = rng.integers(0, len(stays), (3, 2)).tolist()
    apart = [([stays[one].tracklet], [stays[other].tracklet]) for one, other in pairs if one != other]
    constraints = Constraints(topology, apart)
    rows = rng.permutation(len(stays)).tolist()
    groups = [rows[:2], rows[2:5]]
    possible = [
        group
        for group in groups
        if len(group) > 1
        and all(
            constraints.allow([stays[row] for row in group[:end]], [stays[group[end]]]) for end in range(1, len(group))
        )
    ]
    return possible, apart


@every_method
def test_nobody_is_ever_where_they_cannot_be(method: str) -> None:
    """In two thousand random scenes, every other one corrected by hand, no identity contradicts itself."""
    rng = np.random.default_rng(7)
    linked = refused = joined = 0
    for scene in range(2000):
        vectors, stays, evidence, topology = random_scene(rng)
        together, apart = random_corrections(rng, stays, topology) if scene % 2 else ([], [])
        found = ids(
            method,
            vectors,
            stays,
            threshold=0.5,
            topology=topology,
            evidence=evidence,
            together=together,
            apart=apart,
            k_reciprocal=scene // 2 % 4,
        )
        for group in together:
            assert len({found[row] for row in group} - {None}) == 1
            assert found[group[0]] is not None
            joined += 1
        constraints = Constraints(topology, apart)
        for row, one in enumerate(stays):
            for other_row, other in enumerate(stays[:row]):
                same = found[row] is not None and found[row] == found[other_row]
                overlap = one.camera_id == other.camera_id and one.start_s < other.end_s and other.start_s < one.end_s
                assert not (same and overlap)
                assert not same or constraints.allow([one], [other])
                linked += same
                refused += not same and not constraints.allow([one], [other])
    assert min(linked, refused, joined) > 300


@every_method
def test_the_same_answer_again(method: str) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        vectors, stays, evidence, topology = random_scene(rng)
        once, again = (
            ids(method, vectors, stays, threshold=0.5, topology=topology, evidence=evidence) for _ in range(2)
        )
        assert once == again


def test_between_two_cameras_the_best_matches_together_go_before_the_best_single_one() -> None:
    """0 and 11 degrees are most alike, but then 24 and -14 would find nobody."""
    stays = [Stay("a", 0, 5), Stay("a", 1, 6), Stay("b", 20, 25), Stay("b", 21, 26)]
    vectors = unit(0, 24, 11, -14)
    assert ids("hungarian", vectors, stays, threshold=0.8) == [1, 2, 2, 1]
    assert ids("average-link", vectors, stays, threshold=0.8) == [1, 2, 1, 3]


def test_whoever_was_unseen_for_long_is_forgotten_online() -> None:
    online = OnlineAssociator(2, Constraints(TopologyConfig()), 0.9, retention_s=100)
    (here,) = unit(0)
    assert online.add(here, Stay("a", 0, 5)) == 0
    assert online.add(here, Stay("a", 90, 95)) == 0
    assert online.add(here, Stay("a", 190, 194)) == 0
    assert online.add(here, Stay("a", 400, 405)) == 1


def test_online_memory_does_not_grow_with_time() -> None:
    rng = np.random.default_rng(0)
    online = OnlineAssociator(16, Constraints(TopologyConfig()), 0.9, retention_s=50)
    for index in range(3000):
        vector = rng.normal(size=16)
        online.add(vector / np.linalg.norm(vector), Stay("a", index, index + 0.5))
    assert len(online) < 250


def test_little_evidence_joins_online_but_changes_nobody() -> None:
    online = OnlineAssociator(2, Constraints(TopologyConfig()), 0.9)
    vectors = unit(0, 20, 40)
    assert online.add(vectors[1], Stay("a", 0, 1), may_found=False) is None
    assert online.add(vectors[0], Stay("a", 10, 11)) == 0
    assert online.add(vectors[1], Stay("a", 20, 21), may_found=False) == 0
    assert online.add(vectors[2], Stay("a", 30, 31)) == 1


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ConfigError, match="'best' is none of average-link, hungarian, online"):
        check_method("best")


def test_long_stays_in_one_place_are_not_forgotten_online() -> None:
    """Somebody in the hall 300 times must still not be at the gate while they were there at the beginning."""
    stays = [Stay("gate", 10, 20, track_id=0)]
    stays += [Stay("hall", 20 + 10 * index, 25 + 10 * index, track_id=index) for index in range(1, 300)]
    stays.append(Stay("gate", 0, 4000, track_id=300))
    found = ids("online", np.repeat(unit(0), len(stays), axis=0), stays)
    assert found[-1] != found[0]
    assert len(set(found[:-1])) == 1


def test_a_long_way_that_only_a_stay_between_explains_is_not_left_behind() -> None:
    """Reassignment must not take the stay between out of an identity that would be impossible without it."""
    rng = np.random.default_rng(1)
    topology = TopologyConfig(
        transit=(
            TransitConfig(cameras=("cam0", "cam1"), max_s=10),
            TransitConfig(cameras=("cam1", "cam2"), max_s=15),
        )
    )
    constraints = Constraints(topology)
    for _ in range(300):
        vectors, stays, evidence, _ = random_scene(rng)
        for method in METHODS:
            found = ids(method, vectors, stays, threshold=0.3, topology=topology, evidence=evidence)
            for identity in set(found) - {None}:
                assert constraints.possible([stay for stay, name in zip(stays, found, strict=True) if name == identity])


def test_the_threshold_follows_those_who_were_found() -> None:
    asked: list[int] = []

    def threshold(people: int) -> float:
        asked.append(people)
        return 0.8 if people > 3 else 0.7

    stays = [Stay(f"cam{index}", 10.0 * index, 10.0 * index + 5) for index in range(5)]
    vectors = unit(0, 5, 42, 90, 95)
    assignments = associate(
        vectors,
        stays,
        [True] * 5,
        Constraints(TopologyConfig()),
        VectorIndex(vectors),
        threshold=threshold,
        candidates_k=9,
    )
    assert asked == [4, 3, 2]
    assert [assignment.identity_id for assignment in assignments] == [1, 1, 1, 2, 2]
