"""From a crop of any size to the pixels a model takes: the one place that resizes and normalises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict
from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

Crop = NDArray[np.uint8]


@dataclass(frozen=True)
class Preprocessing:
    """How crops become a model's input; a checkpoint carries it with the weights.

    Args:
        size_hw: height and width that crops are stretched to, in pixels.
        mean: per channel (R, G, B), of values in [0, 1].
        std: per channel (R, G, B), of values in [0, 1], positive.
        interpolation: "area" averages over the pixels that fall together where no side of a crop grows, and
            is bilinear otherwise; "bilinear" and "bicubic" look at the nearest pixels only.

    Raises:
        ValueError: a size or a deviation is not positive.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    size_hw: tuple[int, int]
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    interpolation: Literal["area", "bilinear", "bicubic"] = "area"

    def __post_init__(self) -> None:
        if min(self.size_hw) < 1:
            raise ValueError(f"size_hw: both sides must be at least 1 px, not {self.size_hw}")
        if min(self.std) <= 0:
            raise ValueError(f"std: must be positive, not {self.std}")

    def resize(self, crop_rgb: Crop) -> Crop:
        """Stretch a crop to the model's size.

        Args:
            crop_rgb: (height, width, 3) uint8, RGB, any size from 1x1.

        Returns:
            (H, W, 3) uint8, RGB; the crop itself where it already has that size.

        Raises:
            ValueError: the crop has another shape or type.
        """
        _check_crop(crop_rgb)
        height, width = self.size_hw
        if crop_rgb.shape[:2] == (height, width):
            return crop_rgb
        shrinks = crop_rgb.shape[0] >= height and crop_rgb.shape[1] >= width
        method = {
            "area": cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
            "bilinear": cv2.INTER_LINEAR,
            "bicubic": cv2.INTER_CUBIC,
        }[self.interpolation]
        # Crops are often views into a frame, or its BGR turned around; OpenCV wants them contiguous.
        resized: Crop = cv2.resize(np.ascontiguousarray(crop_rgb), (width, height), interpolation=method)
        return resized

    def normalise(self, frames_rgb: Tensor) -> Tensor:
        """Turn resized frames into floats, on the device they are on.

        Args:
            frames_rgb: (..., H, W, 3) uint8, RGB.

        Returns:
            (..., 3, H, W) float32, (value / 255 - mean) / std.
        """
        mean = torch.tensor(self.mean, device=frames_rgb.device)
        std = torch.tensor(self.std, device=frames_rgb.device)
        return frames_rgb.to(torch.float32).sub_(mean * 255).div_(std * 255).movedim(-1, -3)

    def __call__(self, crops_rgb: Sequence[Crop]) -> Tensor:
        """Turn crops (height, width, 3) of any sizes into (number of crops, 3, H, W) float32, on the CPU."""
        height, width = self.size_hw
        frames = np.empty((len(crops_rgb), height, width, 3), dtype=np.uint8)
        for index, crop in enumerate(crops_rgb):
            frames[index] = self.resize(crop)
        return self.normalise(torch.from_numpy(frames))


def _check_crop(crop_rgb: Crop) -> None:
    """Refuse what is not an RGB uint8 HWC image with at least one pixel.

    Raises:
        ValueError: the shape or the type is another one.
    """
    if not isinstance(crop_rgb, np.ndarray):
        raise ValueError(f"crop: expected a numpy array, got {type(crop_rgb).__name__}")
    if crop_rgb.dtype != np.uint8 or crop_rgb.ndim != 3 or crop_rgb.shape[2] != 3 or 0 in crop_rgb.shape:
        raise ValueError(
            f"crop: expected (height, width, 3) uint8 with at least one pixel, got {crop_rgb.shape} {crop_rgb.dtype}"
        )
