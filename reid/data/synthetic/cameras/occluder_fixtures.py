"""Built things in front of people, as shapes: what stands in a place for good."""

from __future__ import annotations

import numpy as np

from reid.data.synthetic.cameras.occluder_colours import CLOTHS, GREYS, PAINTS, WALLS, WOODS, colours
from reid.data.synthetic.cameras.occluder_shapes import AWAY, MOST_COVERED, shape
from reid.data.synthetic.draws import Draws


def post(draws: Draws, travel: np.ndarray, aspect: float) -> list[np.ndarray]:
    """A lamp post, a pillar or a bollard; half of the tall ones carry a bin, a box or a sign."""
    half_width = aspect * np.minimum(np.exp(draws.normal("width", np.log(0.07), 0.45)), 0.17)
    x = draws.uniform("x", 0.0, aspect) + travel
    is_low = draws.chance("low", 0.25)
    top = np.where(is_low, draws.uniform("top", 0.45, 0.75), -0.2)
    sign_x = np.where(is_low | draws.chance("bare", 0.5), AWAY, x)
    sign_half = np.minimum(half_width * draws.uniform("sign", 1.4, 2.4), 0.2 * aspect)
    return [
        shape(
            colours(draws, "post", GREYS + WALLS),
            x=x,
            y=(top + 1.2) / 2.0,
            half_width=half_width,
            half_height=(1.2 - top) / 2.0,
            turn_rad=draws.normal("turn", 0.0, 0.015),
            bulge=0.75,
        ),
        shape(
            colours(draws, "sign", PAINTS),
            x=sign_x,
            y=draws.uniform("sign height", 0.1, 0.9),
            half_width=sign_half,
            half_height=sign_half * draws.uniform("sign shape", 0.7, 1.8),
            bulge=draws.uniform("sign bulge", 0.0, 0.6),
            slope=0.4,
        ),
    ]


def counter(draws: Draws, travel: np.ndarray, aspect: float) -> list[np.ndarray]:
    """A counter or a low wall in front of the legs, with a ledge, and half of the time something on it."""
    top = 1.0 - draws.uniform("covered", 0.08, MOST_COVERED - 0.05)
    turn_rad = draws.uniform("turn", -0.05, 0.05)
    thing = draws.uniform("thing", 0.02, 0.06)
    thing_x = np.where(draws.chance("empty", 0.5), AWAY, draws.uniform("thing x", 0.0, aspect) + travel)
    return [
        shape(
            colours(draws, "thing", PAINTS + CLOTHS),
            x=thing_x,
            y=top,
            half_width=thing * draws.uniform("thing shape", 0.6, 1.4),
            half_height=thing,
            bulge=0.4,
        ),
        shape(
            colours(draws, "body", WALLS + WOODS + GREYS),
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
            colours(draws, "ledge", WOODS + GREYS),
            x=aspect / 2.0,
            y=top,
            half_width=3.0,
            half_height=draws.uniform("ledge", 0.005, 0.018),
            turn_rad=turn_rad,
        ),
    ]


def table(draws: Draws, travel: np.ndarray, aspect: float) -> list[np.ndarray]:
    """A table or a bench: a slab on two legs."""
    top = draws.uniform("top", 0.5, 0.85)
    x = draws.uniform("x", 0.0, aspect) + travel
    half_width = aspect * draws.uniform("width", 0.25, 0.8)
    return [
        shape(
            colours(draws, "legs", GREYS + WOODS),
            x=x - 0.85 * half_width,
            y=top + 0.5,
            half_width=draws.uniform("leg", 0.006, 0.016),
            half_height=0.5,
            bulge=0.5,
            every=1.7 * half_width,
            times=1.0,
        ),
        shape(
            colours(draws, "slab", WOODS + GREYS),
            x=x,
            y=top,
            half_width=half_width,
            half_height=draws.uniform("slab", 0.008, 0.035),
            slope=0.6,
        ),
    ]


def side(draws: Draws, travel: np.ndarray, aspect: float) -> list[np.ndarray]:
    """A door frame, the corner of a wall or a van's side, from the left or the right."""
    covered = aspect * np.clip(draws.uniform("covered", 0.08, 0.4) + travel / aspect, 0.03, MOST_COVERED - 0.03)
    is_right = draws.chance("right", 0.5)
    edge, outwards = np.where(is_right, aspect - covered, covered), np.where(is_right, 1.0, -1.0)
    frame = draws.uniform("frame", 0.004, 0.02)
    turn_rad = draws.normal("turn", 0.0, 0.012)
    return [
        shape(
            colours(draws, "body", WALLS + GREYS + PAINTS),
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
            colours(draws, "frame", GREYS + WOODS + WALLS),
            x=edge + outwards * frame,
            y=0.5,
            half_width=frame,
            half_height=2.0,
            turn_rad=turn_rad,
            bulge=0.3,
        ),
    ]


def railing(draws: Draws, travel: np.ndarray, aspect: float) -> list[np.ndarray]:
    """Two rails, and bars between them."""
    top = draws.uniform("top", 0.4, 0.78)
    bottom = top + draws.uniform("height", 0.25, 0.6)
    bar, rail = draws.uniform("bar", 0.003, 0.009), draws.uniform("rail", 0.005, 0.013)
    rgb = colours(draws, "metal", GREYS + PAINTS[:1] + PAINTS[4:5])
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
