"""The things that stand in front of people in streets and buildings, as shapes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from reid.data.synthetic.draws import Draws
from reid.data.synthetic.occluder_shapes import AWAY, FIELDS, Shapes, shape

_MOST_COVERED = 0.45
_LUMPS, _LEAVES_ALONE = 9, 5

_GREYS = ((0.02, 0.02, 0.022), (0.07, 0.07, 0.075), (0.25, 0.26, 0.27), (0.45, 0.46, 0.46))
_WALLS = ((0.42, 0.4, 0.36), (0.22, 0.21, 0.2), (0.6, 0.58, 0.54), (0.2, 0.12, 0.08), (0.33, 0.24, 0.16))
_WOODS = ((0.22, 0.12, 0.06), (0.1, 0.055, 0.03), (0.42, 0.28, 0.16), (0.6, 0.59, 0.57))
_PAINTS = (
    (0.6, 0.6, 0.6),
    (0.3, 0.31, 0.33),
    (0.3, 0.03, 0.03),
    (0.03, 0.06, 0.2),
    (0.04, 0.1, 0.06),
    (0.5, 0.4, 0.06),
)
_CLOTHS = ((0.03, 0.03, 0.035), (0.06, 0.06, 0.065), (0.03, 0.05, 0.14), (0.25, 0.03, 0.04), (0.2, 0.14, 0.09))
_LEAVES = ((0.06, 0.11, 0.03), (0.1, 0.16, 0.05), (0.14, 0.2, 0.07), (0.05, 0.08, 0.04))
_GLASSES = ((0.03, 0.035, 0.04), (0.08, 0.09, 0.1), (0.2, 0.23, 0.25))


def draw_things(draws: Draws, passed: np.ndarray, aspect: float) -> Shapes:
    """Draw things and where they are.

    Args:
        draws: K seeds, equal for images that show the same thing.
        passed: (K,) in [0, 1): how much has passed of the time in which a thing is in view.
        aspect: the crop's width over its height.

    Returns:
        Their shapes; no thing covers more than half of the crop.
    """
    kinds = draws.choice("kind", [weight for weight, _ in _KINDS])
    travel = draws.normal("travel", 0.0, 0.4 * aspect) * (passed - 0.5)  # (K,)
    built = []
    for kind, (_, build) in enumerate(_KINDS):
        rows = np.flatnonzero(kinds == kind)
        built.append((rows, np.stack(build(Draws(draws.seeds[rows]), travel[rows], aspect), axis=1)))  # (K', P', F)
    values = np.zeros((len(draws), max(shapes.shape[1] for _, shapes in built), len(FIELDS)), dtype=np.float32)
    number = np.zeros(len(draws), dtype=np.int64)
    for rows, shapes in built:
        values[rows, : shapes.shape[1]] = shapes
        number[rows] = shapes.shape[1]
    return Shapes(values, number, draws.uniform("softness", 0.006, 0.025))


def _post(draws: Draws, travel: np.ndarray, aspect: float) -> list[np.ndarray]:
    """A lamp post, a pillar or a bollard; half of the tall ones carry a bin, a box or a sign."""
    half_width = aspect * np.minimum(np.exp(draws.normal("width", np.log(0.07), 0.45)), 0.17)
    x = draws.uniform("x", 0.0, aspect) + travel
    is_low = draws.chance("low", 0.25)
    top = np.where(is_low, draws.uniform("top", 0.45, 0.75), -0.2)
    sign_x = np.where(is_low | draws.chance("bare", 0.5), AWAY, x)
    sign_half = np.minimum(half_width * draws.uniform("sign", 1.4, 2.4), 0.2 * aspect)
    return [
        shape(
            _colours(draws, "post", _GREYS + _WALLS),
            x=x,
            y=(top + 1.2) / 2.0,
            half_width=half_width,
            half_height=(1.2 - top) / 2.0,
            turn_rad=draws.normal("turn", 0.0, 0.015),
            bulge=0.75,
        ),
        shape(
            _colours(draws, "sign", _PAINTS),
            x=sign_x,
            y=draws.uniform("sign height", 0.1, 0.9),
            half_width=sign_half,
            half_height=sign_half * draws.uniform("sign shape", 0.7, 1.8),
            bulge=draws.uniform("sign bulge", 0.0, 0.6),
            slope=0.4,
        ),
    ]


def _counter(draws: Draws, travel: np.ndarray, aspect: float) -> list[np.ndarray]:
    """A counter or a low wall in front of the legs, with a ledge, and half of the time something on it."""
    top = 1.0 - draws.uniform("covered", 0.08, _MOST_COVERED - 0.05)
    turn_rad = draws.uniform("turn", -0.05, 0.05)
    thing = draws.uniform("thing", 0.02, 0.06)
    thing_x = np.where(draws.chance("empty", 0.5), AWAY, draws.uniform("thing x", 0.0, aspect) + travel)
    return [
        shape(
            _colours(draws, "thing", _PAINTS + _CLOTHS),
            x=thing_x,
            y=top,
            half_width=thing * draws.uniform("thing shape", 0.6, 1.4),
            half_height=thing,
            bulge=0.4,
        ),
        shape(
            _colours(draws, "body", _WALLS + _WOODS + _GREYS),
            x=aspect / 2.0,
            y=top + 1.0,
            half_width=3.0,
            half_height=1.0,
            turn_rad=turn_rad,
            slope=0.4,
            stripes=draws.uniform("stripes", 2.0, 14.0),
            stripe_depth=draws.uniform("stripe depth", 0.0, 0.4),
        ),
        shape(
            _colours(draws, "ledge", _WOODS + _GREYS),
            x=aspect / 2.0,
            y=top,
            half_width=3.0,
            half_height=draws.uniform("ledge", 0.005, 0.018),
            turn_rad=turn_rad,
        ),
    ]


def _table(draws: Draws, travel: np.ndarray, aspect: float) -> list[np.ndarray]:
    """A table or a bench: a slab on two legs."""
    top = draws.uniform("top", 0.5, 0.85)
    x = draws.uniform("x", 0.0, aspect) + travel
    half_width = aspect * draws.uniform("width", 0.25, 0.8)
    return [
        shape(
            _colours(draws, "legs", _GREYS + _WOODS),
            x=x - 0.85 * half_width,
            y=top + 0.5,
            half_width=draws.uniform("leg", 0.006, 0.016),
            half_height=0.5,
            bulge=0.5,
            every=1.7 * half_width,
            times=1.0,
        ),
        shape(
            _colours(draws, "slab", _WOODS + _GREYS),
            x=x,
            y=top,
            half_width=half_width,
            half_height=draws.uniform("slab", 0.008, 0.035),
            slope=0.6,
        ),
    ]


def _side(draws: Draws, travel: np.ndarray, aspect: float) -> list[np.ndarray]:
    """A door frame, the corner of a wall or a van's side, from the left or the right."""
    covered = aspect * np.clip(draws.uniform("covered", 0.08, 0.4) + travel / aspect, 0.03, _MOST_COVERED - 0.03)
    is_right = draws.chance("right", 0.5)
    edge, outwards = np.where(is_right, aspect - covered, covered), np.where(is_right, 1.0, -1.0)
    frame = draws.uniform("frame", 0.004, 0.02)
    turn_rad = draws.normal("turn", 0.0, 0.012)
    return [
        shape(
            _colours(draws, "body", _WALLS + _GREYS + _PAINTS),
            x=edge + outwards,
            y=0.5,
            half_width=1.0,
            half_height=2.0,
            turn_rad=turn_rad,
            slope=0.8,
            stripes=draws.uniform("stripes", 1.0, 10.0),
            stripe_depth=draws.uniform("stripe depth", 0.0, 0.25),
        ),
        shape(
            _colours(draws, "frame", _GREYS + _WOODS + _WALLS),
            x=edge + outwards * frame,
            y=0.5,
            half_width=frame,
            half_height=2.0,
            turn_rad=turn_rad,
            bulge=0.3,
        ),
    ]


