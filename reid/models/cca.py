"""DCCT's complementary content attention, and what it is compared with: how a map becomes one vector a frame.

Source: Liu et al. 2023 (DCCT), section III-B and Table VIII.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from reid.errors import ConfigError

Head = Literal["self", "cross"]


class AttentionHead(nn.Module):
    """One head of complementary content attention: a global vector attends to the positions of a feature map.

    The equations project every position to a key and to a value. With one query a frame, both projections can be
    moved past the attention: k_n . q = x_n . (phi^T q), and sum_n a_n eta(x_n) = eta(sum_n a_n x_n). That is the same
    function and takes two products of a matrix and a vector instead of two projections of the whole map.

    Args:
        query_width: width of the global vector.
        map_width: C of the feature map, even.
        value_width: width of the attentive vector.

    Source: DCCT equations 1 and 2 and the products within 3 and 4. Theta is the query's projection, phi the key's and
    eta the value's, the first two to C/2, all without bias. The scale sqrt(C/2) is not in the paper; its authors'
    code has it.
    """

    def __init__(self, query_width: int, map_width: int, value_width: int) -> None:
        super().__init__()
        half = map_width // 2
        self.scale = 1 / math.sqrt(half)
        self.theta = nn.Linear(query_width, half, bias=False)
        self.phi = nn.Linear(map_width, half, bias=False)
        self.eta = nn.Linear(map_width, value_width, bias=False)

    def attention(self, query: Tensor, positions: Tensor) -> Tensor:
        """Turn a query (M, C_q) and a map's positions (M, C, N) into weights (M, N) that add up to 1."""
        folded_query = self.theta(query) @ self.phi.weight  # (M, C)
        scores = torch.bmm(folded_query.unsqueeze(1), positions).squeeze(1) * self.scale  # (M, N)
        return scores.softmax(dim=1)

    def forward(self, query: Tensor, positions: Tensor) -> Tensor:
        """Turn a query (M, C_q) and a map's positions (M, C, N) into an attentive vector (M, value_width)."""
        attentive: Tensor = self.eta(weighted_mean(positions, self.attention(query, positions)))
        return attentive

    def equation_macs(self, query: Tensor, positions: Tensor) -> int:
        """Count what the equations as written take: theta once a frame, phi and eta at every position."""
        per_position = self.phi.weight.numel() + self.eta.weight.numel()
        return len(query) * (self.theta.weight.numel() + positions.shape[2] * per_position)


class ResidualFeedForward(nn.Module):
    """The psi of equations 3 and 4: LayerNorm, Linear, ReLU, Linear, around which runs a residual; no biases.

    Args:
        width: C, in and out.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, width, bias=False),
            nn.ReLU(),
            nn.Linear(width, width, bias=False),
        )

    def forward(self, vectors: Tensor) -> Tensor:
        """Turn (M, C) into (M, C)."""
        output: Tensor = vectors + self.layers(vectors)
        return output


class ComplementaryContentAttention(nn.Module):
    """CCA: each branch attends to its own map with its own global vector and with the other branch's.

    The query from the other branch is detached: cross-attention teaches a branch where to look without changing
    what the other one says.

    Args:
        cnn_width: C_1 of the convolutional branch, even.
        transformer_width: C_2 of the transformer branch, even.
        heads: "self" for the self-attention heads (SH), "cross" for the cross-attention heads (CH); a head that is
            alone yields all C channels, so that the residual fits.

    Raises:
        ConfigError: a width is odd, or there is no head.

    Source: section III-B, equations 1 to 4; Table VI for the heads alone. Detaching follows the authors' code.
    """

    def __init__(self, cnn_width: int, transformer_width: int, heads: tuple[Head, ...] = ("self", "cross")) -> None:
        super().__init__()
        if len(set(heads)) != len(heads) or not heads:
            raise ConfigError(f"cca_heads: expected self, cross or both, got {list(heads)}; spatial: gap has none")
        for width in (cnn_width, transformer_width):
            if width % 2:
                raise ConfigError(f"a feature map of odd width {width} cannot be split over two attention heads")
        self.self_cnn = self.cross_cnn = self.self_transformer = self.cross_transformer = None
        shares = cnn_width // len(heads), transformer_width // len(heads)
        if "self" in heads:
            self.self_cnn = AttentionHead(cnn_width, cnn_width, shares[0])
            self.self_transformer = AttentionHead(transformer_width, transformer_width, shares[1])
        if "cross" in heads:
            self.cross_cnn = AttentionHead(transformer_width, cnn_width, shares[0])
            self.cross_transformer = AttentionHead(cnn_width, transformer_width, shares[1])
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
        heads_1 = (self.self_cnn, cnn_vector), (self.cross_cnn, transformer_vector.detach())
        heads_2 = (self.self_transformer, transformer_vector), (self.cross_transformer, cnn_vector.detach())
        attentive_1 = torch.cat([head(query, positions_1) for head, query in heads_1 if head is not None], dim=1)
        attentive_2 = torch.cat([head(query, positions_2) for head, query in heads_2 if head is not None], dim=1)
        return self.psi_cnn(attentive_1 + cnn_vector), self.psi_transformer(attentive_2 + transformer_vector)


class SpatialAttentionPooling(nn.Module):
    """SAP: a map's positions averaged by weights that a linear layer reads off each of them.

    Args:
        width: C of the feature map.

    Source: DCCT Table VIII, which takes it from the trigeminal Transformer (TMT) and gives no equation; a linear
    score and a softmax over positions is its plainest form.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Linear(width, 1)

    def attention(self, feature_map: Tensor) -> Tensor:
        """Turn a map (M, C, h, w) into weights (M, h * w) that add up to 1."""
        scores: Tensor = self.score(feature_map.flatten(2).transpose(1, 2)).squeeze(2)  # (M, N)
        return scores.softmax(dim=1)

    def forward(self, feature_map: Tensor) -> Tensor:
        """Turn a map (M, C, h, w) into a vector (M, C)."""
        return weighted_mean(feature_map.flatten(2), self.attention(feature_map))


def weighted_mean(positions: Tensor, weights: Tensor) -> Tensor:
    """Average positions (M, C, N) by weights (M, N) to (M, C)."""
    return torch.bmm(positions, weights.unsqueeze(2)).squeeze(2)
