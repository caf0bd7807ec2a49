"""Things that come and go or grow in front of people, as shapes."""

from __future__ import annotations

import numpy as np

from reid.data.synthetic.cameras.occluder_colours import CLOTHS, GLASSES, GREYS, LEAVES, PAINTS, WOODS, colours
from reid.data.synthetic.cameras.occluder_shapes import MOST_COVERED, shape
from reid.data.synthetic.draws import Draws

# Of a bicycle's frame, in radii of its wheels: where the middle is (from the frame's middle, and above the axles), half
# the length, and the turn.
_TUBES = ((-0.72, 0.4, 0.5, -1.0), (0.98, 0.55, 0.65, 1.05), (0.26, 0.5, 0.6, -0.75), (0.0, 0.95, 0.55, 0.0))
_LUMPS, _LEAVES_ALONE = 9, 5


def bicycle(draws: Draws, travel: np.ndarray, aspect: float) -> list[np.ndarray]:
    """Two wheels and a frame, cut off by the crop as it comes."""
    wheel = draws.uniform("wheel", 0.13, 0.19)
    axle_y = draws.uniform("height", 0.72, 1.0)
    x = draws.uniform("x", -0.1, aspect + 0.1) + travel
    rgb = colours(draws, "frame", GREYS + PAINTS)
    black = np.full_like(rgb, 0.02)
    wheels = [
        shape(black, x=x + way * wheel, y=axle_y, rounding=wheel, outline=draws.uniform("tyre", 0.006, 0.012))
        for way in (-1.65, 1.65)
    ]
    tubes = [
        shape(
            rgb,
            x=x + across * wheel,
            y=axle_y - up * wheel,
            half_width=half_length * wheel,
            half_height=0.007,
            turn_rad=turn_rad,
        )
        for across, up, half_length, turn_rad in _TUBES
    ]
    saddle = shape(
        black, x=x - 0.6 * wheel, y=axle_y - 1.25 * wheel, half_width=0.035, half_height=0.004, rounding=0.01
    )
    return [*wheels, *tubes, saddle]


def luggage(draws: Draws, travel: np.ndarray, aspect: float) -> list[np.ndarray]:
    """A case with its handle up, and a bag beside it."""
    x = draws.uniform("x", 0.0, aspect) + travel
    half_width, half_height = draws.uniform("width", 0.06, 0.11), draws.uniform("height", 0.08, 0.15)
    y = 1.05 - half_height
    bag = draws.uniform("bag", 0.03, 0.06)
    bag_x = x + draws.uniform("bag side", -1.0, 1.0) * (half_width + bag)
    return [
        shape(
            colours(draws, "handle", GREYS),
            x=x,
            y=y - half_height,
            half_width=0.6 * half_width,
            half_height=draws.uniform("handle", 0.05, 0.14),
            outline=0.005,
        ),
        shape(
            colours(draws, "case", CLOTHS + PAINTS + WOODS),
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
            colours(draws, "bag", CLOTHS + PAINTS),
            x=bag_x,
            y=1.0 - bag,
            half_width=0.5 * bag,
            half_height=0.4 * bag,
            rounding=0.6 * bag,
            bulge=0.4,
            slope=0.5,
        ),
    ]


def vehicle(draws: Draws, travel: np.ndarray, aspect: float) -> list[np.ndarray]:
    """The upper part of a parked car: body, windows, a lamp."""
    top = 1.0 - draws.uniform("covered", 0.15, MOST_COVERED - 0.02)
    end = draws.uniform("end", -0.4, 1.0) * aspect + travel
    window_half = draws.uniform("window", 0.03, 0.06)
    return [
        shape(
            colours(draws, "paint", GREYS + PAINTS),
            x=end + 0.9,
            y=top + 1.0,
            half_width=0.9,
            half_height=0.94,
            rounding=0.06,
            slope=0.9,
            turn_rad=draws.uniform("turn", -0.015, 0.015),
        ),
        shape(
            colours(draws, "glass", GLASSES),
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
            colours(draws, "lamp", ((0.5, 0.05, 0.03), (0.6, 0.6, 0.55))),
            x=end + 0.02,
            y=top + 2.6 * window_half + 0.03,
            half_width=0.012,
            half_height=0.01,
            rounding=0.01,
        ),
    ]


def plant(draws: Draws, travel: np.ndarray, aspect: float) -> list[np.ndarray]:
    """A bush from below or a branch from above, at either side: lumps of leaves, and some leaves on their own."""
    inwards = draws.uniform("inwards", 0.0, 0.35) * aspect
    x = np.where(draws.chance("right", 0.5), aspect - inwards, inwards) + 0.5 * travel
    y = np.where(draws.chance("above", 0.3), 0.02, 0.9)
    spread, lump = draws.uniform("spread", 0.07, 0.13), draws.uniform("lump", 0.05, 0.085)
    rgb = colours(draws, "leaves", LEAVES)
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
