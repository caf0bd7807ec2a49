"""JPEG's loss, many pictures at once, and to the last bit the same in any batch.

Nothing is written or read: a picture goes through what JPEG loses (half the colour's resolution, the fine steps of its
8x8 cosine transforms) and comes back. Pixels and transform coefficients are whole numbers and the transform's matrices
whole multiples of a small power of two, so that every product and sum is exact in float32: however a matrix product is
cut up, on any device and in any batch, it has one result.

Source: ITU-T T.81 (JPEG): the transform, and Annex K's tables. Quality scales the tables as libjpeg does.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

BLOCK_PX = 8
_FORWARD_BITS = 13
_INVERSE_BITS = 12

_LUMA_TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA_TABLE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
    (99, 99, 99, 99, 99, 99, 99, 99),
)


def compressed(luma: Tensor, chroma: Tensor, quality: np.ndarray) -> tuple[Tensor, Tensor]:
    """Lose what JPEG's quantisation loses.

    Args:
        luma: (M, H, W), levels from 0 to 255; rounded and clipped first, as a picture's pixels are.
        chroma: (M, 2, H', W'), levels from -128 to 127, of a resolution of its own.
        quality: (M,) whole numbers from 1 to 100.

    Returns:
        Luma and chroma of the same shapes, not rounded.
    """
    pixels = luma.round().clamp_(0.0, 255.0).sub_(128.0)
    luma = _quantised(pixels, _tables(_LUMA_TABLE, quality)).add_(128.0)
    both = chroma.flatten(0, 1).round().clamp_(-128.0, 127.0)  # (M * 2, H', W')
    both = _quantised(both, _tables(_CHROMA_TABLE, quality).repeat(2, axis=0))
    return luma, both.reshape(chroma.shape)


def _quantised(planes: Tensor, steps: np.ndarray) -> Tensor:
    """Round the cosine transforms of whole-numbered (K, H, W) to steps of (K, 64)."""
    number, height_px, width_px = planes.shape
    below, right = -height_px % BLOCK_PX, -width_px % BLOCK_PX
    if below or right:
        planes = F.pad(planes[:, None], (0, right, 0, below), mode="replicate")[:, 0]
    forward, inverse = _transforms(planes.device)
    step = torch.from_numpy(steps).to(planes.device)[:, None]  # (K, 1, 64)
    rows, columns = planes.shape[1] // BLOCK_PX, planes.shape[2] // BLOCK_PX
    blocks = planes.reshape(number, rows, BLOCK_PX, columns, BLOCK_PX).transpose(2, 3)
    coefficients = (blocks.reshape(-1, BLOCK_PX**2) @ forward).view(number, -1, BLOCK_PX**2)  # (K, blocks, 64)
    coefficients = coefficients.div_(step).round_().mul_(step)
    blocks = coefficients.view(-1, BLOCK_PX**2) @ inverse
    blocks = blocks.view(number, rows, columns, BLOCK_PX, BLOCK_PX).transpose(2, 3)
    return blocks.reshape(number, rows * BLOCK_PX, columns * BLOCK_PX)[:, :height_px, :width_px]


@lru_cache(maxsize=8)
def _transforms(device: torch.device) -> tuple[Tensor, Tensor]:
    """(64, 64) each: a block's pixels times the first are its coefficients, and those times the second its pixels."""
    places, orders = np.arange(BLOCK_PX) + 0.5, np.arange(BLOCK_PX)
    waves = 0.5 * np.cos(np.pi / BLOCK_PX * orders[:, None] * places)  # (order, place)
    waves[0] = 0.5 * np.sqrt(0.5)
    matrix = np.kron(waves, waves).T  # (pixel, coefficient)
    forward = np.round(matrix * 2.0**_FORWARD_BITS) / 2.0**_FORWARD_BITS
    inverse = np.round(matrix.T * 2.0**_INVERSE_BITS) / 2.0**_INVERSE_BITS
    return torch.from_numpy(forward).float().to(device), torch.from_numpy(inverse).float().to(device)


def _tables(table: tuple[tuple[int, ...], ...], quality: np.ndarray) -> np.ndarray:
    """(M, 64) float32 steps of the coefficients, as libjpeg scales them."""
    percent = np.where(quality < 50, 5000 // np.maximum(quality, 1), 200 - 2 * quality)  # (M,)
    scaled = (np.asarray(table).reshape(1, -1) * percent[:, None] + 50) // 100
    steps: np.ndarray = np.clip(scaled, 1, 255).astype(np.float32)
    return steps
