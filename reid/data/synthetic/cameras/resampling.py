"""Change the resolution of pictures, and to the last bit the same in any batch."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

# Both together stay below float32's 24 bits, so that sums of products are exact in whatever order they are added.
_STEPS_PER_LEVEL = 8.0
_WEIGHT_STEPS = 2048.0


def resampled(planes: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """Scale pictures to another size: linear interpolation upwards, averages under a triangle downwards.

    Args:
        planes: (..., H, W), in levels of magnitude up to 255; rounded to eighths of a level where they are scaled.
        size_hw: the new height and width.

    Returns:
        (..., *size_hw).
    """
    height_px, width_px = planes.shape[-2:]
    if size_hw[0] != height_px:
        planes = torch.matmul(_matrix(height_px, size_hw[0], planes.device), _rounded(planes))
    if size_hw[1] != width_px:
        planes = torch.matmul(_rounded(planes), _matrix(width_px, size_hw[1], planes.device).T)
    return planes


def _rounded(planes: Tensor) -> Tensor:
    return (planes * _STEPS_PER_LEVEL).round_().mul_(1.0 / _STEPS_PER_LEVEL)


@lru_cache(maxsize=128)
def _matrix(length_px: int, new_length_px: int, device: torch.device) -> Tensor:
    """(new, old): the share of every old pixel in every new one; rows sum to 1."""
    old_per_new = length_px / new_length_px
    reach_px = max(1.0, old_per_new)
    middles_px = (np.arange(new_length_px) + 0.5) * old_per_new - 0.5
    places_px = np.arange(-length_px, 2 * length_px)  # beyond both ends, where the outermost pixel goes on
    shares = np.maximum(0.0, 1.0 - np.abs(places_px - middles_px[:, None]) / reach_px)  # (new, 3 * old)
    before, weights, after = np.split(shares, 3, axis=1)
    weights[:, 0] += before.sum(axis=1)
    weights[:, -1] += after.sum(axis=1)
    weights = np.round(weights / weights.sum(axis=1, keepdims=True) * _WEIGHT_STEPS)
    largest = weights.argmax(axis=1)
    weights[np.arange(new_length_px), largest] += _WEIGHT_STEPS - weights.sum(axis=1)
    return torch.from_numpy(weights / _WEIGHT_STEPS).float().to(device)
