"""What is set into walls, floors and ceilings: doors, windows, shop fronts, posters, lamps and lines."""

from __future__ import annotations

from reid.data.synthetic.dice import Dice
from reid.data.synthetic.places.finishes import Cells, Inset, Rgb
from reid.data.synthetic.places.materials import dark, grey, linear, quiet, signal, times, tint, wood

_WHITE_LINE: Rgb = linear((0.80, 0.80, 0.78))
_YELLOW_LINE: Rgb = linear((0.80, 0.66, 0.20))


def glass(dice: Dice, size_m: tuple[float, float], lit: float = 0.25) -> Cells:
    """Panes seen from outside.

    Args:
        dice: of this window.
        size_m: of a pane.
        lit: how many of them have light behind.
    """
    rgb = tint(dice, "glass", ((0.20, 0.24, 0.27), (0.28, 0.31, 0.33), (0.15, 0.17, 0.19)), 0.04)
    warm = linear((0.72, 0.64, 0.50))
    frame = tint(dice, "bars", ((0.85, 0.85, 0.84), (0.30, 0.30, 0.31), (0.45, 0.36, 0.28)))
    return Cells.of(rgb, size_m, other_rgb=warm, other_share=lit, joint_rgb=frame, joint_m=0.07, variety=0.4)


def double_doors(dice: Dice) -> Inset:
    """Doors with two leaves, in an inner wall."""
    width_m, height_m = dice.between("width", 1.7, 2.2), dice.between("height", 2.05, 2.35)
    rgb = dice.pick("kind", (quiet, wood, grey))(dice, "leaf")
    inside = Cells.of(rgb, ((width_m - 0.16) / 2, 4.0), joint_rgb=times(rgb, 0.4), joint_m=0.02, variety=0.05)
    return Inset.of(
        (width_m, height_m),
        (dice.between("pitch", 5.0, 9.0), 100.0),
        inside,
        share=0.7,
        frame_m=0.08,
        frame_rgb=times(rgb, dice.pick("frame", (0.5, 0.7, 1.2))),
        shine=0.02,
    )


def shop_windows(dice: Dice, high_m: float) -> Inset:
    """Shop fronts: glass from knee height up, with goods and light behind."""
    width_m = dice.between("width", 3.0, 5.5)
    behind = linear(dice.pick("room", ((0.30, 0.29, 0.28), (0.44, 0.41, 0.37), (0.66, 0.61, 0.53))))
    wide_m, shelf_m = dice.between("wide", 0.3, 0.9), dice.between("shelf", 0.45, 0.9)
    inside = Cells.of(
        times(behind, dice.between("goods", 1.1, 1.8)),
        (wide_m, shelf_m),
        other_rgb=behind,
        other_share=dice.between("empty", 0.35, 0.75),
        joint_rgb=behind,
        joint_m=0.4 * min(wide_m, shelf_m),
        bond=dice.between("bond", 0.0, 0.5),
        variety=0.25,
        motley=dice.between("motley", 0.05, 0.3),
    )
    return Inset.of(
        (width_m, high_m * 0.78),
        (width_m + dice.between("pier", 0.4, 1.6), 100.0),
        inside,
        low_m=dice.between("sill", 0.05, 0.5),
        share=0.85,
        frame_m=0.1,
        frame_rgb=dice.pick("frame", (dark, grey, signal))(dice, "frame"),
        shine=dice.between("shine", 0.08, 0.3),
    )


def sign_band(dice: Dice, low_m: float) -> Inset:
    """Name boards over shops."""
    width_m = dice.between("width", 2.5, 4.5)
    rgb = signal(dice, "board")
    letters = linear((0.88, 0.87, 0.84)) if sum(rgb) < 1.0 else linear((0.12, 0.12, 0.14))
    inside = Cells.of(rgb, (0.22, 0.35), other_rgb=letters, other_share=0.35, joint_rgb=rgb, joint_m=0.12, motley=0.06)
    return Inset.of(
        (width_m, 0.55), (width_m + dice.between("gap", 0.6, 3.0), 100.0), inside, low_m=low_m, share=0.75, frame_m=0.1,
        frame_rgb=rgb,
    )  # fmt: skip


