"""DCCT: a deeply coupled convolution and transformer network for video re-identification.

Source: Liu et al. 2023, Deeply-Coupled Convolution-Transformer With Spatial-Temporal Complementary Learning for
Video-Based Person Re-Identification. Equation numbers below are the paper's.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from reid.errors import ConfigError
from reid.models.backbones import ConvolutionBackbone, GlobalFeature, TransformerBackbone
from reid.models.base import ModelConfig, ReidModel
from reid.models.blocks import AttentionHead, ResidualFeedForward, TemporalBlock
from reid.models.output import ReidOutput, with_concatenation
from reid.start_weights import StartPart, timm_part


@dataclass(frozen=True, kw_only=True)
class DCCTConfig(ModelConfig):
    """The numbers of one DCCT.

    Args:
        cnn: timm's name of the convolutional branch.
        transformer: timm's name of the transformer branch.
        width: d, the common width that both branches have in the temporal part; the final feature is 2d wide.
        cnn_head_conv: keep the 1x1 convolution behind a MobileNet's last stage.
        transformer_depth: how many of the transformer's first blocks to keep; None keeps all.
        drop_path: stochastic depth of the transformer branch.
        global_feature: what stands for a frame in the transformer branch.
        heads: heads of every temporal block.
        ffn_ratios: hidden over outer width of the feed-forward networks, one number for each layer of HTA.
    """

    cnn: str
    transformer: str
    width: int
    cnn_head_conv: bool = True
    transformer_depth: int | None = None
    drop_path: float = 0.1
    global_feature: GlobalFeature = "class_token"
    heads: int = 8
    ffn_ratios: tuple[float, ...] = (4.0, 0.25)


class ComplementaryContentAttention(nn.Module):
    """CCA: each branch attends to its own map with its own global vector and with the other branch's.

    The query from the other branch is detached: cross-attention teaches a branch where to look without changing
    what the other one says.

    Args:
        cnn_width: C_1 of the convolutional branch, even.
        transformer_width: C_2 of the transformer branch, even.

    Source: section III-B, equations 1 to 4. Detaching follows the authors' code.
    """

    def __init__(self, cnn_width: int, transformer_width: int) -> None:
        super().__init__()
        self.self_cnn = AttentionHead(cnn_width, cnn_width)
        self.cross_cnn = AttentionHead(transformer_width, cnn_width)
        self.self_transformer = AttentionHead(transformer_width, transformer_width)
        self.cross_transformer = AttentionHead(cnn_width, transformer_width)
        self.psi_cnn = ResidualFeedForward(cnn_width)
        self.psi_transformer = ResidualFeedForward(transformer_width)

    def forward(
        self, cnn_map: Tensor, cnn_vector: Tensor, transformer_map: Tensor, transformer_vector: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Enhance both branches' global vectors.

        Args:
            cnn_map: (M, C_1, h, w).
            cnn_vector: (M, C_1).
            transformer_map: (M, C_2, h, w).
            transformer_vector: (M, C_2).

        Returns:
            (M, C_1) and (M, C_2).

        Raises:
            ValueError: the two maps differ in size.
        """
        if cnn_map.shape[2:] != transformer_map.shape[2:]:
            sizes = f"{tuple(cnn_map.shape[2:])} and {tuple(transformer_map.shape[2:])}"
            raise ValueError(f"CCA needs two feature maps of one size, got {sizes}")
        positions_1, positions_2 = cnn_map.flatten(2), transformer_map.flatten(2)  # (M, C, N)
        cross_1, cross_2 = transformer_vector.detach(), cnn_vector.detach()
        attentive_1 = torch.cat([self.self_cnn(cnn_vector, positions_1), self.cross_cnn(cross_1, positions_1)], dim=1)
        attentive_2 = torch.cat(
            [self.self_transformer(transformer_vector, positions_2), self.cross_transformer(cross_2, positions_2)],
            dim=1,
        )
        return self.psi_cnn(attentive_1 + cnn_vector), self.psi_transformer(attentive_2 + transformer_vector)


