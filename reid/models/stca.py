"""STCA: spatio-temporal cross attention between a 2D and a 3D network.

Source: Bhuiyan and Huang 2022, STCA: Utilizing a spatio-temporal cross-attention network for enhancing video person
re-identification. Section, figure and table numbers below are the paper's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from timm.models.resnet import ResNet
from torch import Tensor, nn

from reid.errors import ConfigError
from reid.models.base import ModelConfig, ReidModel
from reid.models.ibn import from_plain_resnet, layer3_maps, resnet_ibn_a
from reid.models.output import ReidOutput
from reid.models.resnet3d import EXPANSION, ResNet3D
from reid.start_weights import Published, StartPart

FourStages = tuple[int, int, int, int]

_STRIDE_PX = 16  # of both networks' maps after layer3
_PLANES_50, _BLOCKS_50 = (64, 128, 256, 512), (3, 4, 6, 3)

_IMAGES = (
    Published(name="resnet50_ibn_a", publisher="the authors of IBN-Net"),
    Published(name="resnet50", hub="timm/resnet50.a1_in1k", publisher="timm", translate=from_plain_resnet),
)
_VIDEOS = (
    Published(
        name="r3d50_K",
        publisher="the authors of 3D-ResNets-PyTorch",
        mean=(0.4345, 0.4051, 0.3775),
        std=(0.2768, 0.2713, 0.2737),
    ),
)


@dataclass(frozen=True, kw_only=True)
class STCAConfig(ModelConfig):
    """The numbers of one STCA; image_size_hw must be multiples of 16.

    Args:
        streams: "cross_attention" is the paper's model; "2d", "3d" and "concatenation" are the baselines of Table 2.
        planes: inner widths of the 2D network's four stages; a stage yields four times as many channels.
        blocks: bottlenecks in each of its stages.
        planes_3d: the same for the 3D network; its third must equal that of `planes` under cross attention, which
            leaves the fourth out.
        blocks_3d: bottlenecks in each of its stages.
        stem_width_3d: channels of the 3D network's first convolution; the 2D network's has 64.
        kernel_hidden: hidden width of the network that makes the attention's kernels.
        temperature: of the attention's softmax.
    """

    streams: Literal["cross_attention", "2d", "3d", "concatenation"] = "cross_attention"
    planes: FourStages = _PLANES_50
    blocks: FourStages = _BLOCKS_50
    planes_3d: FourStages = _PLANES_50
    blocks_3d: FourStages = _BLOCKS_50
    stem_width_3d: int = 64
    kernel_hidden: int = 6
    temperature: float = 0.025

    def __post_init__(self) -> None:
        super().__post_init__()
        height, width = self.image_size_hw
        if height % _STRIDE_PX or width % _STRIDE_PX:
            raise ConfigError(f"image_size_hw: expected multiples of {_STRIDE_PX}, got {height}x{width}")
        if self.num_positions < 2:
            raise ConfigError(f"image_size_hw: {height}x{width} leaves layer3 one position, expected at least two")
        for name in ("planes", "blocks", "planes_3d", "blocks_3d", "stem_width_3d", "kernel_hidden"):
            given = getattr(self, name)
            if min(given if isinstance(given, tuple) else (given,)) < 1:
                raise ConfigError(f"{name}: expected at least 1, got {given}")
        if self.temperature <= 0:
            raise ConfigError(f"temperature: expected a positive number, got {self.temperature}")
        if self.streams == "cross_attention" and self.planes[2] != self.planes_3d[2]:
            widths = f"got {self.planes_3d[2]} and {self.planes[2]}"
            raise ConfigError(f"planes_3d: layer3 must be as wide as in planes to be correlated with it, {widths}")

    @property
    def num_positions(self) -> int:
        """k, positions of a map after layer3."""
        height, width = self.image_size_hw
        return (height // _STRIDE_PX) * (width // _STRIDE_PX)


class CrossAttentionNetwork(nn.Module):
    """Weights the positions of a frame's 2D map and of the clip's 3D map by how they agree, and adds the maps.

    Every position of one map has a local correlation vector: its cosines with all positions of the other. One kernel a
    frame and direction, made of the mean of these vectors, fuses each of them into one number.

    Args:
        num_positions: k = h * w of the maps.
        hidden: hidden width of the kernel generation.
        temperature: of the softmax over positions.

    Source: section 3.3 and figure 3, which follow Hou et al. 2019, Cross Attention Network for Few-shot
    Classification. The paper leaves open, and its count of 2,514 parameters at k = 192 settles, that both directions
    share one kernel generation with a hidden width of 6, biases and a batch normalisation; its 1x1 convolutions see
    one position each and are written as linear layers. Temperature, the fusion by two sums and the division by the
    channels' norm follow the authors' code. "Initialised from Gaussian distribution" is read as He et al.'s.
    """

    def __init__(self, num_positions: int, hidden: int = 6, temperature: float = 0.025) -> None:
        super().__init__()
        self.temperature = temperature
        first, second = nn.Linear(num_positions, hidden), nn.Linear(hidden, num_positions)
        self.kernel = nn.Sequential(first, nn.BatchNorm1d(hidden), nn.ReLU(), second)
        for layer in (first, second):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def forward(self, maps_2d: Tensor, map_3d: Tensor) -> Tensor:
        """Fuse both networks' maps.

        Args:
            maps_2d: F_S (B, T, C, h, w), one map a frame.
            map_3d: F_T (B, C, h, w), one map a clip; it stands beside every frame.

        Returns:
            F_m (B, T, C, h, w), its channels divided by their L2 norm at every position.
        """
        attention_2d, attention_3d = self.attention(maps_2d, map_3d)
        # 2 = 1 for the attention's residual + 1 for the unattended map that is added.
        fused = maps_2d * (2 + attention_2d.unsqueeze(2)) + map_3d.unsqueeze(1) * (1 + attention_3d.unsqueeze(2))
        return F.normalize(fused, dim=2)

    def attention(self, maps_2d: Tensor, map_3d: Tensor) -> tuple[Tensor, Tensor]:
        """Return what both maps are weighted by, without the residual's 1.

        Args:
            maps_2d: F_S (B, T, C, h, w).
            map_3d: F_T (B, C, h, w).

        Returns:
            A_S and A_T, each (B, T, h, w), positive; they sum to 1 over the positions of a map.

        Raises:
            ValueError: the maps do not fit together.
        """
        shape = maps_2d.shape
        if (shape[0], *shape[2:]) != tuple(map_3d.shape):
            raise ValueError(
                f"cross attention needs maps (B, T, C, h, w) and (B, C, h, w), got {tuple(shape)} and "
                f"{tuple(map_3d.shape)}"
            )
        rows = F.normalize(maps_2d, dim=2).flatten(3).transpose(2, 3)  # (B, T, k, C)
        columns = F.normalize(map_3d, dim=1).flatten(2)  # (B, C, k)
        correlation = (rows.flatten(1, 2) @ columns).view(*rows.shape[:3], -1)  # (B, T, k, k)
        attention_2d = self._fuse(correlation)
        attention_3d = self._fuse(correlation.transpose(2, 3))
        grid = shape[:2] + shape[3:]
        return attention_2d.view(grid), attention_3d.view(grid)

    def _fuse(self, correlation: Tensor) -> Tensor:
        """Turn local correlation vectors, the rows of (B, T, k, k), into attention (B, T, k)."""
        kernel = self.kernel(correlation.mean(dim=2).flatten(0, 1)).view(correlation.shape[:3])  # (B, T, k)
        fused = (correlation @ kernel.unsqueeze(3)).squeeze(3) / correlation.shape[3]  # (B, T, k)
        attention: Tensor = (fused / self.temperature).softmax(dim=2)
        return attention


class Streams(nn.Module):
    """The networks that turn clips (B, T, 3, H, W) into features (B, width), in one of Table 2's ways.

    Whichever there are of `resnet`, `resnet3d` and `cross_attention` bear these names, at any depth.
    """

    width: int


class CrossAttendedStreams(Streams):
    """Both networks up to layer3, the cross attention, and the 2D network's layer4 on what it yields.

    Args:
        config: the model's numbers.

    Source: figure 2. That the 3D network's map is averaged over time and stands beside every frame follows the authors'
    code; the network runs once a clip.
    """

    def __init__(self, config: STCAConfig) -> None:
        super().__init__()
        self.resnet = resnet_ibn_a(config.planes, config.blocks)
        self.resnet3d = _resnet3d(config, stages=3)
        self.cross_attention = CrossAttentionNetwork(config.num_positions, config.kernel_hidden, config.temperature)
        self.width = EXPANSION * config.planes[3]

    def forward(self, clips: Tensor) -> Tensor:
        """Turn clips (B, T, 3, H, W) into features (B, D)."""
        fused = self.cross_attention(*self.layer3(clips))  # (B, T, C, h, w)
        return _mean_of_frames(self.resnet.layer4(fused.flatten(0, 1)), clips)

    def layer3(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Turn clips (B, T, 3, H, W) into what the cross attention takes: (B, T, C, h, w) and (B, C, h, w)."""
        maps = layer3_maps(self.resnet, _images(clips))
        maps_2d = maps.view(*clips.shape[:2], *maps.shape[1:])  # (B, T, C, h, w)
        return maps_2d, self.resnet3d(clips).mean(dim=2)


