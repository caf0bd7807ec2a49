"""Vectors drawn together by those that are among each other's nearest."""

from __future__ import annotations

import numpy as np

from pipeline.association.assignments import associate
from pipeline.association.k_reciprocal import refined
from pipeline.config import TopologyConfig
from pipeline.constraints import Constraints, Stay
from pipeline.vector_index import VectorIndex
from tests.pipeline.test_association import unit

FREE = Constraints(TopologyConfig())


def stays(count: int) -> list[Stay]:
    """Nobody speaks against anybody."""
    return [Stay("gate", 10.0 * n, 10.0 * n + 5) for n in range(count)]


def moved(vectors: np.ndarray, where: list[Stay], threshold: float, k: int) -> np.ndarray:
    neighbours = VectorIndex(vectors).neighbours(50, range(len(vectors)))
    return refined(vectors.astype(np.float64), where, neighbours, FREE, threshold, k)


def angles(vectors: np.ndarray) -> list[float]:
    return np.degrees(np.arctan2(vectors[:, 1], vectors[:, 0])).round(3).tolist()


def test_only_those_that_choose_each_other_are_drawn() -> None:
    """With one neighbour, 60 degrees chooses 20, which chooses 0: 0 and 20 draw each other, 60 stays."""
    vectors = unit(0, 20, 60)
    first = vectors[0] + 0.5 * np.cos(np.radians(20)) * vectors[1]
    expected = np.degrees(np.arctan2(first[1], first[0]))
    found = angles(moved(vectors, stays(3), 0.5, 1))
    np.testing.assert_allclose(found, [expected, 20 - expected, 60], atol=1e-3)


def test_whoever_is_not_alike_enough_or_was_seen_at_once_is_not_drawn() -> None:
    assert angles(moved(unit(0, 20), stays(2), 0.95, 3)) == [0, 20]
    assert angles(moved(unit(0, 20), [Stay("gate", 0, 5), Stay("gate", 3, 8)], 0.5, 3)) == [0, 20]


def test_one_who_cannot_be_takes_no_place_among_the_nearest() -> None:
    """At the same time as 0, 1 degree cannot be the same person; the next one is, and draws it."""
    where = [Stay("gate", 0, 5), Stay("gate", 3, 8), Stay("gate", 20, 25)]
    found = angles(moved(unit(0, 1, -10), where, 0.5, 1))
    assert found[0] < 0 < found[1]


def test_zero_rows_and_lengths() -> None:
    vectors = np.concatenate([unit(0, 5, 90), np.zeros((1, 2), np.float32)])
    np.testing.assert_allclose(np.linalg.norm(moved(vectors, stays(4), 0.5, 3), axis=1), [1, 1, 1, 0], atol=1e-12)


def test_a_link_that_was_missed_is_found_and_scored_by_the_vectors_themselves() -> None:
    """0 and 10 draw each other, so do 10 and 20: the three come close enough to be one, at cos 20 = 0.94."""
    vectors, where = unit(0, 10, 20), stays(3)
    for k, people in ((0, 2), (2, 1)):
        found = associate(
            vectors,
            where,
            [True] * 3,
            FREE,
            VectorIndex(vectors),
            threshold=0.97,
            candidates_k=50,
            k_reciprocal=k,
        )
        assert len({one.identity_id for one in found}) == people
    assert found[0].match_score is not None
    np.testing.assert_allclose(found[0].match_score, np.cos(np.radians([10, 20])).mean(), atol=1e-6)
