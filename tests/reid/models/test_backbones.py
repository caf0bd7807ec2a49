"""Backbones: resolution, parameters, refusals."""

from __future__ import annotations

import pytest
import torch

from reid.errors import ConfigError
from reid.models.backbones import ConvolutionBackbone, MultiLevelBackbone, TransformerBackbone
from reid.published import timm_part


@pytest.mark.parametrize(
    ("name", "head_conv", "width"),
    [("resnet18", True, 512), ("mobilenetv2_035", True, 1280), ("mobilenetv2_035", False, 112)],
)
def test_convolution_map_is_a_sixteenth_of_the_image(name: str, head_conv: bool, width: int) -> None:
    backbone = ConvolutionBackbone(name, (96, 64), head_conv=head_conv).eval()
    with torch.inference_mode():
        features = backbone(torch.randn(2, 3, 96, 64))
    assert tuple(features.map.shape) == (2, width, 6, 4)
    assert backbone.map_size_hw == (6, 4)
    assert backbone.width == width
    torch.testing.assert_close(features.vector, features.map.mean(dim=(2, 3)))


def test_last_stride_is_removed_without_dilation() -> None:
    backbone = ConvolutionBackbone("resnet50", (32, 16))
    convolutions = [module for module in backbone.net.layer4.modules() if isinstance(module, torch.nn.Conv2d)]
    assert {module.stride for module in convolutions} == {(1, 1)}
    assert {module.dilation for module in convolutions} == {(1, 1)}


def test_densenet_keeps_its_resolution_or_its_stride() -> None:
    with torch.device("meta"):
        kept, halved = (ConvolutionBackbone("densenet121", (64, 32), last_stride=stride) for stride in (1, 2))
        images = torch.zeros(2, 3, 64, 32)
    assert tuple(kept(images).map.shape) == (2, 1024, 4, 2)
    assert tuple(halved(images).map.shape) == (2, 1024, 2, 1)
    assert (kept.map_size_hw, halved.map_size_hw) == ((4, 2), (2, 1))


@pytest.mark.parametrize("name", ["resnet50", "mobilenetv2_035", "densenet121"])
def test_the_maps_of_the_stages_end_with_the_map(name: str) -> None:
    levels = MultiLevelBackbone(name, (64, 32)).eval()
    backbone = ConvolutionBackbone(name, (64, 32), head_conv=False).eval()
    backbone.net.load_state_dict(levels.net.state_dict())
    images = torch.randn(2, 3, 64, 32)
    with torch.inference_mode():
        maps, features = levels(images), backbone(images)
    assert [tuple(each.shape[2:]) for each in maps] == [(16, 8), (8, 4), (4, 2), (4, 2)]
    assert tuple(each.shape[1] for each in maps) == levels.stage_widths
    torch.testing.assert_close(maps[-1], features.map)


def test_swin_map_keeps_the_patches_places() -> None:
    backbone = TransformerBackbone("swin_tiny_patch4_window7_224", (64, 32), global_feature="mean").eval()
    images = torch.randn(2, 3, 64, 32)
    with torch.inference_mode():
        features = backbone(images)
        tokens = backbone.net.forward_features(images)  # (2, 2, 1, 768)
    assert tuple(features.map.shape) == (2, 768, 2, 1)
    torch.testing.assert_close(features.map[:, :, 1, 0], tokens[:, 1, 0])
    torch.testing.assert_close(features.vector, tokens.mean(dim=(1, 2)))


def test_transformer_map_keeps_the_patches_places() -> None:
    backbone = TransformerBackbone("deit_tiny_patch16_224", (96, 64), depth=1).eval()
    images = torch.randn(2, 3, 96, 64)
    with torch.inference_mode():
        features = backbone(images)
        tokens = backbone.net.forward_features(images)
    assert tuple(features.map.shape) == (2, 192, 6, 4)
    torch.testing.assert_close(features.map[:, :, 2, 3], tokens[:, 1 + 2 * 4 + 3])
    torch.testing.assert_close(features.vector, tokens[:, 0])


def test_transformer_keeps_its_first_blocks_and_stochastic_depth() -> None:
    backbone = TransformerBackbone("deit_tiny_patch16_224", (64, 32), depth=3, drop_path=0.1)
    assert len(backbone.net.blocks) == 3
    assert backbone.net.blocks[-1].drop_path1.drop_prob == pytest.approx(0.1)


def test_sizes_off_the_grid_are_refused() -> None:
    with pytest.raises(ConfigError, match="100x64 is not a multiple of 16"):
        ConvolutionBackbone("resnet18", (100, 64))
    with pytest.raises(ConfigError, match="96x60 is not a multiple of 16"):
        TransformerBackbone("deit_tiny_patch16_224", (96, 60), depth=1)


def test_unsupported_networks_are_refused() -> None:
    with pytest.raises(ConfigError, match="none of the supported families"):
        ConvolutionBackbone("efficientnet_b0", (64, 32))
    with pytest.raises(ConfigError, match="exactly one class token"):
        TransformerBackbone("deit_tiny_distilled_patch16_224", (64, 32), depth=1)
    with pytest.raises(ConfigError, match="has no class token"):
        TransformerBackbone("swin_tiny_patch4_window7_224", (64, 32))


def test_our_own_network_keeps_its_resolution_and_starts_from_nobody() -> None:
    backbone = ConvolutionBackbone("resnet_ibn_small", (128, 64))
    features = backbone(torch.randn(2, 3, 128, 64))
    assert tuple(features.map.shape) == (2, 320, 8, 4)
    assert (backbone.width, backbone.map_size_hw) == (320, (8, 4))
    assert timm_part(backbone.net, backbone.name).published == ()
    with pytest.raises(ConfigError, match="resnet_ibn_small keeps its resolution"):
        ConvolutionBackbone("resnet_ibn_small", (128, 64), last_stride=2)
