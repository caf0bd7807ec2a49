"""Online instance matching against numbers worked by hand and against a loop over samples."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from reid.losses import OnlineInstanceMatching
from tests.reid.losses.numbers import normal


class NaiveOIM:
    """The paper's equations and its table and queue, sample by sample, in lists."""

    def __init__(self, num_classes: int, width: int, temperature: float, momentum: float, queue: int) -> None:
        self.table = [[0.0] * width for _ in range(num_classes)]
        self.queue: list[list[float]] = []
        self.temperature, self.momentum, self.size = temperature, momentum, queue

    def __call__(self, features: Tensor, labels: Tensor) -> float:
        rows = features.flatten(0, -2).double().tolist()
        persons = labels.repeat_interleave(len(rows) // len(labels)).tolist()
        samples = [unit(row) for row in rows]
        losses = []
        for x, person in zip(samples, persons, strict=True):
            if person >= 0:
                powers = [math.exp(dot(v, x) / self.temperature) for v in self.table + self.queue]
                losses.append(-math.log(powers[person] / sum(powers)))
        for x, person in zip(samples, persons, strict=True):
            if person >= 0:
                pairs = zip(self.table[person], x, strict=True)
                self.table[person] = unit([self.momentum * v + (1 - self.momentum) * new for v, new in pairs])
            else:
                self.queue = [*self.queue, x][-self.size :] if self.size else []
        return sum(losses) / len(losses) if losses else 0.0


def unit(vector: list[float]) -> list[float]:
    norm = math.hypot(*vector)
    return [value / norm for value in vector]


def dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def test_oim_by_hand() -> None:
    loss = OnlineInstanceMatching(2, 2, temperature=0.5, momentum=0.5)
    # Nobody is remembered yet: both people are as likely. Then person 0 is remembered as (0, 1).
    assert float(loss(torch.tensor([[0.0, 2.0]]), torch.tensor([0]))) == pytest.approx(math.log(2))
    assert loss.table.tolist() == [[0.0, 1.0], [0.0, 0.0]]
    # exp(1 / 0.5) against exp(0). Person 0 goes half the way from (0, 1) to (1, 0) and back onto the circle.
    found = loss(torch.tensor([[0.0, 1.0], [3.0, 0.0]]), torch.tensor([0, 0]))
    expected = (-math.log(math.exp(2) / (math.exp(2) + 1)) + math.log(2)) / 2
    assert float(found) == pytest.approx(expected)
    assert loss.table[0].tolist() == pytest.approx([math.sqrt(0.5), math.sqrt(0.5)])


@pytest.mark.parametrize("queue", [0, 3])
@pytest.mark.parametrize("shape", [(6, 4), (3, 2, 4)])
@pytest.mark.parametrize("seed", [0, 1])
def test_oim_is_a_loop_over_samples_in_their_order(queue: int, shape: tuple[int, ...], seed: int) -> None:
    loss = OnlineInstanceMatching(3, 4, temperature=0.3, momentum=0.6, queue=queue)
    naive = NaiveOIM(3, 4, 0.3, 0.6, queue)
    generator = torch.Generator().manual_seed(seed)
    for step in range(5):
        features = normal(*shape, seed=10 * seed + step)
        labels = torch.randint(-1 if queue else 0, 3, shape[:1], generator=generator)
        assert float(loss(features, labels)) == pytest.approx(naive(features, labels), rel=1e-4)
        torch.testing.assert_close(loss.table, torch.tensor(naive.table), atol=1e-5, rtol=1e-5)
    kept = sorted(loss.queue[: int(loss.queued)].tolist())
    torch.testing.assert_close(torch.tensor(kept), torch.tensor(sorted(naive.queue)), atol=1e-5, rtol=1e-5)


def test_a_batch_that_fills_the_queue_more_than_once_leaves_its_last() -> None:
    loss = OnlineInstanceMatching(2, 3, queue=2)
    features = normal(7, 3)
    loss(features, torch.tensor([-1, -1, -1, -1, -1, 0, -1]))
    kept = F.normalize(features, dim=1)[[4, 6]]
    assert {tuple(row) for row in loss.queue.tolist()} == {tuple(row) for row in kept.tolist()}


def test_people_in_the_queue_are_mistakes_to_be_made() -> None:
    loss = OnlineInstanceMatching(2, 2, temperature=1.0, queue=2)
    loss(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, -1]))
    # Table (1, 0) and (0, 0), queue (0, 1) and an empty place.
    expected = -math.log(1 / (1 + 1 + math.e))
    assert float(loss(torch.tensor([[0.0, 1.0]]), torch.tensor([1]))) == pytest.approx(expected)


def test_evaluation_remembers_nothing() -> None:
    loss = OnlineInstanceMatching(2, 3, queue=2)
    loss(normal(4, 3), torch.tensor([0, 1, -1, 1]))
    before = copy.deepcopy(loss.state_dict())
    loss.eval()(normal(4, 3, seed=1), torch.tensor([0, 1, -1, 1]))
    torch.testing.assert_close(loss.state_dict(), before, atol=0, rtol=0)


def test_a_training_that_is_gone_on_with_remembers_the_same() -> None:
    whole, begun = OnlineInstanceMatching(3, 4, queue=3), OnlineInstanceMatching(3, 4, queue=3)
    labels = torch.tensor([0, -1, 2, 2, -1])
    for step in range(2):
        whole(normal(5, 4, seed=step), labels)
        begun(normal(5, 4, seed=step), labels)
    resumed = OnlineInstanceMatching(3, 4, queue=3)
    resumed.load_state_dict(begun.state_dict())
    for step in range(2, 4):
        assert float(whole(normal(5, 4, seed=step), labels)) == float(resumed(normal(5, 4, seed=step), labels))
    torch.testing.assert_close(resumed.state_dict(), whole.state_dict(), atol=0, rtol=0)


def test_gradients_are_those_of_the_table_before_the_batch() -> None:
    loss = OnlineInstanceMatching(3, 4, temperature=0.3).double()
    labels = torch.tensor([0, 2, 2])
    loss(normal(3, 4).double(), labels)
    features = normal(3, 4, seed=1).double().requires_grad_()
    frozen = copy.deepcopy(loss).eval()
    assert torch.autograd.gradcheck(lambda values: frozen(values, labels), features)
    expected = torch.autograd.grad(frozen(features, labels), features)
    torch.testing.assert_close(torch.autograd.grad(loss(features, labels), features), expected)


@pytest.mark.parametrize("labels", [[0, 0], [-1, -1]], ids=["one person", "nobody labelled"])
def test_oim_of_zero_features_has_finite_gradients(labels: list[int]) -> None:
    loss = OnlineInstanceMatching(2, 3, queue=2)
    features = torch.zeros(2, 3, requires_grad=True)
    loss(features, torch.tensor(labels)).backward()
    assert features.grad is not None
    assert bool(features.grad.isfinite().all())
    assert bool(loss.table.isfinite().all())
