"""Optimisers: what the recipe says reaches torch, and every parameter is in one of them once."""

from __future__ import annotations

import pytest
from torch.optim import SGD, Adam, AdamW

from reid.criterion import Criterion, LossSettings
from reid.errors import ConfigError
from reid.models import build_model
from reid.training.optimisers import build_optimisers
from reid.training.recipe import OptimiserSettings


@pytest.mark.parametrize(
    ("settings", "kind", "expected"),
    [
        (
            OptimiserSettings(name="sgd", lr=0.5, weight_decay=0.25, momentum=0.75, nesterov=True),
            SGD,
            {"momentum": 0.75, "nesterov": True},
        ),
        (OptimiserSettings(name="adam", lr=0.5, weight_decay=0.25, betas=(0.5, 0.75)), Adam, {"betas": (0.5, 0.75)}),
        (OptimiserSettings(name="adamw", lr=0.5, weight_decay=0.25, betas=(0.5, 0.75)), AdamW, {"betas": (0.5, 0.75)}),
    ],
)
def test_settings_reach_the_optimiser(settings: OptimiserSettings, kind: type, expected: dict[str, object]) -> None:
    model = build_model("stca-micro", num_classes=3)
    (optimiser,) = build_optimisers(model, Criterion(LossSettings(weights={"ce": 1}), model.stage_widths, 3), settings)
    assert type(optimiser) is kind
    (group,) = optimiser.param_groups
    assert {key: group[key] for key in expected} == expected
    assert (group["lr"], group["weight_decay"]) == (0.5, 0.25)


def test_parts_have_rates_of_their_own() -> None:
    model = build_model("dcct-micro", num_classes=3)
    criterion = Criterion(LossSettings(weights={"ce": 1, "cosine": 1}), model.stage_widths, 3)
    settings = OptimiserSettings(name="adamw", lr=0.5, lr_factors={"transformer": 0.1, "hta": 0.2}, decay_all=False)
    (optimiser,) = build_optimisers(model, criterion, settings)
    rates = {id(p): group["lr"] for group in optimiser.param_groups for p in group["params"]}
    assert optimiser.param_groups[0]["lr"] == 0.5
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        expected = {"transformer": 0.05, "hta": 0.1}.get(name.partition(".")[0], 0.5)
        assert rates[id(parameter)] == pytest.approx(expected), name
    without = build_model("dcct-micro", num_classes=3, overrides={"hta_depth": 0, "run_variant": "base"})
    assert build_optimisers(without, Criterion(LossSettings(weights={"ce": 1}), without.stage_widths, 3), settings)
    with pytest.raises(ConfigError, match="no part 'nose'; parts: cnn, transformer, cca"):
        build_optimisers(model, criterion, settings.model_copy(update={"lr_factors": {"nose": 1.0}}))


def test_every_parameter_is_followed_once_and_centres_by_their_own_rule() -> None:
    model = build_model("stca-micro", num_classes=3)
    criterion = Criterion(LossSettings(weights={"centre": 1, "cosine": 1}), model.stage_widths, 3)
    frozen, *_ = model.parameters()
    frozen.requires_grad_(False)
    settings = OptimiserSettings(name="adamw", lr=0.5, weight_decay=0.25, decay_all=False)
    first, centres = build_optimisers(model, criterion, settings)
    decayed, spared = first.param_groups
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.25, 0)
    assert min(parameter.ndim for parameter in decayed["params"]) == 2
    assert max(parameter.ndim for parameter in spared["params"]) == 1
    followed = [id(p) for optimiser in (first, centres) for group in optimiser.param_groups for p in group["params"]]
    expected = {id(p) for p in (*model.parameters(), *criterion.parameters()) if p.requires_grad}
    assert id(frozen) not in expected
    assert len(followed) == len(expected)
    assert set(followed) == expected
    own = [name for name, p in criterion.named_parameters() if id(p) in {*map(id, centres.param_groups[0]["params"])}]
    assert own
    assert all(name.endswith(".centres") for name in own)
