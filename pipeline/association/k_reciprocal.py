"""Vectors drawn together where two tracklets are among each other's nearest: k-reciprocal refinement.

Source: the idea of k-reciprocal neighbours and of local query expansion, Zhong et al. 2017, Re-ranking Person
Re-identification with k-reciprocal Encoding, sections 3.2 and 3.4; here with constraints and a threshold, and on the
vectors themselves, so that thresholds keep their meaning.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.constraints import Constraints, Stay
from pipeline.vector_index import Neighbours

_WEIGHT = 0.5  # of a neighbour, times its similarity, beside the vector itself


def refined(
    rows: np.ndarray, stays: Sequence[Stay], neighbours: Neighbours, constraints: Constraints, threshold: float, k: int
) -> np.ndarray:
    """Move vectors towards those that are surely near them.

    Two tracklets draw each other if each is among the k nearest of the other that it could be one person with, and they
    are alike by the threshold or more.

    Args:
        rows: (N, D) float64, L2-normalised; zero rows stay.
        stays: N, where and when each tracklet was.
        neighbours: for each row the rows nearest to it, more than k.
        constraints: which tracklets can't be one person.
        threshold: cosine similarity.
        k: how many neighbours, >= 1.

    Returns:
        (N, D) float64, L2-normalised.
    """
    nearest: list[dict[int, float]] = []
    for row, (near, scores) in enumerate(zip(neighbours.rows.tolist(), neighbours.scores.tolist(), strict=True)):
        own: dict[int, float] = {}
        for other, score in zip(near, scores, strict=True):
            if other < 0 or score < threshold or len(own) == k:
                break
            if constraints.pair_conflict(stays[row], stays[other]) is None:
                own[other] = score
        nearest.append(own)
    moved = rows.copy()
    for row, own in enumerate(nearest):
        for other, score in own.items():
            if row in nearest[other]:
                moved[row] += _WEIGHT * score * rows[other]
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    result: np.ndarray = np.divide(moved, lengths, out=np.zeros_like(moved), where=lengths > 0)
    return result
