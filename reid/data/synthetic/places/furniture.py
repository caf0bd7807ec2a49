"""Things that stand about in places, put together from boxes."""

from __future__ import annotations

from collections.abc import Callable

from reid.data.synthetic.dice import Dice
from reid.data.synthetic.places.boxes import Group, block
from reid.data.synthetic.places.finishes import Cells, Finish, Inset, Rgb
from reid.data.synthetic.places.materials import (
    brick,
    dark,
    grey,
    leaves,
    linear,
    masonry,
    panels,
    plain,
    plaster,
    quiet,
    render,
    signal,
    slabs,
    stone,
    times,
    tint,
    wall_tiles,
    wood,
)  # fmt: skip
from reid.data.synthetic.places.openings import facade_windows, glass, goods

Maker = Callable[[Dice], Group]  # makes one piece

_CAR_PAINTS = (
    (0.16, 0.16, 0.17), (0.30, 0.31, 0.33), (0.62, 0.63, 0.64), (0.84, 0.84, 0.83), (0.20, 0.26, 0.40),
    (0.50, 0.14, 0.13),
)  # fmt: skip


def bench(dice: Dice) -> Group:
    """A bench: a slab of stone, or boards on two feet with or without a back."""
    length_m = dice.between("length", 1.4, 2.4)
    if dice.chance("stone", 0.35):
        return [block((length_m, 0.5, 0.45), plain(stone(dice, "slab"), 0.15, 0.1))]
    boards = _boards(wood(dice, "seat"))
    foot = plain(dark(dice, "foot"))
    group = [block((length_m, 0.44, 0.06), boards, at_m=(0.0, 0.0, 0.40))]
    group += [block((0.08, 0.4, 0.40), foot, at_m=(end * (length_m / 2 - 0.2), 0.0, 0.0)) for end in (-1, 1)]
    if dice.chance("back", 0.5):
        group.append(block((length_m, 0.06, 0.36), boards, at_m=(0.0, 0.2, 0.50)))
    return group


def planter(dice: Dice) -> Group:
    """A trough with a hedge, or a tub with a bush."""
    finish = dice.pick(
        "kind", (plain(grey(dice, "grey")), plain(stone(dice, "stone"), 0.15), _boards(wood(dice, "wood")))
    )
    soil = plain(linear((0.25, 0.2, 0.16)), 0.4)
    green = leaves(dice)
    if dice.chance("tub", 0.4):
        side_m, high_m = dice.between("side", 0.6, 0.9), dice.between("high", 0.4, 0.6)
        crown_m = side_m * dice.between("crown", 1.0, 1.5)
        return [
            block((side_m, side_m, high_m), finish, top=soil),
            block((crown_m, crown_m, crown_m * 0.8), green, at_m=(0.0, 0.0, high_m - 0.1), ragged=0.35),
        ]
    length_m, width_m = dice.between("length", 1.2, 2.6), dice.between("width", 0.4, 0.7)
    high_m = dice.between("high", 0.4, 0.7)
    group = [block((length_m, width_m, high_m), finish, top=soil)]
    bushes = max(2, round(length_m / 0.6))
    for index in range(bushes):
        x_m = (index + 0.5) / bushes * length_m - length_m / 2
        tall_m = dice.between(f"bush{index}", 0.35, 0.8)
        group.append(block((0.8, width_m * 1.1, tall_m), green, at_m=(x_m, 0.0, high_m - 0.12), ragged=0.4))
    return group


def pillar(dice: Dice) -> Group:
    """A square pillar, taller than any camera stands."""
    side_m = dice.between("side", 0.4, 0.85)
    finish = dice.pick("kind", (plaster, slabs, wall_tiles, masonry, render))(dice.child("finish")).with_insets()
    return [block((side_m, side_m, 9.0), finish)]


def bin_(dice: Dice) -> Group:
    """A litter bin with a dark lid."""
    side_m, high_m = dice.between("side", 0.45, 0.7), dice.between("high", 0.75, 1.0)
    finish = plain(dice.pick("kind", (dark, grey, signal))(dice, "bin"))
    return [
        block((side_m, side_m, high_m), finish),
        block((side_m + 0.06, side_m + 0.06, 0.08), plain(dark(dice, "lid")), at_m=(0.0, 0.0, high_m)),
    ]


