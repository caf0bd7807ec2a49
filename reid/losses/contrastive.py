"""Supervised contrastive loss."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from reid.losses.samples import as_samples, inner_products


def supervised_contrastive(
    features: Tensor, labels: Tensor, *, temperature: float = 0.1, own_clip: bool = True
) -> Tensor:
    """Ask of every sample that it picks those of its person among all others.

    The mean over anchors i of -1 / |P(i)| sum_(p in P(i)) log [exp(z_i.z_p / tau) / sum_(a != i) exp(z_i.z_a / tau)],
    with z the features divided by their norms and P(i) the other samples of i's person. An anchor without positives is
    left out. If none is left, the loss is zero and so are its gradients.

    Args:
        features: (B, D), or (B, T, D), where every frame is an anchor.
        labels: (B,).
        temperature: tau, above 0.
        own_clip: False leaves an anchor's own clip out, as positives and as what they are compared with, since its
            frames share one background.

    Returns:
        A scalar, at least 0.

    Source: Khosla et al. 2020, Supervised Contrastive Learning, equation 2, who print a sum over anchors; the mean
    over those with positives does not grow with the batch.
    """
    samples, persons = as_samples(features, labels)
    points = F.normalize(samples, dim=1)
    clips = torch.arange(len(samples), device=persons.device) // (
        1 if own_clip or features.ndim == 2 else features.shape[1]
    )
    itself = clips[:, None] == clips  # (N, N)
    positives = (persons[:, None] == persons) & ~itself  # (N, N)
    logits = inner_products(points, points) / temperature
    logits = logits.masked_fill(itself, -torch.inf)
    picked = logits.log_softmax(dim=1).masked_fill(~positives, 0.0).sum(dim=1)
    count = positives.sum(dim=1)
    return -(picked / count.clamp(min=1)).sum() / (count > 0).sum().clamp(min=1)
