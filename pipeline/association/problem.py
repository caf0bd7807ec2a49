"""What a method of association is given, and what several of them need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.constraints import Constraints, Stay
from pipeline.vector_index import Neighbours

Clusters = list[list[int]]


@dataclass(frozen=True)
class Problem:
    """Tracklets of which it is to be said which are the same person.

    Attributes:
        rows: (N, D) float64, L2-normalised.
        stays: N, where and when each tracklet was.
        units: those that may found an identity, each row once, in groups that are one person in any case (most are of
            one row), ascending; a method groups these and no others.
        neighbours: for each of N rows the founders nearest to it.
        constraints: which tracklets can't be one person.
        threshold: mean cosine similarity from which two groups are one person, plus their `bonus`.
        per_nat: what similarity is worth one nat of how usual the times of ways are; 0 where that is to count nothing.
    """

    rows: np.ndarray
    stays: Sequence[Stay]
    units: Sequence[Sequence[int]]
    neighbours: Neighbours
    constraints: Constraints
    threshold: float
    per_nat: float = 0.0

    @property
    def most_bonus(self) -> float:
        """The greatest value of `bonus`, at least 0."""
        return self.per_nat * self.constraints.most_nats

    def bonus(self, some: Sequence[int], others: Sequence[int]) -> float:
        """What the times of the ways between two groups of rows add to their similarity; may be negative."""
        if not (self.per_nat and self.constraints.knows_times):
            return 0.0
        nats = self.constraints.usualness([self.stays[row] for row in some], [self.stays[row] for row in others])
        return 0.0 if nats is None else self.per_nat * nats

    def mean(self, group: Sequence[int]) -> np.ndarray:
        """Mean (D,) of some rows."""
        mean: np.ndarray = self.rows[group[0]] if len(group) == 1 else self.rows[list(group)].mean(axis=0)
        return mean

    def possible(self, group: Sequence[int]) -> bool:
        """Whether a part of a group that can be one person still can without the rest."""
        return self.constraints.possible([self.stays[row] for row in group])

    def allow(self, some: Sequence[int], others: Sequence[int]) -> bool:
        """Whether two groups of rows can be one person."""
        return self.constraints.allow([self.stays[row] for row in some], [self.stays[row] for row in others])
