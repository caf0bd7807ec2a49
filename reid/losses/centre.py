"""Centre loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reid.losses.samples import as_samples


class CentreLoss(nn.Module):
    """Pulls features to a centre of their person: 1/2 sum_i ||f_i - c_(y_i)||^2 over the batch's samples.

    The sum is over the batch, as printed, so its weight belongs to one batch size.

    The centres move by a rule of their own, c_j <- c_j - alpha sum_i (c_j - f_i) / (1 + n_j) over the n_j samples of
    person j, which does not depend on the loss's weight and cannot overshoot for alpha <= 1. The sum's quotient is what
    the centres get as their gradient, so that plain SGD of rate alpha is the rule. In the model's own optimiser their
    step would follow the model's rate, and weight decay would pull them to the origin.

    Args:
        num_classes: K.
        width: D of the features.
        weight: what the loss will be multiplied with before its gradients are taken; the centres' is divided by it.

    Source: STCA equation 5; Wen et al. 2016, A Discriminative Feature Learning Approach for Deep Face Recognition,
    equations 2 and 4; they set alpha to 0.5.
    """

    def __init__(self, num_classes: int, width: int, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight
        self.centres = nn.Parameter(torch.randn(num_classes, width))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Turn features (B, D) or (B, T, D) and labels (B,) into a scalar."""
        samples, persons = as_samples(features, labels)
        centres = self.centres[persons]  # (N, D)
        if centres.requires_grad:
            divisor = self.weight * (1 + (persons[:, None] == persons).sum(dim=1, keepdim=True))  # (N, 1)
            centres.register_hook(lambda gradient: gradient / divisor)  # type: ignore[no-untyped-call]
        return 0.5 * (samples - centres).square().sum()
