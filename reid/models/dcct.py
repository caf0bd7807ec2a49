"""DCCT: a deeply coupled convolution and transformer network for video re-identification.

Source: Liu et al. 2023, Deeply-Coupled Convolution-Transformer With Spatial-Temporal Complementary Learning for
Video-Based Person Re-Identification. Equation and table numbers below are the paper's.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from reid.errors import ConfigError
from reid.losses import OverFrames, feature_distillation, logit_distillation
from reid.models.backbones import ConvolutionBackbone, FrameFeatures, GlobalFeature, TransformerBackbone
from reid.models.base import ModelConfig, ReidModel
from reid.models.cca import ComplementaryContentAttention, Head, SpatialAttentionPooling
from reid.models.hta import HierarchicalTemporalAggregation, Part, RecurrentAggregation
from reid.models.output import ReidOutput, SupervisedStage, with_concatenation
from reid.start_weights import StartPart, timm_part

_BRANCHES = ("cnn", "transformer")
# Variants that need nothing but the backbones, and those that need the clip's final feature.
_BACKBONE_ONLY = frozenset({"base_cnn", "base_transformer", "base"})
_CLIP_LEVEL = frozenset({"final", "base+final", "all"})


@dataclass(frozen=True, kw_only=True)
class DCCTConfig(ModelConfig):
    """The numbers of one DCCT, and the switches of the paper's ablations.

    Args:
        cnn: name of the convolutional branch, as for `ConvolutionBackbone`.
        transformer: timm's name of the transformer branch.
        width: d, the common width that both branches have in the temporal part; the final feature is 2d wide.
        cnn_head_conv: keep the 1x1 convolution behind a MobileNet's last stage.
        cnn_last_stride: stride that begins the last stage of the convolutional branch; 2 beside a Swin.
        transformer_depth: how many of the transformer's first blocks to keep; None keeps all.
        drop_path: stochastic depth of the transformer branch.
        global_feature: what stands for a frame in the transformer branch.
        spatial: what follows the backbones on every frame: "cca"; "sap", spatial attention pooling; or "gap", nothing
            but the backbones' own vectors (Table VIII).
        cca_heads: which attention heads CCA has (Table VI).
        temporal: what makes a clip's final feature of its frames: "hta", or "lstm" (Table VIII).
        hta_depth: layers of HTA, up to as many as ffn_ratios holds; 0 makes no final feature (figure 5, Table V). An
            LSTM has no layers to choose.
        hta_parts: which of TT, AT and GA a layer of HTA has (Table VII).
        gate_last: put a GA behind HTA's last layer too.
        heads: heads of every temporal block.
        ffn_ratios: hidden over outer width of the feed-forward networks in HTA's layers, from the first on.
        distillation: what the clip teaches its frames: "logit" (LD), "feature" (FD), both or nothing (figure 6);
            nothing either where there is no final feature.
        distillation_temperature: of the logits in LD; the authors' code has 0.3.
        distillation_reduction: "sum" adds up frames and channels as equations 16 and 17 do, "mean" averages over them.
        hint: FD's networks from a frame's width to the final one: "bottleneck" as the paper says, or "linear" as in
            its authors' code.
    """

    cnn: str
    transformer: str
    width: int
    cnn_head_conv: bool = True
    cnn_last_stride: Literal[1, 2] = 1
    transformer_depth: int | None = None
    drop_path: float = 0.1
    global_feature: GlobalFeature = "class_token"
    spatial: Literal["cca", "sap", "gap"] = "cca"
    cca_heads: tuple[Head, ...] = ("self", "cross")
    temporal: Literal["hta", "lstm"] = "hta"
    hta_depth: int = 2
    hta_parts: tuple[Part, ...] = ("tt", "at", "ga")
    gate_last: bool = False
    heads: int = 8
    ffn_ratios: tuple[float, ...] = (4.0, 0.25, 0.25)
    distillation: tuple[Literal["logit", "feature"], ...] = ("logit", "feature")
    distillation_temperature: float = 1.0
    distillation_reduction: OverFrames = "sum"
    hint: Literal["bottleneck", "linear"] = "bottleneck"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.hta_depth <= len(self.ffn_ratios):
            expected = f"expected 0 to {len(self.ffn_ratios)}, as many as there are ffn_ratios"
            raise ConfigError(f"hta_depth: {expected}, got {self.hta_depth}")
        if self.width < 1:
            raise ConfigError(f"width: must be at least 1, not {self.width}")
        if self.distillation_temperature <= 0:
            raise ConfigError(f"distillation_temperature: must be above 0, not {self.distillation_temperature}")
        for field in ("hta_parts", "distillation"):
            given = getattr(self, field)
            if len(set(given)) != len(given):
                raise ConfigError(f"{field}: each at most once, got {list(given)}")


class DCCT(ReidModel):
    """The whole network: two backbones, CCA on every frame, HTA over the frames.

    Variants: `base` (both backbones' vectors averaged over time, C_1 + C_2), `complementary` (the same after CCA),
    `final` (HTA's, 2d), `all`, their concatenation, and figure 6's `base+final`; each branch of the first two by itself
    as `base_cnn` and so on. Asked for `base` alone, the network runs its backbones only: the paper's way to spare CCA
    and HTA once they have taught the backbones. Supervised stages: `base_cnn` and
    `base_transformer` frame by frame, `complementary_cnn`, `complementary_transformer` and `final` for the clip.
    Auxiliary losses: `logit_distillation` and `feature_distillation`, summed over the branches.

    Args:
        config: the model's numbers.
        name: the registry's name for it.
        num_classes: K, identities of the training set; 0 builds no classifiers.

    Raises:
        ConfigError: the branches' maps differ in size, a width is odd, or run_variant is not a variant.

    Source: section III and figure 2. HTA's inputs are detached, as in the authors' code: what it learns from the
    clip reaches the branches through distillation only. The paper supervises the backbones and the final feature; that
    CCA's features are supervised too follows the authors' code. Table IV's coupled baseline was trained on the
    concatenated vectors; here, as in the whole model, each branch is supervised by itself.
    """

    config: DCCTConfig

    def __init__(self, config: DCCTConfig, name: str, num_classes: int = 0) -> None:
        super().__init__(config, name)
        self.cnn = ConvolutionBackbone(
            config.cnn, config.image_size_hw, head_conv=config.cnn_head_conv, last_stride=config.cnn_last_stride
        )
        self.transformer = TransformerBackbone(
            config.transformer,
            config.image_size_hw,
            depth=config.transformer_depth,
            drop_path=config.drop_path,
            global_feature=config.global_feature,
        )
        if self.cnn.map_size_hw != self.transformer.map_size_hw:
            sizes = f"{self.cnn.map_size_hw} of {config.cnn} and {self.transformer.map_size_hw} of {config.transformer}"
            raise ConfigError(f"the feature maps {sizes} differ in size")
        widths = self.cnn.width, self.transformer.width
        self.cca = ComplementaryContentAttention(*widths, config.cca_heads) if config.spatial == "cca" else None
        self.sap = nn.ModuleList(map(SpatialAttentionPooling, widths)) if config.spatial == "sap" else None
        self.hta: HierarchicalTemporalAggregation | RecurrentAggregation | None = None
        if config.temporal == "lstm":
            self.hta = RecurrentAggregation(*widths, config.width)
        elif config.hta_depth:
            self.hta = HierarchicalTemporalAggregation(
                *widths,
                config.width,
                config.clip_length,
                config.heads,
                config.ffn_ratios[: config.hta_depth],
                config.hta_parts,
                config.gate_last,
            )
        self.kinds = ["base"] if config.spatial == "gap" else ["base", "complementary"]
        stage_widths = {
            f"{kind}_{branch}": width for kind in self.kinds for branch, width in zip(_BRANCHES, widths, strict=True)
        }
        variant_widths: dict[str, int] = {}
        for kind in self.kinds:
            variant_widths |= {f"{kind}_cnn": widths[0], f"{kind}_transformer": widths[1], kind: sum(widths)}
        if self.hta is not None:
            self.kinds.append("final")
            stage_widths["final"] = variant_widths["final"] = 2 * config.width
            variant_widths["base+final"] = sum(widths) + 2 * config.width
        variant_widths["all"] = sum(variant_widths[kind] for kind in self.kinds)
        self._build_heads(stage_widths, num_classes, variant_widths)
        self.distillation = config.distillation if num_classes and self.hta is not None else ()
        self.aux_losses = tuple(f"{what}_distillation" for what in self.distillation)
        self.distillation_temperature = config.distillation_temperature
        self.distillation_reduction = config.distillation_reduction
        self.hints = nn.ModuleDict()
        if "feature" in self.distillation:
            for branch, width in zip(_BRANCHES, widths, strict=True):
                self.hints[branch] = _hint(width, 2 * config.width, config.hint)

    def start_parts(self) -> dict[str, StartPart]:
        """Return both backbones."""
        return {
            "cnn": timm_part(self.cnn.net, self.cnn.name),
            "transformer": timm_part(self.transformer.net, self.transformer.name),
        }

    def forward(self, clips: Tensor, wanted: Collection[str] | None = None) -> ReidOutput:
        """Turn clips (B, T, 3, H, W) into variants, and into stages and distillation where there are classifiers."""
        names = self._check_input(clips, wanted)
        shape = clips.shape[:2]  # B, T
        images = clips.flatten(0, 1).contiguous(memory_format=torch.channels_last)  # (B * T, 3, H, W)
        backbones = self.cnn(images), self.transformer(images)
        features = {
            f"base_{branch}": each.vector.view(*shape, -1)  # (B, T, C)
            for branch, each in zip(_BRANCHES, backbones, strict=True)
        }
        if not names <= _BACKBONE_ONLY:
            frames_1, frames_2 = (vectors.view(*shape, -1) for vectors in self._enhanced(*backbones))  # (B, T, C)
            if self.config.spatial != "gap":
                features |= {
                    "complementary_cnn": frames_1.mean(dim=1),
                    "complementary_transformer": frames_2.mean(dim=1),
                }
            if self.hta is not None and names & _CLIP_LEVEL:
                features["final"] = self.hta(frames_1.detach(), frames_2.detach())
        necked, stages = self._supervise(features)
        return ReidOutput(self._variants(necked), stages, self._distilled(stages))

    def _enhanced(self, cnn: FrameFeatures, transformer: FrameFeatures) -> tuple[Tensor, Tensor]:
        """Return both branches' frame vectors (M, C_1) and (M, C_2) as the temporal part takes them."""
        if self.cca is not None:
            enhanced: tuple[Tensor, Tensor] = self.cca(cnn.map, cnn.vector, transformer.map, transformer.vector)
            return enhanced
        if self.sap is not None:
            return self.sap[0](cnn.map), self.sap[1](transformer.map)
        return cnn.vector, transformer.vector

    def _variants(self, necked: dict[str, Tensor]) -> dict[str, Tensor]:
        """Put stages after their necks, (B, T, C) or (B, D), together to variants (B, D_v)."""
        vectors = {stage: vector.mean(dim=1) if vector.ndim == 3 else vector for stage, vector in necked.items()}
        variants: dict[str, Tensor] = {}
        for kind in ("base", "complementary"):
            if f"{kind}_cnn" in vectors:
                cnn, transformer = (vectors[f"{kind}_{branch}"] for branch in _BRANCHES)
                both = torch.cat([cnn, transformer], dim=1)
                variants |= {f"{kind}_cnn": cnn, f"{kind}_transformer": transformer, kind: both}
        if "final" in vectors:
            variants["final"] = vectors["final"]
            pair = with_concatenation({kind: variants[kind] for kind in ("base", "final")}, "base+final")
            variants["base+final"] = pair["base+final"]
        if all(kind in variants for kind in self.kinds):
            variants["all"] = with_concatenation({kind: variants[kind] for kind in self.kinds})["all"]
        return variants

    def _distilled(self, stages: dict[str, SupervisedStage]) -> dict[str, Tensor]:
        """Measure how far the frames' logits (LD) and features (FD) are from the clip's."""
        losses = {}
        if "logit" in self.distillation and "final" in stages:
            losses["logit_distillation"] = torch.stack(
                [
                    logit_distillation(
                        stages[f"base_{branch}"].logits,
                        stages["final"].logits,
                        temperature=self.distillation_temperature,
                        reduction=self.distillation_reduction,
                    )
                    for branch in _BRANCHES
                ]
            ).sum()
        if "feature" in self.distillation and "final" in stages:
            losses["feature_distillation"] = torch.stack(
                [
                    feature_distillation(
                        hint(stages[f"base_{branch}"].features),
                        stages["final"].features,
                        reduction=self.distillation_reduction,
                    )
                    for branch, hint in self.hints.items()
                ]
            ).sum()
        return losses


def _hint(width: int, final_width: int, kind: Literal["bottleneck", "linear"]) -> nn.Module:
    """Build FD's network from a frame's feature (..., C) to the final width (..., 2d).

    Source: equation 17. How narrow the bottleneck is, the paper does not say; here a quarter of the final width.
    """
    if kind == "linear":
        return nn.Linear(width, final_width, bias=False)
    narrow = max(1, final_width // 4)
    return nn.Sequential(nn.Linear(width, narrow), nn.ReLU(), nn.Linear(narrow, final_width))
