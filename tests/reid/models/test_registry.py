"""Every preset: sizes of the paper's Table V, budgets, one short clip; seeds and refusals."""

from __future__ import annotations

import pytest
import torch

from reid.errors import ConfigError
from reid.models import PRESETS, ReidModel, build_model

MEBI = 2**20  # Table V counts parameters in units of 2^20.


def on_meta(name: str, num_classes: int = 0) -> ReidModel:
    with torch.device("meta"):
        return build_model(name, num_classes=num_classes)


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_takes_a_short_clip(name: str) -> None:
    model = on_meta(name, num_classes=3).eval()
    output = model(torch.zeros(2, 3, 3, *model.config.image_size_hw, device="meta"))
    shapes = {variant: tuple(tensor.shape) for variant, tensor in output.variants.items()}
    assert shapes == {variant: (2, width) for variant, width in model.variant_widths.items()}
    assert all(stage.logits.shape[-1] == 3 for stage in output.stages.values())


def test_dcct_has_the_parameters_of_table_5() -> None:
    model = on_meta("dcct")
    cnn, transformer = count(model.cnn), count(model.transformer)
    assert cnn / MEBI == pytest.approx(22.42, rel=0.002)
    assert transformer / MEBI == pytest.approx(81.64, rel=0.002)
    assert (cnn + transformer) / MEBI == pytest.approx(104.07, rel=0.002)
    assert (cnn + transformer + count(model.cca)) / MEBI == pytest.approx(125.54, rel=0.01)
    assert count(model.hta) == pytest.approx(100.6e6, rel=0.01)
    with_classifier = count(model.hta) + count(on_meta("dcct", 625).classifiers["final"])
    assert with_classifier / MEBI == pytest.approx(222.61 - 125.54, rel=0.01)


def test_dcct_512_has_the_width_of_the_release() -> None:
    assert count(on_meta("dcct-512").hta) == pytest.approx(25.9e6, rel=0.01)


def test_the_papers_concatenation_is_7680_wide() -> None:
    assert on_meta("dcct").variant_widths["all"] == 7680


BUDGETS = {"compact": 8_000_000, "micro": 3_000_000}


@pytest.mark.parametrize("name", [name for name in PRESETS if name.endswith(tuple(BUDGETS))])
def test_small_presets_keep_their_budget(name: str) -> None:
    model = on_meta(name)
    assert count(model) <= BUDGETS[name.rsplit("-", 1)[1]]
    assert model.variant_widths[model.config.run_variant] <= 512


def test_every_model_comes_in_all_three_sizes() -> None:
    builders = {preset.builder for preset in PRESETS.values()}
    for size in BUDGETS:
        assert {preset.builder for name, preset in PRESETS.items() if name.endswith(f"-{size}")} == builders
    assert {preset.builder for name, preset in PRESETS.items() if not name.endswith(tuple(BUDGETS))} == builders


def test_a_seed_decides_the_weights_and_leaves_the_global_state_alone() -> None:
    before = torch.random.get_rng_state()
    first, again, other = (build_model("dcct-micro", seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["cca.psi_cnn.layers.1.weight"], other["cca.psi_cnn.layers.1.weight"])


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'dcct-compact'"):
        build_model("dcct-compakt")
    with pytest.raises(ConfigError, match="did you mean"):
        build_model("")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"widht": 64}, "widht"),
        ({"width": "wide"}, "width"),
        ({"global_feature": "median"}, "global_feature"),
        ({"clip_length": 0}, "clip_length"),
        ({"image_size_hw": (0, 32)}, "image_size_hw"),
        ({"run_variant": "sum"}, "run_variant"),
        ({"width": 60}, "heads"),
        ({"hta_depth": 4}, "hta_depth"),
        ({"transformer": "swin_tiny_patch4_window7_224"}, "global_feature"),
    ],
)
def test_bad_overrides_are_refused_by_name(overrides: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_model("dcct-micro", overrides=overrides)


def test_overrides_survive_json() -> None:
    model = build_model("dcct-micro", overrides={"image_size_hw": [32, 64], "ffn_ratios": [2.0], "hta_depth": 1})
    assert model.config.image_size_hw == (32, 64)
    assert type(model.config).from_dict(model.config.to_dict()) == model.config
