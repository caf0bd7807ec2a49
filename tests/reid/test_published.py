"""Published weights as their publishers wrote them: names, shapes, wrappings; what a part takes from them."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any, ClassVar

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn

from reid.errors import WeightsError
from reid.models import PRESETS
from reid.models.ibn import resnet_ibn_a
from reid.models.mstat import MSTAT, MSTATConfig
from reid.models.resnet3d import ResNet3D
from reid.models.stca import STCA, STCAConfig
from reid.preprocess import IMAGENET_MEAN, IMAGENET_STD
from reid.published import fit
from reid.start_weights import Published, StartPart, StartReport, State, apply_start_weights, timm_part

CLASSIFIERS = ("fc.", "head.", "classifier.")
# A single block in every stage: each kind of tensor is there.
PLANES, ONE_EACH = (64, 128, 256, 512), (1, 1, 1, 1)


def counters_apart(state: State) -> State:
    """Leave out the step counters of batch normalisation."""
    return {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}


def stca() -> STCA:
    """The model of the paper, without memory for its tensors."""
    with torch.device("meta"):
        return STCA(STCAConfig(image_size_hw=(384, 128), clip_length=8, run_variant="final"), "stca")


def mstat(**config: Any) -> MSTAT:
    return MSTAT(MSTATConfig(clip_length=8, run_variant="all", **config), "mstat")


def ibn_a_state(net: nn.Module) -> State:
    """The names of resnet50_ibn_a-d9d0bb7b.pth: torchvision's, and in layer1 to layer3 two halves of every bn1."""
    state = {}
    for key, value in net.state_dict().items():
        norm = re.fullmatch(r"(layer[123]\.\d+\.bn1)\.(\w+)", key)
        if norm is None or value.ndim == 0:
            state[key if norm is None else f"{norm[1]}.BN.{norm[2]}"] = value
            continue
        half = len(value) // 2
        state[f"{norm[1]}.BN.{norm[2]}"] = value[half:].clone()
        if norm[2] in ("weight", "bias"):
            state[f"{norm[1]}.IN.{norm[2]}"] = value[:half].clone()
    return state


def r3d50_state(blocks: tuple[int, ...] = ONE_EACH, **like: Any) -> State:
    """The names and shapes of r3d50_K_200ep.pth, trained on 700 classes."""
    state = {"conv1.weight": torch.randn(64, 3, 7, 7, 7, **like)}

    def norm(name: str, width: int) -> None:
        state.update({f"{name}.{key}": torch.rand(width, **like) for key in ("weight", "bias")})
        state.update({f"{name}.running_{key}": torch.rand(width, **like) for key in ("mean", "var")})
        state[f"{name}.num_batches_tracked"] = torch.zeros((), dtype=torch.int64, **like)

    norm("bn1", 64)
    width = 64
    for stage, planes in enumerate(PLANES, 1):
        for block in range(blocks[stage - 1]):
            name = f"layer{stage}.{block}"
            state[f"{name}.conv1.weight"] = torch.randn(planes, width, 1, 1, 1, **like)
            state[f"{name}.conv2.weight"] = torch.randn(planes, planes, 3, 3, 3, **like)
            state[f"{name}.conv3.weight"] = torch.randn(4 * planes, planes, 1, 1, 1, **like)
            for number, norm_width in ((1, planes), (2, planes), (3, 4 * planes)):
                norm(f"{name}.bn{number}", norm_width)
            if block == 0:
                state[f"{name}.downsample.0.weight"] = torch.randn(4 * planes, width, 1, 1, 1, **like)
                norm(f"{name}.downsample.1", 4 * planes)
            width = 4 * planes
    return {**state, "fc.weight": torch.randn(700, width, **like), "fc.bias": torch.randn(700, **like)}


