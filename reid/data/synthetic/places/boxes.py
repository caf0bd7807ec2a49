"""Boxes and bushes, of which everything that stands in a place is put together."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from reid.data.synthetic.places.finishes import Finish


@dataclass(frozen=True)
class Box:
    """A solid with upright sides, or an ellipsoid of leaves.

    Attributes:
        centre_m: x, y, z of its middle.
        half_m: half its length, width and height, along its own axes.
        sides: on the two long sides, left and right of its own forward.
        ends: on the two others.
        top: above and below.
        yaw_rad: where its own forward points.
        ragged: above 0 it is an ellipsoid whose surface lies in by up to that share.
    """

    centre_m: tuple[float, float, float]
    half_m: tuple[float, float, float]
    sides: Finish
    ends: Finish
    top: Finish
    yaw_rad: float = 0.0
    ragged: float = 0.0

    def placed(self, x_m: float, y_m: float, yaw_rad: float) -> Box:
        """Turn it about the origin, then shift it."""
        sin, cos = math.sin(yaw_rad), math.cos(yaw_rad)
        x, y, z = self.centre_m
        centre_m = x_m + cos * x - sin * y, y_m + sin * x + cos * y, z
        return replace(self, centre_m=centre_m, yaw_rad=self.yaw_rad + yaw_rad)


Group = list[Box]  # one piece of furniture, around the origin, long side along x


def block(
    size_m: tuple[float, float, float],
    sides: Finish,
    *,
    at_m: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ends: Finish | None = None,
    top: Finish | None = None,
    ragged: float = 0.0,
) -> Box:
    """One box by its length, width and height, and the middle of its foot."""
    half_m = size_m[0] / 2, size_m[1] / 2, size_m[2] / 2
    return Box((at_m[0], at_m[1], at_m[2] + half_m[2]), half_m, sides, ends or sides, top or sides, ragged=ragged)