def cabinet(dice: Dice) -> Group:
    """A grey or green box of cables, as stands on pavements."""
    size_m = dice.between("length", 0.8, 1.5), dice.between("width", 0.35, 0.5), dice.between("high", 0.9, 1.4)
    rgb = dice.pick("rgb", (grey(dice, "grey"), dark(dice, "dark"), linear((0.33, 0.40, 0.34))))
    door = Cells.of(rgb, (size_m[0] / 2, 3.0), joint_rgb=times(rgb, 0.4), joint_m=0.015, variety=0.06)
    sides = Finish.of(door, _stickers(dice), grain=0.08, stain=0.25, plinth_rgb=times(rgb, 0.5), plinth_m=0.08)
    return [block(size_m, sides, ends=plain(rgb), top=plain(times(rgb, 0.9)))]


def counter(dice: Dice) -> Group:
    """A counter with a top that juts out."""
    length_m, width_m, high_m = (
        dice.between("length", 1.6, 3.2),
        dice.between("width", 0.6, 0.9),
        dice.between("high", 0.9, 1.15),
    )
    front = panels(dice.child("front"))
    top = plain(tint(dice, "top", ((0.85, 0.84, 0.80), (0.25, 0.24, 0.23))))
    return [
        block((length_m, width_m, high_m), front),
        block((length_m + 0.12, width_m + 0.12, 0.05), top, at_m=(0.0, 0.0, high_m)),
    ]


def shelves(dice: Dice) -> Group:
    """A rack of goods, open on both sides."""
    length_m, width_m, high_m = (
        dice.between("length", 1.6, 3.0),
        dice.between("width", 0.45, 0.8),
        dice.between("high", 1.3, 1.9),
    )
    rgb = grey(dice, "rack")
    filled = plain(rgb).with_insets(goods(dice, length_m, high_m))
    return [block((length_m, width_m, high_m), filled, ends=plain(rgb), top=plain(times(rgb, 0.9)))]


def kiosk(dice: Dice) -> Group:
    """A stall with a wide window and a roof."""
    length_m, width_m, high_m = (
        dice.between("length", 2.2, 3.6),
        dice.between("width", 1.6, 2.4),
        dice.between("high", 2.3, 2.7),
    )
    rgb = dice.pick("kind", (quiet, signal, dark))(dice, "stall")
    window = Inset.of(
        (length_m - 0.5, high_m * 0.42), (length_m, 100.0), glass(dice, (0.9, 2.0), 0.3), low_m=1.0, frame_m=0.06,
        frame_rgb=times(rgb, 0.6), shine=0.1,
    )  # fmt: skip
    walls = Finish.of(Cells.of(rgb), grain=0.05, stain=0.08, plinth_rgb=times(rgb, 0.5), plinth_m=0.15)
    roof = plain(dark(dice, "roof"))
    return [
        block((length_m, width_m, high_m), walls.with_insets(window), ends=walls),
        block((length_m + 0.4, width_m + 0.4, 0.18), roof, at_m=(0.0, 0.0, high_m)),
    ]


def bollards(dice: Dice) -> Group:
    """Low posts in a row."""
    finish = plain(dice.pick("kind", (dark, grey))(dice, "post"))
    gap_m, high_m, side_m = (
        dice.between("gap", 1.1, 1.6),
        dice.between("high", 0.7, 1.0),
        dice.between("side", 0.1, 0.2),
    )
    return [block((side_m, side_m, high_m), finish, at_m=((index - 1) * gap_m, 0.0, 0.0)) for index in range(3)]


def railing(dice: Dice) -> Group:
    """A fence of two rails on posts."""
    length_m = dice.between("length", 2.2, 3.6)
    finish = plain(dice.pick("kind", (dark, grey))(dice, "rail"))
    rails = [block((length_m, 0.05, 0.06), finish, at_m=(0.0, 0.0, high_m)) for high_m in (0.45, 0.95)]
    posts = [block((0.06, 0.06, 0.98), finish, at_m=(end * length_m / 2, 0.0, 0.0)) for end in (-1, 0, 1)]
    return rails + posts


