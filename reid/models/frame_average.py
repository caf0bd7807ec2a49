"""The frame average: an image network applied to every frame, its vectors averaged over time.

The baseline that the published systems are compared with. Whatever a model gains over it, it gains from time or from
its attention over space.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from reid.errors import ConfigError
from reid.models.backbones import ConvolutionBackbone, GlobalFeature, TransformerBackbone
from reid.models.base import ModelConfig, ReidModel
from reid.models.output import ReidOutput
from reid.published import StartPart, timm_part


@dataclass(frozen=True, kw_only=True)
class FrameAverageConfig(ModelConfig):
    """The numbers of one frame average: exactly one backbone, of either kind.

    Args:
        cnn: timm's name of a convolutional backbone, None where a transformer is given.
        transformer: timm's name of a transformer backbone, None where a convolutional one is given.
        cnn_head_conv: keep the 1x1 convolution behind a MobileNet's last stage.
        cnn_last_stride: stride that begins the last stage of a convolutional backbone.
        transformer_depth: how many of the transformer's first blocks to keep; None keeps all.
        drop_path: stochastic depth of the transformer.
        global_feature: what stands for a frame in the transformer.
    """

    cnn: str | None = None
    transformer: str | None = None
    cnn_head_conv: bool = True
    cnn_last_stride: Literal[1, 2] = 1
    transformer_depth: int | None = None
    drop_path: float = 0.1
    global_feature: GlobalFeature = "class_token"

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.cnn is None) == (self.transformer is None):
            given = f"cnn {self.cnn!r} and transformer {self.transformer!r}"
            raise ConfigError(f"cnn, transformer: expected exactly one of the two, got {given}")


class FrameAverage(ReidModel):
    """One backbone, the mean of its vectors over the frames, and a BNNeck.

    Variant and supervised stage: `final`, the clip's mean vector, as wide as the backbone.

    Args:
        config: the model's numbers.
        name: the registry's name for it.
        num_classes: K, identities of the training set; 0 builds no classifier.

    Raises:
        ConfigError: the backbone is not supported, or run_variant is not `final`.

    Source: last stride 1, global average pooling and BNNeck from Luo et al. 2019, Bag of Tricks and a Strong Baseline
    for Deep Person Re-identification; temporal pooling from Gao and Nevatia 2018, Revisiting Temporal Modeling for
    Video-based Person ReID; the transformer's class token as in ViT.
    """

    def __init__(self, config: FrameAverageConfig, name: str, num_classes: int = 0) -> None:
        super().__init__(config, name)
        self.backbone = _backbone(config)
        self._build_heads({"final": self.backbone.width}, num_classes, {"final": self.backbone.width})

    def start_parts(self) -> dict[str, StartPart]:
        """Return the backbone."""
        return {"backbone": timm_part(self.backbone.net, self.backbone.name)}

    def forward(self, clips: Tensor, wanted: Collection[str] | None = None) -> ReidOutput:
        """Turn clips (B, T, 3, H, W) into `final`, as variant and, where there is a classifier, as stage."""
        self._check_input(clips, wanted)
        images = clips.flatten(0, 1).contiguous(memory_format=torch.channels_last)  # (B * T, 3, H, W)
        frames = self.backbone(images).vector.view(*clips.shape[:2], -1)  # (B, T, D)
        necked, stages = self._supervise({"final": frames.mean(dim=1)})
        return ReidOutput(necked, stages)


def _backbone(config: FrameAverageConfig) -> ConvolutionBackbone | TransformerBackbone:
    """Build the one backbone that is named."""
    if config.cnn is not None:
        return ConvolutionBackbone(
            config.cnn, config.image_size_hw, head_conv=config.cnn_head_conv, last_stride=config.cnn_last_stride
        )
    assert config.transformer is not None  # the configuration has refused that neither is given
    return TransformerBackbone(
        config.transformer,
        config.image_size_hw,
        depth=config.transformer_depth,
        drop_path=config.drop_path,
        global_feature=config.global_feature,
    )