def timesformer_state(depth: int, width: int = 768, **like: Any) -> State:
    """The names and shapes of TimeSformer_divST_8x32_224_K600.pyth: eight frames of 14x14 patches."""
    shapes = {
        "cls_token": (1, 1, width),
        "pos_embed": (1, 197, width),
        "time_embed": (1, 8, width),
        "patch_embed.proj.weight": (width, 3, 16, 16),
        "patch_embed.proj.bias": (width,),
        "norm.weight": (width,),
        "norm.bias": (width,),
        "head.weight": (600, width),
        "head.bias": (600,),
    }
    for block in range(depth):
        for norm in ("norm1", "norm2", "temporal_norm1"):
            shapes |= {f"blocks.{block}.{norm}.{kind}": (width,) for kind in ("weight", "bias")}
        linear = {"attn.proj": 1, "temporal_attn.proj": 1, "temporal_fc": 1, "mlp.fc1": 4}
        linear |= {"attn.qkv": 3, "temporal_attn.qkv": 3}
        for layer, ratio in linear.items():
            shapes[f"blocks.{block}.{layer}.weight"] = (ratio * width, width)
            shapes[f"blocks.{block}.{layer}.bias"] = (ratio * width,)
        shapes[f"blocks.{block}.mlp.fc2.weight"], shapes[f"blocks.{block}.mlp.fc2.bias"] = (width, 4 * width), (width,)
    return {f"model.{key}": torch.randn(shape, **like) * 0.02 for key, shape in shapes.items()}


def half_renamed(state: State) -> State:
    return {f"x{key}" if index % 2 else key: value for index, (key, value) in enumerate(state.items())}


class TestEveryPreset:
    @pytest.mark.parametrize("preset", PRESETS)
    def test_what_can_start_it_is_described_soundly(self, preset: str) -> None:
        builder, config = PRESETS[preset]
        with torch.device("meta"):
            model = builder(config, preset, 0)
        for name, part in model.start_parts().items():
            names = list(counters_apart(part.module.state_dict()))
            assert part.published or (preset, name) == ("dcct-compact", "cnn")  # this project's own network
            for published in part.published:
                empty = fit(part, published, {})
                assert (empty.claimed > 0, empty.matched, empty.good) == (True, 0, False)
                unused = [fragment for fragment in published.lacks if not any(fragment in key for key in names)]
                assert not unused, f"{preset}: {name}: {published.name} lacks {unused}, which the part has not either"


def published_by_timm(name: str, **numbers: Any) -> State:
    """The names and shapes of a network of timm, without memory for its tensors."""
    with torch.device("meta"):
        state: State = timm.create_model(name, **numbers).state_dict()
    return state


@functools.cache
def start_part(preset: str, part: str) -> StartPart:
    """A part of a preset at full size, without memory for its tensors."""
    builder, config = PRESETS[preset]
    with torch.device("meta"):
        return builder(config, preset, 0).start_parts()[part]


