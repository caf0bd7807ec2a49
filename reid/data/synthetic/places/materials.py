"""Floors, walls and what is set into them: finishes drawn from dice, in the colours of real places."""

from __future__ import annotations

from collections.abc import Callable

from reid.data.synthetic.dice import Dice
from reid.data.synthetic.places.finishes import Cells, Finish, Inset, Rgb

# Colours are written as displayed and turned linear where they are used.
_WHITES = ((0.90, 0.89, 0.86), (0.86, 0.86, 0.85), (0.88, 0.84, 0.76), (0.80, 0.80, 0.78))
_QUIET = (*_WHITES, (0.82, 0.75, 0.64), (0.70, 0.70, 0.69), (0.62, 0.66, 0.70), (0.72, 0.68, 0.58), (0.66, 0.70, 0.63))
_STONES = ((0.72, 0.66, 0.54), (0.66, 0.63, 0.58), (0.78, 0.74, 0.66), (0.60, 0.57, 0.53), (0.55, 0.52, 0.49))
_BRICKS = ((0.56, 0.36, 0.29), (0.50, 0.33, 0.28), (0.60, 0.47, 0.36), (0.66, 0.58, 0.46), (0.44, 0.33, 0.30))
_GREYS = ((0.62, 0.62, 0.61), (0.52, 0.52, 0.52), (0.70, 0.70, 0.68), (0.56, 0.54, 0.51))
_WOODS = ((0.62, 0.50, 0.38), (0.50, 0.39, 0.29), (0.70, 0.60, 0.47), (0.42, 0.34, 0.28), (0.56, 0.53, 0.48))
_DARKS = ((0.20, 0.20, 0.21), (0.28, 0.27, 0.26), (0.16, 0.18, 0.22), (0.30, 0.24, 0.20))
_SIGNS = (
    (0.70, 0.13, 0.12),
    (0.12, 0.25, 0.55),
    (0.10, 0.42, 0.25),
    (0.90, 0.72, 0.12),
    (0.15, 0.15, 0.16),
    (0.85, 0.42, 0.1),
)


def linear(rgb: Rgb) -> Rgb:
    """Turn displayed values into linear ones."""
    return rgb[0] * rgb[0], rgb[1] * rgb[1], rgb[2] * rgb[2]


def tint(dice: Dice, name: str, colours: tuple[Rgb, ...], spread: float = 0.06) -> Rgb:
    """Draw a colour near one of some: linear."""
    base = dice.pick(name, colours)
    shift = dice.between(f"{name}/bright", -spread, spread)
    red, green, blue = (dice.between(f"{name}/{channel}", -spread, spread) * 0.3 for channel in "rgb")
    return linear((_clip(base[0] + shift + red), _clip(base[1] + shift + green), _clip(base[2] + shift + blue)))


def quiet(dice: Dice, name: str) -> Rgb:
    """The colour of an inner wall."""
    return tint(dice, name, _QUIET)


def stone(dice: Dice, name: str) -> Rgb:
    """The colour of stone."""
    return tint(dice, name, _STONES)


def grey(dice: Dice, name: str) -> Rgb:
    """A mid grey, of metal or concrete."""
    return tint(dice, name, _GREYS)


def dark(dice: Dice, name: str) -> Rgb:
    """A near-black."""
    return tint(dice, name, _DARKS, 0.03)


def wood(dice: Dice, name: str) -> Rgb:
    """A brown of wood."""
    return tint(dice, name, _WOODS)


def signal(dice: Dice, name: str) -> Rgb:
    """A saturated colour, as signs have."""
    return tint(dice, name, _SIGNS)


def times(rgb: Rgb, factor: float) -> Rgb:
    """Make a colour lighter or darker."""
    return rgb[0] * factor, rgb[1] * factor, rgb[2] * factor


def plain(rgb: Rgb, grain: float = 0.06, stain: float = 0.05) -> Finish:
    """One colour all over, a little worn."""
    return Finish.of(Cells.of(rgb), grain=grain, stain=stain)


def tiles(dice: Dice) -> Finish:
    """A floor of square tiles."""
    rgb = tint(dice, "tile", (*_GREYS, *_STONES, *_WHITES), 0.08)
    size_m = dice.between("size", 0.3, 0.9)
    joint = times(rgb, dice.pick("joint", (0.45, 0.6, 0.75, 1.25)))
    body = Cells.of(
        rgb,
        (size_m, size_m),
        other_rgb=times(rgb, dice.between("other", 0.6, 0.9)),
        other_share=dice.pick("mixed", (0.0, 0.0, 0.15, 0.4)),
        joint_rgb=joint,
        joint_m=dice.between("joint_m", 0.005, 0.015),
        variety=dice.between("variety", 0.02, 0.07),
    )
    return Finish.of(body, grain=dice.between("grain", 0.02, 0.14), stain=dice.between("stain", 0.04, 0.12))


