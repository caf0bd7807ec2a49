"""The batch-hard triplet loss."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from reid.losses.samples import as_samples

Distance = Literal["euclidean", "cosine"]


def batch_hard_triplet(
    features: Tensor, labels: Tensor, *, margin: float | None = 0.3, distance: Distance = "euclidean"
) -> Tensor:
    """Ask of every sample that its farthest positive lies nearer than its nearest negative.

    The mean over anchors a of [m + d(a, p) - d(a, n)]_+, or of ln(1 + exp(d(a, p) - d(a, n))) without a margin; p is
    the farthest other sample of a's person, n the nearest sample of anybody else. An anchor without a positive or
    without a negative is left out. If none is left, the loss is zero and so are its gradients.

    Args:
        features: (B, D), or (B, T, D), where every frame is an anchor and the other frames of its clip are positives.
        labels: (B,).
        margin: m, in the distance's unit; None for the soft margin.
        distance: "euclidean", or "cosine", which is 1 - cos and lies in [0, 2].

    Returns:
        A scalar, at least 0.

    Source: batch hard and its soft margin, Hermans et al. 2017, In Defense of the Triplet Loss for Person
    Re-Identification, who print a sum over anchors; the mean is STCA's, equation 4, as is the cosine.
    """
    samples, persons = as_samples(features, labels)
    points = F.normalize(samples, dim=1) if distance == "cosine" else samples
    same = persons[:, None] == persons  # (N, N), N samples
    itself = torch.eye(len(persons), dtype=torch.bool, device=persons.device)
    positives, negatives = same & ~itself, ~same
    with torch.no_grad():
        # Between unit vectors the Euclidean distance orders pairs as the cosine does. Without matrix products, because
        # |a|^2 + |b|^2 - 2ab loses the digits by which near pairs differ.
        apart = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
        farthest = apart.masked_fill(~positives, -torch.inf).argmax(dim=1)
        nearest = apart.masked_fill(~negatives, torch.inf).argmin(dim=1)
    gap = _distance(points, points[farthest], distance) - _distance(points, points[nearest], distance)
    losses = F.softplus(gap) if margin is None else F.relu(margin + gap)
    valid = positives.any(dim=1) & negatives.any(dim=1)
    return torch.where(valid, losses, 0.0).sum() / valid.sum().clamp(min=1)


def _distance(points: Tensor, others: Tensor, distance: Distance) -> Tensor:
    """Return the distance of each row of (N, D) to its row of the other; for the cosine the rows are unit vectors.

    Both forms have finite gradients where two rows are equal: the norm's is defined as zero there, and
    1 - cos = ||u - v||^2 / 2 needs no square root.
    """
    apart = points - others
    return apart.square().sum(dim=1) / 2 if distance == "cosine" else torch.linalg.vector_norm(apart, dim=1)
