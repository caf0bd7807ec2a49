"""MSTAT's stages against networks whose weights it starts from; its variants, ablations, gradients and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from reid.errors import ConfigError
from reid.models.mstat import MSTAT, MSTATConfig
from reid.models.mstat_start import from_timesformer, from_vit
from reid.start_weights import apply_start_weights

MICRO_HW = (64, 32)  # 4 x 2 patches
WIDTH, HEADS = 48, 3
VIT = "deit_tiny_patch16_224"


def micro(num_classes: int = 0, **overrides: Any) -> MSTAT:
    numbers: dict[str, Any] = {
        "image_size_hw": MICRO_HW,
        "clip_length": 4,
        "run_variant": "stage2",
        "width": WIDTH,
        "heads": HEADS,
        "depths": (1, 1, 1),
        "attribute_proxies": 5,
        "a_sta_proxies": 3,
        "prototypes": 7,
        "shuffle_positions": 3,
        "start": VIT,
    }
    torch.manual_seed(0)
    return MSTAT(MSTATConfig(**{**numbers, **overrides}), "micro", num_classes)


def clips(num_clips: int, num_frames: int, seed: int = 0) -> Tensor:
    return torch.randn(num_clips, num_frames, 3, *MICRO_HW, generator=torch.Generator().manual_seed(seed))


def unlike(module: nn.Module) -> None:
    """Move every parameter away from a value that might hide it, such as a normalisation's 1."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))


def image_transformer(depth: int) -> Any:
    vit = timm.create_model(VIT, depth=depth, embed_dim=WIDTH, num_heads=HEADS, img_size=MICRO_HW, num_classes=0)
    unlike(vit)
    return vit.eval()


def take(model: MSTAT, state: dict[str, Tensor]) -> set[str]:
    """Load a translated state into the trunk and return the names of what it did not bring."""
    missing, unexpected = model.trunk.load_state_dict(state, strict=False)
    assert unexpected == []
    return set(missing)


@pytest.fixture(scope="module")
def small() -> MSTAT:
    model = micro().eval()
    for norm in model.necks.values():
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    return model


@pytest.mark.parametrize("a_sta", [False, True])
@pytest.mark.parametrize("num_frames", [1, 3])
def test_started_from_images_it_is_the_image_transformer_on_identical_frames(num_frames: int, a_sta: bool) -> None:
    vit, model = image_transformer(depth=3), micro(a_sta=a_sta, iap_stages=()).eval()
    missing = take(model, from_vit(vit.state_dict(), a_sta_blocks=[2] if a_sta else []))
    assert not any(
        name.startswith(("blocks.0", "blocks.1")) and not name.endswith(("alpha", "beta")) for name in missing
    )
    images = clips(2, 1)[:, 0]
    with torch.inference_mode():
        found = model.trunk(images[:, None].expand(-1, num_frames, -1, -1, -1), {"stage2", "stage3"})
        tokens = vit.patch_embed(images) + vit.pos_embed[:, 1:]
        tokens = torch.cat([(vit.cls_token + vit.pos_embed[:, :1]).expand(2, -1, -1), tokens], dim=1)
        tokens = vit.blocks[:2](tokens)
        torch.testing.assert_close(found["stage2"], vit.norm(tokens)[:, 0], atol=1e-4, rtol=1e-4)
        # Stage III goes on with a class token of its own.
        tokens = torch.cat([model.trunk.stage3_token.expand(2, -1, -1), tokens[:, 1:]], dim=1)
        expected = vit.norm(vit.blocks[2](tokens))[:, 0]
        torch.testing.assert_close(found["stage3"], expected, atol=1e-4, rtol=1e-4)


def test_started_from_images_temporal_attention_can_learn_what_spatial_attention_knew() -> None:
    vit, model = image_transformer(depth=3), micro()
    take(model, from_vit(vit.state_dict(), a_sta_blocks=[2]))
    block = model.trunk.blocks[0]
    assert torch.equal(block.temporal.qkv.weight, vit.blocks[0].attn.qkv.weight)
    assert torch.equal(block.temporal_norm.bias, vit.blocks[0].norm1.bias)
    assert float(block.temporal.proj.weight.detach().abs().max()) == 0


