"""Which tracklets are the same person: average-link clustering over candidate pairs, under constraints."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.constraints import Constraints, Stay
from pipeline.gallery import Gallery


@dataclass(frozen=True)
class Assignment:
    """What association says of one tracklet.

    Attributes:
        identity_id: from 1 in order of first appearance; None is unknown.
        match_score: mean cosine similarity to the identity's other tracklets; None when it is alone or unknown.
        runner_up_score: highest mean cosine similarity to any other identity; None when there is no other.
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

    Args:
        embeddings: (N, D) float32, rows L2-normalised; a zero row belongs to nobody.
        stays: N, where and when each tracklet was.
        has_evidence: N, whether the tracklet may found an identity.
        constraints: which tracklets can't be one person.
        gallery: the index over `embeddings`.
        threshold: mean cosine similarity from which two clusters are one person.
        candidates_k: neighbours looked at for each tracklet.

    Returns:
        N assignments in the order of the input. The same input gives the same output.
    """
    rows = np.asarray(embeddings, dtype=np.float64)
    founders = [row for row, has in enumerate(has_evidence) if has and rows[row].any()]
    pairs = gallery.candidate_pairs(candidates_k, threshold)
    clusters = _average_link(rows, founders, pairs, stays, constraints, threshold)
    clusters.sort(key=lambda members: min((stays[row].start_s, stays[row].camera_id, row) for row in members))
    late = [row for row in range(len(rows)) if not has_evidence[row] and rows[row].any()]
    _join_late(rows, late, clusters, stays, constraints, threshold)
    return _explain(rows, clusters)


def _average_link(
    rows: np.ndarray,
    founders: Sequence[int],
    pairs: Sequence[tuple[int, int, float]],
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
    for row, other, _ in pairs:
        if row in members and other in members:
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
    stays: Sequence[Stay],
    constraints: Constraints,
    threshold: float,
) -> None:
    """Let tracklets with little evidence join the identities of others, the surest first; they found none."""
    if not clusters or not late:
        return
    means = np.stack([rows[members].mean(axis=0) for members in clusters])  # (identities, D), fixed: no chaining
    scores = rows[late] @ means.T  # (late, identities)
    for position in sorted(range(len(late)), key=lambda index: (-scores[index].max(), late[index])):
        row = late[position]
        for identity in np.argsort(-scores[position], kind="stable").tolist():
            if scores[position, identity] < threshold:
                break
            if constraints.allow([stays[row]], [stays[member] for member in clusters[identity]]):
                clusters[identity].append(row)
                break


def _explain(rows: np.ndarray, clusters: Sequence[Sequence[int]]) -> list[Assignment]:
    """Score every tracklet against its own identity and the best other one."""
    identity_of = {row: identity for identity, members in enumerate(clusters) for row in members}
    sums = np.stack([rows[list(members)].sum(axis=0) for members in clusters]) if clusters else rows[:0]
    sizes = np.array([len(members) for members in clusters], dtype=np.float64)
    assignments = []
    for row, embedding in enumerate(rows):
        if not embedding.any():
            assignments.append(Assignment(None, None, None, None))
            continue
        scores = (sums @ embedding) / sizes  # (identities,)
        own = identity_of.get(row)
        match_score = None
        if own is not None:
            if sizes[own] > 1:
                match_score = float((sums[own] - embedding) @ embedding / (sizes[own] - 1))
            scores[own] = -np.inf
        runner_up = int(np.argmax(scores)) if np.isfinite(scores).any() else None
        assignments.append(
            Assignment(
                identity_id=None if own is None else own + 1,
                match_score=match_score,
                runner_up_score=None if runner_up is None else float(scores[runner_up]),
                runner_up_identity_id=None if runner_up is None else runner_up + 1,
            )
        )
    return assignments
