"""Centre loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reid.losses.samples import as_samples


class CentreLoss(nn.Module):
    """Pulls features to a learned centre of their person: 1/2 sum_j ||f_j - c_(y_j)||^2 over the batch's samples.

    The sum is over the batch, as printed, so its weight belongs to one batch size. The centres move by the gradient
    of this loss, which is best left to an optimiser of their own: Wen et al. give them a rate of their own, and in
    one optimiser their step would shrink with the loss's weight.

    Args:
        num_classes: K.
        width: D of the features.

    Source: STCA equation 5; Wen et al. 2016, A Discriminative Feature Learning Approach for Deep Face Recognition,
    equation 2. Their update also divides a centre's step by 1 + the number of its samples, which is left out here.
    """

    def __init__(self, num_classes: int, width: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(num_classes, width))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Turn features (B, D) or (B, T, D) and labels (B,) into a scalar."""
        samples, persons = as_samples(features, labels)
        return 0.5 * (samples - self.centres[persons]).square().sum()
