"""Random changes to a clip in training: what a camera or a detector might have done otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from reid.config import Settings
from reid.preprocess import Crop, Preprocessing

Probability = Annotated[float, Field(ge=0, le=1)]
Frames = NDArray[np.uint8]  # (T, H, W, 3), RGB

_FROM_THE_TOP = 0.7  # of boxes around a part of the body: somebody behind a counter or a car
_NARROWED = 1 / 3
_NARROWEST = 0.6
_TRIES = 10
_ROWS_FOR_LEVEL = 16  # each such row tells how bright a picture is


class Augmentation(Settings):
    """How a clip is changed. Everything is the same in all frames of a clip but what has a level "frame".

    Attributes:
        flip: probability of left for right.
        flip_level: whether a clip or each of its frames is flipped or not.
        crop_padding_px: the frames are moved by up to so many pixels each way; what comes in at the border is black.
        erasing: probability that a rectangle is painted over.
        erasing_area: its share of the picture, from and to.
        erasing_ratio: its height by its width, from and to.
        erasing_level: whether a clip has one rectangle or each of its frames its own or none.
        erasing_fill: "mean", the colour that becomes zero in the model's input; "random", noise.
        partial: probability that the box is around a part of the body only, which fills the whole picture.
        partial_range: the part's share of the body's box, from and to.
        colour: brightness and contrast are each multiplied by 1 - colour to 1 + colour; 0 for none.
    """

    flip: Probability = 0.5
    flip_level: Literal["clip", "frame"] = "clip"
    crop_padding_px: int = Field(default=10, ge=0)
    erasing: Probability = 0.5
    erasing_area: tuple[float, float] = (0.02, 0.4)
    erasing_ratio: tuple[float, float] = (0.3, 1 / 0.3)
    erasing_level: Literal["clip", "frame"] = "clip"
    erasing_fill: Literal["mean", "random"] = "mean"
    partial: Probability = 0.0
    partial_range: tuple[float, float] = (0.3, 0.95)
    colour: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _check_ranges(self) -> Augmentation:
        for name, most in (("erasing_area", 1.0), ("erasing_ratio", np.inf), ("partial_range", 1.0)):
            low, high = getattr(self, name)
            if not 0 < low <= high <= most:
                limit = "" if most == np.inf else f" and at most {most:g}"
                raise ValueError(f"{name}: two numbers above 0{limit}, the lower one first, not {low:g} and {high:g}")
        return self


def augment(
    crops: Sequence[Crop],
    preprocessing: Preprocessing,
    augmentation: Augmentation,
    rng: np.random.Generator,
    out: Frames | None = None,
) -> Frames:
    """Make a clip of crops: cut, resize, recolour, move, flip and erase, in that order.

    Args:
        crops: T crops (height, width, 3) uint8, RGB, of any sizes. They are not written to.
        preprocessing: the model's size, and the colour that becomes zero.
        augmentation: what is done, and how often.
        rng: the clip's own generator.
        out: (T, H, W, 3) uint8 where the result is to be written; made here if None.

    Returns:
        (T, H, W, 3) uint8, RGB: `out` where it was given.

    Source: random erasing, Zhong et al. 2020, who try rectangles until one fits; here the picture stays whole after
    ten tries. A part of the body for the whole, as detectors give it, is this project's.
    """
    height, width = preprocessing.size_hw
    clip = np.empty((len(crops), height, width, 3), dtype=np.uint8) if out is None else out
    if rng.random() < augmentation.partial:
        crops = _cut(crops, augmentation.partial_range, rng)
    frames = [preprocessing.resize(crop) for crop in crops]
    if augmentation.colour:
        frames = _recolour(frames, augmentation.colour, rng)
    padding = augmentation.crop_padding_px
    down, right = rng.integers(-padding, padding + 1, size=2).tolist() if padding else (0, 0)
    for frame, target, flipped in zip(frames, clip, _flips(len(crops), augmentation, rng), strict=True):
        _place(frame, target, down, right, flipped)
    _erase(clip, preprocessing, augmentation, rng)
    return clip


def _cut(crops: Sequence[Crop], share_range: tuple[float, float], rng: np.random.Generator) -> list[Crop]:
    """Keep the same part of every crop, as views."""
    share = rng.uniform(*share_range)
    width = rng.uniform(max(share, _NARROWEST), 1.0) if rng.random() < _NARROWED else 1.0
    height = share / width
    left = rng.uniform(0.0, 1.0 - width)
    top = 0.0 if rng.random() < _FROM_THE_TOP else rng.uniform(0.0, 1.0 - height)
    return [crop[_span(crop.shape[0], top, height), _span(crop.shape[1], left, width)] for crop in crops]


def _span(length_px: int, start: float, share: float) -> slice:
    """Turn shares of a side into pixels, at least one of them."""
    size_px = max(1, round(length_px * share))
    start_px = min(round(length_px * start), length_px - size_px)
    return slice(start_px, start_px + size_px)


def _recolour(frames: list[Crop], strength: float, rng: np.random.Generator) -> list[Crop]:
    """Change brightness, and contrast around the clip's mean level."""
    brightness, contrast = rng.uniform(1 - strength, 1 + strength, size=2).tolist()
    level = float(np.mean([cv2.mean(frame[::_ROWS_FOR_LEVEL])[:3] for frame in frames]))
    gain, offset = brightness * contrast, brightness * level * (1 - contrast)
    # Half the time of a table, and it rounds and saturates alike.
    return [cv2.addWeighted(frame, gain, frame, 0.0, offset) for frame in frames]


