"""How many people somebody could be taken for, as far as places and times go."""

from __future__ import annotations

import numpy as np

from pipeline.association.assignments import associate
from pipeline.association.candidates import count_candidates
from pipeline.config import TopologyConfig, TransitConfig
from pipeline.constraints import Constraints, Stay
from pipeline.vector_index import VectorIndex

ANYWHERE = Constraints(TopologyConfig())


def alone(number: int) -> list[list[int]]:
    return [[row] for row in range(number)]


def test_where_nothing_speaks_against_it_everyone_else_counts() -> None:
    stays = [Stay("gate", 10.0 * n, 10.0 * n + 5) for n in range(4)]
    assert count_candidates(alone(4), alone(4), stays, ANYWHERE) == 3


def test_whoever_was_seen_at_the_same_time_does_not_count() -> None:
    """Three at once at the gate, one later: for the three it is the one, for the one all three; 6 of 4, so 2."""
    stays = [*(Stay("gate", 0.0, 5.0) for _ in range(3)), Stay("gate", 10.0, 15.0)]
    assert count_candidates(alone(4), alone(4), stays, ANYWHERE) == 2
    assert count_candidates(alone(3), alone(3), stays[:3], ANYWHERE) == 1  # never fewer, so that a threshold is left


def test_the_topology_counts() -> None:
    stays = [Stay("gate", 0.0, 5.0), *(Stay("hall", start_s, start_s + 5) for start_s in (6.0, 20.0, 60.0))]
    way = TransitConfig(cameras=("gate", "hall"), min_s=10, max_s=20)
    assert count_candidates([[0]], alone(4), stays, ANYWHERE) == 3
    assert count_candidates([[0]], alone(4), stays, Constraints(TopologyConfig(transit=(way,)))) == 1


def test_one_s_own_people_count_as_far_as_they_are_others() -> None:
    """Searched is for a stay as if it were a newcomer's: its own person is one more who could be taken for them."""
    stays = [Stay("gate", 10.0 * n, 10.0 * n + 5) for n in range(4)]
    assert count_candidates(alone(4), [[0, 1], [2, 3]], stays, ANYWHERE) == 2
    assert count_candidates([[0, 1], [2, 3]], [[0, 1], [2, 3]], stays, ANYWHERE) == 1


def test_those_who_found_no_one_are_asked_about_too() -> None:
    """Somebody with little evidence, at another time, could be any of the two who were there at once."""
    stays = [Stay("gate", 0.0, 5.0), Stay("gate", 0.0, 5.0), Stay("gate", 10.0, 15.0)]
    assert count_candidates([[0], [1], [2]], [[0], [1]], stays, ANYWHERE) == 1  # 0, 0 and 2
    assert count_candidates([[2]], [[0], [1]], stays, ANYWHERE) == 2


def test_nobody() -> None:
    assert count_candidates([], [], [], ANYWHERE) == 1


def test_of_very_many_some_stand_for_all() -> None:
    """4,000 stays of one minute, four at once in each of two cameras: all but three of 4,000 could be anyone's."""
    stays = [Stay(f"cam{n % 2}", 60.0 * (n // 8), 60.0 * (n // 8) + 60) for n in range(4000)]
    assert abs(count_candidates(alone(4000), alone(4000), stays, ANYWHERE) - 3996) < 20


def test_a_crowd_that_passes_at_once_leaves_few_to_confuse() -> None:
    """Fifty people at once in each camera, who walk over in their order: each can only be whoever came next.

    Their looks in the hall are 40 degrees off (0.77), which is too little for fifty candidates, enough for three.
    """
    rng = np.random.default_rng(3)
    looks = rng.normal(size=(50, 32))
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)
    aside = rng.normal(size=(50, 32))
    aside -= (aside * looks).sum(axis=1, keepdims=True) * looks
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    hall = np.cos(np.radians(40)) * looks + np.sin(np.radians(40)) * aside
    vectors = np.concatenate([looks, hall]).astype(np.float32)
    stays = [
        Stay(camera, later_s + n, later_s + n + 60)
        for camera, later_s in (("gate", 0.0), ("hall", 70.0))
        for n in range(50)
    ]
    way = TransitConfig(cameras=("gate", "hall"), min_s=9.5, max_s=11.5)

    def threshold(people: int) -> float:
        return 0.7 if people <= 5 else 0.9

    for topology, linked in ((TopologyConfig(), 0), (TopologyConfig(transit=(way,)), 50)):
        found = associate(
            vectors,
            stays,
            [True] * 100,
            Constraints(topology),
            VectorIndex(vectors),
            threshold=threshold,
            candidates_k=99,
        )
        ids = [one.identity_id for one in found]
        assert sum(ids[n] == ids[n + 50] for n in range(50)) == linked
