"""One seed's draws as plain numbers, for things that are put together one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from reid.data.synthetic.draws import Draws

_T = TypeVar("_T")


class Dice:
    """Random numbers by name for one seed.

    Args:
        draws: of one seed.
    """

    def __init__(self, draws: Draws) -> None:
        self._draws = draws

    def child(self, name: str, index: int = 0) -> Dice:
        """Branch off independent dice."""
        return Dice(self._draws.child(name, index))

    def between(self, name: str, low: float, high: float) -> float:
        """Draw evenly from [low, high)."""
        return float(self._draws.uniform(name, low, high)[0])

    def chance(self, name: str, probability: float) -> bool:
        """Decide yes with a probability."""
        return bool(self._draws.chance(name, probability)[0])

    def count(self, name: str, low: int, high: int) -> int:
        """Draw a whole number, both bounds included."""
        return int(self._draws.integers(name, low, high + 1)[0])

    def pick(self, name: str, options: Sequence[_T], weights: Sequence[float] | None = None) -> _T:
        """Draw one of some things, all alike or by weight."""
        return options[int(self._draws.choice(name, weights or [1.0] * len(options))[0])]
