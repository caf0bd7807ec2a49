"""Recipes: every one that ships can be used, what is laid over what, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from reid.config import builtin_text
from reid.criterion import Criterion
from reid.data.catalogue import CATALOGUE
from reid.errors import ConfigError
from reid.models import PRESETS, build_model
from reid.training.optimisers import build_optimisers
from reid.training.recipe import find_recipe, load_recipe, recipe_model, recipe_names, recipe_text

NAMES = recipe_names()


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_that_ships_fits_its_model(name: str) -> None:
    model_name = recipe_model(name)
    assert model_name is not None
    recipe = load_recipe("mars", model_name, config=name)
    assert "Source" in builtin_text(f"train/{name}.yaml") or name.endswith(("_release", "_average_mars"))
    with torch.device("meta"):
        model = build_model(recipe.model, num_classes=7, overrides=recipe.model_settings)
        criterion = Criterion(recipe.losses, model.stage_widths, 7, model.aux_losses)
    assert criterion.weights, "something is learnt"
    assert build_optimisers(model, criterion, recipe.optimiser)[0].param_groups[0]["lr"] == recipe.optimiser.lr


@pytest.mark.parametrize("name", NAMES)
def test_a_resolved_recipe_reads_back(name: str, tmp_path: Path) -> None:
    recipe = load_recipe("mars", str(recipe_model(name)), config=name)
    written = tmp_path / "recipe.yaml"
    written.write_text(recipe_text(recipe), encoding="utf-8")
    assert load_recipe("mars", recipe.model, config=str(written)) == recipe


@pytest.mark.parametrize(
    ("data_set", "model", "expected"),
    [
        ("mars", "dcct", "dcct_mars"),
        ("prid", "stca", "stca_prid"),
        ("mars", "dcct-512", "dcct_mars"),
        ("ilids", "stca-256", "stca_ilids"),
        ("folder", "mstat", "mstat_mars"),
        ("synthetic", "dcct-micro", "dcct_micro_synthetic"),
        ("mars", "cnn-average-micro", "cnn_average_micro_synthetic"),
        ("dukemtmc", "vit-average", "vit_average_mars"),
    ],
)
def test_the_nearest_recipe_is_taken(data_set: str, model: str, expected: str) -> None:
    assert find_recipe(data_set, model) == expected


def test_every_model_has_a_recipe_on_every_set() -> None:
    for model in PRESETS:
        for data_set in CATALOGUE:
            assert load_recipe(data_set, model).model == model


def test_a_file_is_laid_over_the_recipe_that_ships(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("epochs: 7\noptimiser: {lr: 0.5}\nlosses: {weights: {ce: 2}}\n", encoding="utf-8")
    recipe = load_recipe("mars", "dcct", config=str(mine))
    shipped = load_recipe("mars", "dcct")
    assert (recipe.epochs, recipe.optimiser.lr) == (7, 0.5)
    assert recipe.optimiser.momentum == shipped.optimiser.momentum
    assert recipe.losses.weights == {"ce": 2}, "weights are one choice, not merged"
    assert recipe.losses.margin == shipped.losses.margin


def test_a_file_may_extend_a_recipe_by_name(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("extends: stca_mars\nseed: 5\n", encoding="utf-8")
    assert recipe_model(str(mine)) == "stca"
    recipe = load_recipe("mars", "stca", config=str(mine))
    assert (recipe.seed, recipe.losses.smoothing) == (5, 0.1)


def test_single_values_go_before_everything() -> None:
    values = {"optimiser.lr": 0.25, "losses.weights.triplet": 3, "model_settings.drop_path": 0.0}
    recipe = load_recipe("mars", "dcct", values=values)
    assert recipe.optimiser.lr == 0.25
    assert recipe.losses.weights == {"ce": 1, "triplet": 3, "aux": 0.1}
    assert recipe.model_settings == {"drop_path": 0.0}


def test_people_held_out_are_counted_or_a_share() -> None:
    shares = {0: 0, 0.05: 31, 0.001: 2, 40: 40}
    for given, people in shares.items():
        assert load_recipe("mars", "dcct", values={"held_out_people": given}).held_out_of(625) == people


def test_a_stated_map_is_of_the_recipes_own_people(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("synthetic: {people: 30}\n", encoding="utf-8")
    stated = load_recipe("synthetic", "dcct-micro", values={"seed": 3}).expected_map
    assert stated is not None
    assert load_recipe("folder", "dcct-micro").expected_map is None
    assert load_recipe("synthetic", "dcct-micro", values={"synthetic.seed": 3}).expected_map is None
    assert load_recipe("synthetic", "dcct-micro", config=str(mine)).expected_map is None
    assert load_recipe("folder", "dcct-micro", values={"expected_map": 0.5}).expected_map == 0.5


def test_the_papers_numbers() -> None:
    """Facts of the papers that a slip in a file would change silently."""
    dcct, stca, denseil, mstat = (load_recipe("mars", name) for name in ("dcct", "stca", "denseil", "mstat"))
    assert [r.batch.people * r.batch.tracklets for r in (dcct, stca, denseil, mstat)] == [16, 32, 64, 24]
    assert [r.optimiser.name for r in (dcct, stca, denseil, mstat)] == ["sgd", "adam", "adam", "sgd"]
    assert [r.optimiser.lr for r in (dcct, stca, denseil, mstat)] == [1e-3, 3.5e-4, 2e-4, 1e-3]
    assert [r.optimiser.weight_decay for r in (dcct, stca, denseil, mstat)] == [5e-4, 5e-4, 0, 5e-5]
    assert [r.epochs for r in (dcct, stca, denseil)] == [50, 450, 800]
    assert [r.batch.tracklets for r in (dcct, stca, denseil, mstat)] == [2, 4, 4, 2]
    assert [(r.schedule.every_epochs, r.schedule.factor) for r in (dcct, denseil, mstat)] == [
        (15, 0.1),
        (100, 0.1),
        (25, 0.75),
    ]
    assert [(r.optimiser.momentum, r.optimiser.nesterov) for r in (dcct, mstat)] == [(0.9, True)] * 2
    assert dcct.losses.weights == {"ce": 1, "triplet": 1, "aux": 0.1}
    assert mstat.batch.different_cameras
    assert [r.augmentation.flip_level for r in (dcct, stca, denseil, mstat)] == ["clip", "clip", "frame", "clip"]
    assert denseil.augmentation.crop_padding_px == 0
    assert (stca.losses.weights["centre"], stca.losses.smoothing, stca.losses.distance) == (0.0005, 0.1, "cosine")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"optimizer.lr": 1}, r"unknown key 'optimizer'; did you mean 'optimiser'\?"),
        ({"epochs": 0}, "'epochs'"),
        ({"optimiser.lr": "fast"}, r"'optimiser.lr'.*'fast'"),
        ({"held_out_people": 1}, "held_out_people: one person"),
        ({"schedule.every_epochs": None}, "every_epochs belongs"),
        ({"batch.people": -1}, "'batch.people'"),
        ({"batch.people": 1, "batch.tracklets": 1}, "batch: normalisations take two clips"),
        ({"held_out_people": 2.5}, "held_out_people: 2.5 is neither"),
        ({"losses.weights": {"ces": 1}}, "ces"),
        ({"optimiser.momentum": 0}, "nesterov"),
        ({"optimiser.betas": [1.5, 0.9]}, r"'optimiser.betas\[0\]'"),
        ({"synthetic.size_hw": [15, 32]}, r"'synthetic.size_hw\[0\]'"),
    ],
)
def test_wrong_values_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_recipe("mars", "dcct", values=values)


def test_wrong_names_are_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'dcct_marz' is unknown; did you mean 'dcct_mars'\?"):
        load_recipe("mars", "dcct", config="dcct_marz")
    with pytest.raises(ConfigError, match=r"'nothing like it' is unknown\. Files end in \.yaml\. Known: cnn_"):
        load_recipe("mars", "dcct", config="nothing like it")
    missing = tmp_path / "mine.yaml"
    with pytest.raises(ConfigError, match="cannot read the configuration"):
        load_recipe("mars", "dcct", config=str(missing))
    missing.write_text("- a list\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="expected keys with values"):
        load_recipe("mars", "dcct", config=str(missing))
