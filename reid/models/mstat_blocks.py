"""MSTAT's blocks: attention with proxies, aggregation over time and space, temporal patch shuffling.

Source: Tang et al. 2022, Multi-Stage Spatio-Temporal Aggregation Transformer for Video Person Re-identification.
Equation numbers below are the paper's.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from timm.layers import DropPath
from torch import Tensor, nn

from reid.errors import ConfigError
from reid.models.blocks import MultiHeadSelfAttention, check_heads

IdentityNormalisation = Literal["l1_softmax", "softmax_l1"]

# What published vision transformers were trained with.
NORM_EPS = 1e-6
MLP_RATIO = 4


class SelfAttention(MultiHeadSelfAttention):
    """SA: multi-head self-attention with a projection after the heads, (M, L, D) -> (M, L, D).

    Args:
        width: D, the tokens' width.
        heads: number of heads, a divisor of D.

    Raises:
        ConfigError: the heads do not divide the width.

    Source: equation 1. It prints the division by sqrt(d') behind the softmax, as equation 4 does, while the caption of
    figure 4 has the scaling before it; there it is here, because published weights of transformers need it there.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Relate L tokens to one another, in each of M sequences by itself: (M, L, D) -> (M, L, D)."""
        output: Tensor = self.proj(super().forward(tokens))
        return output


class AttributeAwareProxyEmbedding(nn.Module):
    """AAP: learned queries, each of which gathers one attribute from a sequence of tokens.

    Args:
        width: D, the tokens' width and the attributes'.
        heads: number of heads, a divisor of D.
        proxies: N_a, how many attributes to gather.

    Raises:
        ConfigError: the heads do not divide the width, or there is no proxy.

    Source: section III-C, equation 4, in its multi-head version with the projection that SA has after its heads; the
    scaling sits inside the softmax, as in `SelfAttention`.
    """

    def __init__(self, width: int, heads: int, proxies: int) -> None:
        super().__init__()
        check_heads(width, heads)
        if proxies < 1:
            raise ConfigError(f"proxies: an attribute-aware embedding needs at least one, not {proxies}")
        self.heads = heads
        self.proxies = nn.Parameter(anisotropic_proxies(proxies, width))
        self.kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Gather the attributes of each of M sequences by itself: (M, L, D) -> (M, N_a, D)."""
        query, key, value = self._projected(tokens)
        attended = F.scaled_dot_product_attention(query, key, value)  # (M, heads, N_a, D / heads)
        attributes: Tensor = self.proj(attended.transpose(1, 2).flatten(2))
        return attributes

    def attention(self, tokens: Tensor) -> Tensor:
        """Return the share of each of (M, L, D) tokens in each attribute: (M, heads, N_a, L), summing to 1 over L."""
        query, key, _ = self._projected(tokens)
        return (query @ key.transpose(2, 3) / math.sqrt(query.shape[3])).softmax(dim=3)

    def _projected(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries (M, heads, N_a, D / heads), and keys and values (M, heads, L, D / heads)."""
        query = self.proxies.view(len(self.proxies), self.heads, -1).transpose(0, 1)  # (heads, N_a, D / heads)
        by_head = self.kv(tokens).unflatten(2, (2, self.heads, -1))  # (M, L, 2, heads, D / heads)
        key, value = by_head.permute(2, 0, 3, 1, 4)
        return query.expand(tokens.shape[0], -1, -1, -1), key, value


class IdentityAwareProxyEmbedding(nn.Module):
    """IAP: writes every token anew as a mixture of learned prototypes, in time linear in the tokens.

    Args:
        width: D, the tokens' width.
        heads: number of heads, a divisor of D.
        prototypes: M of the paper, learned keys and values in each head.
        normalisation: "l1_softmax" is the paper's: L1 over prototypes, then softmax over tokens. "softmax_l1" has the
            two the other way round: softmax over tokens, then L1 over prototypes.

    Raises:
        ConfigError: the heads do not divide the width, or there is no prototype.

    Source: section III-D, equation 5, with the projection that SA has after its heads. The division by sqrt(d') is
    behind the softmax as printed: inside L1Norm it would cancel. In the printed order, the scores of a token have an
    absolute sum of 1 when they enter a softmax over all tokens. Every weight then lies close to 1 over the number of
    tokens: the map hardly depends on the token, and the output shrinks as clips grow. The double normalisation that
    the paper refers to (Guo et al. 2021, Beyond Self-attention: External Attention) has the other order and neither
    property; hence the argument.
    """

    def __init__(
        self, width: int, heads: int, prototypes: int, normalisation: IdentityNormalisation = "l1_softmax"
    ) -> None:
        super().__init__()
        check_heads(width, heads)
        if prototypes < 1:
            raise ConfigError(f"prototypes: an identity-aware embedding needs at least one, not {prototypes}")
        per_head = width // heads
        self.heads = heads
        self.normalisation = normalisation
        self.query = nn.Linear(width, width, bias=False)
        # Keys of about length 1 leave the scores as large as the queries; values have the size of normalised tokens.
        self.keys = nn.Parameter(torch.randn(heads, prototypes, per_head) / math.sqrt(per_head))
        self.values = nn.Parameter(torch.randn(heads, prototypes, per_head))
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Turn the tokens of whole clips (B, L, D), class token included, into (B, L, D)."""
        recoded = self.attention(tokens) @ self.values  # (B, heads, L, D / heads)
        output: Tensor = self.proj(recoded.transpose(1, 2).flatten(2))
        return output

    def attention(self, tokens: Tensor) -> Tensor:
        """Return A of equation 5 for (B, L, D) tokens: (B, heads, L, prototypes), divided by sqrt(d') included."""
        query = self.query(tokens).unflatten(2, (self.heads, -1)).transpose(1, 2)  # (B, heads, L, D / heads)
        scores = query @ self.keys.transpose(1, 2)  # (B, heads, L, prototypes)
        if self.normalisation == "l1_softmax":
            weights = F.normalize(scores, p=1, dim=3).softmax(dim=2)
        else:
            weights = F.normalize(scores.softmax(dim=2), p=1, dim=3)
        return weights / math.sqrt(query.shape[3])


class SpatioTemporalAggregation(nn.Module):
    """STA: every patch attends to its position in other frames, every frame to its patches and the class token.

    Tokens of a clip are one sequence (B, 1 + T * N, D): the class token, then N patches of each of T frames.

    Args:
        width: D, the tokens' width.
        heads: number of heads, a divisor of D.
        drop_path: probability that a clip skips a residual branch in training.

    Source: section III-B, equations 2 and 3. A copy of the class token joins every frame and their mean is the new
    one. The equations end with spatial attention; the feed-forward network of the vanilla Transformer follows, on the
    patches and the one class token, since the paper starts from networks that have it. Alpha and beta start at 1,
    where the block is TimeSformer's.
    """

    def __init__(self, width: int, heads: int, drop_path: float = 0.0) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(()))
        self.beta = nn.Parameter(torch.ones(()))
        self.temporal_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.temporal = SelfAttention(width, heads)
        self.spatial_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.spatial = SelfAttention(width, heads)
        self.mlp_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.mlp = nn.Sequential(nn.Linear(width, MLP_RATIO * width), nn.GELU(), nn.Linear(MLP_RATIO * width, width))
        self.drop_path = DropPath(drop_path)

    def forward(self, tokens: Tensor, num_frames: int) -> Tensor:
        """Turn the tokens (B, 1 + T * N, D) of clips of T frames into (B, 1 + T * N, D)."""
        class_token = tokens[:, None, :1]  # (B, 1, 1, D)
        patches = tokens[:, 1:].reshape(tokens.shape[0], num_frames, -1, tokens.shape[2])  # (B, T, N, D)
        patches = patches + self.alpha * self.drop_path(self._over_time(self.temporal_norm(patches)))
        frames = torch.cat([class_token.expand(-1, num_frames, -1, -1), patches], dim=2)  # (B, T, 1 + N, D)
        attended = self.spatial(self.spatial_norm(frames).flatten(0, 1)).view_as(frames)
        frames = frames + self.beta * self.drop_path(attended)
        class_token = frames[:, :, 0].mean(dim=1, keepdim=True)  # (B, 1, D)
        tokens = torch.cat([class_token, frames[:, :, 1:].flatten(1, 2)], dim=1)
        output: Tensor = tokens + self.drop_path(self.mlp(self.mlp_norm(tokens)))
        return output

    def _over_time(self, patches: Tensor) -> Tensor:
        """Let every position of (B, T, N, D) attend to itself in all frames, shape kept: SA_t."""
        by_position = patches.transpose(1, 2)  # (B, N, T, D)
        attended: Tensor = self.temporal(by_position.flatten(0, 1)).view(by_position.shape)
        return attended.transpose(1, 2)


class AttributeSpatioTemporalAggregation(SpatioTemporalAggregation):
    """A-STA: an STA in which attributes rather than patches attend to themselves in other frames.

    Args:
        width: D, the tokens' width.
        heads: number of heads, a divisor of D.
        proxies: attributes that are gathered from each frame.
        num_patches: N, patches in a frame, which as many proxies make of the attributes again.
        drop_path: probability that a clip skips a residual branch in training.

    Source: section III-C, last paragraph, and figure 3 (b). Normalised is what enters the branch, as in STA.
    """

    def __init__(self, width: int, heads: int, proxies: int, num_patches: int, drop_path: float = 0.0) -> None:
        super().__init__(width, heads, drop_path)
        self.to_attributes = AttributeAwareProxyEmbedding(width, heads, proxies)
        self.to_patches = AttributeAwareProxyEmbedding(width, heads, num_patches)

    def _over_time(self, patches: Tensor) -> Tensor:
        """Let the attributes of (B, T, N, D) patches attend to themselves in all frames, shape kept."""
        by_frame = patches.shape[:2]
        attributes = self.to_attributes(patches.flatten(0, 1)).unflatten(0, by_frame)  # (B, T, N_a, D)
        attended = super()._over_time(attributes)
        output: Tensor = self.to_patches(attended.flatten(0, 1)).unflatten(0, by_frame)
        return output


class TemporalPatchShuffling(nn.Module):
    """TPS: in training, some positions of some clips show their frames in another order.

    Args:
        probability: chance that a clip is shuffled.
        positions: how many positions of such a clip are shuffled, each in its own order.

    Source: section III-E. Random numbers come from torch's generator of the tokens' device.
    """

    def __init__(self, probability: float, positions: int) -> None:
        super().__init__()
        self.probability = probability
        self.positions = positions

    def forward(self, patches: Tensor) -> Tensor:
        """Shuffle patches (B, T, N, D) within their positions; outside training they stay as they are."""
        if not self.training or self.probability == 0:
            return patches
        batch, num_frames, num_patches, _ = patches.shape
        device = patches.device
        shuffled = torch.rand(batch, 1, device=device) < self.probability
        # A random permutation of 0 to N - 1 puts the numbers below `positions` at that many random places.
        chosen = torch.rand(batch, num_patches, device=device).argsort(dim=1) < self.positions
        permuted = torch.rand(batch, num_frames, num_patches, device=device).argsort(dim=1)
        in_order = torch.arange(num_frames, device=device)[:, None]
        source = torch.where((shuffled & chosen)[:, None], permuted, in_order)  # (B, T, N)
        return patches.gather(1, source[..., None].expand_as(patches))


def anisotropic_proxies(count: int, width: int) -> Tensor:
    """Draw proxies that differ from one another from the start.

    Each is drawn from a normal distribution of its own, which is long along some axes and short along others: the
    deviation of every axis of every proxy is log-normal. Each is then scaled to the length sqrt(D) of a normalised
    token, so that the proxies' attention maps differ before anything is learned; the usual small normal weights
    would let all of them begin with the same, even map.

    Args:
        count: number of proxies.
        width: D.

    Returns:
        (count, D).

    Source: section III-C asks for anisotropic distributions and gives none; this one is a choice.
    """
    deviations = torch.randn(count, width).exp()
    return math.sqrt(width) * F.normalize(deviations * torch.randn(count, width), dim=1)
