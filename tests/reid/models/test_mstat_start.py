"""A started MSTAT against the published networks whose weights it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from reid.models.mstat import MSTAT, MSTATConfig
from reid.models.mstat_start import from_timesformer, from_vit
from reid.start_weights import apply_start_weights
from tests.reid.models.by_hand import unlike
from tests.reid.models.micro_mstat import HEADS, MICRO_HW, VIT, WIDTH, clips, micro


def image_transformer(depth: int) -> Any:
    vit = timm.create_model(VIT, depth=depth, embed_dim=WIDTH, num_heads=HEADS, img_size=MICRO_HW, num_classes=0)
    unlike(vit)
    return vit.eval()


def take(model: MSTAT, state: dict[str, Tensor]) -> set[str]:
    """Load a translated state into the trunk and return the names of what it did not bring."""
    missing, unexpected = model.trunk.load_state_dict(state, strict=False)
    assert unexpected == []
    return set(missing)


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
