"""The constant light of a place, and its sky: drawn from dice."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reid.data.synthetic.dice import Dice
from reid.data.synthetic.places.finishes import Rgb

_WARM, _NEUTRAL, _COOL = (1.0, 0.92, 0.80), (1.0, 0.98, 0.95), (0.92, 0.98, 1.0)


@dataclass(frozen=True)
class Lighting:
    """Light of one place, as in `Light`; and its sky from the horizon up."""

    towards: tuple[float, float, float]
    lamp_rgb: Rgb
    sky_rgb: Rgb
    ground_rgb: Rgb
    low_sky_rgb: Rgb = (0.0, 0.0, 0.0)
    high_sky_rgb: Rgb = (0.0, 0.0, 0.0)
    clouds: float = 0.0
    has_shadows: bool = False


def lamps(dice: Dice) -> Lighting:
    """Soft light from ceilings."""
    level, colour = dice.between("level", 0.6, 1.0), dice.pick("colour", (_WARM, _NEUTRAL, _NEUTRAL, _COOL))
    towards = _unit(dice.between("x", -0.5, 0.3), dice.between("y", -0.5, 0.5), 1.0)
    return Lighting(towards, _scaled(colour, 0.5 * level), _scaled(colour, 0.6 * level), _scaled(colour, 0.42 * level))


def overcast(dice: Dice) -> Lighting:
    """A grey sky."""
    level = dice.between("level", 0.6, 1.0)
    colour = (0.94, 0.98, 1.0)
    return Lighting(
        _unit(dice.between("x", -0.4, 0.2), dice.between("y", -0.4, 0.4), 1.0), _scaled(colour, 0.16 * level),
        _scaled(colour, 0.92 * level), _scaled(_NEUTRAL, 0.3 * level), _scaled(colour, 0.85 * level),
        _scaled(colour, 0.7 * level), dice.between("clouds", 0.2, 0.6),
    )  # fmt: skip


def sun(dice: Dice) -> Lighting:
    """Sun from behind the camera or a side."""
    height, azimuth = dice.between("height", 0.45, 1.1), math.pi + dice.between("azimuth", -1.5, 1.5)
    towards = _unit(math.cos(height) * math.cos(azimuth), math.cos(height) * math.sin(azimuth), math.sin(height))
    return Lighting(
        towards, (1.02, 0.95, 0.82), (0.30, 0.36, 0.45), (0.20, 0.19, 0.17), (0.72, 0.80, 0.90), (0.24, 0.42, 0.74),
        dice.between("clouds", 0.0, 0.9), has_shadows=True,
    )  # fmt: skip


def evening(dice: Dice) -> Lighting:
    """A low, weak sun."""
    height, azimuth = dice.between("height", 0.22, 0.4), math.pi + dice.between("azimuth", -1.4, 1.4)
    towards = _unit(math.cos(height) * math.cos(azimuth), math.cos(height) * math.sin(azimuth), math.sin(height))
    return Lighting(
        towards, (0.85, 0.62, 0.40), (0.32, 0.34, 0.42), (0.19, 0.17, 0.16), (0.70, 0.52, 0.38), (0.26, 0.32, 0.48),
        dice.between("clouds", 0.1, 0.7), has_shadows=True,
    )  # fmt: skip


def _unit(x: float, y: float, z: float) -> tuple[float, float, float]:
    length = math.sqrt(x * x + y * y + z * z)
    return x / length, y / length, z / length


def _scaled(rgb: Rgb, factor: float) -> Rgb:
    return rgb[0] * factor, rgb[1] * factor, rgb[2] * factor
