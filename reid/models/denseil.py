"""DenseIL: dense interaction learning for video re-identification.

Source: He et al. 2021, Dense Interaction Learning for Video-based Person Re-identification. Equation, section and
table numbers below are the paper's.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reid.errors import ConfigError
from reid.models.backbones import MultiLevelBackbone
from reid.models.base import ModelConfig, ReidModel
from reid.models.blocks import MultiHeadSelfAttention, check_heads
from reid.models.output import ReidOutput
from reid.start_weights import StartPart, timm_part

Interaction = Literal["dense_attention", "encoder", "decoder", "dense_sum", "dense_concatenation"]


@dataclass(frozen=True, kw_only=True)
class DenseILConfig(ModelConfig):
    """The numbers of one DenseIL, and the rows of the paper's Table 1.

    Args:
        cnn: timm's name of the encoder.
        interaction: what a decoder block does between self-attention and feed-forward network: "dense_attention";
            "encoder", nothing (CNN-TransEnc); "decoder", attention to the encoder's last map (CNN-TransDec);
            "dense_sum" and "dense_concatenation" add or append the encoder's maps instead of attending to them.
        blocks: R, decoder blocks; 0 is the baseline, the encoder's last map averaged over space and time.
        width: d of the decoder.
        partitions: P, horizontal stripes of a map.
        levels: which of the encoder's maps Z1 to Z4 the decoder sees between its blocks.
        spatial_embedding: tell the stripes apart.
        temporal_embedding: tell the frames apart.
        heads: of every attention.
        ffn_width: hidden width of the feed-forward networks.
    """

    cnn: str
    interaction: Interaction = "dense_attention"
    blocks: int = 4
    width: int = 2048
    partitions: int = 4
    levels: tuple[int, ...] = (2, 3, 4)
    spatial_embedding: bool = True
    temporal_embedding: bool = True
    heads: int = 8
    ffn_width: int = 2048

    def __post_init__(self) -> None:
        super().__post_init__()
        for field, least in (("blocks", 0), ("partitions", 1), ("ffn_width", 1), ("width", 1)):
            if getattr(self, field) < least:
                raise ConfigError(f"{field}: must be at least {least}, not {getattr(self, field)}")
        if self.levels != tuple(sorted(set(self.levels))) or not set(self.levels) <= {1, 2, 3, 4}:
            raise ConfigError(f"levels: expected some of 1, 2, 3, 4 in rising order, got {list(self.levels)}")
        if not self.levels and self.interaction.startswith("dense"):
            raise ConfigError(f"levels: {self.interaction} needs at least one of the encoder's maps")


class DenseAttention(nn.Module):
    """The tokens attend to the encoder's maps of several levels and to themselves.

    Args:
        width: d of the tokens and of the maps' tokens.
        heads: a divisor of d.
        to_itself: False attends to the maps only, as the decoder of a vanilla Transformer does.

    Raises:
        ConfigError: the heads do not divide the width.

    Source: equation 3, with the attention of equation 1 in several heads. As the equations have it, nothing projects
    the heads' output; Table 1's GFs agree with that.
    """

    def __init__(self, width: int, heads: int, *, to_itself: bool = True) -> None:
        super().__init__()
        check_heads(width, heads)
        self.heads = heads
        self.to_itself = to_itself
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)

    def attention(self, tokens: Tensor, levels: Sequence[Tensor]) -> Tensor:
        """Return how much every token takes from every source.

        Args:
            tokens: (B, N, d).
            levels: maps' tokens, each (B, N, d).

        Returns:
            (B, heads, N, S) weights that add up to 1 over S: the tokens of the levels in their order, then, where it
            attends to itself, `tokens`.
        """
        query, key, _ = self._projected(tokens, levels)
        return (query @ key.transpose(2, 3) / math.sqrt(query.shape[3])).softmax(dim=3)

    def forward(self, tokens: Tensor, levels: Sequence[Tensor]) -> Tensor:
        """Turn tokens (B, N, d), with the levels' (B, N, d) each, into (B, N, d)."""
        attended = F.scaled_dot_product_attention(*self._projected(tokens, levels))
        return attended.transpose(1, 2).flatten(2)

    def _projected(self, tokens: Tensor, levels: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries (B, heads, N, d / heads), keys and values (B, heads, S, d / heads)."""
        sources = torch.cat([*levels, tokens] if self.to_itself else list(levels), dim=1)  # (B, S, d)
        batch, num_sources, width = sources.shape
        key_value = self.key_value(sources).view(batch, num_sources, 2, self.heads, width // self.heads)
        key, value = key_value.permute(2, 0, 3, 1, 4)  # two of (B, heads, S, d / heads)
        query = self.query(tokens).view(batch, tokens.shape[1], self.heads, width // self.heads).transpose(1, 2)
        return query, key, value


class DenseSum(nn.Module):
    """The tokens with the encoder's maps added. Source: section 4.3, row "w/ Dense Sum." of Table 1a."""

    def forward(self, tokens: Tensor, levels: Sequence[Tensor]) -> Tensor:
        """Turn the levels' tokens (B, N, d) each into what a residual adds to `tokens`."""
        return torch.stack(list(levels)).sum(dim=0)


class DenseConcatenation(nn.Module):
    """The tokens with the encoder's maps appended, brought back to their width.

    Args:
        width: d.
        num_levels: maps that are appended.

    Source: section 4.3, row "w/ Dense Concat." of Table 1a. How the width is brought back is not said; here by a
    linear layer, whose output is added to the tokens as that of Dense Attention is.
    """

    def __init__(self, width: int, num_levels: int) -> None:
        super().__init__()
        self.narrow = nn.Linear((1 + num_levels) * width, width)

    def forward(self, tokens: Tensor, levels: Sequence[Tensor]) -> Tensor:
        """Turn tokens (B, N, d), with the levels' (B, N, d) each, into (B, N, d)."""
        narrowed: Tensor = self.narrow(torch.cat([tokens, *levels], dim=2))
        return narrowed


class DecoderBlock(nn.Module):
    """One block of the DI decoder: self-attention, interaction with the encoder's maps, feed-forward network.

    Each has its normalisation in front and a residual around it.

    Args:
        config: the model's numbers.

    Source: sections 3.2 and 3.4, figure 2; normalisation in front (Pre-LN) as section 3.2 says.
    """

    def __init__(self, config: DenseILConfig) -> None:
        super().__init__()
        width = config.width
        self.attention_norm = nn.LayerNorm(width)
        self.attention = MultiHeadSelfAttention(width, config.heads)
        self.interaction_norm: nn.Module | None = None
        self.interaction: nn.Module | None = None
        if config.interaction != "encoder":
            self.interaction_norm = nn.LayerNorm(width)
        if config.interaction in ("dense_attention", "decoder"):
            self.interaction = DenseAttention(width, config.heads, to_itself=config.interaction == "dense_attention")
        elif config.interaction == "dense_sum":
            self.interaction_norm = nn.Identity()
            self.interaction = DenseSum()
        elif config.interaction == "dense_concatenation":
            self.interaction = DenseConcatenation(width, len(config.levels))
        self.ffn_norm = nn.LayerNorm(width)
        self.ffn = nn.Sequential(nn.Linear(width, config.ffn_width), nn.ReLU(), nn.Linear(config.ffn_width, width))

    def forward(self, tokens: Tensor, levels: Sequence[Tensor]) -> Tensor:
        """Turn tokens (B, N, d), with the levels' (B, N, d) each, into (B, N, d)."""
        tokens = tokens + self.attention(self.attention_norm(tokens))
        if self.interaction is not None and self.interaction_norm is not None:
            tokens = tokens + self.interaction(self.interaction_norm(tokens), levels)
        output: Tensor = tokens + self.ffn(self.ffn_norm(tokens))
        return output


class DenseIL(ReidModel):
    """A CNN whose maps of several levels a decoder of attention blocks draws on.

    Supervised stage and variant: `final`, the decoder's tokens averaged (B, d).

    Args:
        config: the model's numbers.
        name: the registry's name for it.
        num_classes: K, identities of the training set; 0 builds no classifiers.

    Raises:
        ConfigError: the encoder is not supported, a map has fewer rows than there are partitions, or the heads do not
            divide the width.

    Source: section 3.4. A map whose width is not d is projected to it, once for all blocks. The paper does not say how
    wide the feed-forward networks are, nor how the maps come to width d; with 2,048 and one projection each, what
    every row of Tables 1c and 1e adds to the baseline's GFs is met within 9 %.
    """

    config: DenseILConfig

    def __init__(self, config: DenseILConfig, name: str, num_classes: int = 0) -> None:
        super().__init__(config, name)
        self.cnn = MultiLevelBackbone(config.cnn, config.image_size_hw)
        if config.partitions > self.cnn.map_size_hw[0]:
            rows = self.cnn.map_size_hw[0]
            raise ConfigError(f"partitions: {config.partitions} stripes of a map with {rows} rows")
        levels = {"encoder": (), "decoder": (4,)}.get(config.interaction, config.levels) if config.blocks else ()
        self.levels: tuple[int, ...] = levels
        width = config.width if config.blocks else self.cnn.stage_widths[3]
        self.project_input = _projection(self.cnn.stage_widths[3], width)
        self.project_levels = nn.ModuleList(_projection(self.cnn.stage_widths[level - 1], width) for level in levels)
        self.decoder = nn.ModuleList(DecoderBlock(config) for _ in range(config.blocks))
        self._build_heads({"final": width}, num_classes, {"final": width})

    def start_parts(self) -> dict[str, StartPart]:
        """Return the encoder."""
        return {"cnn": timm_part(self.cnn.net, self.cnn.name)}

    def forward(self, clips: Tensor, wanted: Collection[str] | None = None) -> ReidOutput:
        """Turn clips (B, T, 3, H, W) into the variant, and into the stage where there is a classifier."""
        self._check_input(clips, wanted)
        tokens, levels = self.decoder_input(clips)
        for block in self.decoder:
            tokens = block(tokens, levels)
        necked, stages = self._supervise({"final": tokens.mean(dim=1)})
        return ReidOutput({"final": necked["final"]}, stages)

    def decoder_input(self, clips: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Turn clips (B, T, 3, H, W) into the decoder's tokens and its levels', each (B, T * P, d)."""
        batch, num_frames = clips.shape[:2]
        images = clips.flatten(0, 1).contiguous(memory_format=torch.channels_last)  # (B * T, 3, H, W)
        maps = self.cnn(images)

        def stripes(level: int) -> Tensor:
            pooled = F.adaptive_avg_pool2d(maps[level - 1], (self.config.partitions, 1)).squeeze(3)  # (B * T, C_l, P)
            return pooled.transpose(1, 2).reshape(batch, num_frames * self.config.partitions, -1)

        tokens: Tensor = self.project_input(stripes(4))
        levels = [project(stripes(level)) for project, level in zip(self.project_levels, self.levels, strict=True)]
        if self.decoder:
            tokens = tokens + step_embedding(
                num_frames,
                self.config.partitions,
                tokens.shape[2],
                spatial=self.config.spatial_embedding,
                temporal=self.config.temporal_embedding,
                device=tokens.device,
            ).to(tokens.dtype)
        return tokens, levels


def step_embedding(
    num_frames: int,
    partitions: int,
    width: int,
    *,
    spatial: bool = True,
    temporal: bool = True,
    device: torch.device | None = None,
) -> Tensor:
    """Make the spatio-temporal position embedding (STEP-Emb) of a clip's tokens.

    Args:
        num_frames: I.
        partitions: P.
        width: d.
        spatial: with the part that tells stripes apart.
        temporal: with the part that tells frames apart.
        device: where to make it.

    Returns:
        (I * P, d) float32, the stripes of a frame next to each other.

    Source: section 3.3: sin(p / 10000^(j / d)) for even j, cos for odd j, with p and j counted from 1; likewise for
    frames, added.
    """
    dims = torch.arange(1, width + 1, device=device)
    frequencies = torch.exp(-math.log(10000.0) * dims / width)  # (d,)

    def wave(count: int) -> Tensor:
        angles = torch.arange(1, count + 1, device=device).unsqueeze(1) * frequencies  # (count, d)
        return torch.where(dims % 2 == 0, angles.sin(), angles.cos())

    by_stripe = wave(partitions) if spatial else torch.zeros(partitions, width, device=device)
    by_frame = wave(num_frames) if temporal else torch.zeros(num_frames, width, device=device)
    return (by_frame.unsqueeze(1) + by_stripe).flatten(0, 1)


def _projection(width: int, to_width: int) -> nn.Module:
    """Build what brings tokens to another width; nothing where they have it."""
    return nn.Identity() if width == to_width else nn.Linear(width, to_width)
