"""One tracklet after the other, as they end: each joins an identity or opens one. For recordings and for streams."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.association.problem import Clusters, Problem
from pipeline.constraints import Constraints, Stay

_ROOM = 64


class OnlineAssociator:
    """Gives each tracklet an identity when it ends, and never takes it back.

    Time and memory of a tracklet grow with the identities that are remembered, not with what came before.

    Args:
        dim: D of the vectors.
        constraints: which stays can't be of one person.
        threshold: mean cosine similarity to an identity's tracklets from which a tracklet belongs to it.
        per_nat: what similarity is worth one nat of how usual the times of ways are, as in `Problem`.
        retention_s: an identity unseen for longer is forgotten, and of one that is seen again and again all stays that
            are older; None keeps all.
    """

    def __init__(
        self,
        dim: int,
        constraints: Constraints,
        threshold: float,
        *,
        per_nat: float = 0.0,
        retention_s: float | None = None,
    ) -> None:
        self._constraints = constraints
        self._threshold = threshold
        self._per_nat = per_nat
        self._retention_s = retention_s
        self._sums = np.zeros((_ROOM, dim))
        self._counts = np.zeros(_ROOM)
        self._ends_s = np.zeros(_ROOM)
        self._identities: list[int] = []  # of each row in use, in order
        self._stays: list[list[Stay]] = []
        self._opened = 0

    def __len__(self) -> int:
        return len(self._identities)

    def add(
        self,
        vector: np.ndarray,
        stay: Stay,
        *,
        may_found: bool = True,
        identity: int | None = None,
        coming: Sequence[Stay] = (),
    ) -> int | None:
        """Take in the next tracklet.

        Args:
            vector: (D,) of L2 norm 1.
            stay: where and when; it ends no earlier than the one before.
            may_found: whether it is evidence enough to open an identity, or to change what one looks like.
            identity: whose it is, where that is known, unless they are forgotten; the stay was then among `coming`
                of a call before.
            coming: stays of the same person that are known to come.

        Returns:
            The identity, from 0 in the order in which they were opened; None where there is none.
        """
        self._forget(stay.end_s)
        known = identity is not None and identity in self._identities
        if identity is not None and known:
            position: int | None = self._identities.index(identity)
        else:
            position = self._find(vector, [stay, *coming])
        if position is None:
            if not may_found:
                return None
            position = self._open()
        if may_found:
            self._sums[position] += vector
            self._counts[position] += 1
        self._ends_s[position] = max(self._ends_s[position], stay.end_s)
        stays = self._stays[position]
        if not known:
            stays += [stay, *coming]
        if self._retention_s is not None and len(stays) > 2 * _ROOM:
            # The newest stay is kept, whatever its age: a way begins where somebody was seen last.
            recent = [one for one in stays[:-1] if one.end_s >= stay.end_s - self._retention_s]
            self._stays[position] = [*recent, stays[-1]]
        return self._identities[position]

    def _find(self, vector: np.ndarray, stays: Sequence[Stay]) -> int | None:
        used = len(self)
        scores = self._sums[:used] @ vector / self._counts[:used]
        alike = scores >= self._threshold - self._per_nat * self._constraints.most_nats
        if self._retention_s is not None:
            alike &= self._ends_s[:used] >= stays[0].end_s - self._retention_s
        (good,) = np.nonzero(alike)
        if self._per_nat and self._constraints.knows_times:
            nats = [self._constraints.usualness(stays, self._stays[position]) or 0.0 for position in good.tolist()]
            scores[good] += self._per_nat * np.array(nats)
            good = good[scores[good] >= self._threshold]
        for position in good[np.argsort(-scores[good], kind="stable")].tolist():
            if self._constraints.allow(stays, self._stays[position]):
                return int(position)
        return None

    def _open(self) -> int:
        position = len(self)
        if position == len(self._sums):
            self._sums = np.concatenate([self._sums, np.zeros_like(self._sums)])
            self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)])
            self._ends_s = np.concatenate([self._ends_s, np.zeros_like(self._ends_s)])
        self._sums[position], self._counts[position], self._ends_s[position] = 0.0, 0.0, -np.inf
        self._identities.append(self._opened)
        self._stays.append([])
        self._opened += 1
        return position

    def _forget(self, now_s: float) -> None:
        """Make room, once those who were unseen for too long are a good part of those remembered."""
        if self._retention_s is None:
            return
        used = len(self)
        old = self._ends_s[:used] < now_s - self._retention_s
        if old.sum() <= max(_ROOM, used // 4):
            return
        kept = np.flatnonzero(~old)
        for values in (self._sums, self._counts, self._ends_s):
            values[: len(kept)] = values[kept]
        self._identities = [self._identities[index] for index in kept.tolist()]
        self._stays = [self._stays[index] for index in kept.tolist()]


def online(problem: Problem) -> Clusters:
    """Group tracklets in the order in which they end, as a stream would have to."""
    associator = OnlineAssociator(
        problem.rows.shape[1], problem.constraints, problem.threshold, per_nat=problem.per_nat
    )
    clusters: Clusters = []
    unit_of = {row: number for number, unit in enumerate(problem.units) for row in unit}
    known: dict[int, int] = {}
    for row in _by_end(list(unit_of), problem.stays):
        number = unit_of[row]
        others = () if number in known else [problem.stays[other] for other in problem.units[number] if other != row]
        identity = associator.add(problem.rows[row], problem.stays[row], identity=known.get(number), coming=others)
        assert identity is not None  # all of these may found one
        known[number] = identity
        if identity == len(clusters):
            clusters.append([])
        clusters[identity].append(row)
    return clusters


def _by_end(rows: Sequence[int], stays: Sequence[Stay]) -> list[int]:
    return sorted(rows, key=lambda row: (stays[row].end_s, stays[row].camera_id, row))
