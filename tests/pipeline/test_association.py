"""Average-link association against hand-worked cases and against a slow, literal clustering."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest

from pipeline.association import assignments
from pipeline.association.assignments import Assignment, associate
from pipeline.config import TopologyConfig
from pipeline.constraints import Constraints, Stay
from pipeline.vector_index import VectorIndex


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
        VectorIndex(embeddings),
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


def crowd(seed: int, num_rows: int, num_people: int, *, spread: float, width: int = 8) -> np.ndarray:
    """Unit vectors scattered around a direction for each person."""
    rng = np.random.default_rng(seed)
    people = rng.normal(size=(num_people, width))
    rows = people[rng.integers(0, num_people, size=num_rows)] + spread * rng.normal(size=(num_rows, width))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def literal_late_joins(
    embeddings: np.ndarray,
    stays: Sequence[Stay],
    founding: Sequence[int | None],
    constraints: Constraints,
    threshold: float,
) -> list[int | None]:
    """Let every row without an identity join the best allowed one, comparing with every founder of every identity."""
    rows = embeddings.astype(np.float64)
    groups = {
        identity: [row for row, other in enumerate(founding) if other == identity]
        for identity in sorted({identity for identity in founding if identity is not None})
    }
    scores = {
        row: {identity: float(np.mean([rows[row] @ rows[one] for one in group])) for identity, group in groups.items()}
        for row in range(len(rows))
        if founding[row] is None
    }
    joined = list(founding)
    for row in sorted(scores, key=lambda row: (-max(scores[row].values()), row)):
        for identity in sorted(scores[row], key=lambda identity: (-scores[row][identity], identity)):
            if scores[row][identity] < threshold:
                break
            if constraints.allow([stays[row]], [stays[one] for one in groups[identity]]):
                groups[identity].append(row)
                joined[row] = identity
                break
    return joined


@pytest.mark.parametrize("seed", range(8))
def test_with_all_as_candidates_everything_is_as_if_all_were_compared_with_all(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    num_rows = 60
    embeddings = crowd(seed, num_rows, 7, spread=0.6)
    stays = [Stay(str(rng.choice(["a", "b", "c"])), start, start + 8) for start in rng.integers(0, 300, 60).tolist()]
    evidence = (rng.random(num_rows) < 0.6).tolist()
    topology = TopologyConfig(non_overlapping=(("a", "b"),))
    result = run(embeddings, stays, threshold=0.4, has_evidence=evidence, topology=topology, candidates_k=num_rows - 1)

    founders = [row for row in range(num_rows) if evidence[row]]
    alone = run(embeddings[founders], [stays[row] for row in founders], threshold=0.4, topology=topology)
    founding: list[int | None] = [None] * num_rows
    for row, assignment in zip(founders, alone, strict=True):
        founding[row] = assignment.identity_id
    expected = literal_late_joins(embeddings, stays, founding, Constraints(topology), 0.4)
    assert ids(result) == expected
    assert any(expected[row] is not None for row in range(num_rows) if not evidence[row])

    similarity = embeddings.astype(np.float64) @ embeddings.astype(np.float64).T
    for row, assignment in enumerate(result):
        means = {
            identity: similarity[row, [one for one in range(num_rows) if expected[one] == identity and one != row]]
            for identity in {identity for identity in expected if identity is not None}
        }
        own = means.pop(assignment.identity_id, np.empty(0)) if assignment.identity_id else np.empty(0)
        assert assignment.match_score == (pytest.approx(own.mean()) if len(own) else None)
        runner_up = max(means, key=lambda identity: means[identity].mean())
        assert assignment.runner_up_identity_id == runner_up
        assert assignment.runner_up_score == pytest.approx(means[runner_up].mean())


def test_the_runner_up_is_sought_among_the_nearest_only() -> None:
    angles = (0, 3, 6, 60)
    (first, *_) = run(unit(*angles), apart(4), threshold=0.95, candidates_k=2)
    assert (first.identity_id, first.runner_up_identity_id, first.margin) == (1, None, None)
    (first, *_) = run(unit(*angles), apart(4), threshold=0.95, candidates_k=3)
    assert first.runner_up_identity_id == 2


def test_many_alike_with_little_evidence_do_not_hide_the_one_that_founds() -> None:
    result = run(unit(0, 10, 10, 10, 10), apart(5), has_evidence=[True] + [False] * 4, candidates_k=1)
    assert ids(result) == [1] * 5


def test_more_equal_ones_than_candidates() -> None:
    result = run(unit(*[0] * 12), apart(12), candidates_k=2)
    assert set(ids(result)) == {1}
    assert all(assignment.runner_up_score is None for assignment in result)


def test_scores_grow_with_rows_times_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    num_rows, num_people, k = 3000, 1000, 5
    embeddings = crowd(0, num_rows, num_people, spread=0.3, width=32)
    evidence = [row % 5 != 0 for row in range(num_rows)]
    scored = {"late": 0, "explain": 0}
    mean_scores, explain = assignments._mean_scores, assignments._explain
    phase = "late"

    def counted_scores(embedding: np.ndarray, identities: np.ndarray, *rest: np.ndarray) -> np.ndarray:
        scored[phase] += len(identities)
        return mean_scores(embedding, identities, *rest)

    def counted_explain(*given: Any) -> list[Assignment]:
        nonlocal phase
        phase = "explain"
        return explain(*given)

    monkeypatch.setattr(assignments, "_mean_scores", counted_scores)
    monkeypatch.setattr(assignments, "_explain", counted_explain)
    result = run(embeddings, apart(num_rows), threshold=0.7, has_evidence=evidence, candidates_k=k)
    assert len(set(ids(result))) > 500
    assert evidence.count(False) < scored["late"] <= evidence.count(False) * k
    assert num_rows < scored["explain"] <= num_rows * k


def test_neighbours_are_the_nearest_of_the_chosen_without_oneself() -> None:
    embeddings = crowd(3, 40, 6, spread=0.5)
    among = [row for row in range(40) if row % 3]
    for k in (1, 5, 100):
        found = VectorIndex(embeddings).neighbours(k, among)
        for row in range(40):
            others = [other for other in among if other != row]
            nearest = sorted(others, key=lambda other: -float(embeddings[row] @ embeddings[other]))[:k]
            assert found.rows[row][found.rows[row] >= 0].tolist() == nearest
            known = found.scores[row][: len(nearest)]
            np.testing.assert_allclose(known, embeddings[nearest] @ embeddings[row], atol=1e-5)
    assert VectorIndex(embeddings).neighbours(3, []).rows.shape == (40, 0)
