"""Flat shapes that things in front of people are put together from, and painting them.

Lengths are in heights of the crop, which reaches from 0 to its width over its height across, and from 0 to 1 downwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

FIELDS = (
    "x",
    "y",
    "half_width",
    "half_height",
    "rounding",
    "turn_rad",
    "outline",
    "every",
    "times",
    "bulge",
    "slope",
    "stripes",
    "stripe_depth",
    "red",
    "green",
    "blue",
)
AWAY = 9.0  # a place where nothing is seen
MOST_COVERED = 0.45


@dataclass(frozen=True)
class Shapes:
    """The shapes of K things: each a list of boxes with round corners.

    Attributes:
        values: (K, P, F) float32, by `FIELDS`: the middle; half the size without the rounding of the corners; the turn,
            clockwise; half the thickness of an outline that is painted instead of the whole, or 0; the distance of
            copies along the box's width and how many there are on each side; how much darker the sides are (as of a
            column), and the lower end; how many dark stripes there are in a height, and how dark they are; the colour,
            linear and without the light.
        number: (K,) int64, how many of the P shapes a thing has. They are painted in order.
        softness: (K,) float32, over what length edges run out.
    """

    values: np.ndarray
    number: np.ndarray
    softness: np.ndarray

    def select(self, rows: np.ndarray) -> Shapes:
        """Pick things, with repetition: (M,) indices give M things."""
        return Shapes(self.values[rows], self.number[rows], self.softness[rows])


def shape(rgb: np.ndarray, **fields: np.ndarray | float) -> np.ndarray:
    """One shape of each of K things.

    Args:
        rgb: (K, 3), their colours.
        fields: (K,) each, or one for all, by the names of `FIELDS`; what is left out is 0.

    Returns:
        (K, F) float32.
    """
    values = np.zeros((len(rgb), len(FIELDS)), dtype=np.float32)
    for name, of_all in fields.items():
        values[:, FIELDS.index(name)] = of_all
    values[:, -3:] = rgb
    return values


def paint(linear: Tensor, shapes: Shapes, light: Tensor) -> None:
    """Paint things over images, in place.

    Args:
        linear: (K, 3, H, W) linear light.
        shapes: one thing an image, those of the most shapes first.
        light: (K,), what a white surface sends back.
    """
    height_px, width_px = linear.shape[2:]
    across = (torch.arange(width_px, device=linear.device, dtype=torch.float32) + 0.5) / height_px  # (W,)
    downwards = ((torch.arange(height_px, device=linear.device, dtype=torch.float32) + 0.5) / height_px)[:, None]
    values = torch.from_numpy(shapes.values).to(linear.device)[..., None, None]  # (K, P, F, 1, 1)
    edge = torch.from_numpy(1.0 / shapes.softness).to(linear.device)[:, None, None]
    turns = shapes.values[:, :, FIELDS.index("turn_rad")].astype(np.float64)
    cosines = torch.from_numpy(np.cos(turns).astype(np.float32)).to(linear.device)[..., None, None]
    sines = torch.from_numpy(np.sin(turns).astype(np.float32)).to(linear.device)[..., None, None]
    for place in range(int(shapes.number.max(initial=0))):
        count = int((shapes.number > place).sum())
        field = dict(zip(FIELDS, values[:count, place].unbind(dim=1), strict=True))  # (count, 1, 1) each
        cosine, sine = cosines[:count, place], sines[:count, place]
        right, below = across - field["x"], downwards - field["y"]
        along = right * cosine + below * sine  # (count, H, W)
        down = below * cosine - right * sine
        if shapes.values[:count, place, FIELDS.index("times")].any():
            copy = (along / field["every"]).round_()
            along -= torch.minimum(torch.maximum(copy, -field["times"]), field["times"]) * field["every"]
        cover = (0.5 - _distance(along, down, field) * edge[:count]).clamp_(0.0, 1.0)
        tone = _tone(along, down, field) * light[:count, None, None]
        for channel, colour in enumerate(("red", "green", "blue")):
            seen = linear[:count, channel]
            seen += (tone * field[colour] - seen) * cover


def _distance(along: Tensor, down: Tensor, field: dict[str, Tensor]) -> Tensor:
    """(K, H, W): how far pixels are outside of a shape; negative inside."""
    out_along = along.abs() - field["half_width"]
    out_down = down.abs() - field["half_height"]
    inside = torch.maximum(out_along, out_down).clamp_max_(0.0)
    out_along, out_down = out_along.clamp_min_(0.0), out_down.clamp_min_(0.0)
    distance = (out_along * out_along + out_down * out_down).sqrt_() + inside - field["rounding"]
    return torch.where(field["outline"] > 0, distance.abs() - field["outline"], distance)


def _tone(along: Tensor, down: Tensor, field: dict[str, Tensor]) -> Tensor:
    """(K, H, W): how bright a shape is where, without its colour."""
    from_middle = along / (field["half_width"] + field["rounding"])
    bulge = field["bulge"] * (from_middle * from_middle)
    slope = field["slope"] * (down / (field["half_height"] + field["rounding"])).clamp_(-1.0, 1.0)
    phase = along * field["stripes"]
    stripe = (phase - phase.round()).abs_() * field["stripe_depth"]  # a triangle wave: a sine's last bits vary
    return (1.0 - bulge - slope * 0.5 - stripe).clamp_(0.08, 1.5)
