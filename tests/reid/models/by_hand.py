"""What the tests hold the models against: attention one key at a time, and numbers that hide nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


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


def unlike(module: nn.Module) -> None:
    """Move every parameter away from a value that might hide it, such as a normalisation's 1."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))


def with_own_statistics(module: nn.Module) -> None:
    """Give batch normalisations statistics that differ from what they begin with."""
    generator = torch.Generator().manual_seed(4)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            part.running_mean.normal_(generator=generator)
            part.running_var.uniform_(0.5, 2, generator=generator)
