"""What holds for every loss: its precision, and the shapes it takes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from reid.losses import (
    CentreLoss,
    CosineSoftmax,
    OnlineInstanceMatching,
    batch_hard_triplet,
    cross_entropy,
    feature_distillation,
    logit_distillation,
    supervised_contrastive,
)
from tests.reid.losses.numbers import normal


def test_half_precision_is_compared_in_float32_under_autocast_too() -> None:
    half, labels = normal(6, 3, 5).bfloat16(), torch.tensor([0, 0, 1, 1, 2, 2])
    centre, cosine, oim = CentreLoss(3, 5), CosineSoftmax(3, 5), OnlineInstanceMatching(3, 5)
    oim(half, labels)
    losses: list[Callable[[Tensor], Tensor]] = [
        lambda values: cross_entropy(values, labels),
        lambda values: batch_hard_triplet(values, labels),
        lambda values: batch_hard_triplet(values, labels, distance="cosine"),
        lambda values: supervised_contrastive(values, labels),
        lambda values: centre(values, labels),
        lambda values: cosine(values, labels),
        lambda values: oim.eval()(values, labels),
        lambda values: logit_distillation(values, values[:, 0]),
        lambda values: feature_distillation(values, values[:, 0]),
    ]
    for loss in losses:
        expected = loss(half.float())
        with torch.autocast("cpu", torch.bfloat16):
            found = loss(half)
        torch.testing.assert_close(found, expected)  # of one type, too
        assert found.dtype == torch.float32


@pytest.mark.parametrize("num_labels", [3, 8])
def test_labels_that_are_not_one_a_clip_are_refused(num_labels: int) -> None:
    with pytest.raises(ValueError, match=r"labels \(B,\), got \(4, 2, 5\)"):
        cross_entropy(torch.zeros(4, 2, 5), torch.zeros(num_labels, dtype=torch.long))
