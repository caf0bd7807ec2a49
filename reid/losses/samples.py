"""What the losses compare: samples, in float32 whatever the model computed in."""

from __future__ import annotations

import torch
from torch import Tensor


def as_samples(values: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Make samples with their labels out of clips or frames.

    Args:
        values: (B, D), or (B, T, D) where every frame is a sample of its clip's person.
        labels: (B,).

    Returns:
        (N, D), float32 unless the values were float64, and (N,).

    Raises:
        ValueError: the shapes are others.
    """
    if values.ndim not in (2, 3) or labels.shape != values.shape[:1]:
        shapes = f"{tuple(values.shape)} and {tuple(labels.shape)}"
        raise ValueError(f"expected (B, D) or (B, T, D) with labels (B,), got {shapes}")
    if values.ndim == 3:
        labels = labels.repeat_interleave(values.shape[1])
        values = values.flatten(0, 1)
    return in_full_precision(values), labels


def in_full_precision(values: Tensor) -> Tensor:
    """Return values in float32; float64 stays what it is."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def inner_products(a: Tensor, b: Tensor) -> Tensor:
    """Return the inner product of every row of (N, D) with every row of (M, D), (N, M), in their own precision.

    Autocast would multiply matrices in half precision, whose steps near 1 are as large as the differences between
    near features.
    """
    with torch.autocast(a.device.type, enabled=False):
        return a @ b.T