class AppearanceStream(Streams):
    """The 2D network alone: the mean over positions and frames. Source: Table 2's "2D-CNN"."""

    def __init__(self, config: STCAConfig) -> None:
        super().__init__()
        self.resnet = resnet_ibn_a(config.planes, config.blocks)
        self.width = EXPANSION * config.planes[3]

    def forward(self, clips: Tensor) -> Tensor:
        """Turn clips (B, T, 3, H, W) into features (B, D)."""
        return _mean_of_frames(self.resnet.forward_features(_images(clips)), clips)


class MotionStream(Streams):
    """The whole 3D network alone: the mean over its volume.

    Source: Table 2's "3D-CNN". Its layer4 keeps its stride: section 4.2 changes that of the 2D networks alone.
    """

    def __init__(self, config: STCAConfig) -> None:
        super().__init__()
        self.resnet3d = _resnet3d(config, stages=4)
        self.width = self.resnet3d.width

    def forward(self, clips: Tensor) -> Tensor:
        """Turn clips (B, T, 3, H, W) into features (B, D)."""
        vectors: Tensor = self.resnet3d(clips).mean(dim=(2, 3, 4))
        return vectors


class ConcatenatedStreams(Streams):
    """The features of both whole networks side by side, as they are. Source: Table 2's "Concatenate"."""

    def __init__(self, config: STCAConfig) -> None:
        super().__init__()
        self.appearance = AppearanceStream(config)
        self.motion = MotionStream(config)
        self.width = self.appearance.width + self.motion.width

    def forward(self, clips: Tensor) -> Tensor:
        """Turn clips (B, T, 3, H, W) into features (B, D)."""
        return torch.cat([self.appearance(clips), self.motion(clips)], dim=1)