class TestOtherNetworks:
    """Networks that have most or all of the tensors that a part asks for, and others besides."""

    @pytest.mark.parametrize(
        ("preset", "part", "other"),
        [
            *(
                ("cnn-average", "backbone", other)
                for other in ("resnet101", "seresnet50", "resnet50d", "ecaresnet50t", "resnet50_gn", "resnet34")
            ),
            *(
                ("vit-average", "backbone", other)
                for other in (
                    "deit3_base_patch16_224",
                    "deit_base_distilled_patch16_224",
                    "beit_base_patch16_224",
                    "vit_base_patch8_224",
                    "vit_base_patch32_224",
                    "vit_base_patch14_dinov2",
                    "vit_base_patch16_clip_224",
                    "vit_base_patch16_rope_224",
                    "vit_base_patch16_siglip_224",
                )
            ),
            ("stca", "resnet", "resnet101"),
            ("stca", "resnet", "seresnet50"),
            ("mstat", "trunk", "deit3_base_patch16_224"),
            ("mstat", "trunk", "vit_base_patch16_clip_224"),
            ("denseil-compact", "cnn", "mobilenetv2_110d"),
            ("dcct-compact", "transformer", "deit_tiny_distilled_patch16_224"),
            ("dcct-dense-swin", "cnn", "densenet169"),
            ("dcct-dense-swin", "transformer", "swinv2_large_window12_192"),
        ],
    )
    def test_they_are_refused(self, preset: str, part: str, other: str) -> None:
        state, taker = published_by_timm(other), start_part(preset, part)
        for published in taker.published:
            match = fit(taker, published, state)
            assert not match.good, match.published.name
            assert published.name in match.shortfall()

    def test_the_refusal_names_what_nothing_takes(self) -> None:
        part = start_part("cnn-average", "backbone")
        match = fit(part, part.published[0], published_by_timm("seresnet50"))
        assert match.shortfall() == (
            "265 of the 265 tensors of resnet50 fit; 64 tensors in the file are not of resnet50 "
            "(layer1.0.se.fc1.weight, layer1.0.se.fc1.bias, layer1.0.se.fc2.weight, ...)"
        )

    def test_a_deeper_network_of_clips(self) -> None:
        part = start_part("stca", "resnet3d")
        match = fit(part, part.published[0], r3d50_state((3, 4, 23, 3), device="meta"))
        assert match.matched == match.claimed
        assert (match.good, match.strange[0]) == (False, "layer3.6.conv1.weight")

    def test_a_deeper_network_with_ibn(self) -> None:
        part = start_part("stca", "resnet")
        with torch.device("meta"):
            state = ibn_a_state(torchvision.models.resnet101())
        match = fit(part, part.published[0], state)
        assert match.matched == match.claimed
        assert (match.good, match.strange[0]) == (False, "layer3.6.conv1.weight")

    @pytest.mark.parametrize("preset", PRESETS)
    def test_what_timm_publishes_for_a_part_fits_it(self, preset: str) -> None:
        builder, config = PRESETS[preset]
        with torch.device("meta"):
            parts = builder(config, preset, 0).start_parts()
        for part in parts.values():
            for published in part.published:
                if timm.is_model(published.name):
                    state = published_by_timm(published.name)
                    headless = {key: value for key, value in state.items() if not key.startswith(CLASSIFIERS)}
                    assert len(headless) == len(state) - 2
                    for given in (state, headless, counters_apart(state)):
                        assert fit(part, published, given).good, published.name

    @pytest.mark.parametrize(
        ("preset", "part", "other"),
        [
            ("vit-average", "backbone", "vit_base_patch16_384"),
            ("vit-average-compact", "backbone", "vit_tiny_patch16_384"),
            ("dcct-dense-swin", "transformer", "swin_large_patch4_window12_384"),
        ],
    )
    def test_the_same_network_for_larger_images_fits(self, preset: str, part: str, other: str) -> None:
        taker = start_part(preset, part)
        match = fit(taker, taker.published[0], published_by_timm(other))
        assert (match.good, match.left) == (True, ())
        assert match.resized

    def test_what_a_part_leaves_out_is_reported(self) -> None:
        part = start_part("denseil-compact", "cnn")
        match = fit(part, part.published[0], published_by_timm("mobilenetv2_100"))
        assert {key.partition(".")[0] for key in match.unused} == {"conv_head", "bn2", "classifier"}

    def test_looking_a_network_up_leaves_the_random_state(self) -> None:
        part = timm_part(nn.Linear(1, 1), "vit_small_patch32_224")
        before = torch.get_rng_state()
        fit(part, part.published[0], {"fc.weight": torch.ones(1)})
        assert torch.equal(torch.get_rng_state(), before)


class TestIBN:
    def test_every_tensor_at_full_size(self) -> None:
        part = stca().start_parts()["resnet"]
        with torch.device("meta"):
            state = ibn_a_state(torchvision.models.resnet50())
        match = fit(part, part.published[0], state)
        assert (match.matched, match.left, match.resized) == (match.claimed, (), ())
        assert set(state) - set(part.module.state_dict()) == {"fc.weight", "fc.bias"}

    def test_values(self, tmp_path: Path) -> None:
        torchvision_net = torchvision.models.ResNet(torchvision.models.resnet.Bottleneck, list(ONE_EACH))
        state = {key: torch.rand_like(value.float()) for key, value in ibn_a_state(torchvision_net).items()}
        torch.save(state, tmp_path / "resnet50_ibn_a-d9d0bb7b.pth")
        net = resnet_ibn_a(PLANES, ONE_EACH)
        parts = {"resnet": StartPart(net, stca().start_parts()["resnet"].published)}
        report = apply_start_weights(parts, tmp_path)
        assert report.parts["resnet"].published == "resnet50_ibn_a"
        assert (report.missing, report.resized, report.notes) == ((), 0, ())
        assert all(torch.equal(value, state[key]) for key, value in counters_apart(net.state_dict()).items())

    def test_a_plain_resnet_stands_in(self, tmp_path: Path) -> None:
        state = torchvision.models.ResNet(torchvision.models.resnet.Bottleneck, list(ONE_EACH)).state_dict()
        torch.save(state, tmp_path / "resnet50-11ad3fa6.pth")
        net = resnet_ibn_a(PLANES, ONE_EACH)
        report = apply_start_weights({"resnet": StartPart(net, stca().start_parts()["resnet"].published)}, tmp_path)
        assert report.parts["resnet"].published == "resnet50"
        assert report.missing == ()
        assert len(report.notes) == 1
        assert torch.equal(net.layer4[0].bn1.weight, state["layer4.0.bn1.weight"])
        assert torch.equal(net.layer2[0].bn1.BN.running_var, state["layer2.0.bn1.running_var"][64:])


