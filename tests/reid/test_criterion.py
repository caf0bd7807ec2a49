"""Which terms a criterion computes, from what, with which weights; and what it refuses."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from reid.config import parse_settings
from reid.criterion import KINDS, Criterion, LossSettings
from reid.errors import ConfigError, RunError
from reid.losses import (
    CentreLoss,
    CosineSoftmax,
    batch_hard_triplet,
    cross_entropy,
    supervised_contrastive,
)
from reid.models import PRESETS, build_model
from reid.models.output import ReidOutput, SupervisedStage
from tests.reid.losses.numbers import normal

WIDTHS = {"final": 6, "base": 5}
OWN = ("ld", "fd")
LABELS = torch.tensor([0, 0, 1, 1])


def settings(weights: dict[str, float], **others: Any) -> LossSettings:
    return parse_settings({"weights": weights} | others, LossSettings, where="losses")


def outputs() -> ReidOutput:
    """Make a stage of the clip and one of its three frames, 2 people, and two losses of the model's own."""
    final = SupervisedStage(normal(4, 6), normal(4, 2, seed=1), normal(4, 6, seed=2))
    base = SupervisedStage(normal(4, 3, 5, seed=3), normal(4, 3, 2, seed=4), normal(4, 3, 5, seed=5))
    return ReidOutput({}, {"final": final, "base": base}, {"ld": torch.tensor(0.5), "fd": torch.tensor(2.0)})


def test_every_kind_takes_what_it_is_for_at_every_stage() -> None:
    output = outputs()
    criterion = Criterion(
        settings(
            dict.fromkeys(KINDS, 1.0),
            smoothing=0.1,
            margin=None,
            distance="cosine",
            supcon={"temperature": 0.2},
            oim={"temperature": 0.7},
            cosine={"scale": 5.0, "margin": 0.1},
        ),
        WIDTHS,
        num_classes=2,
        aux_losses=OWN,
    )
    terms = criterion(output, LABELS)
    assert {name.split("/")[0] for name in terms} == set(KINDS)
    assert len(terms) == 2 * len(KINDS)
    for stage in WIDTHS:
        of = output.stages[stage]
        centre, cosine = criterion.losses[f"centre/{stage}"], criterion.losses[f"cosine/{stage}"]
        assert isinstance(centre, CentreLoss)
        assert isinstance(cosine, CosineSoftmax)
        assert (cosine.scale, cosine.margin) == (5.0, 0.1)
        expected = {
            "ce": cross_entropy(of.logits, LABELS, 0.1),
            "triplet": batch_hard_triplet(of.features, LABELS, margin=None, distance="cosine"),
            "supcon": supervised_contrastive(of.necked, LABELS, temperature=0.2),
            "centre": centre(of.features, LABELS),
            "cosine": cosine(of.necked, LABELS),
            "oim": torch.tensor(math.log(2)),  # nobody is remembered yet
        }
        for kind, value in expected.items():
            torch.testing.assert_close(terms[f"{kind}/{stage}"], value)
    assert (float(terms["aux/ld"]), float(terms["aux/fd"])) == (0.5, 2.0)
    oim = criterion.losses["oim/final"]
    torch.testing.assert_close(oim.table.norm(dim=1), torch.ones(2))  # both are, now


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"ce": 1.0}, {"ce/final": 1.0, "ce/base": 1.0}),
        ({"ce": 1.0, "ce/base": 0.5}, {"ce/final": 1.0, "ce/base": 0.5}),
        ({"ce": 1.0, "ce/base": 0.0}, {"ce/final": 1.0}),
        ({"ce/base": 2.0}, {"ce/base": 2.0}),
        ({"ce": 0.0, "triplet/final": 1.0}, {"triplet/final": 1.0}),
        ({"ce/final": 1.0, "aux": 0.1}, {"ce/final": 1.0, "aux/ld": 0.1, "aux/fd": 0.1}),
        ({"aux/fd": 0.1}, {"aux/fd": 0.1}),
        ({"aux": 0.1, "aux/ld": 3.0}, {"aux/ld": 3.0, "aux/fd": 0.1}),
    ],
)
def test_weights_decide_what_is_computed(weights: dict[str, float], expected: dict[str, float]) -> None:
    criterion = Criterion(settings(weights), WIDTHS, 2, OWN)
    terms = criterion(outputs(), LABELS)
    assert set(terms) == set(expected)
    total = sum(expected[name] * float(term) for name, term in terms.items())
    assert float(criterion.total(terms)) == pytest.approx(total, rel=1e-5)