def _railing(draws: Draws, travel: np.ndarray, aspect: float) -> list[np.ndarray]:
    """Two rails, and bars between them."""
    top = draws.uniform("top", 0.4, 0.78)
    bottom = top + draws.uniform("height", 0.25, 0.6)
    bar, rail = draws.uniform("bar", 0.003, 0.009), draws.uniform("rail", 0.005, 0.013)
    rgb = _colours(draws, "metal", _GREYS + _PAINTS[:1] + _PAINTS[4:5])
    turn_rad = draws.normal("turn", 0.0, 0.03)
    rails = [
        shape(rgb, x=aspect / 2.0, y=y, half_width=3.0, half_height=rail, turn_rad=turn_rad, slope=0.6)
        for y in (top, bottom)
    ]
    bars = shape(
        rgb,
        x=aspect / 2.0 + travel,
        y=(top + bottom) / 2.0,
        half_width=bar,
        half_height=(bottom - top) / 2.0,
        turn_rad=turn_rad,
        bulge=0.6,
        every=np.maximum(bar * draws.uniform("every", 5.0, 14.0), 0.03),
        times=200.0,
    )
    return [bars, *rails]


def _bicycle(draws: Draws, travel: np.ndarray, aspect: float) -> list[np.ndarray]:
    """Two wheels and a frame, cut off by the crop as it comes."""
    wheel = draws.uniform("wheel", 0.13, 0.19)
    axle_y = draws.uniform("height", 0.72, 1.0)
    x = draws.uniform("x", -0.1, aspect + 0.1) + travel
    rgb = _colours(draws, "frame", _GREYS + _PAINTS)
    black = np.full_like(rgb, 0.02)
    between = 1.65 * wheel
    shapes = [
        shape(black, x=x + way * between, y=axle_y, rounding=wheel, outline=draws.uniform("tyre", 0.006, 0.012))
        for way in (-1.0, 1.0)
    ]
    for way, turn_rad, across, up, length in (
        (-1.0, -1.0, 0.55, 0.4, 0.5),
        (1.0, 1.05, 0.75, 0.55, 0.65),
        (0.0, -0.75, 0.2, 0.5, 0.6),
        (0.0, 0.0, 0.0, 0.95, 0.55),
    ):
        shapes.append(
            shape(
                rgb,
                x=x + (way * across if way else across) * wheel * 1.3,
                y=axle_y - up * wheel,
                half_width=length * wheel,
                half_height=0.007,
                turn_rad=turn_rad,
            )
        )
    saddle = shape(
        black, x=x - 0.6 * wheel, y=axle_y - 1.25 * wheel, half_width=0.035, half_height=0.004, rounding=0.01
    )
    return [*shapes, saddle]


