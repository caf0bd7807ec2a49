"""What the losses compare: samples, in float32 whatever the model computed in."""

from __future__ import annotations

from torch import Tensor


def as_samples(values: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Make samples (N, D) float32 with labels (N,) out of (B, D) or (B, T, D) and (B,)."""
    if values.ndim not in (2, 3) or labels.shape != values.shape[:1]:
        shapes = f"{tuple(values.shape)} and {tuple(labels.shape)}"
        raise ValueError(f"expected (B, D) or (B, T, D) with labels (B,), got {shapes}")
    if values.ndim == 3:
        labels = labels.repeat_interleave(values.shape[1])
        values = values.flatten(0, 1)
    return values.float(), labels
