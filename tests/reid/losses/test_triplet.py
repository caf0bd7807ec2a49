"""The triplet loss against numbers worked by hand and against a loop over anchors."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from reid.losses import Distance, batch_hard_triplet
from tests.reid.losses.numbers import normal


def naive_triplet(features: Tensor, labels: Tensor, margin: float | None, distance: Distance) -> float:
    """Walk over every anchor, comparing it with every other sample in float64."""
    samples = features.double()
    persons = labels.tolist()
    if samples.ndim == 3:
        persons = [person for person in persons for _ in range(samples.shape[1])]
        samples = samples.flatten(0, 1)

    def apart(a: int, b: int) -> float:
        if distance == "euclidean":
            return math.dist(samples[a].tolist(), samples[b].tolist())
        return 1 - float(samples[a] @ samples[b] / (samples[a].norm() * samples[b].norm()))

    values = []
    for a, person in enumerate(persons):
        positives = [apart(a, b) for b, other in enumerate(persons) if other == person and b != a]
        negatives = [apart(a, b) for b, other in enumerate(persons) if other != person]
        if positives and negatives:
            gap = max(positives) - min(negatives)
            values.append(math.log1p(math.exp(gap)) if margin is None else max(margin + gap, 0.0))
    return sum(values) / len(values) if values else 0.0


def test_triplet_by_hand() -> None:
    # On a line: person 0 at 0 and 1, person 1 at 3 and 7. Farthest positives 1, 1, 4, 4; nearest negatives 3, 2, 2, 6.
    features, labels = torch.tensor([[0.0], [1.0], [3.0], [7.0]]), torch.tensor([0, 0, 1, 1])
    assert float(batch_hard_triplet(features, labels, margin=0.5)) == pytest.approx(2.5 / 4)
    assert float(batch_hard_triplet(features, labels, margin=2.5)) == pytest.approx((0.5 + 1.5 + 4.5 + 0.5) / 4)
    soft = sum(math.log1p(math.exp(gap)) for gap in (-2, -1, 2, -2)) / 4
    assert float(batch_hard_triplet(features, labels, margin=None)) == pytest.approx(soft)


def test_cosine_triplet_by_hand() -> None:
    # Directions at 0, 90 and 180 degrees, of any length: the positive is 1 away, the negatives 2 and 1.
    features, labels = torch.tensor([[2.0, 0.0], [0.0, 5.0], [-0.1, 0.0]]), torch.tensor([0, 0, 1])
    assert float(batch_hard_triplet(features, labels, margin=0.3, distance="cosine")) == pytest.approx(0.3 / 2)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
@pytest.mark.parametrize("margin", [0.3, None])
@pytest.mark.parametrize("shape", [(8, 6), (6, 3, 4)])
@pytest.mark.parametrize("seed", [0, 1])
def test_triplet_is_a_loop_over_anchors(
    distance: Distance, margin: float | None, shape: tuple[int, ...], seed: int
) -> None:
    features = normal(*shape, seed=seed)
    labels = torch.randint(3, shape[:1], generator=torch.Generator().manual_seed(seed))
    expected = naive_triplet(features, labels, margin, distance)
    assert expected > 0
    found = batch_hard_triplet(features, labels, margin=margin, distance=distance)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_triplet_finds_the_hardest_among_near_features_of_large_norm() -> None:
    # Distances of a millionth of the norm: |a|^2 + |b|^2 - 2ab would hold no digit of them.
    features = 1000 + torch.tensor([[0.0], [0.001], [0.003], [0.007]])
    labels = torch.tensor([0, 0, 1, 1])
    found = batch_hard_triplet(features, labels, margin=0.0025)
    assert float(found) == pytest.approx(naive_triplet(features, labels, 0.0025, "euclidean"), rel=1e-4)


def test_anchors_without_positive_or_negative_are_left_out() -> None:
    features = torch.tensor([[0.0], [1.0], [3.0]])
    # Person 1 has one sample: it is nobody's anchor, and the nearest negative of both others.
    loss = batch_hard_triplet(features, torch.tensor([0, 0, 1]), margin=2.5)
    assert float(loss) == pytest.approx((0.5 + 1.5) / 2)


@pytest.mark.parametrize("labels", [[0, 1, 2], [0, 0, 0]], ids=["no positives", "no negatives"])
@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_without_any_triplet_the_loss_is_zero_and_has_a_graph(labels: list[int], distance: Distance) -> None:
    features = normal(3, 4).requires_grad_()
    loss = batch_hard_triplet(features, torch.tensor(labels), distance=distance)
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert features.grad is not None
    assert float(features.grad.abs().max()) == 0.0


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
@pytest.mark.parametrize("margin", [0.3, None])
@pytest.mark.parametrize("fill", [0.0, 1.0])
def test_triplet_of_equal_features_has_finite_gradients(distance: Distance, margin: float | None, fill: float) -> None:
    features = torch.full((4, 3), fill, requires_grad=True)
    loss = batch_hard_triplet(features, torch.tensor([0, 0, 1, 1]), margin=margin, distance=distance)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(math.log(2) if margin is None else margin)
    assert features.grad is not None
    assert bool(features.grad.isfinite().all())


def test_triplet_of_one_sample_is_zero() -> None:
    assert float(batch_hard_triplet(torch.ones(1, 3), torch.zeros(1, dtype=torch.long))) == 0.0


def test_triplet_pulls_positives_and_pushes_negatives() -> None:
    features = torch.tensor([[0.0], [2.0], [3.0]], requires_grad=True)
    batch_hard_triplet(features, torch.tensor([0, 0, 1]), margin=5.0).backward()
    assert features.grad is not None
    # Anchors 0 and 2 pull each other with 1/2 + 1/2; each pushes 3 away with 1/2.
    assert features.grad.flatten().tolist() == pytest.approx([-1 + 0.5, 1 + 0.5, -1.0])
