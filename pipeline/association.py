"""Which tracklets are the same person: average-link clustering over candidate pairs, under constraints."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.constraints import Constraints, Stay
from pipeline.gallery import Gallery, Neighbours

_FLOAT32_ERROR = 1e-5  # what a similarity from the index may be off


@dataclass(frozen=True)
class Assignment:
    """What association says of one tracklet.

    Attributes:
        identity_id: from 1 in order of first appearance; None is unknown.
        match_score: mean cosine similarity to the identity's other tracklets; None when it is alone or unknown.
        runner_up_score: highest mean cosine similarity to any other identity that one of the `candidates_k` nearest
            tracklets belongs to; None when they belong to no other.
        runner_up_identity_id: that identity.
    """

    identity_id: int | None
    match_score: float | None
    runner_up_score: float | None
    runner_up_identity_id: int | None

    @property
    def margin(self) -> float | None:
        """How much better the identity fits than the runner-up."""
        if self.match_score is None or self.runner_up_score is None:
            return None
        return self.match_score - self.runner_up_score


def associate(
    embeddings: np.ndarray,
    stays: Sequence[Stay],
    has_evidence: Sequence[bool],
    constraints: Constraints,
    gallery: Gallery,
    *,
    threshold: float,
    candidates_k: int,
) -> list[Assignment]:
    """Group tracklets into identities.

    Tracklets with enough evidence are clustered; each cluster is an identity. Then every other tracklet joins the
    identity it resembles most, if it may and the similarity reaches the threshold; otherwise it stays unknown.

    A tracklet is compared with the identities of its `candidates_k` nearest among the tracklets that may found one, and
    with no other, so that the cost grows with N k. With k of N - 1 or more the answer is as if all were compared with
    all.

    Args:
        embeddings: (N, D) float32, rows L2-normalised; a zero row belongs to nobody.
        stays: N, where and when each tracklet was.
        has_evidence: N, whether the tracklet may found an identity.
        constraints: which tracklets can't be one person.
        gallery: the index over `embeddings`.
        threshold: mean cosine similarity from which two clusters are one person.
        candidates_k: neighbours looked at for each tracklet, >= 1.

    Returns:
        N assignments in the order of the input. The same input gives the same output.
    """
    rows = np.asarray(embeddings, dtype=np.float64)
    founders = [row for row, has in enumerate(has_evidence) if has and rows[row].any()]
    neighbours = gallery.neighbours(candidates_k, founders)
    clusters = _average_link(
        rows, founders, _alike_pairs(neighbours, founders, threshold), stays, constraints, threshold
    )
    clusters.sort(key=lambda members: min((stays[row].start_s, stays[row].camera_id, row) for row in members))
    candidates = _candidate_identities(neighbours, clusters)
    late = [row for row in range(len(rows)) if not has_evidence[row] and rows[row].any()]
    _join_late(rows, late, clusters, candidates, stays, constraints, threshold)
    return _explain(rows, clusters, candidates)


def _alike_pairs(neighbours: Neighbours, founders: Sequence[int], threshold: float) -> list[tuple[int, int]]:
    """List founders that are near each other and alike enough, lower row first, each pair once, in order."""
    ones = np.asarray(founders, dtype=np.int64)[:, None]
    others = neighbours.rows[founders]  # (founders, k)
    alike = (others >= 0) & (neighbours.scores[founders] >= threshold - _FLOAT32_ERROR)
    pairs = np.stack([np.minimum(ones, others)[alike], np.maximum(ones, others)[alike]], axis=1)  # (pairs, 2)
    return [(row, other) for row, other in np.unique(pairs, axis=0).tolist()]


def _candidate_identities(neighbours: Neighbours, clusters: Sequence[Sequence[int]]) -> list[np.ndarray]:
    """Give for every row the identities of its neighbours, ascending, each once."""
    identity_of = np.full(len(neighbours.rows), -1)
    for identity, members in enumerate(clusters):
        identity_of[members] = identity
    return [np.unique(identity_of[near[near >= 0]]) for near in neighbours.rows]


def _mean_scores(embedding: np.ndarray, identities: np.ndarray, sums: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Score one embedding (D,) against some identities, given the sum and number of everyone's members."""
    scores: np.ndarray = (sums[identities] @ embedding) / sizes[identities]
    return scores