def facade_windows(dice: Dice, low_m: float, high_m: float) -> Inset:
    """Storeys of windows.

    Args:
        dice: of this front.
        low_m: where they begin, above the ground floor.
        high_m: of the building.
    """
    storey_m = dice.between("storey", 2.9, 3.6)
    width_m, height_m = dice.between("width", 1.1, 2.4), dice.between("height", 1.3, 1.9)
    frame = tint(dice, "frame", ((0.86, 0.86, 0.84), (0.62, 0.60, 0.56), (0.28, 0.28, 0.29)))
    return Inset.of(
        (width_m, height_m),
        (width_m + dice.between("pier", 0.8, 2.2), storey_m),
        glass(dice, (width_m / 2, height_m * dice.pick("bar", (0.5, 0.7, 1.0))), lit=dice.between("lit", 0.0, 0.2)),
        low_m=low_m + 0.9,
        storeys=float(max(1, int((high_m - low_m - 0.5) / storey_m))),
        share=0.95,
        frame_m=0.09,
        frame_rgb=frame,
        shine=dice.between("shine", 0.05, 0.3),
    )


def notice_boards(dice: Dice) -> Inset:
    """Wide posters and notice boards at eye height."""
    width_m, height_m = dice.between("width", 1.0, 2.6), dice.between("height", 0.7, 1.2)
    inside = Cells.of(
        tint(dice, "board", ((0.80, 0.79, 0.75), (0.60, 0.52, 0.40), (0.30, 0.36, 0.46))),
        (width_m / dice.count("columns", 3, 6), height_m / dice.count("rows", 2, 4)),
        motley=dice.between("motley", 0.1, 0.6),
        variety=0.2,
        joint_rgb=linear((0.75, 0.73, 0.68)),
        joint_m=0.05,
    )
    return Inset.of(
        (width_m, height_m),
        (width_m + dice.between("gap", 2.0, 5.0), 100.0),
        inside,
        low_m=dice.between("low", 1.1, 1.4),
        share=0.6,
        frame_m=0.04,
        frame_rgb=dice.pick("frame", (dark, grey, wood))(dice, "frame"),
    )


def ceiling_lamps(dice: Dice) -> Inset:
    """Bright panels in a ceiling."""
    glow: Rgb = (4.5, 4.4, 4.1)
    length_m, width_m = dice.pick("shape", ((0.6, 0.6), (1.2, 0.3), (1.2, 0.6), (2.4, 0.15)))
    return Inset.of(
        (length_m, width_m), (length_m + 1.8, 2.4), Cells.of(glow), low_m=-60.0, storeys=60.0, frame_m=0.02,
        frame_rgb=linear((0.6, 0.6, 0.6)),
    )  # fmt: skip


def goods(dice: Dice, length_m: float, height_m: float) -> Inset:
    """Shelves full of things, over the whole side of a box."""
    inside = Cells.of(
        linear((0.5, 0.48, 0.45)),
        (dice.between("wide", 0.08, 0.3), dice.between("shelf", 0.28, 0.45)),
        motley=dice.between("motley", 0.1, 0.45),
        variety=0.45,
        joint_rgb=linear((0.24, 0.23, 0.22)),
        joint_m=0.035,
        bond=0.3,
    )
    return Inset.of(
        (length_m, height_m - 0.1), (length_m, 100.0), inside, low_m=0.05, frame_m=0.04, frame_rgb=grey(dice, "frame")
    )


def line_along(v_m: float, width_m: float, dash_m: float = 0.0, *, is_yellow: bool = False) -> Inset:
    """A line on the ground along x, unbroken or of dashes as long as the gaps between them."""
    length_m = dash_m or 10.0
    rgb = _YELLOW_LINE if is_yellow else _WHITE_LINE
    inside = Cells.of(rgb, (0.4, 0.4), variety=0.12)
    return Inset.of((length_m, width_m), (2 * dash_m or 10.0, 100.0), inside, low_m=v_m - width_m / 2)


def bays(v_m: float, depth_m: float, pitch_m: float) -> Inset:
    """Lines across: the bays of a car park, from v_m onwards."""
    return Inset.of((0.1, depth_m), (pitch_m, 100.0), Cells.of(_WHITE_LINE, (0.3, 0.3), variety=0.15), low_m=v_m)


def crossing(dice: Dice) -> Inset:
    """A zebra crossing over the road: bars along x."""
    low_m = dice.between("low", -3.0, 1.0)
    return Inset.of(
        (dice.between("length", 2.5, 4.0), 0.5), (40.0, 1.0), Cells.of(_WHITE_LINE, (0.3, 0.3), variety=0.2),
        low_m=low_m, storeys=6.0,
    )  # fmt: skip
