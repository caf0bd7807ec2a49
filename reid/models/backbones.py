"""Image backbones, most of them timm's: a feature map and a global vector for each frame.

Convolutional networks keep the resolution of their last but one stage, as person re-identification has it: the stride
that begins the last stage is set to 1. Nothing is dilated in exchange.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import timm
from torch import Tensor, nn

from reid.errors import ConfigError
from reid.models.ibn import resnet_ibn_small
from reid.models.last_stride import keep_resolution

GlobalFeature = Literal["class_token", "mean"]

# What begins the last stage with a stride, by the family that a timm name begins with.
_LAST_STRIDED_PART = {"resnet": "layer4.0", "mobilenetv2": "blocks.5.0", "densenet": "features.transition3"}
# Networks that timm has not; nobody publishes weights of them, and their last stride is 1.
_OWN = {"resnet_ibn_small": resnet_ibn_small}


class FrameFeatures(NamedTuple):
    """What a backbone yields for M frames: the map (M, C, h, w) and the global vector (M, C)."""

    map: Tensor
    vector: Tensor


class ConvolutionBackbone(nn.Module):
    """A convolutional network whose global vector is its map's mean.

    Args:
        name: timm's name of a ResNet, MobileNetV2 or DenseNet; or "resnet_ibn_small", as in `reid.models.ibn`.
        image_size_hw: height and width of the frames in pixels.
        head_conv: False drops the 1x1 convolution that MobileNets put behind their last stage.
        last_stride: 1 keeps the resolution in the last stage, 2 halves it as the published network does.

    Raises:
        ConfigError: the family is not supported or the size is not a multiple of the total stride.

    Source: last stride 1 as in Luo et al. 2019, Bag of Tricks and a Strong Baseline for Deep Person
    Re-identification; DCCT section III-A for the use beside a Transformer.
    """

    def __init__(
        self, name: str, image_size_hw: tuple[int, int], *, head_conv: bool = True, last_stride: Literal[1, 2] = 1
    ) -> None:
        super().__init__()
        family = next((family for family in _LAST_STRIDED_PART if name.startswith(family)), None)
        if family is None:
            raise ConfigError(f"cnn: {name!r} is none of the supported families {', '.join(_LAST_STRIDED_PART)}")
        self.name = name
        if name in _OWN:
            if last_stride != 1:
                raise ConfigError(f"cnn_last_stride: {name} keeps its resolution, set it to 1")
            self.net = _OWN[name]()
        else:
            _check_name("cnn", name)
            self.net = timm.create_model(name, pretrained=False, num_classes=0, global_pool="")
        if last_stride == 1:
            keep_resolution(self.net.get_submodule(_LAST_STRIDED_PART[family]))
        last_stage = self.net.feature_info[-1]
        if not head_conv and hasattr(self.net, "conv_head"):
            self.net.conv_head = nn.Identity()
            self.net.bn2 = nn.Identity()
        self.width: int = self.net.num_features if head_conv else last_stage["num_chs"]
        self.map_size_hw = _map_size(name, image_size_hw, last_stage["reduction"] * last_stride // 2)

    def forward(self, images: Tensor) -> FrameFeatures:
        """Turn images (M, 3, H, W) into maps (M, C, h, w) and vectors (M, C)."""
        feature_map: Tensor = self.net.forward_features(images)
        return FrameFeatures(feature_map, feature_map.mean(dim=(2, 3)))


class MultiLevelBackbone(nn.Module):
    """A convolutional network that yields the maps of several of its stages.

    Args:
        name: timm's name, as for `ConvolutionBackbone`, whose resolution it has.
        image_size_hw: height and width of the frames in pixels.

    Raises:
        ConfigError: as for `ConvolutionBackbone`.
    """

    def __init__(self, name: str, image_size_hw: tuple[int, int]) -> None:
        super().__init__()
        backbone = ConvolutionBackbone(name, image_size_hw, head_conv=False)
        self.name = name
        self.net = backbone.net
        self.map_size_hw = backbone.map_size_hw
        self.stage_widths: tuple[int, ...] = tuple(stage["num_chs"] for stage in self.net.feature_info[-4:])

    def forward(self, images: Tensor) -> list[Tensor]:
        """Turn images (M, 3, H, W) into the maps that the last four stages end with, each (M, C_l, h_l, w_l)."""
        maps: list[Tensor] = self.net.forward_intermediates(images, indices=4, intermediates_only=True)
        return maps


class TransformerBackbone(nn.Module):
    """A vision transformer at any input size.

    Args:
        name: timm's name of a ViT or DeiT with one class token, or of a Swin.
        image_size_hw: height and width of the frames in pixels, multiples of the total stride.
        depth: how many of its first blocks to keep, not for Swin; None keeps all.
        drop_path: probability of the last block's stochastic depth; it rises linearly to it.
        global_feature: "class_token" takes the class token, which a Swin has not; "mean" the mean over patches.

    Raises:
        ConfigError: the size is not a multiple of the patch, or the network has not the tokens that are asked for.

    Source: Dosovitskiy et al. 2021, Liu et al. 2021 (Swin); DCCT section III-A. The paper's text averages the patches,
    its authors' code takes the class token, which is the default.
    """

    def __init__(
        self,
        name: str,
        image_size_hw: tuple[int, int],
        *,
        depth: int | None = None,
        drop_path: float = 0.1,
        global_feature: GlobalFeature = "class_token",
    ) -> None:
        super().__init__()
        _check_name("transformer", name)
        if depth is not None and depth < 1:
            raise ConfigError(f"transformer_depth: must be at least 1, not {depth}")
        if not 0 <= drop_path < 1:
            raise ConfigError(f"drop_path: must be in [0, 1), not {drop_path}")
        kept = {} if depth is None else {"depth": depth}
        self.name = name
        self.global_feature = global_feature
        self.windows = name.startswith("swin")
        if self.windows and (kept or global_feature == "class_token"):
            raise ConfigError(f"transformer: {name!r} has no class token and is kept whole; set global_feature to mean")
        self.net: Any = timm.create_model(
            name, pretrained=False, num_classes=0, img_size=image_size_hw, drop_path_rate=drop_path, **kept
        )
        if not self.windows and getattr(self.net, "num_prefix_tokens", 0) != 1:
            raise ConfigError(f"transformer: {name!r} is not a vision transformer with exactly one class token")
        self.width: int = self.net.num_features
        stride_px = self.net.feature_info[-1]["reduction"]
        self.map_size_hw = _map_size(name, image_size_hw, stride_px)

    def forward(self, images: Tensor) -> FrameFeatures:
        """Turn images (M, 3, H, W) into maps (M, C, h, w) and vectors (M, C)."""
        tokens: Tensor = self.net.forward_features(images)  # (M, 1 + h * w, C), or of a Swin (M, h, w, C)
        patches = tokens.flatten(1, 2) if self.windows else tokens[:, 1:]  # (M, h * w, C)
        vector = tokens[:, 0] if self.global_feature == "class_token" else patches.mean(dim=1)
        feature_map = patches.transpose(1, 2).view(images.shape[0], self.width, *self.map_size_hw)  # (M, C, h, w)
        return FrameFeatures(feature_map, vector)


def _check_name(field: str, name: str) -> None:
    """Refuse a name that timm does not know."""
    if not timm.is_model(name):
        raise ConfigError(f"{field}: timm knows no network {name!r}")


def _map_size(name: str, image_size_hw: tuple[int, int], stride_px: int) -> tuple[int, int]:
    """Return (h, w) of a backbone's map, or refuse a size that its stride does not divide."""
    height, width = image_size_hw
    if height % stride_px or width % stride_px:
        raise ConfigError(f"image_size_hw: {height}x{width} is not a multiple of {stride_px}, the stride of {name}")
    return height // stride_px, width // stride_px