def test_only_losses_with_a_weight_have_parameters() -> None:
    criterion = Criterion(settings({"centre/base": 1, "cosine/final": 1, "oim": 1, "supcon": 1}), WIDTHS, 7)
    shapes = {name: tuple(tensor.shape) for name, tensor in criterion.state_dict().items() if tensor.ndim}
    assert shapes == {
        "losses.centre/base.centres": (7, 5),
        "losses.cosine/final.directions": (7, 6),
        "losses.oim/final.table": (7, 6),
        "losses.oim/final.queue": (0, 6),
        "losses.oim/base.table": (7, 5),
        "losses.oim/base.queue": (0, 5),
    }


def test_centres_and_nothing_else_have_an_optimiser_of_their_own() -> None:
    criterion = Criterion(settings({"centre": 0.01, "cosine": 1}, centre={"rate": 0.25}), WIDTHS, 2)
    (own,) = criterion.own_optimisers()
    found = {id(parameter) for group in own.param_groups for parameter in group["params"]}
    parameters = dict(criterion.named_parameters())
    assert found == {id(parameters[f"losses.centre/{stage}.centres"]) for stage in WIDTHS}
    assert len(parameters) == 4
    assert own.param_groups[0]["lr"] == 0.25
    assert Criterion(settings({"ce": 1}), WIDTHS, 2).own_optimisers() == []


@pytest.mark.parametrize("weight", [1.0, 0.0005])
def test_the_total_moves_centres_alike_whatever_their_weight(weight: float) -> None:
    criterion = Criterion(settings({"centre/final": weight, "ce": 1}), WIDTHS, 2)
    (own,) = criterion.own_optimisers()
    (centres,) = criterion.parameters()
    output = outputs()
    pull = centres.detach() - output.stages["final"].features.view(2, 2, 6).mean(dim=1)
    expected = centres.detach() - 0.5 * pull * 2 / 3  # 1/2 sum over 2 samples / (1 + 2)
    criterion.total(criterion(output, LABELS)).backward()
    own.step()
    torch.testing.assert_close(centres.detach(), expected)


def test_the_seed_decides_the_start_and_the_global_random_state_stays() -> None:
    state = torch.random.get_rng_state()
    starts = [Criterion(settings({"cosine": 1}), WIDTHS, 3, seed=seed).state_dict() for seed in (1, 1, 2)]
    assert torch.equal(torch.random.get_rng_state(), state)
    name = "losses.cosine/final.directions"
    assert torch.equal(starts[0][name], starts[1][name])
    assert not torch.equal(starts[0][name], starts[2][name])


