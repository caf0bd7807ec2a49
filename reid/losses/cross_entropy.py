"""Cross-entropy of a classifier's logits, with label smoothing."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from reid.losses.samples import as_samples


def cross_entropy(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Compare logits with the persons' identities.

    -sum_k q_k log p_k, averaged over the samples, with p = softmax(logits) and q_k = (1 - e) [k = y] + e / K.

    Args:
        logits: (B, K) or (B, T, K).
        labels: (B,) in [0, K).
        smoothing: e, the share of the target that is spread evenly over all identities, in [0, 1).

    Returns:
        A scalar, at least `smoothing_floor(K, smoothing)`.

    Source: label smoothing, Szegedy et al. 2016; STCA equations 6 and 7, where N stands for K.
    """
    samples, persons = as_samples(logits, labels)
    return F.cross_entropy(samples, persons, label_smoothing=smoothing)


def smoothing_floor(num_classes: int, smoothing: float) -> float:
    """Return the least value of the label-smoothed cross-entropy: the entropy of its target, reached at p = q.

    Args:
        num_classes: K, at least 1.
        smoothing: e, in [0, 1).
    """
    other = smoothing / num_classes
    own = 1 - smoothing + other
    return -own * math.log(own) - ((num_classes - 1) * other * math.log(other) if other else 0.0)
