"""Average-link clustering over candidate pairs, under constraints."""

from __future__ import annotations

import heapq

import numpy as np

from pipeline.association.problem import Clusters, Problem

_FLOAT32_ERROR = 1e-5  # what a similarity from the index may be off


def average_link(problem: Problem) -> Clusters:
    """Merge the most similar two clusters until none reach the threshold; usual times of ways count as likeness.

    The mean cosine similarity between two clusters is the product of their sums over the product of their sizes, so it
    is exact for all pairs although only candidate pairs open the question. A merged cluster inherits the candidates of
    both parts. Ties go to the lower rows.
    """
    members = {unit[0]: list(unit) for unit in problem.units}
    sums = {unit[0]: problem.rows[list(unit)].sum(axis=0) for unit in problem.units}
    neighbours: dict[int, set[int]] = {unit[0]: set() for unit in problem.units}
    heap: list[tuple[float, int, int]] = []

    def score(one: int, other: int) -> float:
        similarity = float(sums[one] @ sums[other]) / (len(members[one]) * len(members[other]))
        return similarity + problem.bonus(members[one], members[other])

    for one, other in _alike_units(problem):
        neighbours[one].add(other)
        neighbours[other].add(one)
        heap.append((-score(one, other), one, other))
    heapq.heapify(heap)
    next_cluster = len(problem.rows)
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
            heapq.heappush(heap, (-score(merged, other), other, merged))
    return list(members.values())


def _alike_units(problem: Problem) -> list[tuple[int, int]]:
    """List units of which two rows are near each other and alike enough, by first rows, lower first, each pair once."""
    founders, neighbours = [row for unit in problem.units for row in unit], problem.neighbours
    unit_of = np.full(len(problem.rows) + 1, -1)
    for unit in problem.units:
        unit_of[list(unit)] = unit[0]
    ones = unit_of[founders][:, None]
    others = neighbours.rows[founders]  # (founders, k)
    alike = (others >= 0) & (neighbours.scores[founders] >= problem.threshold - problem.most_bonus - _FLOAT32_ERROR)
    near = unit_of[others]
    alike &= near != ones
    pairs = np.stack([np.minimum(ones, near)[alike], np.maximum(ones, near)[alike]], axis=1)  # (pairs, 2)
    return [(one, other) for one, other in np.unique(pairs, axis=0).tolist()]