def test_people_without_a_name_are_seen_by_oims_queue_alone() -> None:
    criterion = Criterion(settings({"ce": 1, "triplet": 1, "oim": 1}, oim={"queue": 4}), WIDTHS, 2)
    output = outputs()
    terms = criterion(output, torch.tensor([0, 0, 1, -1]))
    final = output.stages["final"]
    torch.testing.assert_close(terms["ce/final"], cross_entropy(final.logits[:3], LABELS[:3]))
    torch.testing.assert_close(terms["triplet/final"], batch_hard_triplet(final.features[:3], LABELS[:3]))
    queued = [int(criterion.state_dict()[f"losses.oim/{stage}.queued"]) for stage in ("final", "base")]
    assert queued == [1, 3]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_total_that_is_not_finite_shows_every_term(bad: float) -> None:
    criterion = Criterion(settings({"ce/final": 1, "aux": 0.1}), WIDTHS, 2, OWN)
    output = outputs()
    output.aux_losses["fd"] = torch.tensor(bad)
    with pytest.raises(RunError, match=rf"the loss is {bad:g}; .*: ce/final [\d.]+, aux/ld 0.5, aux/fd {bad:g}"):
        criterion.total(criterion(output, LABELS))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weights": {"cee": 1}}, r"'weights': 'cee' is no kind of loss; there are ce, triplet, centre, oim, "),
        ({"weights": {"tripel/final": 1}}, "'tripel' is no kind of loss"),
        ({"weights": {"ce": -1}}, "the weight of 'ce' must be finite and at least 0"),
        ({"weights": {"ce": math.nan}}, "the weight of 'ce' must be finite and at least 0"),
        ({"weights": {}}, "at least one loss must have a weight above 0"),
        ({"weights": {"ce": 0}}, "at least one loss must have a weight above 0"),
        ({}, "'weights' is missing"),
        ({"weights": {"triplet": 1}, "smoothing": 0.1}, "'smoothing' is set, but 'weights' has no 'ce'"),
        ({"weights": {"ce": 1}, "margin": 0.5}, "'margin' is set, but 'weights' has no 'triplet'"),
        ({"weights": {"ce": 1}, "margin": None}, "'margin' is set, but 'weights' has no 'triplet'"),
        ({"weights": {"ce": 1}, "distance": "cosine"}, "'distance' is set, but 'weights' has no 'triplet'"),
        ({"weights": {"ce": 1}, "centre": {"rate": 0.1}}, "'centre' is set, but"),
        ({"weights": {"ce": 1}, "oim": {"queue": 9}}, "'oim' is set, but"),
        ({"weights": {"ce": 1}, "cosine": {"scale": 9}}, "'cosine' is set, but"),
        ({"weights": {"ce": 1}, "supcon": {"temperature": 9}}, "'supcon' is set, but"),
        ({"weights": {"triplet": 1}, "margin": 2.5, "distance": "cosine"}, "'margin': cosine distances lie in"),
        ({"weights": {"ce": 1}, "smoothing": 1.0}, "'smoothing': .*less than 1"),
        ({"weights": {"oim": 1}, "oim": {"momentum": 1.0}}, "'oim.momentum': .*less than 1"),
        ({"weights": {"ce": 1}, "smothing": 0.1}, "did you mean 'smoothing'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_settings(given, LossSettings, where="recipe")


def test_a_kind_switched_off_may_keep_its_settings() -> None:
    kept = settings({"ce": 1, "triplet": 0}, distance="cosine")
    assert parse_settings(kept.model_dump(), LossSettings, where="recipe") == kept


@pytest.mark.parametrize(
    ("weights", "widths", "message"),
    [
        ({"ce/finale": 1}, WIDTHS, "weights: 'ce/finale': the model has no such stage; it has final, base"),
        ({"ce": 1}, {}, "weights: 'ce': the model has no stage that it could weigh"),
        ({"ce": 0, "aux": 0, "triplet/final": 1, "ce/x": 0}, WIDTHS, "'ce/x': the model has no such stage"),
    ],
)
def test_weights_of_stages_that_are_not_there_are_refused(
    weights: dict[str, float], widths: dict[str, int], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Criterion(settings(weights), widths, 2)


@pytest.mark.parametrize(
    ("weights", "aux", "message"),
    [
        ({"aux/gd": 1}, ("ld",), "'aux/gd': the model has no such loss of its own; it has ld"),
        ({"ce": 1, "aux": 1}, (), "'aux': the model has no loss of its own that it could weigh"),
    ],
)
def test_weights_of_losses_that_the_model_does_not_have_are_refused(
    weights: dict[str, float], aux: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Criterion(settings(weights), WIDTHS, 2, aux)


def test_an_output_without_a_stage_is_refused() -> None:
    with pytest.raises(ValueError, match="no stage base, final: was it built with classifiers"):
        Criterion(settings({"ce": 1}), WIDTHS, 2)(ReidOutput({}), LABELS)


@pytest.mark.parametrize("name", [name for name in PRESETS if name.endswith("-micro")])
def test_every_model_can_be_trained_with_every_kind(name: str) -> None:
    model = build_model(name, num_classes=2).train()
    output = model(torch.randn(4, 2, 3, *model.config.image_size_hw, generator=torch.Generator().manual_seed(0)))
    weights = {kind: 1.0 for kind in KINDS if kind != "aux" or output.aux_losses}
    criterion = Criterion(settings(weights), model.stage_widths, 2, model.aux_losses)
    assert set(model.aux_losses) == set(output.aux_losses)
    terms = criterion(output, LABELS)
    assert len(terms) == len(output.stages) * (len(KINDS) - 1) + len(output.aux_losses)
    criterion.total(terms).backward()
    for parameter in (*model.classifiers.parameters(), *criterion.parameters()):
        assert parameter.grad is not None
        assert bool(parameter.grad.isfinite().all())
