"""Attention written out, one key at a time: what the tests hold the blocks against."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def softmax(scores: Sequence[float]) -> list[float]:
    """Turn scores into positive shares that add up to 1."""
    peak = max(scores)
    exponentials = [math.exp(score - peak) for score in scores]
    return [value / sum(exponentials) for value in exponentials]


def mixture(weights: Sequence[float], values: Sequence[Tensor]) -> Tensor:
    """Sum values (D,) by their weights."""
    return torch.stack([weight * value for weight, value in zip(weights, values, strict=True)]).sum(0)


def attended(query: Tensor, keys: Sequence[Tensor], values: Sequence[Tensor]) -> Tensor:
    """Sum values (D,) weighted by softmax(k . q / sqrt(width of q))."""
    return mixture(softmax([float(key @ query) / math.sqrt(len(query)) for key in keys]), values)