def low_wall(dice: Dice) -> Group:
    """A low wall or barrier that hides legs."""
    length_m, width_m, high_m = (
        dice.between("length", 1.8, 3.4),
        dice.between("width", 0.2, 0.45),
        dice.between("high", 0.6, 1.0),
    )
    finish = dice.pick("kind", (brick, slabs, render, panels))(dice.child("finish")).with_insets()
    cap = plain(stone(dice, "cap"), 0.12)
    return [
        block((length_m, width_m, high_m), finish),
        block((length_m + 0.06, width_m + 0.06, 0.06), cap, at_m=(0.0, 0.0, high_m)),
    ]


def crates(dice: Dice) -> Group:
    """Cartons or crates on each other."""
    finish = _boards(wood(dice, "crate"))
    carton = plain(tint(dice, "carton", ((0.66, 0.54, 0.40), (0.58, 0.47, 0.35))), 0.08, 0.15)
    kind = dice.pick("kind", (finish, carton))
    low_m = dice.between("low", 0.4, 0.7)
    group = [block((1.2, 0.8, low_m), kind)]
    if dice.chance("second", 0.7):
        group.append(block((0.7, 0.7, dice.between("upper", 0.3, 0.6)), kind, at_m=(0.2, 0.0, low_m)))
    return group


def sign_post(dice: Dice) -> Group:
    """A pole with a board high up."""
    pole = plain(grey(dice, "pole"))
    board = plain(signal(dice, "board"))
    wide_m = dice.between("wide", 0.5, 0.9)
    return [
        block((0.09, 0.09, 3.4), pole),
        block((0.04, wide_m, dice.between("tall", 0.4, 0.7)), board, at_m=(-0.07, 0.0, 2.6)),
    ]


def lamp_post(dice: Dice) -> Group:
    """A tall pole, thicker at its foot."""
    pole = plain(dice.pick("kind", (dark, grey))(dice, "pole"))
    return [block((0.26, 0.26, 0.9), pole), block((0.12, 0.12, 6.5), pole)]


def shelter(dice: Dice) -> Group:
    """A bus shelter: a glazed back, two ends and a roof."""
    length_m = dice.between("length", 3.0, 4.5)
    frame = dark(dice, "frame")
    panes = Finish.of(glass(dice, (length_m / 3, 2.2), 0.0), stain=0.1)
    roof = plain(grey(dice, "roof"))
    return [
        block((length_m, 0.06, 2.0), panes, at_m=(0.0, 0.7, 0.25)),
        block((length_m + 0.3, 1.6, 0.12), roof, at_m=(0.0, 0.0, 2.35)),
        block((length_m * 0.6, 0.35, 0.06), _boards(wood(dice, "seat")), at_m=(0.0, 0.4, 0.42)),
        *[block((0.08, 0.08, 2.35), plain(frame), at_m=(end * length_m / 2, 0.7, 0.0)) for end in (-1, 1)],
    ]


def tree(dice: Dice) -> Group:
    """A trunk with a crown above people's heads."""
    trunk = plain(tint(dice, "bark", ((0.36, 0.31, 0.26), (0.44, 0.40, 0.35))), 0.5, 0.3)
    high_m, wide_m = dice.between("trunk", 2.4, 3.2), dice.between("crown", 2.2, 4.0)
    green = leaves(dice)
    lean_m = dice.between("lean", -0.4, 0.4)
    return [
        block((0.24, 0.24, high_m + 0.5), trunk),
        block((wide_m, wide_m, wide_m * 0.8), green, at_m=(lean_m, 0.0, high_m - 0.2), ragged=0.45),
        block((wide_m * 0.7, wide_m * 0.6, wide_m * 0.6), green, at_m=(-lean_m - 0.5, 0.4, high_m), ragged=0.45),
    ]


