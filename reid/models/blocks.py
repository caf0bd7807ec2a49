"""Building blocks that several models share: attention over time, position embeddings, BNNeck."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reid.errors import ConfigError


class MultiHeadSelfAttention(nn.Module):
    """Self-attention of tokens in several heads, which are then concatenated and nothing more.

    Args:
        width: D, the tokens' width.
        heads: number of heads, a divisor of D.

    Raises:
        ConfigError: the heads do not divide the width.

    Source: DCCT equation 5, DenseIL equation 1. Neither has a projection after the heads: DCCT's equation 6 adds the
    concatenated heads straight to their input. Where a model has one, it follows this block.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        check_heads(width, heads)
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Turn (B, N, D) into (B, N, D)."""
        batch, num_tokens, _ = tokens.shape
        projected: Tensor = self.qkv(tokens)  # (B, N, 3 * D)
        by_head = projected.view(batch, num_tokens, 3, self.heads, -1)
        query, key, value = by_head.permute(2, 0, 3, 1, 4)  # three of (B, heads, N, D / heads)
        attended = F.scaled_dot_product_attention(query, key, value)
        return attended.transpose(1, 2).flatten(2)  # (B, N, D)


class TemporalBlock(nn.Module):
    """One pre-norm transformer block over frames, with a learnable position embedding for each of them.

    Args:
        width: D, the tokens' width.
        clip_length: T, frames that the position embedding is learned for.
        heads: number of heads, a divisor of D.
        ffn_ratio: hidden width of the feed-forward network over D.

    Source: DCCT equations 5 and 6. The paper leaves open where the normalisation sits; as in ViT it comes before the
    attention and before the feed-forward network, and each has a residual.
    """

    def __init__(self, width: int, clip_length: int, heads: int, ffn_ratio: float) -> None:
        super().__init__()
        hidden = int(width * ffn_ratio)
        if hidden < 1:
            raise ConfigError(f"ffn_ratios: {ffn_ratio} of the width {width} leaves no hidden unit")
        self.positions = nn.Parameter(torch.zeros(1, clip_length, width))
        nn.init.trunc_normal_(self.positions, std=0.02)
        self.attention_norm = nn.LayerNorm(width)
        self.attention = MultiHeadSelfAttention(width, heads)
        self.ffn_norm = nn.LayerNorm(width)
        self.ffn = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))

    def forward(self, frames: Tensor) -> Tensor:
        """Turn (B, T, D) into (B, T, D); T may differ from the one that was configured."""
        frames = frames + positions_for(self.positions, frames.shape[1])
        frames = frames + self.attention(self.attention_norm(frames))
        output: Tensor = frames + self.ffn(self.ffn_norm(frames))
        return output


def check_heads(width: int, heads: int) -> None:
    """Refuse a number of heads that does not divide the width.

    Raises:
        ConfigError: with both numbers.
    """
    if width < 1 or heads < 1 or width % heads:
        raise ConfigError(f"heads: {heads} heads do not divide the width {width}")


def positions_for(positions: Tensor, num_frames: int) -> Tensor:
    """Stretch position embeddings over a clip of another length.

    The embeddings are taken to cover the clip evenly from its first frame to its last, whatever its length, because
    clips are spread evenly over a tracklet: they are interpolated linearly, neither cut off nor repeated.

    Args:
        positions: (1, T, D) embeddings as learned.
        num_frames: frames in the clip at hand, >= 1.

    Returns:
        (1, num_frames, D); the very same embeddings where the lengths agree.
    """
    if positions.shape[1] == num_frames:
        return positions
    stretched = F.interpolate(positions.transpose(1, 2), size=num_frames, mode="linear", align_corners=False)
    return stretched.transpose(1, 2)


def bn_neck(width: int) -> nn.BatchNorm1d:
    """Build the batch normalisation between the feature of the triplet loss and the one of the classifier.

    Its shift is frozen at zero, so that the classifier, which has no bias either, separates through the origin as
    the cosine does.

    Args:
        width: D of the (M, D) features it takes.

    Source: BNNeck, Luo et al. 2019, Bag of Tricks and a Strong Baseline for Deep Person Re-identification.
    """
    neck = nn.BatchNorm1d(width)
    neck.bias.requires_grad_(False)
    return neck


def classifier(width: int, num_classes: int) -> nn.Linear:
    """Build the linear classifier behind a BNNeck, (M, D) -> (M, K), without bias and with small weights.

    Args:
        width: D of the features.
        num_classes: K, identities in the training set.
    """
    linear = nn.Linear(width, num_classes, bias=False)
    nn.init.normal_(linear.weight, std=0.001)
    return linear
