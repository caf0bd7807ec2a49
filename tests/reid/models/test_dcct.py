"""DCCT's outputs, gradients, ablations and refusals; its parts are tested by themselves."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from reid.errors import ConfigError
from reid.models import build_model
from tests.reid.models.by_hand import unlike, with_own_statistics

MICRO_HW = (64, 32)


def clips(num_clips: int, num_frames: int, seed: int = 0) -> Tensor:
    return torch.randn(num_clips, num_frames, 3, *MICRO_HW, generator=torch.Generator().manual_seed(seed))


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("spatial", ["cca", "sap", "gap"])
def test_the_network_walks_its_parts_in_the_papers_order(spatial: str) -> None:
    model = build_model("dcct-micro", num_classes=5, overrides={"spatial": spatial, "run_variant": "all"}).eval()
    for part in (model.cca, model.sap, model.hta, model.necks):
        if part is not None:
            unlike(part)
    with_own_statistics(model.hta)
    with_own_statistics(model.necks)
    given = clips(2, 3)
    with torch.inference_mode():
        output = model(given)
        cnn, transformer = model.cnn(given.flatten(0, 1)), model.transformer(given.flatten(0, 1))
        base = cnn.vector.view(2, 3, -1), transformer.vector.view(2, 3, -1)
        if spatial == "cca":
            enhanced = model.cca(cnn.map, cnn.vector, transformer.map, transformer.vector)
        elif spatial == "sap":
            enhanced = model.sap[0](cnn.map), model.sap[1](transformer.map)
        else:
            enhanced = cnn.vector, transformer.vector
        frames = [vectors.view(2, 3, -1) for vectors in enhanced]
        features = {"base_cnn": base[0], "base_transformer": base[1], "final": model.hta(*frames)}
        if spatial != "gap":
            means = [sum(each.unbind(dim=1)) / 3 for each in frames]
            features |= {"complementary_cnn": means[0], "complementary_transformer": means[1]}
        # Frames go through their neck one by one and are averaged behind it.
        variants = {}
        for stage, feature in features.items():
            close(output.stages[stage].features, feature)
            necked = [model.necks[stage](each) for each in (feature.unbind(dim=1) if feature.ndim == 3 else [feature])]
            close(output.stages[stage].logits, model.classifiers[stage](torch.stack(necked, dim=1).view_as(feature)))
            variants[stage] = sum(necked) / len(necked)
    kinds = ["base", "final"] if spatial == "gap" else ["base", "complementary", "final"]
    for kind in kinds[:-1]:
        variants[kind] = torch.cat([variants[f"{kind}_cnn"], variants[f"{kind}_transformer"]], dim=1)
    unit = {kind: variants[kind] / variants[kind].norm(dim=1, keepdim=True) for kind in kinds}
    variants |= {"all": torch.cat(list(unit.values()), dim=1)}
    variants |= {"base+final": torch.cat([unit["base"], unit["final"]], dim=1)}
    assert set(output.variants) == set(variants)
    for name, variant in variants.items():
        close(output.variants[name], variant)


def test_training_supervises_frames_and_clips() -> None:
    model = build_model("dcct-micro", num_classes=5).train()
    stages = model(clips(3, 2)).stages
    widths = {"cnn": 112, "transformer": 192}
    assert list(stages) == [
        "base_cnn",
        "base_transformer",
        "complementary_cnn",
        "complementary_transformer",
        "final",
    ]
    for branch, width in widths.items():
        assert tuple(stages[f"base_{branch}"].features.shape) == (3, 2, width)
        assert tuple(stages[f"base_{branch}"].logits.shape) == (3, 2, 5)
        assert tuple(stages[f"complementary_{branch}"].features.shape) == (3, width)
        assert tuple(stages[f"complementary_{branch}"].logits.shape) == (3, 5)
    assert tuple(stages["final"].features.shape) == (3, 128)
    assert tuple(stages["final"].logits.shape) == (3, 5)


ABLATIONS: dict[str, dict[str, object]] = {
    "coupled": {"spatial": "gap", "hta_depth": 0},
    "self-attention heads": {"cca_heads": ["self"], "hta_depth": 0},
    "cross-attention heads": {"cca_heads": ["cross"], "hta_depth": 0},
    "cca": {"hta_depth": 0},
    "tt": {"hta_depth": 1, "hta_parts": ["tt"]},
    "tt, at": {"hta_depth": 1, "hta_parts": ["tt", "at"]},
    "tt, at, ga": {"hta_depth": 1, "gate_last": True},
    "depth 3": {"hta_depth": 3},
    "sap": {"spatial": "sap"},
    "gap": {"spatial": "gap"},
    "lstm": {"temporal": "lstm"},
    "no distillation": {"distillation": []},
    "logit distillation": {"distillation": ["logit"]},
    "feature distillation": {"distillation": ["feature"], "hint": "linear", "distillation_reduction": "mean"},
}


@pytest.mark.parametrize("name", ABLATIONS)
def test_every_ablation_trains_all_it_has(name: str) -> None:
    # Stochastic depth is off, lest it drop the very block that is looked at.
    overrides = {"run_variant": "all", "drop_path": 0.0, **ABLATIONS[name]}
    model = build_model("dcct-micro", num_classes=5, overrides=overrides).train()
    output = model(clips(3, 2))
    widths = {variant: tuple(tensor.shape) for variant, tensor in output.variants.items()}
    assert widths == {variant: (3, width) for variant, width in model.variant_widths.items()}
    assert set(output.stages) == set(model.classifiers)
    generator = torch.Generator().manual_seed(1)
    loss = torch.stack([*output.aux_losses.values(), torch.zeros(())]).sum()
    for stage in output.stages.values():
        for part in (stage.features, stage.logits):
            loss = loss + (part * torch.randn(part.shape, generator=generator)).sum()
    loss.backward()
    dead = [
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or float(parameter.grad.abs().sum()) == 0)
    ]
    # The softmax over positions cancels the bias of SAP's scores: what is left of its gradient is rounding, or nothing.
    assert [name for name in dead if not (name.startswith("sap.") and name.endswith("score.bias"))] == []


def test_the_coupled_baseline_is_its_backbones_and_nothing_more() -> None:
    overrides = {**ABLATIONS["coupled"], "run_variant": "base"}
    model = build_model("dcct-micro", num_classes=5, overrides=overrides)
    assert {name for name, child in model.named_children() if list(child.parameters())} == {
        "cnn",
        "transformer",
        "necks",
        "classifiers",
    }
    assert list(model.variant_widths) == ["base_cnn", "base_transformer", "base", "all"]
    assert model(clips(2, 2)).aux_losses == {}


@pytest.mark.parametrize(
    ("wanted", "run"),
    [
        (("base",), set()),
        (("complementary",), {"cca"}),
        (("base", "complementary"), {"cca"}),
        (("final",), {"cca", "hta"}),
        (("all",), {"cca", "hta"}),
    ],
)
def test_what_no_wanted_variant_needs_is_not_run(wanted: tuple[str, ...], run: set[str]) -> None:
    model, ran = build_model("dcct-micro").eval(), set()
    for part in ("cca", "hta"):
        model.get_submodule(part).register_forward_hook(lambda *_, part=part: ran.add(part))
    with torch.inference_mode():
        found, everything = model(clips(2, 3), wanted=wanted).variants, model(clips(2, 3)).variants
        ran.clear()
        model(clips(2, 3), wanted=wanted)
    assert ran == run
    for variant in wanted:
        torch.testing.assert_close(found[variant], everything[variant], atol=0, rtol=0)


@pytest.mark.parametrize(("temperature", "reduction"), [(1.0, "sum"), (0.3, "mean")])
def test_distillation_is_equations_16_and_17_over_both_branches(temperature: float, reduction: str) -> None:
    overrides = {"distillation_temperature": temperature, "distillation_reduction": reduction}
    model = build_model("dcct-micro", num_classes=5, overrides=overrides).train()
    with torch.no_grad():
        for classifier in model.classifiers.values():
            classifier.weight.mul_(100)  # logits as far apart as after some training
    output = model(clips(3, 2))
    frames, channels = (1, 1) if reduction == "sum" else (2, 2 * 128)
    teacher = output.stages["final"]
    logit, feature = torch.zeros(()), torch.zeros(())
    with torch.no_grad():
        reference = (teacher.logits / temperature).softmax(1)
        for branch in ("cnn", "transformer"):
            student = output.stages[f"base_{branch}"]
            for b in range(3):
                for t in range(2):
                    own = (student.logits[b, t] / temperature).softmax(0)
                    logit += (reference[b] * (reference[b] / own).log()).sum() / 3 / frames
                    hinted = model.hints[branch](student.features[b, t])
                    feature += (hinted - teacher.features[b]).square().sum() / 3 / channels
    torch.testing.assert_close(output.aux_losses["logit_distillation"], logit)
    torch.testing.assert_close(output.aux_losses["feature_distillation"], feature)


def test_distillation_teaches_the_backbones_and_leaves_the_teacher_alone() -> None:
    model = build_model("dcct-micro", num_classes=5).train()
    sum(model(clips(3, 2)).aux_losses.values()).backward()
    touched = {name.split(".")[0] for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert touched == {"cnn", "transformer", "necks", "classifiers", "hints"}
    assert model.classifiers["final"].weight.grad is None
    assert not any(key.startswith(("hints", "classifiers")) for key in model.embedding_state())


def test_the_final_feature_leaves_the_rest_of_the_network_alone() -> None:
    model = build_model("dcct-micro", num_classes=5).train()
    model(clips(3, 2)).stages["final"].logits.square().sum().backward()
    touched = {name.split(".")[0] for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert touched == {"hta", "necks", "classifiers"}


def test_mean_of_patches_can_stand_for_a_frame() -> None:
    model = build_model("dcct-micro", overrides={"global_feature": "mean"}).eval()
    images = clips(1, 2)[0]
    with torch.inference_mode():
        features = model.transformer(images)
    torch.testing.assert_close(features.vector, features.map.mean(dim=(2, 3)))


def test_branches_whose_maps_differ_are_refused() -> None:
    with pytest.raises(ConfigError, match="differ in size"):
        build_model("dcct-micro", overrides={"transformer": "vit_small_patch32_224"})
