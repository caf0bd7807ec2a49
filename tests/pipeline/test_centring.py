"""What a camera's people have in common is taken off, as far as it is known."""

from __future__ import annotations

import numpy as np

from pipeline.association.assignments import associate
from pipeline.association.centring import centred
from pipeline.config import TopologyConfig
from pipeline.constraints import Constraints, Stay
from pipeline.vector_index import VectorIndex
from tests.pipeline.test_association import unit


def test_so_much_of_the_mean_is_taken_off_as_people_are_known() -> None:
    """Two people of the gate, with a prior of 2: half of their mean, (0.5, 0.5) / 2, each. The hall's is its own."""
    rows = unit(0, 90, 45).astype(np.float64)
    found = centred(rows, ["gate", "gate", "hall"], [1, 2, 3], 2.0)
    moved = np.array([[1 - 0.25, -0.25], [-0.25, 1 - 0.25]])
    np.testing.assert_allclose(found[:2], moved / np.linalg.norm(moved, axis=1, keepdims=True), atol=1e-7)
    np.testing.assert_allclose(found[2], rows[2], atol=1e-7)  # what is left of one's own mean has the same direction


def test_whoever_comes_again_and_again_counts_once() -> None:
    rows = np.concatenate([np.repeat(unit(0), 9, axis=0), unit(90)]).astype(np.float64)
    often = centred(rows, ["gate"] * 10, [1] * 9 + [2], 2.0)
    once = centred(rows[8:], ["gate"] * 2, [1, 2], 2.0)
    np.testing.assert_allclose(often[8:], once, atol=1e-12)


def test_unknown_and_empty_rows_count_for_nothing() -> None:
    rows = np.concatenate([unit(0, 90, 30), np.zeros((1, 2), np.float32)]).astype(np.float64)
    found = centred(rows, ["gate"] * 4, [1, 2, None, 4], 2.0)
    np.testing.assert_allclose(found[:2], centred(rows[:2], ["gate"] * 2, [1, 2], 2.0), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), [1, 1, 1, 0], atol=1e-12)


def test_people_whom_a_cameras_light_makes_alike_are_told_apart() -> None:
    """Four people of one yellowish camera, 20 degrees apart from each other, and 30 from everyone of another one."""
    rng = np.random.default_rng(0)
    light = np.zeros(16)
    light[0] = 3.0
    people = rng.normal(size=(12, 16)) * 0.9
    vectors = np.concatenate([people + light, people - light]).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    stays = [Stay(camera, 10.0 * n, 10.0 * n + 5) for camera in ("gate", "hall") for n in range(12)]
    errors = {}
    for prior in (None, 1.0):
        found = associate(
            vectors,
            stays,
            [True] * 24,
            Constraints(TopologyConfig()),
            VectorIndex(vectors),
            threshold=0.6,
            candidates_k=50,
            camera_prior=prior,
        )
        ids = [one.identity_id for one in found]
        right = sum(ids[n] == ids[n + 12] for n in range(12))
        wrong = sum(ids[one] == ids[other] for one in range(12) for other in range(one))
        errors[prior] = (right, wrong)
    assert errors[None][0] < errors[1.0][0]
    assert errors[None][1] > errors[1.0][1]