class TemporalTransformer(TemporalBlock):
    """TT: relates the frames of one branch, (B, T, d) -> (B, T, d). Source: equations 5 and 6."""


class AggregatedTransformer(TemporalBlock):
    """AT with temporal average pooling: relates the frames of both branches together. Source: section III-C."""

    def forward(self, frames: Tensor) -> Tensor:
        """Turn the concatenated frames (B, T, 2d) into the clip's S_3 (B, 2d)."""
        return super().forward(frames).mean(dim=1)


class GatedAttention(nn.Module):
    """GA: hands what the whole clip says back to the frames of each branch, as far as a gate lets it.

    Args:
        width: d of each branch.

    Source: equations 7 to 12. The batch normalisation before each gate's linear layer follows the authors' code.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.omega = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(2))
        self.gate_norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(2))
        self.gates = nn.ModuleList(nn.Linear(width, width) for _ in range(2))

    def forward(self, frames_1: Tensor, frames_2: Tensor, aggregated: Tensor) -> tuple[Tensor, Tensor]:
        """Mix the clip's feature (B, 2d) into both branches' frames, each (B, T, d); shapes stay."""
        return self._branch(0, frames_1, aggregated), self._branch(1, frames_2, aggregated)

    def _branch(self, branch: int, frames: Tensor, aggregated: Tensor) -> Tensor:
        decoupled = self.omega[branch](aggregated).unsqueeze(1)  # (B, 1, d)
        agreement = (frames * decoupled).flatten(0, 1)  # (B * T, d)
        gate = self.gates[branch](self.gate_norms[branch](agreement)).sigmoid().view_as(frames)  # (B, T, d)
        mixed: Tensor = gate * frames + (1 - gate) * decoupled
        return mixed


class HierarchicalTemporalAggregation(nn.Module):
    """HTA: layers of two TTs and an AT, with a GA between one layer and the next.

    Args:
        cnn_width: C_1 of the convolutional branch.
        transformer_width: C_2 of the transformer branch.
        width: d that both are projected to.
        clip_length: T that position embeddings are learned for.
        heads: heads of every block.
        ffn_ratios: one feed-forward ratio for each layer.

    Source: section III-C and figure 4. The common width d follows the authors' code and the parameter counts of
    Table V, which d = 1024 meets; equations in C_1 and C_2 would not.
    """

    def __init__(
        self,
        cnn_width: int,
        transformer_width: int,
        width: int,
        clip_length: int,
        heads: int,
        ffn_ratios: tuple[float, ...],
    ) -> None:
        super().__init__()
        if not ffn_ratios:
            raise ConfigError("ffn_ratios: HTA needs at least one layer")
        self.project_cnn = nn.Linear(cnn_width, width)
        self.project_transformer = nn.Linear(transformer_width, width)

        def temporal() -> nn.ModuleList:
            return nn.ModuleList(TemporalTransformer(width, clip_length, heads, ratio) for ratio in ffn_ratios)

        self.temporal_cnn, self.temporal_transformer = temporal(), temporal()
        self.aggregated = nn.ModuleList(
            AggregatedTransformer(2 * width, clip_length, heads, ratio) for ratio in ffn_ratios
        )
        self.gated = nn.ModuleList(GatedAttention(width) for _ in ffn_ratios[1:])

    def forward(self, cnn_frames: Tensor, transformer_frames: Tensor) -> Tensor:
        """Turn both branches' frames (B, T, C_1) and (B, T, C_2) into the clip's feature (B, 2d)."""
        frames_1, frames_2 = self.project_cnn(cnn_frames), self.project_transformer(transformer_frames)  # (B, T, d)
        for layer, aggregate in enumerate(self.aggregated):
            frames_1 = self.temporal_cnn[layer](frames_1)
            frames_2 = self.temporal_transformer[layer](frames_2)
            clip: Tensor = aggregate(torch.cat([frames_1, frames_2], dim=2))  # (B, 2d)
            if layer < len(self.gated):
                frames_1, frames_2 = self.gated[layer](frames_1, frames_2, clip)
        return clip


class DCCT(ReidModel):
    """The whole network: two backbones, CCA on every frame, HTA over the frames.

    Variants: `base` (both backbones' vectors averaged over time, C_1 + C_2), `complementary` (the same after CCA),
    `final` (HTA's, 2d) and `all`, their concatenation. Supervised stages: `base_cnn` and `base_transformer` frame by
    frame, `complementary_cnn`, `complementary_transformer` and `final` for the clip.

    Args:
        config: the model's numbers.
        name: the registry's name for it.
        num_classes: K, identities of the training set; 0 builds no classifiers.

    Raises:
        ConfigError: the branches' maps differ in size, a width is odd, or run_variant is not a variant.

    Source: section III and figure 2. HTA's inputs are detached, as in the authors' code: what it learns from the
    clip reaches the branches through distillation only.
    """

    def __init__(self, config: DCCTConfig, name: str, num_classes: int = 0) -> None:
        super().__init__(config, name)
        self.cnn = ConvolutionBackbone(config.cnn, config.image_size_hw, head_conv=config.cnn_head_conv)
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
        width_1, width_2 = self.cnn.width, self.transformer.width
        self.cca = ComplementaryContentAttention(width_1, width_2)
        self.hta = HierarchicalTemporalAggregation(
            width_1, width_2, config.width, config.clip_length, config.heads, config.ffn_ratios
        )
        stage_widths = {
            "base_cnn": width_1,
            "base_transformer": width_2,
            "complementary_cnn": width_1,
            "complementary_transformer": width_2,
            "final": 2 * config.width,
        }
        variant_widths = {
            "base": width_1 + width_2,
            "complementary": width_1 + width_2,
            "final": 2 * config.width,
            "all": 2 * (width_1 + width_2 + config.width),
        }
        self._build_heads(stage_widths, num_classes, variant_widths)

    def start_parts(self) -> dict[str, StartPart]:
        """Return both backbones."""
        return {
            "cnn": timm_part(self.cnn.net, self.cnn.timm_name),
            "transformer": timm_part(self.transformer.net, self.transformer.timm_name),
        }

    def forward(self, clips: Tensor, wanted: Collection[str] | None = None) -> ReidOutput:
        """Turn clips (B, T, 3, H, W) into variants, and into stages where there are classifiers."""
        self._check_clips(clips)
        shape = clips.shape[:2]  # B, T
        images = clips.flatten(0, 1).contiguous(memory_format=torch.channels_last)  # (B * T, 3, H, W)
        cnn, transformer = self.cnn(images), self.transformer(images)
        enhanced = self.cca(cnn.map, cnn.vector, transformer.map, transformer.vector)
        frames_1, frames_2 = (vectors.unflatten(0, shape) for vectors in enhanced)  # (B, T, C)
        features = {
            "base_cnn": cnn.vector.unflatten(0, shape),  # (B, T, C_1)
            "base_transformer": transformer.vector.unflatten(0, shape),  # (B, T, C_2)
            "complementary_cnn": frames_1.mean(dim=1),
            "complementary_transformer": frames_2.mean(dim=1),
            "final": self.hta(frames_1.detach(), frames_2.detach()),
        }
        necked, stages = self._supervise(features)
        variants = {
            "base": torch.cat([necked["base_cnn"].mean(dim=1), necked["base_transformer"].mean(dim=1)], dim=1),
            "complementary": torch.cat([necked["complementary_cnn"], necked["complementary_transformer"]], dim=1),
            "final": necked["final"],
        }
        return ReidOutput(with_concatenation(variants), stages)