class TestKinetics:
    def test_every_tensor_at_full_size(self) -> None:
        part = stca().start_parts()["resnet3d"]
        match = fit(part, part.published[0], r3d50_state((3, 4, 6, 3), device="meta"))
        assert (match.matched, match.left, match.resized) == (match.claimed, (), ())

    def test_values_and_refusals(self, tmp_path: Path) -> None:
        state = r3d50_state()
        file = tmp_path / "r3d50_K_200ep.pth"
        torch.save({"epoch": 200, "arch": "resnet-50", "state_dict": state, "optimizer": {"lr": 0.1}}, file)
        net = ResNet3D(PLANES, ONE_EACH, stages=3)
        parts = {"resnet3d": StartPart(net, stca().start_parts()["resnet3d"].published)}
        report = apply_start_weights(parts, tmp_path)
        assert (report.missing, report.resized, report.notes) == ((), 0, ())
        assert all(torch.equal(value, state[key]) for key, value in counters_apart(net.state_dict()).items())
        torch.save({"state_dict": half_renamed(state)}, file)
        with pytest.raises(WeightsError, match=r"r3d50_K_200ep.pth does not fit resnet3d: \d+ of the \d+ tensors"):
            apply_start_weights(parts, tmp_path)


class TestTimeSformer:
    @pytest.fixture
    def model(self) -> MSTAT:
        torch.manual_seed(0)
        return mstat(image_size_hw=(64, 32), depths=(1, 1, 1), prototypes=2, attribute_proxies=2)

    def test_every_tensor_at_full_size(self) -> None:
        with torch.device("meta"):
            part = mstat(image_size_hw=(224, 112)).start_parts()["trunk"]
        match = fit(part, part.published[0], timesformer_state(12, device="meta"))
        assert match.matched == match.claimed
        assert match.resized == ("pos_embed",)
        assert all(any(fragment in key for fragment in part.published[0].lacks) for key in match.left)

    def test_values(self, model: MSTAT, tmp_path: Path) -> None:
        state = timesformer_state(3)
        file = tmp_path / "TimeSformer_divST_8x32_224_K600.pyth"
        torch.save({"epoch": 14, "model_state": state, "optimizer_state": {}, "cfg": "TRAIN:\n"}, file)
        before = {key: value.clone() for key, value in model.trunk.state_dict().items()}
        report = apply_start_weights(model.start_parts(), tmp_path)
        after = model.trunk.state_dict()
        assert report.parts["trunk"].published == "TimeSformer"
        assert report.parts["trunk"].resized == ("pos_embed",)
        assert report.notes == ()
        for key in report.parts["trunk"].missing:
            assert torch.equal(after[key], before[key]), key
        for block in range(3):
            name = f"model.blocks.{block}.attn.qkv.weight"
            assert torch.equal(after[f"blocks.{block}.spatial.qkv.weight"], state[name])
        assert torch.equal(after["blocks.0.temporal.qkv.bias"], state["model.blocks.0.temporal_attn.qkv.bias"])
        assert torch.equal(after["cls_token"], state["model.cls_token"])
        assert torch.equal(after["pos_embed"][:, 0], state["model.pos_embed"][:, 0])
        assert len(report.missing) + report.matched == len(counters_apart(after))

    def test_an_image_network_stands_in(self, model: MSTAT, tmp_path: Path) -> None:
        name = "vit_base_patch16_224"
        vit = timm.create_model(name, depth=3)
        save_file(vit.state_dict(), tmp_path / f"{name}.augreg2_in21k_ft_in1k.safetensors")
        report = apply_start_weights(model.start_parts(), tmp_path)
        assert report.parts["trunk"].published == name
        assert len(report.notes) == 1
        qkv = model.trunk.state_dict()["blocks.1.spatial.qkv.weight"]
        assert torch.equal(qkv, vit.blocks[1].attn.qkv.weight)

    def test_attention_over_space_alone_is_not_enough(self) -> None:
        with torch.device("meta"):
            part = mstat(image_size_hw=(224, 112)).start_parts()["trunk"]
        state = {key: value for key, value in timesformer_state(12, device="meta").items() if "temporal" not in key}
        match = fit(part, part.published[0], state)
        assert not match.good
        assert match.shortfall().endswith("blocks.0.temporal_norm.weight (768) is not there")


