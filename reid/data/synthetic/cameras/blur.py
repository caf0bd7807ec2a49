"""What a lens, a movement and a camera's sharpening do to a picture's detail: one filter along each axis."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

MAX_RADIUS_PX = 10
_GAUSS_RADIUS_PX = 5
_BOX_RADIUS_PX = 3
_UNSHARP = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0
_TAP_STEPS = 4096.0


def filter_taps(defocus_px: np.ndarray, motion_px: np.ndarray, sharpening: np.ndarray) -> np.ndarray:
    """Work out symmetric filters: a Gaussian, then a box, then an unsharp mask.

    Args:
        defocus_px: (M,) standard deviation of the Gaussian; above 2.5 its ends are cut.
        motion_px: (M,) by how many pixels things move while the shutter is open; up to 7.
        sharpening: (M,) >= 0: how much of the difference to its surroundings a pixel gets on top.

    Returns:
        (M, MAX_RADIUS_PX + 1) float32: the weight of the pixel itself, then of each of the two pixels 1, 2, ... away.
    """
    away = np.abs(np.arange(-_GAUSS_RADIUS_PX, _GAUSS_RADIUS_PX + 1))
    gauss = np.exp(-0.5 * (away / np.maximum(defocus_px, 1e-3)[:, None]) ** 2)  # (M, 11)
    away = np.abs(np.arange(-_BOX_RADIUS_PX, _BOX_RADIUS_PX + 1))
    box = np.clip((np.maximum(motion_px, 1.0)[:, None] + 1.0) / 2.0 - away, 0.0, 1.0)  # (M, 7)
    mask = np.array([0.0, 0.0, 1.0, 0.0, 0.0]) * (1.0 + sharpening[:, None]) - _UNSHARP * sharpening[:, None]  # (M, 5)
    taps = _convolved(_convolved(gauss, box), mask)  # (M, 21)
    half = taps[:, MAX_RADIUS_PX:] / taps.sum(axis=1, keepdims=True)
    # Whole steps, so that what is too far away to matter weighs nothing and need not be added.
    half = np.round(half * _TAP_STEPS)
    half[:, 0] = _TAP_STEPS - 2.0 * half[:, 1:].sum(axis=1)
    rounded: np.ndarray = half / _TAP_STEPS
    return rounded.astype(np.float32)


def filtered(planes: Tensor, taps_across: np.ndarray, taps_down: np.ndarray) -> Tensor:
    """Filter pictures with a filter of their own; beyond a border its last pixel goes on.

    Args:
        planes: (M, H, W).
        taps_across: (M, R + 1), as `filter_taps` gives them, along the rows.
        taps_down: (M, R + 1), along the columns.

    Returns:
        (M, H, W).
    """
    return _along(_along(planes, taps_across, axis=2), taps_down, axis=1)


def _along(planes: Tensor, taps: np.ndarray, axis: int) -> Tensor:
    """Filter along the rows (axis 2) or the columns (axis 1)."""
    radius_px = int(np.flatnonzero(taps.any(axis=0)).max(initial=0))
    if radius_px == 0:
        return planes
    length_px = planes.shape[axis]
    ends = (radius_px, radius_px, 0, 0) if axis == 2 else (0, 0, radius_px, radius_px)
    wider = F.pad(planes[:, None], ends, mode="replicate")[:, 0]
    weights = torch.from_numpy(taps).to(planes.device)[:, :, None, None]  # (M, R + 1, 1, 1)
    total = planes * weights[:, 0]
    for away_px in range(1, radius_px + 1):
        pair = wider.narrow(axis, radius_px - away_px, length_px) + wider.narrow(axis, radius_px + away_px, length_px)
        total += pair.mul_(weights[:, away_px])
    return total


def _convolved(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Convolve each row of (M, A) with the same row of (M, B): (M, A + B - 1)."""
    result = np.zeros((len(left), left.shape[1] + right.shape[1] - 1))
    for place in range(right.shape[1]):
        result[:, place : place + left.shape[1]] += left * right[:, place : place + 1]
    return result