def _luggage(draws: Draws, travel: np.ndarray, aspect: float) -> list[np.ndarray]:
    """A case with its handle up, and a bag beside it."""
    x = draws.uniform("x", 0.0, aspect) + travel
    half_width, half_height = draws.uniform("width", 0.06, 0.11), draws.uniform("height", 0.08, 0.15)
    y = 1.05 - half_height
    bag = draws.uniform("bag", 0.03, 0.06)
    bag_x = x + draws.uniform("bag side", -1.0, 1.0) * (half_width + bag)
    return [
        shape(
            _colours(draws, "handle", _GREYS),
            x=x,
            y=y - half_height,
            half_width=0.6 * half_width,
            half_height=draws.uniform("handle", 0.05, 0.14),
            outline=0.005,
        ),
        shape(
            _colours(draws, "case", _CLOTHS + _PAINTS + _WOODS),
            x=x,
            y=y,
            half_width=half_width - 0.02,
            half_height=half_height - 0.02,
            rounding=0.02,
            bulge=0.4,
            slope=0.3,
            stripes=draws.uniform("ribs", 8.0, 30.0),
            stripe_depth=draws.uniform("rib depth", 0.0, 0.5),
        ),
        shape(
            _colours(draws, "bag", _CLOTHS + _PAINTS),
            x=bag_x,
            y=1.0 - bag,
            half_width=0.5 * bag,
            half_height=0.4 * bag,
            rounding=0.6 * bag,
            bulge=0.4,
            slope=0.5,
        ),
    ]


