"""Average-link association against hand-worked cases and against a slow, literal clustering."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
import pytest

from pipeline.association import Assignment, associate
from pipeline.config import TopologyConfig
from pipeline.constraints import Constraints, Stay
from pipeline.gallery import Gallery


def unit(*angles_degrees: float) -> np.ndarray:
    """Vectors on the unit circle: the similarity of two is the cosine of the angle between them."""
    radians = np.radians(angles_degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def run(
    embeddings: np.ndarray,
    stays: Sequence[Stay],
    *,
    threshold: float = 0.9,
    has_evidence: Sequence[bool] | None = None,
    topology: TopologyConfig | None = None,
    candidates_k: int = 50,
) -> list[Assignment]:
    return associate(
        embeddings,
        stays,
        has_evidence if has_evidence is not None else [True] * len(stays),
        Constraints(topology or TopologyConfig()),
        Gallery(embeddings),
        threshold=threshold,
        candidates_k=candidates_k,
    )


def ids(assignments: Sequence[Assignment]) -> list[int | None]:
    return [assignment.identity_id for assignment in assignments]


def apart(num: int) -> list[Stay]:
    """Stays one after another, every one in a camera of its own."""
    return [Stay(f"cam{index}", 10.0 * index, 10.0 * index + 5) for index in range(num)]


def test_two_people_in_two_cameras_with_scores_by_hand() -> None:
    stays = [Stay("a", 0, 5), Stay("a", 10, 15), Stay("b", 20, 25), Stay("b", 30, 35)]
    result = run(unit(0, 80, 10, 85), stays)
    assert ids(result) == [1, 2, 1, 2]
    first = result[0]
    assert first.match_score == pytest.approx(np.cos(np.radians(10)), abs=1e-6)
    expected_runner_up = (np.cos(np.radians(80)) + np.cos(np.radians(85))) / 2
    assert first.runner_up_score == pytest.approx(expected_runner_up, abs=1e-6)
    assert first.runner_up_identity_id == 2
    assert first.margin == pytest.approx(np.cos(np.radians(10)) - expected_runner_up, abs=1e-6)


def test_below_the_threshold_nothing_is_forced() -> None:
    result = run(unit(0, 40), apart(2), threshold=0.9)
    assert ids(result) == [1, 2]
    assert result[0].match_score is None
    assert result[0].runner_up_score == pytest.approx(np.cos(np.radians(40)), abs=1e-6)
    assert ids(run(unit(0, 40), apart(2), threshold=0.7)) == [1, 1]


def test_average_link_does_not_chain() -> None:
    # 0-20 and 20-40 are alike, 0-40 is not: the mean of 0 and 20 to 40 is (0.766 + 0.940) / 2 = 0.853.
    assert ids(run(unit(0, 20, 40), apart(3), threshold=0.9)) in ([1, 1, 2], [1, 2, 2])
    assert ids(run(unit(0, 20, 40), apart(3), threshold=0.85)) == [1, 1, 1]


def test_the_same_camera_at_the_same_time_is_never_one_person() -> None:
    twins = [Stay("a", 0, 10), Stay("a", 5, 15)]
    assert ids(run(unit(0, 0), twins, threshold=0.5)) == [1, 2]
    again = [Stay("a", 0, 10), Stay("a", 50, 60)]
    assert ids(run(unit(0, 0), again, threshold=0.5)) == [1, 1]


def test_constraints_hold_inside_clusters() -> None:
    # b resembles both twins; it may join one of them, which must not drag in the other.
    stays = [Stay("a", 0, 10), Stay("a", 5, 15), Stay("b", 30, 40)]
    result = ids(run(unit(0, 2, 1), stays, threshold=0.5))
    assert result[0] != result[1]
    assert result[2] in result[:2]


def test_little_evidence_joins_but_never_founds_and_never_bridges() -> None:
    weak_alone = run(unit(0, 90), apart(2), has_evidence=[True, False])
    assert ids(weak_alone) == [1, None]
    assert weak_alone[1].match_score is None
    assert ids(run(unit(0, 10), apart(2), has_evidence=[True, False])) == [1, 1]
    bridge = run(unit(0, 18, 36), apart(3), has_evidence=[True, False, True])
    assert bridge[0].identity_id != bridge[2].identity_id
    assert ids(run(unit(0, 1), apart(2), has_evidence=[False, False])) == [None, None]


def test_a_zero_embedding_is_nobody() -> None:
    embeddings = np.concatenate([unit(0, 5), np.zeros((1, 2), np.float32)])
    assert ids(run(embeddings, apart(3), threshold=0.0)) == [1, 1, None]


def test_nothing_and_one() -> None:
    assert run(np.zeros((0, 2), np.float32), []) == []
    assert run(unit(0), apart(1)) == [Assignment(1, None, None, None)]


def test_identities_are_numbered_by_first_appearance() -> None:
    stays = [Stay("a", 50, 60), Stay("a", 0, 5), Stay("b", 70, 80)]
    assert ids(run(unit(0, 90, 0), stays)) == [2, 1, 2]


def literal_average_link(
    embeddings: np.ndarray, stays: Sequence[Stay], constraints: Constraints, threshold: float
) -> set[frozenset[int]]:
    """Merge the best allowed pair of clusters, comparing every member with every member, until none is good enough."""
    clusters = [[row] for row in range(len(stays))]
    while True:
        best: tuple[float, list[int], list[int]] | None = None
        for some, others in combinations(clusters, 2):
            total = 0.0
            for row, other in product(some, others):
                total += float(embeddings[row].astype(np.float64) @ embeddings[other].astype(np.float64))
            score = total / (len(some) * len(others))
            fits = constraints.allow([stays[row] for row in some], [stays[row] for row in others])
            if score >= threshold and fits and (best is None or score > best[0]):
                best = (score, some, others)
        if best is None:
            return {frozenset(cluster) for cluster in clusters}
        clusters = [cluster for cluster in clusters if cluster is not best[1] and cluster is not best[2]]
        clusters.append(best[1] + best[2])


@pytest.mark.parametrize("seed", range(12))
def test_equals_the_literal_clustering(seed: int) -> None:
    rng = np.random.default_rng(seed)
    people = rng.normal(size=(6, 8))
    embeddings = people[rng.integers(0, 6, size=40)] + 0.6 * rng.normal(size=(40, 8))
    embeddings = (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32)
    starts = rng.integers(0, 200, size=40).tolist()
    stays = [Stay(str(rng.choice(["a", "b", "c"])), start, start + 8) for start in starts]
    topology = TopologyConfig(non_overlapping=(("a", "b"),))
    result = ids(run(embeddings, stays, threshold=0.4, topology=topology))
    found = {frozenset(np.flatnonzero(np.array(result) == identity).tolist()) for identity in set(result)}
    expected = literal_average_link(embeddings, stays, Constraints(topology), 0.4)
    assert found == expected
    assert 3 < len(found) < 40


def test_few_candidates_give_the_same_groups_when_people_are_clear() -> None:
    rng = np.random.default_rng(1)
    people = rng.normal(size=(20, 32))
    embeddings = np.repeat(people, 5, axis=0) + 0.1 * rng.normal(size=(100, 32))
    embeddings = (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32)
    assert ids(run(embeddings, apart(100), threshold=0.7, candidates_k=4)) == np.repeat(np.arange(1, 21), 5).tolist()