def planks(dice: Dice) -> Finish:
    """A floor of boards."""
    rgb = wood(dice, "wood")
    size_m = dice.between("length", 1.0, 2.4), dice.between("width", 0.08, 0.2)
    body = Cells.of(
        rgb,
        size_m,
        other_rgb=times(rgb, 0.75),
        other_share=0.25,
        joint_rgb=times(rgb, 0.35),
        joint_m=0.005,
        bond=0.37,
        variety=dice.between("variety", 0.05, 0.16),
    )
    return Finish.of(body, grain=0.12, stain=0.1)


def carpet(dice: Dice) -> Finish:
    """A floor of carpet."""
    colours = ((0.38, 0.40, 0.43), (0.45, 0.36, 0.34), (0.50, 0.48, 0.45), (0.38, 0.41, 0.40))
    body = Cells.of(tint(dice, "carpet", colours), (0.5, 0.5), variety=dice.between("variety", 0.0, 0.05))
    return Finish.of(body, grain=0.25, grain_m=0.012, stain=0.1)


def terrazzo(dice: Dice) -> Finish:
    """A polished floor of chips of stone."""
    rgb = tint(dice, "chips", (*_WHITES, *_STONES, *_GREYS))
    side_m = dice.between("side", 0.8, 2.4)
    body = Cells.of(rgb, (side_m, side_m), joint_rgb=times(rgb, 0.6), joint_m=0.008, variety=0.02)
    return Finish.of(body, grain=dice.between("grain", 0.15, 0.35), grain_m=0.014, stain=0.07)


def paving(dice: Dice) -> Finish:
    """A pavement of stones or slabs."""
    rgb = tint(dice, "stone", (*_STONES, *_GREYS, (0.56, 0.45, 0.40)))
    size_m = dice.pick("size", ((0.2, 0.1), (0.4, 0.4), (0.6, 0.4), (0.9, 0.6), (0.12, 0.12)))
    body = Cells.of(
        rgb,
        size_m,
        other_rgb=times(rgb, dice.between("other", 0.7, 1.2)),
        other_share=dice.between("share", 0.0, 0.4),
        joint_rgb=times(rgb, 0.5),
        joint_m=dice.between("joint", 0.006, 0.014),
        bond=0.5,
        variety=dice.between("variety", 0.05, 0.14),
    )
    return Finish.of(body, _patch(dice, rgb), grain=0.22, grain_m=0.012, stain=0.2, cracks=0.2)


def asphalt(dice: Dice) -> Finish:
    """A road without its lines."""
    rgb = tint(dice, "asphalt", ((0.40, 0.40, 0.41), (0.46, 0.45, 0.44), (0.34, 0.34, 0.36), (0.52, 0.47, 0.42)), 0.04)
    return Finish.of(
        Cells.of(rgb), _patch(dice, rgb), grain=0.4, grain_m=0.014, stain=0.22, cracks=dice.between("cracks", 0.1, 0.6)
    )


def slabs(dice: Dice) -> Finish:
    """A floor of concrete."""
    rgb = grey(dice, "concrete")
    side_m = dice.between("side", 1.5, 4.0)
    body = Cells.of(rgb, (side_m, side_m), joint_rgb=times(rgb, 0.5), joint_m=0.014, variety=0.06)
    return Finish.of(body, _patch(dice, rgb), grain=0.18, grain_m=0.012, stain=0.2, cracks=0.35)


def brick(dice: Dice) -> Finish:
    """A wall of bricks."""
    rgb = tint(dice, "brick", _BRICKS)
    body = Cells.of(
        rgb,
        (0.235, 0.075),
        other_rgb=times(rgb, 0.72),
        other_share=dice.between("other", 0.05, 0.35),
        joint_rgb=times(linear((0.66, 0.63, 0.58)), dice.between("mortar", 0.5, 1.0)),
        joint_m=0.011,
        bond=0.5,
        variety=0.18,
    )
    return Finish.of(
        body, grain=0.15, stain=0.14, plinth_rgb=times(rgb, 0.55), plinth_m=dice.pick("plinth", (0.0, 0.5))
    )


