"""Softmax over cosines, with a margin."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reid.losses.samples import as_samples, inner_products


class CosineSoftmax(nn.Module):
    """A classifier whose logits are cosines between a feature and a learned direction a person.

    The mean over the samples of -log [exp(s (cos_y - m)) / (exp(s (cos_y - m)) + sum_(j != y) exp(s cos_j))], with
    cos_j = W_j.x / (||W_j|| ||x||).

    Args:
        num_classes: K.
        width: D of the features.
        scale: s, above 0; cosines lie in [-1, 1], and with a small s no sample can ever be sure of its person: to reach
            p_y = P it must be at least (K - 1) / K ln((K - 1) P / (1 - P)), 8.6 for 625 people and P = 0.9.
        margin: m, by how much the own cosine must be larger than the others.

    Source: Wang et al. 2018, CosFace: Large Margin Cosine Loss for Deep Face Recognition, equations 4 and 6; without
    margin Wang et al. 2017, NormFace.
    """

    def __init__(self, num_classes: int, width: int, *, scale: float = 16.0, margin: float = 0.0) -> None:
        super().__init__()
        self.scale = scale
        self.margin = margin
        self.directions = nn.Parameter(torch.randn(num_classes, width))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Turn features (B, D) or (B, T, D) and labels (B,) into a scalar."""
        samples, persons = as_samples(features, labels)
        cosines = inner_products(F.normalize(samples, dim=1), F.normalize(self.directions, dim=1))  # (N, K)
        own = F.one_hot(persons, len(self.directions))
        return F.cross_entropy(self.scale * (cosines - self.margin * own), persons)