def _sums_and_sizes(rows: np.ndarray, clusters: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    sums = np.array([rows[list(members)].sum(axis=0) for members in clusters]).reshape(len(clusters), rows.shape[1])
    return sums, np.array([len(members) for members in clusters], dtype=np.float64)


def _average_link(
    rows: np.ndarray,
    founders: Sequence[int],
    pairs: Sequence[tuple[int, int]],
    stays: Sequence[Stay],
    constraints: Constraints,
    threshold: float,
) -> list[list[int]]:
    """Merge the most similar two clusters until none reach the threshold.

    The mean cosine similarity between two clusters is the product of their sums over the product of their sizes, so it
    is exact for all pairs although only candidate pairs open the question. A merged cluster inherits the candidates of
    both parts. Ties go to the lower rows.
    """
    members = {row: [row] for row in founders}
    sums = {row: rows[row] for row in founders}
    neighbours: dict[int, set[int]] = {row: set() for row in founders}
    heap: list[tuple[float, int, int]] = []
    for row, other in pairs:
        neighbours[row].add(other)
        neighbours[other].add(row)
        heap.append((-float(rows[row] @ rows[other]), row, other))
    heapq.heapify(heap)
    next_cluster = len(rows)
    while heap:
        negative_score, first, second = heapq.heappop(heap)
        if first not in members or second not in members or -negative_score < threshold:
            continue
        if not constraints.allow([stays[row] for row in members[first]], [stays[row] for row in members[second]]):
            continue
        merged = next_cluster
        next_cluster += 1
        neighbours[merged] = {other for other in neighbours.pop(first) | neighbours.pop(second) if other in members} - {
            first,
            second,
        }
        members[merged] = sorted(members.pop(first) + members.pop(second))
        sums[merged] = sums.pop(first) + sums.pop(second)
        for other in sorted(neighbours[merged]):
            neighbours[other] = (neighbours[other] - {first, second}) | {merged}
            score = float(sums[merged] @ sums[other]) / (len(members[merged]) * len(members[other]))
            heapq.heappush(heap, (-score, other, merged))
    return list(members.values())


def _join_late(
    rows: np.ndarray,
    late: Sequence[int],
    clusters: list[list[int]],
    candidates: Sequence[np.ndarray],
    stays: Sequence[Stay],
    constraints: Constraints,
    threshold: float,
) -> None:
    """Let tracklets with little evidence join the identities of others, the surest first; they found none."""
    sums, sizes = _sums_and_sizes(rows, clusters)  # of the founders: who joins late attracts nobody else
    scores = {row: _mean_scores(rows[row], candidates[row], sums, sizes) for row in late if len(candidates[row])}
    for row in sorted(scores, key=lambda row: (-scores[row].max(), row)):
        for position in np.argsort(-scores[row], kind="stable").tolist():
            if scores[row][position] < threshold:
                break
            members = clusters[candidates[row][position]]
            if constraints.allow([stays[row]], [stays[member] for member in members]):
                members.append(row)
                break


def _explain(rows: np.ndarray, clusters: Sequence[Sequence[int]], candidates: Sequence[np.ndarray]) -> list[Assignment]:
    """Score every tracklet against its own identity and the best other one of its candidates."""
    identity_of = {row: identity for identity, members in enumerate(clusters) for row in members}
    sums, sizes = _sums_and_sizes(rows, clusters)
    assignments = []
    for row, embedding in enumerate(rows):
        if not embedding.any():
            assignments.append(Assignment(None, None, None, None))
            continue
        own = identity_of.get(row)
        match_score = None
        if own is not None and sizes[own] > 1:
            match_score = float((sums[own] - embedding) @ embedding / (sizes[own] - 1))
        others = candidates[row] if own is None else candidates[row][candidates[row] != own]
        scores = _mean_scores(embedding, others, sums, sizes)
        best = int(np.argmax(scores)) if len(scores) else None
        assignments.append(
            Assignment(
                identity_id=None if own is None else own + 1,
                match_score=match_score,
                runner_up_score=None if best is None else float(scores[best]),
                runner_up_identity_id=None if best is None else int(others[best]) + 1,
            )
        )
    return assignments
