"""DCCT's hierarchical temporal aggregation, and what it is compared with: how frames become one vector a clip.

Source: Liu et al. 2023 (DCCT), section III-C and Tables VII and VIII.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from reid.errors import ConfigError
from reid.models.blocks import TemporalBlock

Part = Literal["tt", "at", "ga"]


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
        ffn_ratios: one feed-forward ratio for each layer, so that their number is HTA's depth.
        parts: which of TT, AT and GA there are. Without TT the frames go on as they are, without AT both branches are
            averaged over time, without GA a layer hands on what its TTs say.
        gate_last: put a GA behind the last layer too; its frames, averaged over time, are then the clip's feature.

    Raises:
        ConfigError: there is no layer, neither TT nor AT, or a GA where none was asked for.

    Source: section III-C and figure 4; Table VII for the parts alone. The common width d follows the authors' code and
    the parameter counts of Table V, which d = 1024 meets; equations in C_1 and C_2 would not. In the full model the
    last AT's output is the feature, so that a last GA would lead nowhere; Table VII's row with GA at depth 1 needs it.
    """

    def __init__(
        self,
        cnn_width: int,
        transformer_width: int,
        width: int,
        clip_length: int,
        heads: int,
        ffn_ratios: tuple[float, ...],
        parts: tuple[Part, ...] = ("tt", "at", "ga"),
        gate_last: bool = False,
    ) -> None:
        super().__init__()
        if not ffn_ratios:
            raise ConfigError("ffn_ratios: HTA needs at least one layer")
        if not {"tt", "at"} & set(parts):
            raise ConfigError(f"hta_parts: expected tt, at or both, got {list(parts)}; hta_depth: 0 leaves HTA out")
        if gate_last and "ga" not in parts:
            raise ConfigError("gate_last: there is no gate without ga in hta_parts")
        self.project_cnn = nn.Linear(cnn_width, width)
        self.project_transformer = nn.Linear(transformer_width, width)

        def temporal() -> nn.ModuleList:
            ratios = ffn_ratios if "tt" in parts else ()
            return nn.ModuleList(TemporalTransformer(width, clip_length, heads, ratio) for ratio in ratios)

        self.depth = len(ffn_ratios)
        self.gate_last = gate_last
        self.temporal_cnn, self.temporal_transformer = temporal(), temporal()
        self.aggregated = nn.ModuleList(
            AggregatedTransformer(2 * width, clip_length, heads, ratio) for ratio in ffn_ratios if "at" in parts
        )
        gates = self.depth - (not gate_last) if "ga" in parts else 0
        self.gated = nn.ModuleList(GatedAttention(width) for _ in range(gates))

    def forward(self, cnn_frames: Tensor, transformer_frames: Tensor) -> Tensor:
        """Turn both branches' frames (B, T, C_1) and (B, T, C_2) into the clip's feature (B, 2d)."""
        frames_1, frames_2 = self.project_cnn(cnn_frames), self.project_transformer(transformer_frames)  # (B, T, d)
        for layer in range(self.depth):
            if self.temporal_cnn:
                frames_1 = self.temporal_cnn[layer](frames_1)
                frames_2 = self.temporal_transformer[layer](frames_2)
            both = torch.cat([frames_1, frames_2], dim=2)  # (B, T, 2d)
            clip: Tensor = self.aggregated[layer](both) if self.aggregated else both.mean(dim=1)  # (B, 2d)
            if layer < len(self.gated):
                frames_1, frames_2 = self.gated[layer](frames_1, frames_2, clip)
        return torch.cat([frames_1, frames_2], dim=2).mean(dim=1) if self.gate_last else clip


class RecurrentAggregation(nn.Module):
    """An LSTM over the frames of both branches, its outputs averaged over time: what HTA is compared with.

    Args:
        cnn_width: C_1 of the convolutional branch.
        transformer_width: C_2 of the transformer branch.
        width: d that both are projected to, as in HTA.

    Source: DCCT Table VIII, row CCA + LSTM, which gives no equation; the projections are HTA's.
    """

    def __init__(self, cnn_width: int, transformer_width: int, width: int) -> None:
        super().__init__()
        self.project_cnn = nn.Linear(cnn_width, width)
        self.project_transformer = nn.Linear(transformer_width, width)
        self.lstm = nn.LSTM(2 * width, 2 * width, batch_first=True)

    def forward(self, cnn_frames: Tensor, transformer_frames: Tensor) -> Tensor:
        """Turn both branches' frames (B, T, C_1) and (B, T, C_2) into the clip's feature (B, 2d)."""
        both = torch.cat([self.project_cnn(cnn_frames), self.project_transformer(transformer_frames)], dim=2)
        hidden: Tensor = self.lstm(both)[0]  # (B, T, 2d)
        return hidden.mean(dim=1)
