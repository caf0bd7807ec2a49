"""Cross-entropy against numbers worked by hand and against a loop over samples."""

from __future__ import annotations

import math

import pytest
import torch

from reid.losses import cross_entropy, smoothing_floor
from tests.reid.losses.numbers import normal


def test_cross_entropy_by_hand() -> None:
    # p = (1/2, 1/4, 1/4) for both samples; the first person is 0, the second 2.
    logits = torch.tensor([[2.0, 1.0, 1.0], [2.0, 1.0, 1.0]]).log()
    labels = torch.tensor([0, 2])
    ln2 = math.log(2)
    assert float(cross_entropy(logits, labels)) == pytest.approx((ln2 + 2 * ln2) / 2)
    # q = (0.8, 0.1, 0.1): 0.8 ln 2 + 0.2 ln 4; q = (0.1, 0.1, 0.8): 0.1 ln 2 + 0.9 ln 4.
    assert float(cross_entropy(logits, labels, 0.3)) == pytest.approx((1.2 * ln2 + 1.9 * ln2) / 2)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("seed", [0, 1])
def test_cross_entropy_of_frames_is_a_loop_over_frames(smoothing: float, seed: int) -> None:
    logits, labels = 3 * normal(4, 3, 5, seed=seed), torch.tensor([0, 4, 2, 2])
    values = []
    for b in range(4):
        for t in range(3):
            p = logits[b, t].exp() / logits[b, t].exp().sum()
            q = [(1 - smoothing) * (k == labels[b]) + smoothing / 5 for k in range(5)]
            values.append(-sum(float(q[k] * p[k].log()) for k in range(5)))
    assert float(cross_entropy(logits, labels, smoothing)) == pytest.approx(sum(values) / len(values), rel=1e-5)


@pytest.mark.parametrize(("num_classes", "smoothing"), [(5, 0.1), (625, 0.1), (2, 0.5), (1, 0.1)])
def test_smoothed_cross_entropy_reaches_its_floor_and_no_less(num_classes: int, smoothing: float) -> None:
    target = torch.full((1, num_classes), smoothing / num_classes)
    target[0, 0] += 1 - smoothing
    labels = torch.zeros(1, dtype=torch.long)
    floor = smoothing_floor(num_classes, smoothing)
    assert float(cross_entropy(target.log(), labels, smoothing)) == pytest.approx(floor, abs=1e-6)
    for seed in range(5):
        other = target.log() + 0.1 * normal(1, num_classes, seed=seed)
        assert float(cross_entropy(other, labels, smoothing)) >= floor - 1e-6


def test_without_smoothing_the_floor_is_zero() -> None:
    assert smoothing_floor(7, 0.0) == 0.0
