"""A residual network whose convolutions run over time as well: 3D-ResNet."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reid.errors import ConfigError

EXPANSION = 4  # what a bottleneck yields over its inner width


class Bottleneck3D(nn.Module):
    """A bottleneck around a 3x3x3 convolution, (B, C_in, t, h, w) -> (B, 4 * planes, t', h', w').

    Args:
        width_in: C_in.
        planes: inner width.
        stride: of the 3x3x3 convolution and of the shortcut, in all three directions.
    """

    def __init__(self, width_in: int, planes: int, stride: int) -> None:
        super().__init__()
        width = EXPANSION * planes
        self.conv1 = nn.Conv3d(width_in, planes, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm3d(planes)
        self.conv2 = nn.Conv3d(planes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm3d(planes)
        self.conv3 = nn.Conv3d(planes, width, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm3d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or width_in != width:
            projection = nn.Conv3d(width_in, width, kernel_size=1, stride=stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm3d(width))

    def forward(self, volume: Tensor) -> Tensor:
        """Turn (B, C_in, t, h, w) into (B, 4 * planes, t', h', w')."""
        inner = self.relu(self.bn1(self.conv1(volume)))
        inner = self.relu(self.bn2(self.conv2(inner)))
        output: Tensor = self.relu(self.bn3(self.conv3(inner)) + self.downsample(volume))
        return output


class ResNet3D(nn.Module):
    """A 3D-ResNet of bottlenecks, without classifier and pooling.

    Time is halved by the max pooling and by every stage but the first, so a clip of any length goes in: one frame
    stays one, 32 become 4 after layer3.

    Args:
        planes: inner width of the bottlenecks, one number for each of layer1 to layer4; a stage yields four times it.
        blocks: bottlenecks in each of layer1 to layer4.
        stem_width: channels of the first convolution.
        stages: how many of the stages to build, from the first.

    Raises:
        ConfigError: stages is not within what planes and blocks describe.

    Source: Hara et al. 2018, Can Spatiotemporal 3D CNNs Retrace the History of 2D CNNs and ImageNet?, with projection
    shortcuts (type B). The names of tensors are those in the weights that its authors publish.
    """

    def __init__(
        self, planes: tuple[int, ...], blocks: tuple[int, ...], *, stem_width: int = 64, stages: int = 4
    ) -> None:
        super().__init__()
        if not 1 <= stages <= min(len(planes), len(blocks), 4):
            raise ConfigError(f"stages: {stages} asked for, but planes {planes} and blocks {blocks} describe others")
        self.conv1 = nn.Conv3d(3, stem_width, kernel_size=7, stride=(1, 2, 2), padding=3, bias=False)
        self.bn1 = nn.BatchNorm3d(stem_width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool3d(kernel_size=3, stride=2, padding=1)
        self.stages = stages
        self.width = stem_width
        for stage in range(stages):
            self.add_module(f"layer{stage + 1}", self._stage(planes[stage], blocks[stage], stride=2 if stage else 1))
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, clips: Tensor) -> Tensor:
        """Turn clips (B, T, 3, H, W) into volumes (B, C, t, h, w) of the last stage that was built."""
        volume: Tensor = clips.transpose(1, 2).contiguous(memory_format=torch.channels_last_3d)  # (B, 3, T, H, W)
        volume = self.maxpool(self.relu(self.bn1(self.conv1(volume))))
        for stage in range(self.stages):
            volume = self.get_submodule(f"layer{stage + 1}")(volume)
        return volume

    def _stage(self, planes: int, blocks: int, stride: int) -> nn.Sequential:
        stage = nn.Sequential()
        for index in range(blocks):
            stage.append(Bottleneck3D(self.width, planes, 1 if index else stride))
            self.width = EXPANSION * planes
        return stage