def _flips(count: int, augmentation: Augmentation, rng: np.random.Generator) -> list[bool]:
    """Decide which of a clip's frames are flipped."""
    if augmentation.flip_level == "frame":
        flips: list[bool] = (rng.random(count) < augmentation.flip).tolist()
        return flips
    return [bool(rng.random() < augmentation.flip)] * count


def _place(frame: Crop, target: Crop, down: int, right: int, flipped: bool) -> None:
    """Write a frame, flipped or not and then moved, over all of `target`; what it leaves free becomes black."""
    height, width = target.shape[:2]
    down, right = max(-height, min(down, height)), max(-width, min(right, width))
    target[: max(down, 0)] = target[height + min(down, 0) :] = 0
    target[:, : max(right, 0)] = target[:, width + min(right, 0) :] = 0
    inner = target[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)]
    rows = slice(max(-down, 0), height - max(down, 0))
    first, last = max(-right, 0), width - max(right, 0)
    if flipped and inner.size:
        cv2.flip(frame[rows, width - last : width - first], 1, dst=inner)
    else:
        inner[:] = frame[rows, first:last]


def _erase(clip: Frames, preprocessing: Preprocessing, augmentation: Augmentation, rng: np.random.Generator) -> None:
    """Paint over one rectangle of the clip, or one in each of its frames."""
    parts = [clip] if augmentation.erasing_level == "clip" else [frame[np.newaxis] for frame in clip]
    for part in parts:
        if rng.random() >= augmentation.erasing:
            continue
        box = _rectangle(preprocessing.size_hw, augmentation, rng)
        if box is None:
            continue
        rows, columns = box
        shape = (rows.stop - rows.start, columns.stop - columns.start, 3)
        if augmentation.erasing_fill == "random":
            patch = np.frombuffer(rng.bytes(int(np.prod(shape))), np.uint8).reshape(shape)
        else:
            patch = np.empty(shape, np.uint8)
            patch[:] = np.rint(np.array(preprocessing.mean) * 255)
        part[:, rows, columns] = patch  # the same in every frame, as a thing that stands before the camera


def _rectangle(
    size_hw: tuple[int, int], augmentation: Augmentation, rng: np.random.Generator
) -> tuple[slice, slice] | None:
    """Draw rows and columns; None where none of the tries fits into the picture."""
    height, width = size_hw
    low, high = np.log(augmentation.erasing_ratio)
    for _ in range(_TRIES):
        area = rng.uniform(*augmentation.erasing_area) * height * width
        ratio = np.exp(rng.uniform(low, high))
        box_height, box_width = max(1, round(np.sqrt(area * ratio))), max(1, round(np.sqrt(area / ratio)))
        if box_height <= height and box_width <= width:
            top, left = rng.integers(height - box_height + 1), rng.integers(width - box_width + 1)
            return slice(top, top + box_height), slice(left, left + box_width)
    return None