def car(dice: Dice) -> Group:
    """A parked car: a body on wheels and a glazed cabin."""
    rgb = tint(dice, "paint", _CAR_PAINTS, 0.04)
    length_m, width_m = dice.between("length", 3.8, 4.7), dice.between("width", 1.68, 1.85)
    tyre = linear((0.12, 0.12, 0.12))
    wheels = Inset.of(
        (0.66, 0.66), (length_m / 2, 100.0), Cells.of(linear((0.42, 0.42, 0.43))), low_m=-0.2, is_round=True,
        frame_m=0.13, frame_rgb=tyre,
    )  # fmt: skip
    panel = Cells.of(rgb, (length_m / 3.5, 2.0), joint_rgb=times(rgb, 0.4), joint_m=0.012)
    side = Finish.of(panel, wheels, stain=0.06, plinth_rgb=tyre, plinth_m=0.12)
    lights = Inset.of(
        (0.34, 0.16), (width_m / 2, 100.0), Cells.of(linear((0.75, 0.70, 0.66)), motley=0.15), low_m=0.34, frame_m=0.02,
        frame_rgb=tyre,
    )  # fmt: skip
    end = Finish.of(Cells.of(rgb), lights, stain=0.05, plinth_rgb=tyre, plinth_m=0.22)
    pane = linear((0.17, 0.19, 0.21))
    high_m, cabin_m = dice.between("waist", 0.62, 0.78), length_m * dice.between("cabin", 0.48, 0.66)
    windows = Inset.of(
        (cabin_m * 0.44, 0.42), (cabin_m / 2, 100.0), Cells.of(pane), low_m=0.03, shine=dice.between("shine", 0.05, 0.2)
    )
    screens = Inset.of((width_m * 0.74, 0.44), (width_m * 0.86, 100.0), Cells.of(pane), low_m=0.03, shine=0.12)
    roof = Finish.of(Cells.of(rgb), stain=0.06)
    return [
        block((length_m, width_m, high_m), side, ends=end, top=roof, at_m=(0.0, 0.0, 0.17)),
        block((cabin_m, width_m * 0.86, 0.52), roof.with_insets(windows), ends=roof.with_insets(screens), top=roof,
              at_m=(-0.06 * length_m, 0.0, high_m + 0.17)),
        block((length_m * 0.92, width_m * 0.8, 0.17), plain(tyre)),
    ]  # fmt: skip


def building(dice: Dice) -> Group:
    """A distant building with storeys of windows."""
    size_m = dice.between("length", 10.0, 22.0), dice.between("width", 8.0, 14.0), dice.between("high", 6.0, 18.0)
    kind = dice.pick("kind", (brick, render, masonry))
    wall = kind(dice.child("wall")).with_insets(facade_windows(dice.child("windows"), 3.0, size_m[2]))
    return [block(size_m, wall, top=plain(linear((0.36, 0.33, 0.32))))]


INDOOR: tuple[Maker, ...] = (bench, planter, bin_, counter, shelves, crates, cabinet, kiosk)
OUTDOOR: tuple[Maker, ...] = (
    bench, planter, bin_, cabinet, bollards, railing, low_wall, sign_post, lamp_post, tree, kiosk, shelter,
)  # fmt: skip
INDOOR_MIDDLE: tuple[Maker, ...] = (pillar, bench, planter, counter, low_wall, railing, crates)
OUTDOOR_MIDDLE: tuple[Maker, ...] = (
    bench,
    planter,
    low_wall,
    railing,
    bollards,
    cabinet,
    lamp_post,
    tree,
)
NEAR: tuple[Maker, ...] = (low_wall, railing, planter, pillar, cabinet)


def _boards(rgb: Rgb) -> Finish:
    return Finish.of(
        Cells.of(rgb, (3.0, 0.11), joint_rgb=times(rgb, 0.3), joint_m=0.012, variety=0.12), grain=0.12, stain=0.1
    )


def _stickers(dice: Dice) -> Inset:
    inside = Cells.of(linear((0.6, 0.58, 0.55)), (0.1, 0.08), motley=0.5, variety=0.3)
    return Inset.of((0.22, 0.16), (0.4, 0.3), inside, low_m=0.35, storeys=2.0, share=dice.between("stickers", 0.0, 0.4))
