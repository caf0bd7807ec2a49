"""Pictures as brightness and two differences of colour, in which cameras and JPEG store them.

Source: ITU-R BT.601, at full range as JPEG files have it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

RGB_TO_YCC = (
    (0.299, 0.587, 0.114),
    (-0.168736, -0.331264, 0.5),
    (0.5, -0.418688, -0.081312),
)


def weighted(rgb: Tensor, weights: Tensor) -> Tensor:
    """Add up the channels of (M, 3, H, W) with weights (M, 3), or (1, 3) for all: (M, H, W)."""
    red, green, blue = weights[:, :, None, None].unbind(dim=1)
    total = rgb[:, 0] * red
    total += rgb[:, 1] * green
    total += rgb[:, 2] * blue
    return total


def halved(planes: Tensor) -> Tensor:
    """Average 2x2 pixels of (M, 3, H, W); an odd last row or column counts twice."""
    height_px, width_px = planes.shape[2:]
    if height_px % 2 or width_px % 2:
        planes = F.pad(planes, (0, width_px % 2, 0, height_px % 2), mode="replicate")
    rows = planes[:, :, 0::2] + planes[:, :, 1::2]
    return (rows[..., 0::2] + rows[..., 1::2]).mul_(0.25)


def to_rgb(luma: Tensor, chroma: Tensor) -> Tensor:
    """Put luma (M, H, W) and chroma (M, 2, H, W), in levels around 0, back together: (M, 3, H, W) uint8."""
    blue, red = chroma.unbind(dim=1)
    rgb = torch.empty((len(luma), 3, *luma.shape[1:]), device=luma.device)
    raised = luma + 0.5  # what follows cuts off instead of rounding
    rgb[:, 0] = raised + red * 1.402
    rgb[:, 1] = raised - red * 0.714136 - blue * 0.344136
    rgb[:, 2] = raised + blue * 1.772
    return rgb.clamp_(0.0, 255.0).to(torch.uint8)
