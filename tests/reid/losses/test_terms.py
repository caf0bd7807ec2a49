"""Named terms and their weighted sum."""

from __future__ import annotations

import math

import pytest
import torch

from reid.errors import ConfigError, RunError
from reid.losses import batch_hard_triplet, cross_entropy, supervised_loss, weighted_sum
from reid.models.output import ReidOutput, SupervisedStage
from tests.reid.losses.numbers import normal


def test_supervised_loss_names_every_stage_and_the_models_own_losses() -> None:
    labels = torch.tensor([0, 0, 1, 1])
    clip = SupervisedStage(normal(4, 6), normal(4, 2, seed=1), normal(4, 6))
    frames = SupervisedStage(normal(4, 3, 5, seed=2), normal(4, 3, 2, seed=3), normal(4, 3, 5))
    output = ReidOutput({}, {"final": clip, "base": frames}, {"diversity": torch.tensor(0.5)})
    terms = supervised_loss(output, labels, smoothing=0.1, margin=None, distance="cosine")
    assert list(terms) == ["ce/final", "triplet/final", "ce/base", "triplet/base", "aux/diversity"]
    assert terms["ce/base"] == cross_entropy(frames.logits, labels, 0.1)
    assert terms["triplet/final"] == batch_hard_triplet(clip.features, labels, margin=None, distance="cosine")
    assert float(terms["aux/diversity"]) == 0.5


def test_supervised_loss_refuses_a_model_without_classifiers() -> None:
    with pytest.raises(ValueError, match="built without classifiers"):
        supervised_loss(ReidOutput({"final": normal(2, 3)}), torch.tensor([0, 1]))


def test_weighted_sum_takes_weights_by_name_before_kind() -> None:
    terms = {name: torch.tensor(value) for name, value in [("ce/final", 2.0), ("ce/base", 3.0), ("centre", 100.0)]}
    assert float(weighted_sum(terms, {"ce": 1.0, "centre": 0.01})) == pytest.approx(6.0)
    assert float(weighted_sum(terms, {"ce": 1.0, "ce/base": 0.5, "centre": 0.0})) == pytest.approx(3.5)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"ce": 1.0, "centre": 1.0}, "centre weighs no term; the terms are ce/final, ce/base"),
        ({"ce/final": 1.0}, "ce/base has no weight"),
        ({"ce": 1.0, "ce/finale": 1.0}, "ce/finale weighs no term"),
    ],
)
def test_weighted_sum_refuses_what_does_not_match(weights: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        weighted_sum({"ce/final": torch.tensor(1.0), "ce/base": torch.tensor(1.0)}, weights)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_sum_that_is_not_finite_names_every_term(value: float) -> None:
    terms = {"ce/final": torch.tensor(0.25, requires_grad=True), "triplet/final": torch.tensor(value)}
    with pytest.raises(RunError, match=rf"the loss is {value:g}.*ce/final 0.25, triplet/final {value:g}"):
        weighted_sum(terms, {"ce": 1.0, "triplet": 1.0})


def test_weighted_sum_keeps_the_graph() -> None:
    value = torch.tensor(2.0, requires_grad=True)
    weighted_sum({"a": value.square(), "b": value}, {"a": 0.5, "b": 3.0}).backward()
    assert float(value.grad) == pytest.approx(5.0)
