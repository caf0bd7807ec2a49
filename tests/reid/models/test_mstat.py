"""MSTAT's stages, variants, ablations, gradients and refusals."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from reid.errors import ConfigError
from reid.models.mstat import MSTAT, MSTATConfig
from tests.reid.models.by_hand import unlike
from tests.reid.models.micro_mstat import WIDTH, clips, micro


@pytest.fixture(scope="module")
def small() -> MSTAT:
    model = micro().eval()
    for norm in model.necks.values():
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    return model


def test_each_stage_each_pair_and_all_of_them_are_variants(small: MSTAT) -> None:
    assert small.variant_widths == {
        "stage1": 5 * WIDTH,
        "stage2": WIDTH,
        "stage3": WIDTH,
        "stage1+stage2": 6 * WIDTH,
        "stage1+stage3": 6 * WIDTH,
        "stage2+stage3": 2 * WIDTH,
        "all": 7 * WIDTH,
    }


def test_joined_variants_are_their_normalised_stages_side_by_side(small: MSTAT) -> None:
    with torch.inference_mode():
        variants = small(clips(2, 3)).variants
    unit = {name: variants[name] / variants[name].norm(dim=1, keepdim=True) for name in ("stage1", "stage2", "stage3")}
    for name in ("stage1+stage2", "stage1+stage3", "stage2+stage3"):
        torch.testing.assert_close(variants[name], torch.cat([unit[stage] for stage in name.split("+")], dim=1))
    torch.testing.assert_close(variants["all"], torch.cat(list(unit.values()), dim=1))


def test_stages_are_the_trunks_features_after_their_necks(small: MSTAT) -> None:
    given = clips(2, 3)
    with torch.inference_mode():
        variants, features = small(given).variants, small.trunk(given, {"stage1", "stage2", "stage3"})
        for stage, feature in features.items():
            torch.testing.assert_close(variants[stage], small.necks[stage](feature))


def test_the_trunk_walks_its_stages_in_the_papers_order() -> None:
    model = micro(depths=(2, 1, 1)).eval()
    unlike(model)
    trunk, given = model.trunk, clips(2, 3)
    with torch.inference_mode():
        tokens = trunk.blocks[1](trunk.blocks[0](trunk.stem(given), 3), 3)
        attributes = trunk.attributes(trunk.attributes_norm(tokens[:, 1:]))
        tokens = trunk.blocks[2](tokens, 3)
        tokens = tokens + trunk.identities["stage2"](trunk.identity_norms["stage2"](tokens))
        stage2 = trunk.norms["stage2"](tokens)[:, 0]
        tokens = torch.cat([trunk.stage3_token.expand(2, 1, WIDTH), tokens[:, 1:]], dim=1)
        tokens = trunk.blocks[3](tokens, 3)
        tokens = tokens + trunk.identities["stage3"](trunk.identity_norms["stage3"](tokens))
        stage3 = trunk.norms["stage3"](tokens)[:, 0]
        found = trunk(given, {"stage1", "stage2", "stage3"})
    torch.testing.assert_close(found["stage1"], torch.cat(list(attributes.unbind(dim=1)), dim=1))
    torch.testing.assert_close(found["stage2"], stage2)
    torch.testing.assert_close(found["stage3"], stage3)


def test_the_stem_puts_every_patch_in_its_place() -> None:
    trunk, given = micro().eval().trunk, clips(2, 3)
    kernel, bias = trunk.patch_embed.proj.weight, trunk.patch_embed.proj.bias
    with torch.inference_mode():
        tokens = trunk.stem(given)
        assert tokens.shape == (2, 1 + 3 * 8, WIDTH)
        torch.testing.assert_close(tokens[1, 0], (trunk.cls_token + trunk.pos_embed[:, :1])[0, 0])
        for t, row, column in ((0, 0, 1), (2, 3, 0)):
            pixels = given[1, t, :, 16 * row : 16 * row + 16, 16 * column : 16 * column + 16]
            n = 2 * row + column
            expected = (kernel * pixels).sum(dim=(1, 2, 3)) + bias + trunk.pos_embed[0, 1 + n]
            torch.testing.assert_close(tokens[1, 1 + 8 * t + n], expected, atol=1e-5, rtol=1e-5)


def test_frames_in_another_order_are_the_same_clip(small: MSTAT) -> None:
    # Nothing embeds time, and every step treats frames alike.
    given = clips(2, 5)
    with torch.inference_mode():
        torch.testing.assert_close(
            small(given).variants, small(given[:, [3, 0, 4, 2, 1]]).variants, atol=1e-4, rtol=1e-4
        )


@pytest.mark.parametrize(
    ("wanted", "blocks", "stages"),
    [
        ({"stage1"}, 1, {"stage1"}),
        ({"stage2"}, 2, {"stage2"}),
        ({"stage1+stage2"}, 2, {"stage1", "stage2"}),
        ({"stage3"}, 3, {"stage3"}),
        ({"all"}, 3, {"stage1", "stage2", "stage3"}),
    ],
)
def test_what_is_not_wanted_is_not_computed(small: MSTAT, wanted: set[str], blocks: int, stages: set[str]) -> None:
    ran: list[nn.Module] = []
    watched = [*small.trunk.blocks, small.trunk.attributes]
    hooks = [module.register_forward_hook(lambda module, *_: ran.append(module)) for module in watched]
    with torch.inference_mode():
        some = small(clips(2, 3), wanted).variants
        for hook in hooks:
            hook.remove()
        every = small(clips(2, 3)).variants
    assert wanted | stages <= set(some)
    assert [module for module in ran if module is not small.trunk.attributes] == list(small.trunk.blocks[:blocks])
    assert (small.trunk.attributes in ran) == ("stage1" in stages)
    assert all(torch.equal(variant, every[name]) for name, variant in some.items())


def test_training_supervises_three_stages() -> None:
    stages = micro(num_classes=6).train()(clips(3, 2)).stages
    shapes = {name: (tuple(stage.features.shape), tuple(stage.logits.shape)) for name, stage in stages.items()}
    assert shapes == {
        "stage1": ((3, 5 * WIDTH), (3, 6)),
        "stage2": ((3, WIDTH), (3, 6)),
        "stage3": ((3, WIDTH), (3, 6)),
    }


@pytest.mark.parametrize(
    "overrides", [{"a_sta": False}, {"attribute_proxies": 0}, {"identity_normalisation": "softmax_l1"}]
)
def test_every_ablation_trains_all_it_has(overrides: dict[str, Any]) -> None:
    # Stochastic depth is off, lest it drop the very block that is looked at.
    model = micro(num_classes=5, drop_path=0.0, **overrides).train()
    generator = torch.Generator().manual_seed(1)
    loss = torch.zeros(())
    for stage in model(clips(4, 3)).stages.values():
        for part in (stage.features, stage.logits):
            loss = loss + (part * torch.randn(part.shape, generator=generator)).sum()
    loss.backward()
    dead = [
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or float(parameter.grad.abs().sum()) == 0)
    ]
    assert dead == []


def test_patches_are_shuffled_in_training_alone() -> None:
    trunk = micro(shuffle_probability=1.0).trunk
    given = clips(2, 6)
    with torch.no_grad():
        still, shuffled = trunk.eval().stem(given), trunk.train().stem(given)
    moved = (still != shuffled)[:, 1:].unflatten(1, (6, 8)).any(dim=3).any(dim=1)  # (B, N)
    assert not torch.equal(still, shuffled)
    assert int(moved.sum(dim=1).max()) <= 3
    torch.testing.assert_close(still.sum(dim=1), shuffled.sum(dim=1))


@pytest.mark.parametrize(
    ("overrides", "variants"),
    [
        ({"attribute_proxies": 0}, {"stage2": 48, "stage3": 48, "stage2+stage3": 96, "all": 96}),
        ({"attribute_feature": "mean"}, {"stage1": 48, "stage1+stage2": 96, "all": 144}),
    ],
)
def test_stage_1_may_have_no_feature_or_a_narrow_one(overrides: dict[str, Any], variants: dict[str, int]) -> None:
    model = micro(**overrides).eval()
    with torch.inference_mode():
        found = model(clips(2, 3)).variants
    assert {name: variant.shape[1] for name, variant in found.items()} == model.variant_widths
    assert variants.items() <= model.variant_widths.items()
    assert ("stage1" in found) == (overrides != {"attribute_proxies": 0})


def test_the_mean_of_the_attributes_can_stand_for_them() -> None:
    both = [micro(attribute_feature=kind).eval() for kind in ("concatenation", "mean")]
    with torch.inference_mode():
        side_by_side, mean = (model.trunk(clips(2, 3), {"stage1"})["stage1"] for model in both)
    torch.testing.assert_close(mean, side_by_side.view(2, 5, WIDTH).mean(dim=1))


@pytest.mark.parametrize("stages", [(), ("stage2",), ("stage3",), ("stage2", "stage3")])
def test_iap_sits_where_it_is_told_to(stages: tuple[str, ...]) -> None:
    model = micro(iap_stages=stages).eval()
    assert set(model.trunk.identities) == set(stages)
    with torch.inference_mode():
        with_it = model.trunk(clips(2, 3), {"stage2", "stage3"})
        for identity in model.trunk.identities.values():
            identity.proj.weight.mul_(1000)
        changed = {
            stage
            for stage, feature in model.trunk(clips(2, 3), {"stage2", "stage3"}).items()
            if not torch.allclose(feature, with_it[stage])
        }
    assert changed == ({"stage2", "stage3"} if "stage2" in stages else set(stages))


def test_one_variant_can_be_exported_for_batches_of_any_size() -> None:
    class OneVariant(nn.Module):
        def __init__(self, model: MSTAT) -> None:
            super().__init__()
            self.model = model

        def forward(self, given: Tensor) -> Tensor:
            return self.model(given, {"stage2+stage3"}).variants["stage2+stage3"]

    model = OneVariant(micro().eval())
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(model, (clips(2, 4),), dynamic_shapes=({0: batch},))
    with torch.inference_mode():
        torch.testing.assert_close(program.module()(clips(5, 4)), model(clips(5, 4)), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"image_size_hw": (64, 40)}, "image_size_hw: 64x40"),
        ({"heads": 5}, "heads: 5 heads"),
        ({"heads": 0}, "heads: 0 heads"),
        ({"depths": (2, 0, 1)}, "depths"),
        ({"attribute_proxies": -1}, "attribute_proxies"),
        ({"a_sta_proxies": 0}, "a_sta_proxies"),
        ({"prototypes": 0}, "prototypes"),
        ({"drop_path": 1.0}, "drop_path"),
        ({"shuffle_probability": 1.5}, "shuffle_probability"),
        ({"shuffle_positions": 9}, "shuffle_positions: 9 of a frame's 8"),
        ({"start": "vit_bass"}, "start: timm knows no network 'vit_bass'"),
        ({"run_variant": "final"}, "run_variant"),
        ({"attribute_proxies": 0, "run_variant": "stage1"}, "run_variant"),
    ],
)
def test_impossible_numbers_are_refused(overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        micro(**overrides)


def test_the_configuration_survives_json() -> None:
    config = micro().config
    assert MSTATConfig.from_dict(config.to_dict()) == config
    for field, value in (("iap_stages", ["stage1"]), ("identity_normalisation", "l2"), ("attribute_feature", "max")):
        with pytest.raises(ConfigError, match=field):
            MSTATConfig.from_dict({**config.to_dict(), field: value})
