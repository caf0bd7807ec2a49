"""How long a way usually takes, and what a time on it says about whether somebody took it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

# So many of those who go this way take any time that is possible: they stop, run, or were seen late. A time that is
# not usual therefore never says more against a link than this leaves.
_ANY_TIME = 0.1
# What is taken for the spread before anybody was seen, and how many people that is worth.
_PRIOR_SPREAD = 2.0
_PRIOR_PEOPLE = 10
_END = 3.0  # spreads above the usual time: whoever takes longer is not of those who take a usual one


@dataclass(frozen=True)
class UsualTime:
    """A log-normal distribution of times between two limits, beside some people who take any time.

    Source: log-normal times between cameras are usual for people on foot; limits and background are ours.

    Attributes:
        usual_s: half of them take longer, seconds, above 0.
        spread: two of three are between usual_s / spread and usual_s * spread; above 1.
        min_s: the shortest possible time.
        max_s: the longest possible time; None for any.
    """

    usual_s: float
    spread: float
    min_s: float = 0.0
    max_s: float | None = None

    def nats(self, time_s: float) -> float:
        """Say how much more often those who go this way take this time than others do, who come at any time.

        Any time is from the shortest one to three spreads above the usual one: a limit that is far above that says
        what is impossible, and not that strangers come so late.

        Args:
            time_s: seconds from leaving one camera to coming into view of the other.

        Returns:
            The logarithm of the ratio of both densities; at least log 0.1. 0 where there is only one possible time.
        """
        longest_s = self._longest_s
        if longest_s <= self.min_s:
            return 0.0
        ratio = 0.0
        if self.min_s <= time_s <= longest_s:
            within = self._share_below(longest_s) - self._share_below(self.min_s)
            ratio = self.density(time_s) / within * (longest_s - self.min_s)
        return math.log((1 - _ANY_TIME) * ratio + _ANY_TIME)

    @property
    def most_nats(self) -> float:
        """The greatest value of `nats`."""
        sigma = math.log(self.spread)
        densest_s = self.usual_s * math.exp(-sigma * sigma)
        return self.nats(min(max(densest_s, self.min_s), self._longest_s))

    def density(self, time_s: float) -> float:
        """Give the distribution's density per second, of those who take a usual time, as if there were no limits."""
        if time_s <= 0:
            return 0.0
        sigma = math.log(self.spread)
        deviation = math.log(time_s / self.usual_s) / sigma
        return math.exp(-0.5 * deviation * deviation) / (sigma * math.sqrt(2 * math.pi) * time_s)

    @property
    def _longest_s(self) -> float:
        far_s = self.usual_s * math.exp(_END * math.log(self.spread))
        return far_s if self.max_s is None else min(self.max_s, far_s)

    def _share_below(self, time_s: float) -> float:
        if time_s <= 0:
            return 0.0
        return 0.5 * (1 + math.erf(math.log(time_s / self.usual_s) / (math.log(self.spread) * math.sqrt(2))))


def usual_time(times_s: Sequence[float]) -> tuple[float, float]:
    """Fit the distribution to times that were seen.

    A few times say little about the spread, so `_PRIOR_SPREAD` is weighed in as that of `_PRIOR_PEOPLE` more.

    Args:
        times_s: seconds, at least one above 0; others are left out.

    Returns:
        `usual_s`, the median, and `spread`, as it is to be expected of further people.
    """
    logs = [math.log(time_s) for time_s in times_s if time_s > 0]
    middle = median(logs)
    squares = sum((value - middle) ** 2 for value in logs) + _PRIOR_PEOPLE * math.log(_PRIOR_SPREAD) ** 2
    variance = squares / (len(logs) + _PRIOR_PEOPLE) * (1 + 1 / len(logs))
    return math.exp(middle), math.exp(math.sqrt(variance))
