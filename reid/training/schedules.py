"""Learning rates over a training: pure functions of how far it has come, so that nothing has to be remembered."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from reid.config import Settings


class ScheduleSettings(Settings):
    """How the learning rate changes.

    Attributes:
        kind: "constant"; "steps", times `factor` every `every_epochs`; "cosine", down to `last` of it at the end.
        every_epochs: length of a step.
        factor: what a step multiplies the rate by.
        last: what the cosine ends at, as a share of the full rate.
        warm_up_epochs: the rate climbs linearly over these; the steps and the cosine go on meanwhile.
        warm_up_from: where it climbs from, as a share of the full rate.
    """

    kind: Literal["constant", "steps", "cosine"] = "constant"
    every_epochs: float | None = Field(default=None, gt=0)
    factor: float = Field(default=0.1, gt=0, le=1)
    last: float = Field(default=0.0, ge=0, le=1)
    warm_up_epochs: float = Field(default=0.0, ge=0)
    warm_up_from: float = Field(default=0.01, ge=0, le=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.kind == "steps") != (self.every_epochs is not None):
            raise ValueError("every_epochs belongs to kind: steps, which needs it")
        return self


def rate_factor(settings: ScheduleSettings, position_epochs: float, epochs: int) -> float:
    """Return what to multiply the full learning rate by.

    Args:
        settings: the schedule.
        position_epochs: epochs behind us, parts of one included, in [0, epochs).
        epochs: of the whole training.

    Returns:
        A factor in [0, 1].
    """
    return warm_up(settings, position_epochs) * decay(settings, position_epochs, epochs)


def warm_up(settings: ScheduleSettings, position_epochs: float) -> float:
    """Climb from `warm_up_from` to 1 in a straight line; 1 once the warm-up is over."""
    if position_epochs >= settings.warm_up_epochs:
        return 1.0
    share = position_epochs / settings.warm_up_epochs
    return settings.warm_up_from + (1 - settings.warm_up_from) * share


def decay(settings: ScheduleSettings, position_epochs: float, epochs: int) -> float:
    """Return the factor without the warm-up.

    Steps: factor^floor(position / every). Cosine: last + (1 - last) (1 + cos(pi position / epochs)) / 2.
    """
    if settings.every_epochs is not None:
        return float(settings.factor ** math.floor(position_epochs / settings.every_epochs))
    if settings.kind == "cosine":
        return settings.last + (1 - settings.last) * (1 + math.cos(math.pi * position_epochs / epochs)) / 2
    return 1.0
