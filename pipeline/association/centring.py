"""What is common to everyone a camera sees, its light and its angle, taken off before people are compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def centred(rows: np.ndarray, cameras: Sequence[str], people: Sequence[int | None], prior: float) -> np.ndarray:
    """Take each camera's mean off its vectors, as far as it is known.

    The mean is over people, not stays, so that somebody who comes again and again does not become the mean: each of n
    people counts once in each camera, with the mean of their vectors there. Taken off is n / (n + prior) of it, since
    the mean of a few people is mostly those people. Source: the idea of camera-wise statistics, Zhuang et al. 2020,
    Rethinking the Distribution Gap of Person Re-identification with Camera-based Batch Normalization; here on the
    vectors, and shrunken.

    Args:
        rows: (N, D) float64, L2-normalised; zero rows stay, and count for nothing.
        cameras: N, where each was seen.
        people: N, who each is as far as is known; None counts for nothing.
        prior: so many people of no particular look are added to each camera's.

    Returns:
        (N, D) float64, L2-normalised.
    """
    moved = rows.copy()
    there = np.any(rows != 0, axis=1)
    for camera in dict.fromkeys(cameras):
        own = np.array([name == camera for name in cameras]) & there
        by_person: dict[int, list[int]] = {}
        for row in np.flatnonzero(own).tolist():
            person = people[row]
            if person is not None:
                by_person.setdefault(person, []).append(row)
        total = np.zeros(rows.shape[1])
        for members in by_person.values():
            mean = rows[members].mean(axis=0)
            total += mean / max(float(np.linalg.norm(mean)), 1e-12)
        moved[own] -= total / (len(by_person) + prior)
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    result: np.ndarray = np.divide(moved, lengths, out=np.zeros_like(moved), where=there[:, None] & (lengths > 1e-9))
    return result
