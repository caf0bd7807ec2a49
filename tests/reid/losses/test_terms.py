"""Named terms and their weighted sum."""

from __future__ import annotations

import math

import pytest
import torch

from reid.errors import ConfigError, RunError
from reid.losses import weighted_sum


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
