"""Who is seen in a picture, and how much of them: the truth that detections are measured by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Sight:
    """Instances of people in pictures, in arrays of the same length.

    Attributes:
        boxes_xyxy: (M, 4), around what is seen of each, in pixels; zeros where nothing is.
        pixels: (M,) int64, how many are seen.
        visibility: (M,), share of a whole body's pixels that is seen, in [0, 1].
    """

    boxes_xyxy: np.ndarray
    pixels: np.ndarray
    visibility: np.ndarray


def look(instance: Tensor, full_pixels: Tensor) -> Sight:
    """Measure what is seen.

    Args:
        instance: (K, H, W) int64, the instance seen at each pixel, -1 for none. An instance is in one picture only.
        full_pixels: (M,), pixels that each would cover if nothing hid it and no picture ended.

    Returns:
        M sights.
    """
    count = len(full_pixels)
    height_px, width_px = instance.shape[1:]
    seen = torch.nonzero(instance.reshape(-1) >= 0)[:, 0]
    of = instance.reshape(-1)[seen]
    pixels = torch.bincount(of, minlength=count)
    columns, rows = seen % width_px, seen // width_px % height_px

    def extreme(values: Tensor, start: int, reduce: str) -> Tensor:
        return torch.full((count,), start, device=values.device).scatter_reduce(0, of, values, reduce)

    edges = [
        extreme(columns, width_px, "amin"),
        extreme(rows, height_px, "amin"),
        extreme(columns, -1, "amax") + 1,
        extreme(rows, -1, "amax") + 1,
    ]
    boxes = torch.where((pixels > 0)[:, None], torch.stack(edges, dim=1), 0)
    visibility = (pixels / full_pixels.clamp_min(1)).clamp(0.0, 1.0)
    return Sight(boxes.cpu().numpy(), pixels.cpu().numpy(), visibility.cpu().numpy())