def published_timesformer(depth: int) -> dict[str, Tensor]:
    """Make up a TimeSformer with the names that its authors' checkpoints have inside `model_state`."""
    state = dict(image_transformer(depth).state_dict())
    state |= {"time_embed": torch.randn(1, 8, WIDTH), "head.weight": torch.randn(6, WIDTH), "head.bias": torch.randn(6)}
    for i in range(depth):
        state[f"blocks.{i}.temporal_norm1.weight"] = 1 + 0.2 * torch.randn(WIDTH)
        state[f"blocks.{i}.temporal_norm1.bias"] = 0.2 * torch.randn(WIDTH)
        for name, rows in (("temporal_attn.qkv", 3 * WIDTH), ("temporal_attn.proj", WIDTH), ("temporal_fc", WIDTH)):
            state[f"blocks.{i}.{name}.weight"] = 0.2 * torch.randn(rows, WIDTH)
            state[f"blocks.{i}.{name}.bias"] = 0.2 * torch.randn(rows)
    return {f"model.{key}": value for key, value in state.items()}


def timesformer(state: dict[str, Tensor], given: Tensor, depth: int) -> Tensor:
    """Return the normalised class tokens (B, D) of divided space-time attention without time embedding."""

    def linear(name: str, tokens: Tensor) -> Tensor:
        return F.linear(tokens, state[f"model.{name}.weight"], state[f"model.{name}.bias"])

    def norm(name: str, tokens: Tensor) -> Tensor:
        return F.layer_norm(tokens, (WIDTH,), state[f"model.{name}.weight"], state[f"model.{name}.bias"], 1e-6)

    def attention(name: str, tokens: Tensor) -> Tensor:
        q, k, v = linear(f"{name}.qkv", tokens).chunk(3, dim=-1)
        heads = []
        for part in zip(*(x.split(WIDTH // HEADS, dim=-1) for x in (q, k, v)), strict=True):
            weights = (part[0] @ part[1].transpose(-1, -2) * (WIDTH // HEADS) ** -0.5).softmax(dim=-1)
            heads.append(weights @ part[2])
        return linear(f"{name}.proj", torch.cat(heads, dim=-1))

    positions = state["model.pos_embed"]
    kernel, bias = state["model.patch_embed.proj.weight"], state["model.patch_embed.proj.bias"]
    outputs = []
    for clip in given:
        patches = F.conv2d(clip, kernel, bias, stride=16).flatten(2).transpose(1, 2) + positions[:, 1:]  # (T, N, D)
        class_token = state["model.cls_token"] + positions[:, :1]  # (1, 1, D)
        for i in range(depth):
            block = f"blocks.{i}"
            columns = attention(f"{block}.temporal_attn", norm(f"{block}.temporal_norm1", patches.transpose(0, 1)))
            patches = patches + linear(f"{block}.temporal_fc", columns).transpose(0, 1)
            frames = torch.cat([class_token.expand(len(clip), -1, -1), patches], dim=1)
            change = attention(f"{block}.attn", norm(f"{block}.norm1", frames))
            class_token, patches = class_token + change[:, :1].mean(0, keepdim=True), patches + change[:, 1:]
            class_token, patches = (
                x + linear(f"{block}.mlp.fc2", F.gelu(linear(f"{block}.mlp.fc1", norm(f"{block}.norm2", x))))
                for x in (class_token, patches)
            )
        outputs.append(norm("norm", class_token)[0, 0])
    return torch.stack(outputs)


def test_started_from_timesformer_it_is_timesformer_whose_two_last_layers_are_one() -> None:
    torch.manual_seed(1)
    state, model = published_timesformer(depth=3), micro(iap_stages=()).eval()
    missing = take(model, from_timesformer(state, a_sta_blocks=[2]))
    assert not any(
        name.startswith(("blocks.0", "blocks.1")) and not name.endswith(("alpha", "beta")) for name in missing
    )
    given = clips(2, 3)
    with torch.inference_mode():
        found = model.trunk(given, {"stage2"})["stage2"]
        torch.testing.assert_close(found, timesformer(state, given, depth=2), atol=1e-4, rtol=1e-4)


def test_translations_leave_out_what_they_do_not_know() -> None:
    images, video = image_transformer(depth=1).state_dict(), published_timesformer(depth=1)
    assert from_timesformer(images, []) == {}
    assert from_vit(video, []) == {}
    assert from_vit({"fc.weight": torch.ones(2), "blocks.x": torch.ones(1)}, []) == {}
    del video["model.blocks.0.temporal_attn.proj.weight"]
    assert "blocks.0.temporal.proj.weight" not in from_timesformer(video, [])
    assert "blocks.0.spatial.proj.weight" in from_timesformer(video, [])


@pytest.mark.parametrize("a_sta", [False, True])
def test_lacks_names_exactly_what_no_publication_brings(a_sta: bool) -> None:
    model = micro(a_sta=a_sta)
    published = model.start_parts()["trunk"].published[0]
    brought = published.translate(image_transformer(depth=3).state_dict())
    own = model.trunk.state_dict()
    lacking = {name for name in own if any(fragment in name for fragment in published.lacks)}
    assert lacking - set(brought) == set(own) - set(brought)
    assert all(brought[name].shape == own[name].shape for name in brought)
    zeroed = {name for name in brought if "to_patches.proj" in name}
    assert lacking & set(brought) == zeroed


def test_a_folder_starts_the_trunk_with_resized_positions(tmp_path: Path) -> None:
    vit = timm.create_model(VIT, depth=3, embed_dim=WIDTH, num_heads=HEADS)
    save_file(vit.state_dict(), tmp_path / f"{VIT}.safetensors")
    model = micro()
    report = apply_start_weights(model.start_parts(), tmp_path)
    assert report.resized == 1
    assert torch.equal(model.trunk.blocks[1].spatial.qkv.weight, vit.blocks[1].attn.qkv.weight)
    assert torch.equal(model.trunk.norms["stage3"].weight, vit.norm.weight)


def test_the_papers_width_prefers_timesformer() -> None:
    with torch.device("meta"):
        part = MSTAT(MSTATConfig(image_size_hw=(224, 112), clip_length=8, run_variant="all"), "mstat").start_parts()
    video, still = part["trunk"].published
    assert (video.name, video.hub, video.mean, video.std) == ("TimeSformer", None, (0.45,) * 3, (0.225,) * 3)
    assert (still.name, still.mean, still.std) == ("vit_base_patch16_224", (0.5,) * 3, (0.5,) * 3)
    assert str(still.hub).startswith("timm/vit_base_patch16_224")
    assert part["trunk"].grid_hw == (14, 7)
    assert [published.name for published in micro().start_parts()["trunk"].published] == [VIT]


@pytest.mark.parametrize("num_frames", [1, 2, 4, 7, 32])
def test_variants_have_their_widths_at_any_clip_length(small: MSTAT, num_frames: int) -> None:
    with torch.inference_mode():
        output = small(clips(3, num_frames))
    assert {name: tuple(variant.shape) for name, variant in output.variants.items()} == {
        name: (3, width) for name, width in small.variant_widths.items()
    }
    assert small.variant_widths == {
        "stage1": 5 * WIDTH,
        "stage2": WIDTH,
        "stage3": WIDTH,
        "stage1+stage2": 6 * WIDTH,
        "stage1+stage3": 6 * WIDTH,
        "stage2+stage3": 2 * WIDTH,
        "all": 7 * WIDTH,
    }
    assert output.stages == {}


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


def test_a_batch_is_its_clips_one_by_one(small: MSTAT) -> None:
    given = clips(3, 2)
    with torch.inference_mode():
        together = small(given).variants
        for b in range(3):
            alone = small(given[b : b + 1]).variants
            for name, variant in together.items():
                torch.testing.assert_close(variant[b : b + 1], alone[name], atol=1e-4, rtol=1e-4)


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
    "overrides", [{}, {"a_sta": False}, {"attribute_proxies": 0}, {"identity_normalisation": "softmax_l1"}]
)
def test_every_trainable_parameter_gets_a_gradient(overrides: dict[str, Any]) -> None:
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


def test_the_model_can_be_exported() -> None:
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


@pytest.mark.parametrize("shape", [(2, 3, 3, 32, 64), (2, 0, 3, 64, 32), (2, 3, 1, 64, 32), (3, 3, 64, 32)])
def test_clips_of_another_shape_are_refused(small: MSTAT, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(B, T, 3, 64, 32\)"):
        small(torch.zeros(shape))


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
