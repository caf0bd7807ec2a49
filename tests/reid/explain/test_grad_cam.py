"""Grad-CAM against numbers worked by hand, and that it leaves models as they are."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from reid.explain import clip_pictures
from reid.explain.grad_cam import grad_cam, grad_cam_row, last_maps
from reid.explain.recorded import Call, record
from reid.models.backbones import TransformerBackbone
from reid.models.frame_average import FrameAverage
from tests.reid.explain.conftest import MICROS, clip_for, model_of


def toy_maps() -> Tensor:
    """One image through a 1x1 convolution of weights 2 and -1: the maps (2, -2, 0, 6) and (-1, 1, 0, -3)."""
    conv = nn.Conv2d(1, 2, 1, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([2.0, -1.0]).view(2, 1, 1, 1))
    maps: Tensor = conv(torch.tensor([[[[1.0, -1.0], [0.0, 3.0]]]]))
    return maps


def test_by_hand() -> None:
    maps = toy_maps()
    # The feature is (6, -3) / 4, of direction (2, -1) / sqrt(5), and each place has a fourth of the gradient. At the
    # four places the sums over channels are 5, -5, 0 and 15, over 4 sqrt(5).
    found = grad_cam(maps.mean(dim=(2, 3)), maps)
    expected = torch.tensor([[[5.0, 0.0], [0.0, 15.0]]]) / (4 * math.sqrt(5))
    torch.testing.assert_close(found, expected)


def test_the_length_has_the_gradient_of_the_product_with_the_fixed_direction() -> None:
    maps = toy_maps()
    feature = (maps**3).mean(dim=(2, 3))
    product = (feature * (feature / feature.norm()).detach()).sum()
    (gradient,) = torch.autograd.grad(product, maps, retain_graph=True)
    alpha = gradient.mean(dim=(2, 3), keepdim=True)
    torch.testing.assert_close(grad_cam(feature, maps), (alpha * maps).sum(dim=1).relu())


def test_tokens_become_maps() -> None:
    tokens = torch.arange(1.0, 15.0).view(1, 7, 2).requires_grad_()  # a class token and 3 x 2 patches, 2 wide

    def as_maps(tokens: Tensor) -> Tensor:
        return tokens[:, 1:].transpose(1, 2).reshape(1, 2, 3, 2)

    # Of the patches, only the first channel counts: alpha is (1, 0) / 6 and the map is a sixth of that channel.
    found = grad_cam(tokens[:, 1:, :1].mean(dim=1), tokens, as_maps)
    torch.testing.assert_close(found, torch.tensor([[[3.0, 5.0], [7.0, 9.0], [11.0, 13.0]]]) / 6)


def test_a_feature_of_length_zero_has_no_map() -> None:
    maps = toy_maps()
    assert grad_cam(0 * maps.mean(dim=(2, 3)), maps).abs().max() == 0


def test_of_a_pooled_network_it_is_the_product_with_the_clips_direction() -> None:
    """Average pooling over T frames of N places: each place's product with the clip's direction, over T * N."""
    model = model_of("cnn-average-micro")
    assert isinstance(model, FrameAverage)
    clip = clip_for(model)
    place = last_maps(model.backbone)
    recording = record(model, clip, {"map": place.module})
    row = grad_cam_row("", recording.output.variants["final"], recording.calls["map"], place)
    with torch.no_grad():
        maps = model.backbone(clip[0]).map  # (T, C, h, w)
        direction = maps.mean(dim=(0, 2, 3))
        direction = direction / direction.norm()
        product = torch.einsum("tchw,c->thw", maps, direction).relu() / (len(maps) * maps[0, 0].numel())
    # The BNNeck of a model that was never trained divides by sqrt(1 + 1e-5).
    np.testing.assert_allclose(row.maps, product.numpy(), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", MICROS)
def test_models_stay_as_they_are(name: str) -> None:
    model = model_of(name)
    next(model.parameters()).requires_grad_(False)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    takes_gradients = [parameter.requires_grad for parameter in model.parameters()]
    clip_pictures(model, clip_for(model))
    assert all(parameter.grad is None for parameter in model.parameters())
    assert [parameter.requires_grad for parameter in model.parameters()] == takes_gradients
    assert not any(module.training for module in model.modules())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    for key, value in model.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)


def test_frozen_models_and_no_grad_make_no_difference() -> None:
    model = model_of("dcct-micro")
    clip = clip_for(model)
    expected = clip_pictures(model, clip)[0]
    model.requires_grad_(False)
    with torch.no_grad():
        found = clip_pictures(model, clip)[0]
    for row, other in zip(found.rows, expected.rows, strict=True):  # type: ignore[union-attr]
        np.testing.assert_allclose(row.maps, other.maps, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "global_feature"), [("swin_tiny_patch4_window7_224", "mean"), ("deit_tiny_patch16_224", "mean")]
)
def test_the_maps_of_transformers_are_where_their_vector_is_read(name: str, global_feature: str) -> None:
    torch.manual_seed(0)
    backbone = TransformerBackbone(name, (64, 96), global_feature=global_feature).eval()  # type: ignore[arg-type]
    place = last_maps(backbone)
    kept: list[Call] = []
    place.module.register_forward_hook(lambda _, inputs, output: kept.append(Call(inputs, output)))
    features = backbone(torch.randn(2, 3, 64, 96).requires_grad_())
    activation = place.read(kept[0])
    maps = place.as_maps(activation)
    assert tuple(maps.shape) == (2, backbone.width, *backbone.map_size_hw)
    if backbone.windows:
        torch.testing.assert_close(maps, features.map)
    else:
        torch.testing.assert_close(maps[1, :, 2, 3], activation[1, 1 + 2 * backbone.map_size_hw[1] + 3])
    found = grad_cam(features.vector, activation, place.as_maps)
    assert tuple(found.shape) == (2, *backbone.map_size_hw)
    assert found.max() > 0
