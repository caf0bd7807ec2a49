"""The centre loss against numbers worked by hand and against loops, and how its centres move."""

from __future__ import annotations

import pytest
import torch

from reid.losses import CentreLoss
from tests.reid.losses.numbers import normal


def test_centre_loss_by_hand() -> None:
    loss = CentreLoss(num_classes=2, width=2)
    with torch.no_grad():
        loss.centres.copy_(torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    features, labels = torch.tensor([[3.0, 4.0], [1.0, 3.0]], requires_grad=True), torch.tensor([0, 1])
    value = loss(features, labels)
    assert float(value.detach()) == pytest.approx((25 + 4) / 2)
    value.backward()
    assert features.grad is not None
    assert features.grad.tolist() == [[3.0, 4.0], [0.0, 2.0]]
    assert loss.centres.grad is not None
    assert loss.centres.grad.tolist() == [[-1.5, -2.0], [0.0, -1.0]]  # half the way, for one sample


def test_centre_loss_of_frames_is_a_loop_over_frames() -> None:
    loss = CentreLoss(num_classes=3, width=4)
    features, labels = normal(2, 5, 4), torch.tensor([2, 0])
    with torch.no_grad():
        expected = sum(
            float((features[b, t] - loss.centres[labels[b]]).square().sum()) / 2 for b in range(2) for t in range(5)
        )
        assert float(loss(features, labels)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("weight", [1.0, 0.0005, 3.0])
def test_plain_sgd_moves_centres_by_the_papers_rule_whatever_the_weight(weight: float) -> None:
    loss = CentreLoss(num_classes=3, width=4, weight=weight)
    features, labels = normal(5, 4), torch.tensor([2, 0, 2, 2, 0])
    expected = loss.centres.detach().clone()
    for person in range(3):
        own = [features[i] for i in range(5) if labels[i] == person]
        for feature in own:
            expected[person] -= 0.5 * (loss.centres[person].detach() - feature) / (1 + len(own))
    optimiser = torch.optim.SGD([loss.centres], lr=0.5)
    (weight * loss(features, labels)).backward()
    optimiser.step()
    torch.testing.assert_close(loss.centres.detach(), expected)


def test_many_samples_of_a_person_do_not_throw_its_centre_beyond_them() -> None:
    loss = CentreLoss(num_classes=1, width=2)
    optimiser = torch.optim.SGD([loss.centres], lr=0.5)
    features, labels = torch.full((64, 2), 3.0), torch.zeros(64, dtype=torch.long)
    for _ in range(20):
        optimiser.zero_grad()
        loss(features, labels).backward()
        optimiser.step()
    torch.testing.assert_close(loss.centres.detach(), torch.full((1, 2), 3.0), atol=1e-4, rtol=0)


def test_centre_loss_of_features_is_differentiated_exactly() -> None:
    loss = CentreLoss(num_classes=2, width=3).double()
    features = normal(3, 3).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda values: loss(values, torch.tensor([0, 1, 1])), features)


def test_features_on_their_centre_have_no_gradient() -> None:
    loss = CentreLoss(num_classes=2, width=3)
    features = loss.centres.detach()[[0, 0, 1]].requires_grad_()
    loss(features, torch.tensor([0, 0, 1])).backward()
    assert features.grad is not None
    assert float(features.grad.abs().max()) == 0.0
