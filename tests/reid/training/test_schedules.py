"""Learning rates: each schedule by hand, and what does not fit together."""

from __future__ import annotations

import math
from typing import Any

import pytest

from reid.config import parse_settings
from reid.errors import ConfigError
from reid.training.schedules import ScheduleSettings, rate_factor


def factors(positions: list[float], epochs: int = 50, **settings: Any) -> list[float]:
    return [rate_factor(ScheduleSettings(**settings), position, epochs) for position in positions]


def test_constant() -> None:
    assert factors([0, 0.5, 49.9]) == [1, 1, 1]


def test_steps_as_dcct_has_them() -> None:
    got = factors([0, 14.99, 15, 29.99, 30, 45, 49.99], kind="steps", every_epochs=15, factor=0.1)
    assert got == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.001, 0.001])


def test_cosine_ends_at_its_last() -> None:
    got = factors([0, 10, 20, 30], epochs=40, kind="cosine", last=0.2)
    assert got == pytest.approx([1, 0.2 + 0.8 * (1 + math.sqrt(0.5)) / 2, 0.6, 0.2 + 0.8 * (1 - math.sqrt(0.5)) / 2])


def test_warm_up_climbs_in_a_line_and_multiplies_the_rest() -> None:
    got = factors(
        [0, 5, 9.999999, 10, 69, 70], epochs=400, kind="steps", every_epochs=70, factor=0.3, warm_up_epochs=10
    )
    assert got == pytest.approx([0.01, 0.505, 1, 1, 1, 0.3], abs=1e-6)
    assert factors([5], epochs=10, kind="cosine", warm_up_epochs=10, warm_up_from=0) == pytest.approx([0.25])


@pytest.mark.parametrize("settings", [{"kind": "steps"}, {"kind": "cosine", "every_epochs": 5}, {"every_epochs": 5}])
def test_steps_and_their_length_go_together(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="every_epochs belongs to kind: steps"):
        parse_settings(settings, ScheduleSettings, where="recipe")
