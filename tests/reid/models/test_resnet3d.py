"""3D-ResNet: shapes over time, the published names, and a 2D ResNet where there is only one frame."""

from __future__ import annotations

from math import ceil
from pathlib import Path

import pytest
import torch
from timm.models.resnet import Bottleneck, ResNet
from torch import Tensor, nn

from reid.errors import ConfigError
from reid.foreign_weights import load_foreign_state_dict
from reid.models.resnet3d import Bottleneck3D, ResNet3D

PLANES, BLOCKS = (4, 6, 8, 10), (1, 2, 1, 1)


def randomise_norms(net: nn.Module) -> nn.Module:
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            for tensor in (module.weight, module.bias, module.running_mean):
                nn.init.normal_(tensor, mean=0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return net


@pytest.mark.parametrize("num_frames", [1, 2, 3, 7, 8, 9, 16, 31, 32])
def test_clips_of_any_length_go_in(num_frames: int) -> None:
    net = ResNet3D(PLANES, BLOCKS, stem_width=4).eval()
    with torch.inference_mode():
        volume = net(torch.randn(2, num_frames, 3, 96, 64))
    assert tuple(volume.shape) == (2, 40, ceil(num_frames / 16), 3, 2)


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_the_first_stages_are_those_of_the_whole_network(stages: int) -> None:
    torch.manual_seed(0)
    whole = randomise_norms(ResNet3D(PLANES, BLOCKS, stem_width=4)).eval()
    part = ResNet3D(PLANES, BLOCKS, stem_width=4, stages=stages).eval()
    part.load_state_dict({key: value for key, value in whole.state_dict().items() if key in part.state_dict()})
    assert part.width == 4 * PLANES[stages - 1]
    assert not hasattr(part, f"layer{stages + 1}")
    kept: list[Tensor] = []
    whole.get_submodule(f"layer{stages}").register_forward_hook(lambda module, inputs, output: kept.append(output))
    clips = torch.randn(2, 3, 3, 32, 16)
    with torch.inference_mode():
        whole(clips)
        torch.testing.assert_close(part(clips), kept[0], atol=0, rtol=0)


def test_of_one_frame_it_is_a_2d_resnet_with_the_kernels_middle_slices() -> None:
    torch.manual_seed(0)
    net = randomise_norms(ResNet3D(PLANES, (2, 1, 2, 1), stem_width=64)).eval()
    flat = ResNet(Bottleneck, (2, 1, 2, 1), num_classes=0, global_pool="", channels=PLANES).eval()
    state = net.state_dict()
    middle = {k: v[:, :, v.shape[2] // 2] if v.ndim == 5 else v for k, v in state.items()}
    flat.load_state_dict(middle)
    clips = torch.randn(2, 1, 3, 96, 64)
    with torch.inference_mode():
        expected = flat.forward_features(clips[:, 0])
        torch.testing.assert_close(net(clips)[:, :, 0], expected, atol=1e-4, rtol=1e-4)
    assert float(expected.std()) > 0.1


def test_a_bottleneck_is_three_convolutions_and_a_shortcut() -> None:
    torch.manual_seed(0)
    block = randomise_norms(Bottleneck3D(5, 3, stride=2)).eval()
    volume = torch.randn(1, 5, 4, 3, 5)
    padded = torch.zeros(3, 6, 5, 7)
    with torch.no_grad():
        found = block(volume)[0]
        inner = block.bn1(torch.einsum("oc,bcthw->bothw", block.conv1.weight[:, :, 0, 0, 0], volume)).clamp(min=0)
        padded[:, 1:-1, 1:-1, 1:-1] = inner[0]
        middle = torch.zeros(1, 3, 2, 2, 3)
        for t in range(2):
            for y in range(2):
                for x in range(3):
                    window = padded[:, 2 * t : 2 * t + 3, 2 * y : 2 * y + 3, 2 * x : 2 * x + 3]
                    middle[0, :, t, y, x] = (block.conv2.weight * window).sum(dim=(1, 2, 3, 4))
        middle = block.bn2(middle).clamp(min=0)
        outer = block.bn3(torch.einsum("oc,bcthw->bothw", block.conv3.weight[:, :, 0, 0, 0], middle))
        project, norm = block.downsample
        shortcut = norm(torch.einsum("oc,bcthw->bothw", project.weight[:, :, 0, 0, 0], volume[:, :, ::2, ::2, ::2]))
    torch.testing.assert_close(found, (outer + shortcut).clamp(min=0)[0], atol=1e-5, rtol=1e-5)


def test_frames_see_each_other() -> None:
    torch.manual_seed(0)
    net = ResNet3D(PLANES, BLOCKS, stem_width=4).eval()
    clips = torch.randn(1, 8, 3, 32, 16)
    with torch.inference_mode():
        assert not torch.allclose(net(clips).mean(dim=2), net(clips[:, [0, 4, 2, 6, 1, 5, 3, 7]]).mean(dim=2))


def test_what_happens_late_in_a_clip_changes_the_late_part_of_the_volume() -> None:
    torch.manual_seed(0)
    net = ResNet3D(PLANES, BLOCKS, stem_width=4, stages=1).eval()
    clips = torch.randn(1, 16, 3, 32, 16)
    other = clips.clone()
    other[:, -1] = 0
    with torch.inference_mode():
        changed = (net(clips) != net(other)).any(dim=1).flatten(2).any(dim=2)[0]  # (t,)
    # The last of 16 frames is in the stem's outputs 12 to 15, the pooled ones 6 and 7, and after layer1 also in 5.
    assert changed.tolist() == [False] * 5 + [True] * 3


def test_full_size_has_the_published_names_and_shapes() -> None:
    with torch.device("meta"):
        net = ResNet3D((64, 128, 256, 512), (3, 4, 6, 3))
        to_layer3 = ResNet3D((64, 128, 256, 512), (3, 4, 6, 3), stages=3)
    shapes = {key: tuple(value.shape) for key, value in net.state_dict().items()}
    published = {
        "conv1.weight": (64, 3, 7, 7, 7),
        "bn1.running_mean": (64,),
        "layer1.0.conv1.weight": (64, 64, 1, 1, 1),
        "layer1.0.conv2.weight": (64, 64, 3, 3, 3),
        "layer1.0.conv3.weight": (256, 64, 1, 1, 1),
        "layer1.0.downsample.0.weight": (256, 64, 1, 1, 1),
        "layer1.0.downsample.1.running_var": (256,),
        "layer2.3.bn3.bias": (512,),
        "layer3.5.conv2.weight": (256, 256, 3, 3, 3),
        "layer4.2.bn3.num_batches_tracked": (),
    }
    assert {key: shapes.get(key) for key in published} == published
    assert len(shapes) == 53 + 53 * 5  # a convolution, and of its norm two parameters and three statistics
    assert (net.conv1.stride, net.layer1[0].conv2.stride, net.layer2[0].conv2.stride) == ((1, 2, 2), (1,) * 3, (2,) * 3)
    assert sum(parameter.numel() for parameter in net.parameters()) == 46_198_976
    assert sum(parameter.numel() for parameter in to_layer3.parameters()) == 17_078_464


def test_a_published_file_loads_by_name(tmp_path: Path) -> None:
    net, other = (ResNet3D(PLANES, BLOCKS, stem_width=4) for _ in range(2))
    state = {f"module.{key}": value for key, value in net.state_dict().items()}
    state |= {"module.fc.weight": torch.zeros(7, 40), "module.fc.bias": torch.zeros(7)}
    path = tmp_path / "r3d50_K_200ep.pth"
    torch.save({"epoch": 200, "arch": "resnet-50", "state_dict": state}, path)
    result = other.load_state_dict(load_foreign_state_dict(path), strict=False)
    assert result.missing_keys == []
    assert result.unexpected_keys == ["fc.weight", "fc.bias"]
    assert torch.equal(other.layer3[0].conv2.weight, net.layer3[0].conv2.weight)


@pytest.mark.parametrize("stages", [0, 5])
def test_stages_that_are_not_described_are_refused(stages: int) -> None:
    with pytest.raises(ConfigError, match=f"stages: {stages} asked for"):
        ResNet3D((4,) * 5, (1,) * 5, stages=stages)
