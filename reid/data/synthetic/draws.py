"""Random numbers that depend on a seed and a name, and on nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache

import numpy as np

_STEP = np.uint64(0x9E3779B97F4A7C15)


class Draws:
    """Random numbers for many seeds at once.

    A number depends on its seed and the name it is drawn under, not on what was drawn before or beside it. So a person
    looks the same in any batch, and a new attribute leaves all others as they were.

    Args:
        seeds: (N,) integers; any value.

    Source: SplitMix64, Steele et al. 2014, used as a counter-based generator.
    """

    def __init__(self, seeds: np.ndarray | Sequence[int]) -> None:
        self.seeds: np.ndarray = np.asarray(seeds).astype(np.uint64)  # (N,)

    def __len__(self) -> int:
        return len(self.seeds)

    def child(self, name: str, indices: np.ndarray | int = 0) -> Draws:
        """Branch off independent draws.

        Args:
            name: what they are for.
            indices: one number for all, or (N,): draws with other indices are independent.

        Returns:
            Draws for N new seeds.
        """
        index = np.broadcast_to(np.asarray(indices).astype(np.uint64), self.seeds.shape)
        return Draws(_mix(_mix(self.seeds ^ _name_bits(name)) + index * _STEP))

    def uniform(self, name: str, low: float = 0.0, high: float = 1.0, size: int | None = None) -> np.ndarray:
        """Draw evenly between two numbers: (N,), or (N, size), float32; rounding may reach the higher one."""
        count = 1 if size is None else size
        counters = np.arange(1, count + 1, dtype=np.uint64) * _STEP
        bits = _mix(_mix(self.seeds ^ _name_bits(name))[:, None] + counters)  # (N, count)
        values = (low + (high - low) * ((bits >> np.uint64(11)).astype(np.float64) * 2.0**-53)).astype(np.float32)
        return values[:, 0] if size is None else values

    def normal(self, name: str, mean: float = 0.0, deviation: float = 1.0, size: int | None = None) -> np.ndarray:
        """Draw from a normal distribution: (N,), or (N, size), float32.

        Source: Box and Muller 1958.
        """
        count = 1 if size is None else size
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(name + "/radius", size=count).astype(np.float64) * (1 - 1e-12)))
        angle = 2.0 * np.pi * self.uniform(name + "/angle", size=count)
        values = (mean + deviation * radius * np.cos(angle)).astype(np.float32)
        return values[:, 0] if size is None else values

    def chance(self, name: str, probability: float | np.ndarray) -> np.ndarray:
        """Decide yes with a probability, one for all or (N,): (N,) bool."""
        return self.uniform(name) < np.asarray(probability)

    def integers(self, name: str, low: int, high: int) -> np.ndarray:
        """Draw whole numbers from [low, high): (N,) int64."""
        drawn = low + np.floor(self.uniform(name).astype(np.float64) * (high - low)).astype(np.int64)
        return np.minimum(drawn, high - 1)

    def choice(self, name: str, weights: Sequence[float] | np.ndarray) -> np.ndarray:
        """Draw indices with given weights.

        Args:
            name: what is drawn.
            weights: (K,) for all, or (N, K), >= 0, of any sum above 0.

        Returns:
            (N,) int64 in [0, K).
        """
        table = np.atleast_2d(np.asarray(weights, dtype=np.float64))
        bounds = np.cumsum(table, axis=1)
        drawn = self.uniform(name).astype(np.float64)[:, None] * bounds[:, -1:]
        chosen: np.ndarray = np.minimum((drawn >= bounds).sum(axis=1), table.shape[1] - 1)
        return chosen


@cache
def _name_bits(name: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little"))


def _mix(values: np.ndarray) -> np.ndarray:
    """Scramble 64-bit numbers; wraps around on purpose."""
    mixed = values + _STEP
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    scrambled: np.ndarray = mixed ^ (mixed >> np.uint64(31))
    return scrambled
