"""ResNet-IBN-a: a residual network that normalises half of its channels image by image.

Instance normalisation takes an image's own contrast and colour cast out of the shallow layers; batch normalisation
keeps in the other half what tells one appearance from another.
"""

from __future__ import annotations

import re
from typing import Any

import torch
from timm.models.resnet import Bottleneck, ResNet
from torch import Tensor, nn

from reid.errors import ConfigError
from reid.models.last_stride import keep_resolution
from reid.start_weights import State

_SPLIT_NORM = re.compile(r"(layer[123]\.\d+\.bn1)\.(weight|bias|running_mean|running_var)")


class InstanceBatchNorm(nn.Module):
    """IBN-a: instance normalisation of the first half of the channels, batch normalisation of the rest.

    Args:
        planes: C, at least 2; of an odd number, the second half has one channel more.

    Raises:
        ConfigError: there are not two channels to share out.

    Source: Pan et al. 2018, Two at Once: Enhancing Learning and Generalization Capacities via IBN-Net, section 3. The
    names of the two halves are those in the weights that its authors publish.
    """

    def __init__(self, planes: int) -> None:
        super().__init__()
        if planes < 2:
            raise ConfigError(f"planes: IBN-a halves the channels and needs at least 2, got {planes}")
        self.IN = nn.InstanceNorm2d(planes // 2, affine=True)
        self.BN = nn.BatchNorm2d(planes - planes // 2)

    def forward(self, maps: Tensor) -> Tensor:
        """Turn maps (M, C, h, w) of at least two positions into maps of the same shape."""
        half = self.IN.num_features
        return torch.cat([self.IN(maps[:, :half]), self.BN(maps[:, half:])], dim=1)


def resnet_ibn_a(planes: tuple[int, int, int, int], blocks: tuple[int, int, int, int]) -> Any:
    """Build a bottleneck ResNet-IBN-a with last stride 1, without classifier and pooling.

    Args:
        planes: inner width of the bottlenecks in layer1 to layer4; what a stage yields is four times as wide.
        blocks: bottlenecks in layer1 to layer4.

    Returns:
        timm's `ResNet`, whose names of tensors are the published ones. Its stem is 64 wide whatever the planes.

    Raises:
        ConfigError: a stage of the first three has not two planes to share out.

    Source: Pan et al. 2018: bn1 of every block in layer1 to layer3 is an IBN-a, layer4 is plain. Last stride 1 as in
    Luo et al. 2019, Bag of Tricks and a Strong Baseline for Deep Person Re-identification. As in the code of IBN-Net's
    authors, no residual branch begins at zero, which would be timm's habit.
    """
    net = ResNet(Bottleneck, blocks, num_classes=0, global_pool="", channels=planes, zero_init_last=False)
    for stage in (net.layer1, net.layer2, net.layer3):
        for block in stage:
            block.bn1 = InstanceBatchNorm(block.bn1.num_features)
    keep_resolution(net.layer4[0])
    return net


def resnet_ibn_small() -> Any:
    """Build a ResNet-IBN-a of 1 M parameters that learns from random weights: `resnet_ibn_a` with last map 320 wide."""
    return resnet_ibn_a((24, 48, 80, 80), (2, 3, 3, 2))


def layer3_maps(net: Any, images: Tensor) -> Tensor:
    """Run a timm ResNet up to layer3: images (M, 3, H, W) to maps (M, C, H / 16, W / 16)."""
    stem = net.maxpool(net.act1(net.bn1(net.conv1(images))))
    maps: Tensor = net.layer3(net.layer2(net.layer1(stem)))
    return maps


def from_plain_resnet(state: State) -> State:
    """Share the batch normalisations of a plain ResNet out over the halves of an IBN-a.

    The half that becomes instance normalisation keeps its scale and shift and loses its statistics, so this is a start
    to train from, not the same function.

    Args:
        state: names and tensors of a bottleneck ResNet as timm or torchvision publish it.

    Returns:
        The same under the names of `resnet_ibn_a`.
    """
    shared: State = {}
    for key, value in state.items():
        split = _SPLIT_NORM.fullmatch(key)
        if split is None:
            shared[key] = value
            continue
        norm, what = split.groups()
        half = len(value) // 2
        shared[f"{norm}.BN.{what}"] = value[half:]
        if what in ("weight", "bias"):
            shared[f"{norm}.IN.{what}"] = value[:half]
    return shared
