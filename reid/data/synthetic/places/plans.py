"""Made-up places: what stands where, and in which light, each from one seed.

A camera near the origin looks towards +x. People walk on x in [1.5, 14], y in [-6, 6] m; walls stand beyond, furniture
at the sides, at the back, and here and there in the middle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reid.data.synthetic.dice import Dice
from reid.data.synthetic.draws import Draws
from reid.data.synthetic.places import furniture
from reid.data.synthetic.places.boxes import Box, Group
from reid.data.synthetic.places.finishes import Finish
from reid.data.synthetic.places.furniture import Maker
from reid.data.synthetic.places.lighting import Lighting, evening, lamps, overcast, sun
from reid.data.synthetic.places.materials import (
    INNER_FLOORS,
    INNER_WALLS,
    OUTER_WALLS,
    asphalt,
    brick,
    panels,
    paving,
    plain,
    quiet,
    slabs,
    terrazzo,
    tiles,
    wall_tiles,
)
from reid.data.synthetic.places.openings import (
    bays,
    ceiling_lamps,
    crossing,
    double_doors,
    facade_windows,
    line_along,
    notice_boards,
    shop_windows,
    sign_band,
)

NOWHERE_M = 1e4
_TRIES = 12
_APART_M = 2.6


@dataclass(frozen=True)
class Wall:
    """An upright plane.

    Attributes:
        at_m: its x, or y for a side wall; NOWHERE_M where there is none.
        high_m: how high it reaches.
        step_m: how far the heights of its houses differ from that.
        finish: of its face.
    """

    at_m: float
    high_m: float
    finish: Finish
    step_m: float = 0.0


@dataclass(frozen=True)
class Plan:
    """One place.

    Attributes:
        ground: what people walk on.
        verge: what lies on one side beyond, such as a road.
        verge_from_m: where that begins, counted from y = 0 to that side.
        verge_side: 1.0 = to the left (+y), -1.0 = to the right.
        back: the wall at the end of the view.
        left: at +y.
        right: at -y.
        ceiling: of a room.
        ceiling_m: how high it is; NOWHERE_M outdoors.
        boxes: all that stands there.
        lighting: its constant light.
    """

    ground: Finish
    verge: Finish
    verge_from_m: float
    verge_side: float
    back: Wall
    left: Wall
    right: Wall
    ceiling: Finish
    ceiling_m: float
    boxes: tuple[Box, ...]
    lighting: Lighting


def plan(seed: int) -> Plan:
    """Make up a place."""
    dice = Dice(Draws([seed]).child("place"))
    kind = dice.pick("kind", (_hall, _arcade, _platform, _street, _square, _yard), (0.22, 0.14, 0.12, 0.24, 0.16, 0.12))
    return kind(dice)


def _hall(dice: Dice) -> Plan:
    """A hall or wide corridor indoors."""
    wall = dice.pick("walls", INNER_WALLS)(dice.child("walls"))
    insets = (notice_boards, double_doors)

    def side(name: str) -> Finish:
        return wall.with_insets(
            *[inset(dice.child(name)) for inset in insets if dice.chance(f"{name}/{inset.__name__}", 0.7)]
        )

    floor = dice.pick("floor", INNER_FLOORS)(dice.child("floor"))
    return _indoors(dice, floor, [side("back"), side("left"), side("right")], furniture.INDOOR)


def _arcade(dice: Dice) -> Plan:
    """A shopping arcade indoors: shop fronts on both sides."""
    floor = dice.pick("floor", (tiles, terrazzo))(dice.child("floor"))
    wall = plain(quiet(dice, "wall"), 0.04)
    fronts = [
        wall.with_insets(shop_windows(dice.child(name), 3.0), sign_band(dice.child(name), 2.75))
        for name in ("back", "left", "right")
    ]
    things = (furniture.bench, furniture.planter, furniture.bin_, furniture.kiosk, furniture.counter)
    return _indoors(dice, floor, fronts, things)


def _platform(dice: Dice) -> Plan:
    """A station under a roof: pillars in rows, a yellow line."""
    floor = dice.pick("floor", (slabs, tiles, terrazzo))(dice.child("floor"))
    edge_m = dice.between("edge", 4.6, 5.6) * dice.pick("side", (-1.0, 1.0))
    floor = floor.with_insets(line_along(edge_m, 0.4, is_yellow=True), line_along(edge_m * 1.06, 0.1))
    wall = dice.pick("walls", (wall_tiles, panels, brick))(dice.child("walls"))
    side = wall.with_insets(notice_boards(dice.child("boards")), sign_band(dice.child("name"), 2.5))
    first_m, gap_m = dice.between("first", 2.5, 5.0), dice.between("gap", 4.0, 6.0)
    row_m = dice.between("row", 3.2, 4.4) * math.copysign(1.0, -edge_m)
    column = furniture.pillar(dice.child("column"))
    rows = [_put(column, first_m + index * gap_m, row_m, 0.0) for index in range(4)]
    things = (furniture.bench, furniture.bin_, furniture.kiosk, furniture.cabinet)
    return _indoors(dice, floor, [wall, side, side], things, rows)


def _street(dice: Dice) -> Plan:
    """A street: fronts on both sides, a road with parked cars."""
    side = dice.pick("side", (-1.0, 1.0))
    kerb_m = dice.between("kerb", 2.5, 5.2)
    road = asphalt(dice.child("road"))
    lines = [line_along(side * (kerb_m + 0.1), 0.18)]
    if dice.chance("middle", 0.6):
        lines.append(line_along(side * (kerb_m + dice.between("lane", 3.0, 3.6)), 0.12, 2.0))
    if dice.chance("crossing", 0.25):
        lines.append(crossing(dice.child("crossing")))
    left, right = (
        _front(dice.child(name), name, *((kerb_m + 5.0, kerb_m + 9.0) if sign == side else (7.0, 11.0)))
        for name, sign in (("left", 1.0), ("right", -1.0))
    )
    far = [_distant(dice.child("far", index), 34.0 + 14.0 * index, 3.0 * (index - 1)) for index in range(2)]
    cars = _parked(dice.child("cars"), side * (kerb_m + 1.25), 0.0)
    pavement = paving(dice.child("pavement"))
    return _outdoors(dice, pavement, road.with_insets(*lines), kerb_m, side, (_nothing(), left, right), [*cars, *far])


def _square(dice: Dice) -> Plan:
    """A square: paving, fronts at the far side, trees."""
    back = _front(dice.child("back"), "back", 16.0, 30.0)
    sides = [
        _front(dice.child(name), name, 9.0, 16.0) if dice.chance(f"{name}/closed", 0.6) else _nothing(side)
        for name, side in (("left", 1.0), ("right", -1.0))
    ]
    trees = [
        _put(furniture.tree(dice.child("tree", index)), dice.between(f"tree{index}/x", 12.0, 20.0),
             (index - 1) * 5.0 + dice.between(f"tree{index}/y", -1.5, 1.5), dice.between(f"tree{index}/yaw", 0.0, 3.0))
        for index in range(dice.count("trees", 0, 3))
    ]  # fmt: skip
    ground = paving(dice.child("ground"))
    far = [_distant(dice.child("far", index), 30.0, (index - 0.5) * 50.0) for index in range(2)]
    return _outdoors(dice, ground, ground, NOWHERE_M, 1.0, (back, sides[0], sides[1]), [*trees, *far])


def _yard(dice: Dice) -> Plan:
    """A yard or car park with a wall around it and buildings behind."""
    bays_m = dice.between("bays", 7.0, 8.0)
    side = dice.pick("side", (-1.0, 1.0))
    from_m = bays_m if side > 0 else -bays_m - 5.0
    ground = asphalt(dice.child("ground"))
    lined = ground.with_insets(bays(from_m, 5.0, 2.5), line_along(side * (bays_m - 2.0), 0.12))
    wall = dice.pick("wall", (brick, slabs, panels))(dice.child("wall")).with_insets()
    high_m = dice.between("high", 1.8, 3.2)
    back = Wall(dice.between("back", 16.0, 26.0), high_m, wall)
    walls = [Wall(sign * dice.between(f"wall{sign}", 13.0, 15.0), high_m, wall) for sign in (1.0, -1.0)]
    cars = _parked(dice.child("cars"), side * (bays_m + 2.4), math.pi / 2)
    far = [_distant(dice.child("far", index), 32.0, (index - 1) * 22.0) for index in range(3)]
    return _outdoors(dice, lined, ground, NOWHERE_M, 1.0, (back, walls[0], walls[1]), [*cars, *far])


def _indoors(
    dice: Dice, floor: Finish, walls: Sequence[Finish], things: Sequence[Maker], standing: Sequence[Group] = ()
) -> Plan:
    """A room with its furniture: `walls` are back, left and right."""
    back_m, left_m = dice.between("back", 14.8, 24.0), dice.between("left", 6.6, 9.5)
    right_m = dice.between("right", 6.6, 9.5)
    ceiling = plain(quiet(dice, "ceiling"), 0.03).with_insets(ceiling_lamps(dice.child("lamps")))
    boxes = _furnish(dice.child("things"), things, furniture.INDOOR_MIDDLE, (left_m, right_m), back_m, standing)
    return Plan(
        floor, floor, NOWHERE_M, 1.0,
        Wall(back_m, NOWHERE_M, walls[0]), Wall(left_m, NOWHERE_M, walls[1]), Wall(-right_m, NOWHERE_M, walls[2]),
        ceiling, dice.between("high", 3.0, 6.0), boxes, lamps(dice.child("light")),
    )  # fmt: skip


def _outdoors(
    dice: Dice, ground: Finish, verge: Finish, verge_from_m: float, side: float, walls: tuple[Wall, Wall, Wall],
    standing: Sequence[Group],
) -> Plan:  # fmt: skip
    """A place under the sky with its furniture: `walls` are back, left and right."""
    back, left, right = walls
    sides_m = min(left.at_m, 12.0), min(-right.at_m, 12.0)
    boxes = _furnish(
        dice.child("things"), furniture.OUTDOOR, furniture.OUTDOOR_MIDDLE, sides_m, min(back.at_m, 22.0), standing
    )
    lighting = dice.pick("light", (overcast, sun, evening), (0.45, 0.4, 0.15))(dice.child("light"))
    return Plan(ground, verge, verge_from_m, side, back, left, right, ground, NOWHERE_M, boxes, lighting)


def _furnish(
    dice: Dice, things: Sequence[Maker], middle: Sequence[Maker], walls_m: tuple[float, float], back_m: float,
    standing: Sequence[Group],
) -> tuple[Box, ...]:  # fmt: skip
    """Set things along the sides, before the back, in the middle, and now and then close to the camera.

    Args:
        dice: of the furniture.
        things: what stands at the sides and at the back.
        middle: what stands where people walk.
        walls_m: how far the left and the right wall are from y = 0.
        back_m: x of the back wall.
        standing: what stands there already.

    Returns:
        All boxes, those of `standing` too.
    """
    wishes: list[tuple[Dice, Sequence[Maker], tuple[float, float], tuple[float, float], float]] = []
    for index in range(dice.count("middles", 1, 3)):
        one = dice.child("middle", index)
        yaw_rad = one.between("yaw", -0.4, 0.4) + one.pick("turn", (0.0, math.pi / 2))
        wishes.append((one, middle, (4.5, 11.5), (-4.0, 4.0), yaw_rad))
    if dice.chance("near", 0.35):
        one = dice.child("near")
        wishes.append((one, furniture.NEAR, (1.8, 2.8), one.pick("edge", ((-1.9, -1.1), (1.1, 1.9))), math.pi / 2))
    for index in range(dice.count("sides", 4, 7)):
        one = dice.child("side", index)
        sign, wall_m = (1.0, walls_m[0]) if one.chance("left", 0.5) else (-1.0, walls_m[1])
        ys_m = sign * max(5.0, wall_m - 1.1), sign * (wall_m - 0.6)
        wishes.append((one, things, (3.5, 15.0), ys_m, one.pick("turn", (0.0, math.pi))))
    for index in range(dice.count("backs", 1, 3)):
        one = dice.child("back", index)
        wishes.append((one, things, (13.0, back_m - 0.6), (-6.0, 6.0), one.pick("turn", (0.0, math.pi / 2))))
    groups = list(standing)
    for one, makers, xs_m, ys_m, yaw_rad in wishes:
        for attempt in range(_TRIES):
            x_m, y_m = one.between(f"x{attempt}", *xs_m), one.between(f"y{attempt}", *ys_m)
            if all(math.dist((x_m, y_m), group[0].centre_m[:2]) > _APART_M for group in groups):
                groups.append(_put(one.pick("thing", makers)(one.child("thing")), x_m, y_m, yaw_rad))
                break
    return tuple(box for group in groups for box in group)


def _front(dice: Dice, name: str, near_m: float, far_m: float) -> Wall:
    """A row of houses, with shops or windows in the ground floor."""
    high_m = dice.between("high", 6.5, 13.0)
    wall = dice.pick("wall", OUTER_WALLS)(dice.child("wall"))
    upper = facade_windows(dice.child("windows"), 3.4, high_m - 1.0)
    lower = dice.child("shops")
    if dice.chance("shops", 0.6):
        insets = [upper, shop_windows(lower, 2.9), sign_band(lower, 2.75)]
    else:
        insets = [upper, facade_windows(lower, 0.0, 3.5)]
    finish = wall.with_insets(*insets).with_houses(dice.between("house", 7.0, 18.0))
    sign = -1.0 if name == "right" else 1.0
    return Wall(sign * dice.between("at", near_m, far_m), high_m, finish, step_m=dice.between("step", 0.0, 2.0))


def _nothing(side: float = 1.0) -> Wall:
    return Wall(side * NOWHERE_M, 0.0, plain((0.0, 0.0, 0.0)))


def _distant(dice: Dice, x_m: float, y_m: float) -> Group:
    """A building far behind."""
    return _put(furniture.building(dice), x_m + dice.between("x", 0.0, 6.0), y_m + dice.between("y", -4.0, 4.0),
                math.pi / 2 + dice.between("yaw", -0.3, 0.3))  # fmt: skip


def _parked(dice: Dice, y_m: float, yaw_rad: float) -> list[Group]:
    """Cars in a row along x, parallel to it or across."""
    step_m, count = (5.6, 5) if yaw_rad == 0.0 else (2.5, 7)
    cars = []
    for index in range(count):
        one = dice.child("car", index)
        if one.chance("there", 0.6):
            turn_rad = yaw_rad + one.between("yaw", -0.03, 0.03) + math.pi * one.count("turn", 0, 1)
            x_m, aside_m = 3.0 + (index + 0.5) * step_m, one.between("y", -0.15, 0.15)
            cars.append(_put(furniture.car(one), x_m, y_m + aside_m, turn_rad))
    return cars


def _put(group: Group, x_m: float, y_m: float, yaw_rad: float) -> Group:
    return [box.placed(x_m, y_m, yaw_rad) for box in group]