def _vehicle(draws: Draws, travel: np.ndarray, aspect: float) -> list[np.ndarray]:
    """The upper part of a parked car: body, windows, a lamp."""
    top = 1.0 - draws.uniform("covered", 0.15, _MOST_COVERED - 0.02)
    end = draws.uniform("end", -0.4, 1.0) * aspect + travel
    window_half = draws.uniform("window", 0.03, 0.06)
    return [
        shape(
            _colours(draws, "paint", _GREYS + _PAINTS),
            x=end + 0.9,
            y=top + 1.0,
            half_width=0.9,
            half_height=0.94,
            rounding=0.06,
            slope=0.9,
            turn_rad=draws.uniform("turn", -0.015, 0.015),
        ),
        shape(
            _colours(draws, "glass", _GLASSES),
            x=end + 0.74,
            y=top + window_half,
            half_width=0.1,
            half_height=window_half - 0.02,
            rounding=0.015,
            every=0.29,
            times=2.0,
            slope=0.5,
        ),
        shape(
            _colours(draws, "lamp", ((0.5, 0.05, 0.03), (0.6, 0.6, 0.55))),
            x=end + 0.02,
            y=top + 2.6 * window_half + 0.03,
            half_width=0.012,
            half_height=0.01,
            rounding=0.01,
        ),
    ]


def _plant(draws: Draws, travel: np.ndarray, aspect: float) -> list[np.ndarray]:
    """A bush from below or a branch from above, at either side: lumps of leaves, and some leaves on their own."""
    x = np.where(draws.chance("right", 0.5), aspect, 0.0) + draws.normal("x", 0.0, 0.15 * aspect) + 0.5 * travel
    y = np.where(draws.chance("above", 0.3), 0.02, 0.9)
    spread, lump = draws.uniform("spread", 0.07, 0.13), draws.uniform("lump", 0.05, 0.085)
    rgb = _colours(draws, "leaves", _LEAVES)
    shapes = []
    for place in range(_LUMPS + _LEAVES_ALONE):
        own = draws.child("leaf", place)
        is_lump = place < _LUMPS
        size = lump * own.uniform("size", 0.5, 1.1)
        from_middle = 0.5 * spread if is_lump else spread
        shapes.append(
            shape(
                rgb * np.exp(own.normal("shade", 0.0, 0.35))[:, None],
                x=x + from_middle * own.normal("x"),
                y=y + 1.3 * from_middle * own.normal("y"),
                half_width=size * (0.3 if is_lump else 0.2),
                rounding=size * (0.7 if is_lump else 0.12),
                turn_rad=own.uniform("turn", 0.0, np.pi),
                bulge=0.6,
                slope=0.5,
                stripes=own.uniform("stripes", 25.0, 45.0),
                stripe_depth=0.9 if is_lump else 0.0,
            )
        )
    return shapes


def _colours(draws: Draws, name: str, palette: tuple[tuple[float, float, float], ...]) -> np.ndarray:
    """(K, 3), near colours of the palette."""
    rgb = np.asarray(palette, dtype=np.float32)[draws.choice(name + "/colour", [1.0] * len(palette))]
    shade = draws.normal(name + "/shade", 0.0, 0.2)[:, None]
    tint = draws.normal(name + "/tint", 0.0, 0.05, size=3)
    near: np.ndarray = rgb * np.exp(shade + tint)
    return near


_Build = Callable[[Draws, np.ndarray, float], list[np.ndarray]]
_KINDS: tuple[tuple[float, _Build], ...] = (
    (0.22, _post),
    (0.17, _counter),
    (0.08, _table),
    (0.13, _side),
    (0.1, _railing),
    (0.08, _bicycle),
    (0.08, _luggage),
    (0.07, _vehicle),
    (0.07, _plant),
)