class Positions(nn.Module):
    """Nothing but a position embedding, one level down."""

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.trunk = nn.ParameterDict({"pos_embed": nn.Parameter(torch.zeros(1, tokens, 4))})


class TestPositions:
    @staticmethod
    def start(own: int, given: Tensor, grid_hw: tuple[int, int], tmp_path: Path) -> tuple[Tensor, StartReport]:
        module = Positions(own)
        torch.save({"trunk.pos_embed": given}, tmp_path / "vit.pth")
        report = apply_start_weights({"vit": StartPart(module, (Published(name="vit"),), grid_hw)}, tmp_path)
        return module.trunk["pos_embed"].detach(), report

    @pytest.mark.parametrize("class_tokens", [0, 1, 2])
    def test_they_are_resized_behind_class_tokens(self, class_tokens: int, tmp_path: Path) -> None:
        # Linear in the row and in the column, so that resizing keeps what is at the middle of every place.
        given = torch.zeros(1, class_tokens + 36, 4)
        given[0, :class_tokens] = 7.0
        given[0, class_tokens:, 0] = torch.arange(6.0).repeat_interleave(6)
        given[0, class_tokens:, 1] = torch.arange(6.0).repeat(6)
        now, report = self.start(class_tokens + 18, given, (6, 3), tmp_path)
        assert report.parts["vit"].resized == ("trunk.pos_embed",)
        assert (now[0, :class_tokens] == 7.0).all()
        grid = now[0, class_tokens:].view(6, 3, 4)
        torch.testing.assert_close(grid[:, 0, 0], torch.arange(6.0), atol=0.1, rtol=0)
        torch.testing.assert_close(grid[2, :, 1], torch.tensor([0.5, 2.5, 4.5]), atol=0.3, rtol=0)

    def test_as_many_patches_in_another_grid_are_other_places(self, tmp_path: Path) -> None:
        given = torch.arange(16.0).repeat(4, 1).T[None]  # 4x4 patches
        now, report = self.start(16, given, (8, 2), tmp_path)
        assert report.resized == 1
        torch.testing.assert_close(now[0, ::2, 0].diff()[1:-1], torch.full((5,), 2.0), atol=0.3, rtol=0)

    def test_the_same_grid_is_taken_as_it_is(self, tmp_path: Path) -> None:
        given = torch.randn(1, 17, 4)
        now, report = self.start(17, given, (4, 4), tmp_path)
        assert report.resized == 0
        assert torch.equal(now, given)

    @pytest.mark.parametrize("shape", [(1, 15, 4), (1, 17, 3), (2, 17, 4), (17, 4)])
    def test_what_is_no_square_of_patches_is_refused(self, shape: tuple[int, ...], tmp_path: Path) -> None:
        with pytest.raises(WeightsError, match=f"is {'x'.join(map(str, shape))} there and 1x9x4 in the model"):
            self.start(9, torch.zeros(shape), (4, 2), tmp_path)

    def test_fewer_tokens_than_patches_are_something_else(self, tmp_path: Path) -> None:
        with pytest.raises(WeightsError, match="is 1x6x4 there and 1x5x4 in the model"):
            self.start(5, torch.zeros(1, 6, 4), (4, 2), tmp_path)


