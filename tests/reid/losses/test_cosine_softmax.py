"""Cosine softmax against numbers worked by hand and against a loop over samples."""

from __future__ import annotations

import math

import pytest
import torch

from reid.losses import CosineSoftmax
from tests.reid.losses.numbers import normal


def test_cosine_softmax_by_hand() -> None:
    loss = CosineSoftmax(2, 2, scale=2.0, margin=0.25)
    with torch.no_grad():
        loss.directions.copy_(torch.tensor([[3.0, 0.0], [0.0, 0.5]]))
    # Along person 0's direction, of any length: cosines 1 and 0, the own one less 0.25.
    found = float(loss(torch.tensor([[7.0, 0.0]]), torch.tensor([0])).detach())
    assert found == pytest.approx(-math.log(math.exp(1.5) / (math.exp(1.5) + 1)))


@pytest.mark.parametrize("margin", [0.0, 0.3])
@pytest.mark.parametrize("shape", [(6, 4), (3, 2, 4)])
@pytest.mark.parametrize("seed", [0, 1])
def test_cosine_softmax_is_a_loop_over_samples(margin: float, shape: tuple[int, ...], seed: int) -> None:
    loss = CosineSoftmax(5, 4, scale=8.0, margin=margin)
    features = normal(*shape, seed=seed)
    labels = torch.randint(5, shape[:1], generator=torch.Generator().manual_seed(seed))
    samples = features.flatten(0, -2)
    values = []
    for i, x in enumerate(samples):
        person = int(labels[i * len(labels) // len(samples)])
        powers = []
        for j, direction in enumerate(loss.directions.detach()):
            cosine = float(x @ direction) / (math.hypot(*x.tolist()) * math.hypot(*direction.tolist()))
            powers.append(math.exp(8 * (cosine - margin * (j == person))))
        values.append(-math.log(powers[person] / sum(powers)))
    assert float(loss(features, labels).detach()) == pytest.approx(sum(values) / len(values), rel=1e-4)


def test_the_scale_said_to_be_enough_for_an_almost_sure_sample_is_just_enough() -> None:
    # The best that K directions can do in K - 1 dimensions: every other at the cosine -1 / (K - 1).
    people, sure = 4, 0.9
    simplex = torch.eye(people) - 1 / people
    scale = (people - 1) / people * math.log((people - 1) * sure / (1 - sure))
    loss = CosineSoftmax(people, people, scale=scale)
    with torch.no_grad():
        loss.directions.copy_(simplex)
    assert float(loss(simplex, torch.arange(people)).detach()) == pytest.approx(-math.log(sure), rel=1e-5)


def test_cosine_softmax_is_differentiated_exactly() -> None:
    loss = CosineSoftmax(3, 4, margin=0.2).double()
    labels = torch.tensor([0, 2, 2])

    def value(features: torch.Tensor, directions: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = torch.func.functional_call(loss, {"directions": directions}, (features, labels))
        return found

    given = normal(3, 4).double().requires_grad_(), normal(3, 4, seed=1).double().requires_grad_()
    assert torch.autograd.gradcheck(value, given)


@pytest.mark.parametrize("fill", [0.0, 1.0])
def test_cosine_softmax_of_equal_features_has_finite_gradients(fill: float) -> None:
    loss = CosineSoftmax(2, 3)
    features = torch.full((4, 3), fill, requires_grad=True)
    loss(features, torch.tensor([0, 0, 1, 1])).backward()
    assert features.grad is not None
    assert loss.directions.grad is not None
    assert bool(features.grad.isfinite().all() & loss.directions.grad.isfinite().all())