def plaster(dice: Dice) -> Finish:
    """An inner wall, with a skirting board or a painted base."""
    rgb = quiet(dice, "wall")
    foot = dice.pick("foot", ("board", "board", "base", "none"))
    plinth_m = {"board": 0.1, "base": dice.between("base", 0.9, 1.3), "none": 0.0}[foot]
    plinth = tint(dice, "plinth", (*_WHITES, *_GREYS, *_WOODS)) if foot == "board" else times(rgb, 0.55)
    return Finish.of(Cells.of(rgb), grain=0.04, stain=0.07, plinth_rgb=plinth, plinth_m=plinth_m)


def render(dice: Dice) -> Finish:
    """An outer wall of plaster."""
    rgb = tint(dice, "wall", (*_WHITES, *_STONES))
    return Finish.of(
        Cells.of(rgb), grain=0.1, stain=0.16, plinth_rgb=times(rgb, 0.5), plinth_m=dice.between("base", 0, 0.8)
    )


def panels(dice: Dice) -> Finish:
    """A wall of large boards, of concrete or wood."""
    rgb = dice.pick("kind", (quiet, grey, wood))(dice, "panel")
    size_m = dice.pick("size", ((1.2, 3.0), (2.4, 1.2), (0.9, 0.9), (0.3, 6.0)))
    body = Cells.of(rgb, size_m, joint_rgb=times(rgb, 0.35), joint_m=0.014, variety=0.05)
    return Finish.of(body, grain=0.06, stain=0.08, plinth_rgb=times(rgb, 0.4), plinth_m=0.12)


def wall_tiles(dice: Dice) -> Finish:
    """A wall of glazed tiles, as in stations."""
    rgb = tint(dice, "tile", (*_WHITES, (0.70, 0.78, 0.74), (0.76, 0.72, 0.60)))
    size_m = dice.pick("size", ((0.15, 0.15), (0.3, 0.15), (0.3, 0.6)))
    body = Cells.of(rgb, size_m, joint_rgb=times(rgb, 0.6), joint_m=0.006, variety=0.06)
    return Finish.of(body, stain=0.06, plinth_rgb=dark(dice, "plinth"), plinth_m=dice.pick("foot", (0.15, 1.0)))


def masonry(dice: Dice) -> Finish:
    """A wall of cut stone."""
    rgb = stone(dice, "stone")
    body = Cells.of(rgb, (0.8, 0.4), joint_rgb=times(rgb, 0.6), joint_m=0.012, bond=0.5, variety=0.09)
    return Finish.of(body, grain=0.15, stain=0.16, plinth_rgb=times(rgb, 0.6), plinth_m=0.6)


def leaves(dice: Dice) -> Finish:
    """A hedge, a bush, the crown of a tree."""
    rgb = tint(dice, "leaf", ((0.30, 0.38, 0.20), (0.36, 0.42, 0.24), (0.26, 0.34, 0.22), (0.42, 0.40, 0.22)))
    body = Cells.of(rgb, (0.07, 0.05), other_rgb=times(rgb, 0.3), other_share=0.4, bond=0.4, variety=0.5)
    return Finish.of(body, grain=0.8, grain_m=0.03, stain=0.35)


OUTER_WALLS: tuple[Callable[[Dice], Finish], ...] = (brick, render, masonry, panels)
INNER_WALLS: tuple[Callable[[Dice], Finish], ...] = (plaster, plaster, panels, wall_tiles, brick)
INNER_FLOORS: tuple[Callable[[Dice], Finish], ...] = (tiles, tiles, planks, carpet, terrazzo)


def _patch(dice: Dice, rgb: Rgb) -> Inset:
    """Manhole covers and mended spots."""
    size_m = dice.between("patch/size", 0.5, 1.1)
    inside = Cells.of(
        times(rgb, dice.between("patch/shade", 0.5, 0.9)), (0.06, 0.06), joint_rgb=times(rgb, 0.4), joint_m=0.01
    )
    return Inset.of(
        (size_m, size_m * dice.between("patch/shape", 0.6, 1.0)),
        (dice.between("patch/u", 4.0, 7.0), dice.between("patch/v", 3.5, 6.0)),
        inside,
        low_m=-40.0,
        storeys=30.0,
        share=0.4,
        is_round=dice.chance("patch/round", 0.3),
        frame_m=0.03,
        frame_rgb=times(rgb, 0.4),
    )


def _clip(value: float) -> float:
    return min(max(value, 0.02), 0.97)