class TestTimm:
    """timm's networks at the sizes of re-identification take timm's weights at 224x224."""

    SMALL_DENSENET: ClassVar = {"growth_rate": 8, "block_config": (1, 2, 1, 1)}

    @pytest.mark.parametrize(
        ("name", "numbers"), [("resnet18", {}), ("densenet121", SMALL_DENSENET), ("mobilenetv2_035", {})]
    )
    def test_convolutional_networks(self, name: str, numbers: dict[str, Any], tmp_path: Path) -> None:
        published = timm.create_model(name, **numbers).state_dict()
        net = timm.create_model(name, num_classes=0, global_pool="", **numbers)
        save_file(published, tmp_path / f"{name}.in1k.safetensors")
        report = apply_start_weights({"cnn": timm_part(net, name)}, tmp_path)
        assert (report.missing, report.resized, report.notes) == ((), 0, ())
        wanted = {key: value for key, value in net.state_dict().items() if not key.endswith("num_batches_tracked")}
        assert report.matched == len(wanted)
        assert all(torch.equal(value, published[key]) for key, value in wanted.items())

    def test_a_densenet_by_its_old_names(self, tmp_path: Path) -> None:
        published = timm.create_model("densenet121", **self.SMALL_DENSENET).state_dict()
        old = {re.sub(r"(layer\d+\.\w+)(\d\.)", r"\1.\2", key): value for key, value in published.items()}
        assert "features.denseblock1.denselayer1.norm.1.weight" in old
        torch.save(old, tmp_path / "densenet121-a639ec97.pth")
        net = timm.create_model("densenet121", num_classes=0, global_pool="", **self.SMALL_DENSENET)
        assert apply_start_weights({"cnn": timm_part(net, "densenet121")}, tmp_path).missing == ()

    @pytest.mark.parametrize("old_names", [False, True])
    def test_a_swin(self, old_names: bool, tmp_path: Path) -> None:
        name, small = (
            "swin_tiny_patch4_window7_224",
            {"depths": (2, 1, 1, 1), "embed_dim": 24, "num_heads": (1, 2, 2, 4)},
        )
        whole = timm.create_model(name, **small)
        published = whole.state_dict()
        net = timm.create_model(name, num_classes=0, img_size=(256, 128), **small)
        saved = {**published, "layers.0.blocks.1.attn_mask": torch.zeros(64, 49, 49)}
        if old_names:  # merging patches stood at the end of a stage
            for layer in (1, 2, 3):
                for key in [key for key in published if key.startswith(f"layers.{layer}.downsample")]:
                    saved[key.replace(f"layers.{layer}", f"layers.{layer - 1}")] = published[key]
            del saved["layers.3.downsample.reduction.weight"], saved["layers.3.downsample.norm.weight"]
            del saved["layers.3.downsample.norm.bias"]
        torch.save({"model": saved}, tmp_path / f"{name}.pth")
        report = apply_start_weights({"transformer": timm_part(net, name)}, tmp_path)
        assert report.missing == ()
        # Only the last stage's map, 8x4, is smaller than its window.
        assert report.parts["transformer"].resized == ("layers.3.blocks.0.attn.relative_position_bias_table",)
        own = net.state_dict()
        # Patches of the 7x4 window see one another as those of the 7x7 window's first four columns do.
        bias, whole_bias = (
            model.layers[3].blocks[0].attn._get_rel_pos_bias() for model in (net, whole)
        )  # (1, 4, N, N)
        kept = torch.arange(49).view(7, 7)[:, :4].flatten()
        assert torch.equal(bias[0], whole_bias[0][:, kept][:, :, kept])
        assert all(torch.equal(value, published[key]) for key, value in own.items() if "layers.3" not in key)
        assert torch.equal(own["layers.3.downsample.norm.bias"], published["layers.3.downsample.norm.bias"])

    def test_a_swin_of_another_size_is_refused(self, tmp_path: Path) -> None:
        name, small = "swin_tiny_patch4_window7_224", {"embed_dim": 12, "num_heads": (1, 1, 2, 2)}
        torch.save(timm.create_model(name, **small, depths=(1, 1, 3, 1)).state_dict(), tmp_path / f"{name}.pth")
        net = timm.create_model(name, num_classes=0, img_size=(256, 128), **small, depths=(2, 2, 2, 2))
        with pytest.raises(WeightsError, match=r"layers.0.blocks.1"):
            apply_start_weights({"transformer": timm_part(net, name)}, tmp_path)

    def test_weights_for_another_normalisation_see_the_same_image(self, tmp_path: Path) -> None:
        # ViT's published weights want (p - 0.5) / 0.5; the models here feed ImageNet's mean and deviation.
        torch.manual_seed(0)
        name = "vit_tiny_patch16_224"
        published = timm.create_model(name, depth=1, img_size=(32, 16)).eval()
        started = timm.create_model(name, depth=1, img_size=(32, 16), num_classes=0).eval()
        pixels = torch.rand(2, 3, 32, 16)
        mean = torch.tensor(IMAGENET_MEAN)[:, None, None]
        std = torch.tensor(IMAGENET_STD)[:, None, None]
        torch.save(published.state_dict(), tmp_path / f"{name}.pth")
        apply_start_weights({"vit": timm_part(started, name)}, tmp_path)
        with torch.inference_mode():
            expected = published.forward_features((pixels - 0.5) / 0.5)
            torch.testing.assert_close(started.forward_features((pixels - mean) / std), expected, atol=1e-4, rtol=1e-4)
