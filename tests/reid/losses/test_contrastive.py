"""The supervised contrastive loss against numbers worked by hand and against a loop over anchors."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from reid.losses import supervised_contrastive
from tests.reid.losses.numbers import normal


def naive_contrastive(features: Tensor, labels: Tensor, temperature: float, own_clip: bool = True) -> float:
    """Walk over anchors, their positives and all others, in float64."""
    rows = features.flatten(0, -2).double().tolist()
    frames = len(rows) // len(labels)
    persons = labels.repeat_interleave(len(rows) // len(labels)).tolist()
    units = [[value / math.hypot(*row) for value in row] for row in rows]

    def power(i: int, a: int) -> float:
        return math.exp(sum(x * y for x, y in zip(units[i], units[a], strict=True)) / temperature)

    anchors = []
    for i, person in enumerate(persons):
        seen = [a for a in range(len(persons)) if (a != i if own_clip else a // frames != i // frames)]
        positives = [p for p in seen if persons[p] == person]
        others = sum(power(i, a) for a in seen)
        if positives:
            anchors.append(-sum(math.log(power(i, p) / others) for p in positives) / len(positives))
    return sum(anchors) / len(anchors) if anchors else 0.0


def test_contrastive_by_hand() -> None:
    # Directions at 0, 0 and 90 degrees: each of the pair sees the other at 1 and the third at 0.
    features, labels = torch.tensor([[2.0, 0.0], [1.0, 0.0], [0.0, 3.0]]), torch.tensor([0, 0, 1])
    found = float(supervised_contrastive(features, labels, temperature=0.5))
    assert found == pytest.approx(-math.log(math.exp(2) / (math.exp(2) + 1)))


@pytest.mark.parametrize("temperature", [0.07, 0.5])
@pytest.mark.parametrize("shape", [(8, 6), (4, 3, 5)])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("own_clip", [True, False])
def test_contrastive_is_a_loop_over_anchors(
    temperature: float, shape: tuple[int, ...], seed: int, own_clip: bool
) -> None:
    features = normal(*shape, seed=seed)
    labels = torch.randint(3, shape[:1], generator=torch.Generator().manual_seed(seed))
    expected = naive_contrastive(features, labels, temperature, own_clip)
    assert (expected > 0) == (own_clip or len(labels.unique()) < len(labels))
    found = float(supervised_contrastive(features, labels, temperature=temperature, own_clip=own_clip))
    assert found == pytest.approx(expected, rel=1e-4)


def test_anchors_without_positives_are_left_out_but_are_seen_by_others() -> None:
    features = normal(5, 4)
    labels = torch.tensor([0, 0, 1, 2, 2])
    expected = naive_contrastive(features, labels, 0.1)
    assert float(supervised_contrastive(features, labels)) == pytest.approx(expected, rel=1e-4)
    without = supervised_contrastive(features[[0, 1, 3, 4]], labels[[0, 1, 3, 4]])
    assert float(without) < expected


def test_contrastive_is_differentiated_exactly() -> None:
    features = normal(5, 4).double().requires_grad_()
    labels = torch.tensor([0, 0, 0, 1, 2])
    assert torch.autograd.gradcheck(lambda values: supervised_contrastive(values, labels), features)


def test_a_clip_by_itself_teaches_nothing_where_its_own_frames_do_not_count() -> None:
    features = normal(1, 3, 4).requires_grad_()
    loss = supervised_contrastive(features, torch.tensor([0]), own_clip=False)
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert features.grad is not None
    assert float(features.grad.abs().max()) == 0.0


@pytest.mark.parametrize("labels", [[0], [0, 1, 2]], ids=["one sample", "no positives"])
def test_without_positives_the_loss_is_zero_and_so_are_its_gradients(labels: list[int]) -> None:
    features = normal(len(labels), 4).requires_grad_()
    loss = supervised_contrastive(features, torch.tensor(labels))
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert features.grad is not None
    assert float(features.grad.abs().max()) == 0.0


@pytest.mark.parametrize("labels", [[0, 0, 1, 1], [0, 0, 0, 0]], ids=["two people", "one person"])
@pytest.mark.parametrize("fill", [0.0, 1.0])
def test_contrastive_of_equal_features_has_finite_gradients(labels: list[int], fill: float) -> None:
    features = torch.full((4, 3), fill, requires_grad=True)
    loss = supervised_contrastive(features, torch.tensor(labels))
    loss.backward()
    assert float(loss.detach()) == pytest.approx(math.log(3))
    assert features.grad is not None
    assert bool(features.grad.isfinite().all())