_STREAMS: dict[str, Callable[[STCAConfig], Streams]] = {
    "cross_attention": CrossAttendedStreams,
    "2d": AppearanceStream,
    "3d": MotionStream,
    "concatenation": ConcatenatedStreams,
}


class STCA(ReidModel):
    """The whole network: its streams, and a BNNeck on what they yield.

    One variant and one supervised stage: `final`, the clip's feature.

    Args:
        config: the model's numbers.
        name: the registry's name for it.
        num_classes: K, identities of the training set; 0 builds no classifiers.

    Raises:
        ConfigError: run_variant is not `final`, or a stage of the 2D network is too narrow for IBN-a.

    Source: section 3 and figure 2; the BNNeck is that of the bag of tricks that section 3.4 names. Sections 3.4 and
    4.2 are the recipe's.
    """

    config: STCAConfig
    HOLDERS = ("streams", "streams.resnet")

    def __init__(self, config: STCAConfig, name: str, num_classes: int = 0) -> None:
        super().__init__(config, name)
        self.streams = _STREAMS[config.streams](config)
        widths = {"final": self.streams.width}
        self._build_heads(widths, num_classes, widths)

    def start_parts(self) -> dict[str, StartPart]:
        """Return the networks that have the size of published ones.

        The weights from Kinetics were made for another normalisation than ImageNet's. Their first convolution pads
        with zeros, which would be another colour if its weights took the difference over, so they are left as they are.
        """
        parts, config = {}, self.config
        for net in self.streams.modules():
            if isinstance(net, ResNet3D):
                if (config.planes_3d, config.blocks_3d, config.stem_width_3d) == (_PLANES_50, _BLOCKS_50, 64):
                    parts["resnet3d"] = StartPart(net, _VIDEOS)
            elif isinstance(net, ResNet) and (config.planes, config.blocks) == (_PLANES_50, _BLOCKS_50):
                parts["resnet"] = StartPart(net, _IMAGES)
        return parts

    def forward(self, clips: Tensor, wanted: Collection[str] | None = None) -> ReidOutput:
        """Turn clips (B, T, 3, H, W) into the variant, and into the stage where there is a classifier."""
        self._check_input(clips, wanted)
        variants, stages = self._supervise({"final": self.streams(clips)})
        return ReidOutput(variants, stages)


def _resnet3d(config: STCAConfig, stages: int) -> ResNet3D:
    return ResNet3D(config.planes_3d, config.blocks_3d, stem_width=config.stem_width_3d, stages=stages)


def _images(clips: Tensor) -> Tensor:
    """Lay the frames of clips (B, T, 3, H, W) out as images (B * T, 3, H, W)."""
    return clips.flatten(0, 1).contiguous(memory_format=torch.channels_last)


def _mean_of_frames(maps: Tensor, clips: Tensor) -> Tensor:
    """Average maps (B * T, C, h, w) over positions, then over the frames of their clips, to (B, C)."""
    return maps.mean(dim=(2, 3)).view(*clips.shape[:2], -1).mean(dim=1)
