"""Average-link clustering over candidate pairs, under constraints."""

from __future__ import annotations

import heapq

import numpy as np

from pipeline.association.problem import Clusters, Problem

_FLOAT32_ERROR = 1e-5  # what a similarity from the index may be off


def average_link(problem: Problem) -> Clusters:
    """Merge the most similar two clusters until none reach the threshold.

    The mean cosine similarity between two clusters is the product of their sums over the product of their sizes, so it
    is exact for all pairs although only candidate pairs open the question. A merged cluster inherits the candidates of
    both parts. Ties go to the lower rows.
    """
    rows = problem.rows
    members = {row: [row] for row in problem.founders}
    sums = {row: rows[row] for row in problem.founders}
    neighbours: dict[int, set[int]] = {row: set() for row in problem.founders}
    heap: list[tuple[float, int, int]] = []
    for row, other in _alike_pairs(problem):
        neighbours[row].add(other)
        neighbours[other].add(row)
        heap.append((-float(rows[row] @ rows[other]), row, other))
    heapq.heapify(heap)
    next_cluster = len(rows)
    while heap:
        negative_score, first, second = heapq.heappop(heap)
        if first not in members or second not in members or -negative_score < problem.threshold:
            continue
        if not problem.allow(members[first], members[second]):
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


def _alike_pairs(problem: Problem) -> list[tuple[int, int]]:
    """List founders that are near each other and alike enough, lower row first, each pair once, in order."""
    founders, neighbours = problem.founders, problem.neighbours
    ones = np.asarray(founders, dtype=np.int64)[:, None]
    others = neighbours.rows[founders]  # (founders, k)
    alike = (others >= 0) & (neighbours.scores[founders] >= problem.threshold - _FLOAT32_ERROR)
    pairs = np.stack([np.minimum(ones, others)[alike], np.maximum(ones, others)[alike]], axis=1)  # (pairs, 2)
    return [(row, other) for row, other in np.unique(pairs, axis=0).tolist()]
