"""ResNet-IBN-a: the split normalisation against its definition, the published names, the last stride."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import Tensor, nn

from reid.errors import ConfigError
from reid.models.ibn import InstanceBatchNorm, from_plain_resnet, layer3_maps, resnet_ibn_a

SMALL = (8, 8, 16, 16), (1, 2, 1, 1)


def randomised(norm: InstanceBatchNorm) -> InstanceBatchNorm:
    for tensor in (norm.IN.weight, norm.IN.bias, norm.BN.weight, norm.BN.bias, norm.BN.running_mean):
        nn.init.normal_(tensor)
    nn.init.uniform_(norm.BN.running_var, 0.5, 2)
    return norm


def normalised(values: Tensor, mean: float, variance: float, scale: Tensor, shift: Tensor) -> Tensor:
    return (values - mean) / (variance + 1e-5) ** 0.5 * scale + shift


@pytest.mark.parametrize("planes", [6, 7])
@pytest.mark.parametrize("training", [False, True])
def test_ibn_normalises_half_by_image_and_half_by_batch(planes: int, training: bool) -> None:
    torch.manual_seed(planes)
    norm = randomised(InstanceBatchNorm(planes)).train(training)
    running = norm.BN.running_mean.clone(), norm.BN.running_var.clone()
    maps = 3 * torch.randn(4, planes, 5, 3) + 1
    with torch.no_grad():
        found = norm(maps)
    for m in range(4):
        for c in range(3):
            own = [float(value) for value in maps[m, c].flatten()]
            mean = sum(own) / len(own)
            variance = sum((value - mean) ** 2 for value in own) / len(own)
            expected = normalised(maps[m, c], mean, variance, norm.IN.weight[c], norm.IN.bias[c])
            torch.testing.assert_close(found[m, c], expected.detach(), atol=1e-5, rtol=1e-5)
        for c in range(3, planes):
            mean, variance = float(running[0][c - 3]), float(running[1][c - 3])
            if training:
                mean, variance = float(maps[:, c].mean()), float(maps[:, c].var(correction=0))
            expected = normalised(maps[m, c], mean, variance, norm.BN.weight[c - 3], norm.BN.bias[c - 3])
            torch.testing.assert_close(found[m, c], expected.detach(), atol=1e-5, rtol=1e-5)


def test_ibn_refuses_a_single_plane() -> None:
    with pytest.raises(ConfigError, match="at least 2, got 1"):
        InstanceBatchNorm(1)


def test_full_size_has_the_published_names_and_shapes() -> None:
    with torch.device("meta"):
        net = resnet_ibn_a((64, 128, 256, 512), (3, 4, 6, 3))
    shapes = {key: tuple(value.shape) for key, value in net.state_dict().items()}
    published = {
        "conv1.weight": (64, 3, 7, 7),
        "bn1.running_var": (64,),
        "layer1.0.conv1.weight": (64, 64, 1, 1),
        "layer1.0.bn1.IN.weight": (32,),
        "layer1.0.bn1.IN.bias": (32,),
        "layer1.0.bn1.BN.weight": (32,),
        "layer1.0.bn1.BN.running_mean": (32,),
        "layer1.0.downsample.0.weight": (256, 64, 1, 1),
        "layer1.0.downsample.1.bias": (256,),
        "layer2.3.bn1.BN.running_var": (64,),
        "layer3.5.bn1.IN.weight": (128,),
        "layer3.5.bn3.weight": (1024,),
        "layer4.0.bn1.weight": (512,),
        "layer4.2.conv3.weight": (2048, 512, 1, 1),
    }
    assert {key: shapes.get(key) for key in published} == published
    assert sum(key.endswith("IN.weight") for key in shapes) == 3 + 4 + 6
    assert sum(parameter.numel() for parameter in net.parameters()) == 23_508_032


def test_last_stride_is_one_without_dilation() -> None:
    net = resnet_ibn_a(*SMALL).eval()
    convolutions = [module for module in net.layer4.modules() if isinstance(module, nn.Conv2d)]
    assert {module.stride for module in convolutions} == {(1, 1)}
    assert {module.dilation for module in convolutions} == {(1, 1)}
    with torch.inference_mode():
        assert tuple(net.forward_features(torch.randn(2, 3, 96, 64)).shape) == (2, 64, 6, 4)


def test_no_residual_branch_begins_at_zero() -> None:
    net = resnet_ibn_a(*SMALL)
    scales = [value for key, value in net.state_dict().items() if key.endswith("bn3.weight")]
    assert len(scales) == sum(SMALL[1])
    assert all(torch.equal(scale, torch.ones_like(scale)) for scale in scales)


def test_layer3_and_layer4_make_the_whole_network() -> None:
    torch.manual_seed(0)
    net = resnet_ibn_a(*SMALL).eval()
    images = torch.randn(2, 3, 96, 64)
    with torch.inference_mode():
        maps = layer3_maps(net, images)
        assert tuple(maps.shape) == (2, 64, 6, 4)
        torch.testing.assert_close(net.layer4(maps), net.forward_features(images), atol=0, rtol=0)


def test_a_plain_resnet_brings_every_tensor() -> None:
    with torch.device("meta"):
        net = resnet_ibn_a((64, 128, 256, 512), (3, 4, 6, 3))
        plain = timm.create_model("resnet50", pretrained=False)
    own = {key: value.shape for key, value in net.state_dict().items() if not key.endswith("num_batches_tracked")}
    translated = {key: value.shape for key, value in from_plain_resnet(plain.state_dict()).items() if key in own}
    assert translated == own


def test_the_halves_of_a_plain_norm_go_where_they_came_from() -> None:
    plain = nn.BatchNorm2d(6)
    for value in (plain.weight, plain.bias, plain.running_mean):
        nn.init.normal_(value)
    state = from_plain_resnet({f"layer1.0.bn1.{key}": value for key, value in plain.state_dict().items()})
    norm = InstanceBatchNorm(6)
    norm.load_state_dict({key.removeprefix("layer1.0.bn1."): value for key, value in state.items()}, strict=False)
    maps = torch.randn(3, 6, 4, 2)
    with torch.no_grad():
        torch.testing.assert_close(norm.eval()(maps)[:, 3:], plain.eval()(maps)[:, 3:])
    assert torch.equal(norm.IN.weight, plain.weight[:3])
    assert torch.equal(norm.IN.bias, plain.bias[:3])


def test_norms_outside_the_first_three_stages_stay() -> None:
    state = {f"{place}.weight": torch.ones(4) for place in ("bn1", "layer1.0.bn2", "layer4.0.bn1")}
    assert from_plain_resnet(state).keys() == state.keys()
