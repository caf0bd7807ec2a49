"""The blocks against the paper's equations, written out position by position."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from reid.errors import ConfigError
from reid.models.blocks import MultiHeadSelfAttention, TemporalBlock, bn_neck, positions_for
from tests.reid.models.by_hand import attended


@pytest.mark.parametrize("seed", [0, 1])
def test_self_attention_is_equation_5_head_by_head(seed: int) -> None:
    torch.manual_seed(seed)
    width, heads, frames = 12, 3, 5
    attention = MultiHeadSelfAttention(width, heads)
    tokens = 2 * torch.randn(2, frames, width)
    per_head = width // heads
    with torch.no_grad():
        found = attention(tokens)
        for b in range(2):
            projected = [attention.qkv.weight @ tokens[b, t] + attention.qkv.bias for t in range(frames)]
            for h in range(heads):

                def part(vector: Tensor, kind: int, h: int = h) -> Tensor:
                    start = kind * width + h * per_head
                    return vector[start : start + per_head]

                keys = [part(vector, 1) for vector in projected]
                values = [part(vector, 2) for vector in projected]
                for t in range(frames):
                    expected = attended(part(projected[t], 0), keys, values)
                    block = slice(h * per_head, (h + 1) * per_head)
                    torch.testing.assert_close(found[b, t, block], expected, atol=1e-5, rtol=1e-5)


def test_self_attention_has_no_projection_after_the_heads() -> None:
    assert {name for name, _ in MultiHeadSelfAttention(8, 2).named_parameters()} == {"qkv.weight", "qkv.bias"}


def test_self_attention_refuses_heads_that_do_not_divide() -> None:
    with pytest.raises(ConfigError, match="3 heads"):
        MultiHeadSelfAttention(8, 3)


def test_temporal_block_is_equation_6_with_its_norms_in_front() -> None:
    torch.manual_seed(0)
    block = TemporalBlock(width=8, clip_length=3, heads=2, ffn_ratio=0.25)
    frames = torch.randn(2, 3, 8)
    with torch.no_grad():
        placed = frames + block.positions
        attended_frames = placed + block.attention(block.attention_norm(placed))
        first, relu, second = block.ffn
        assert first.out_features == 2
        assert isinstance(relu, nn.ReLU)
        expected = attended_frames + second(first(block.ffn_norm(attended_frames)).clamp(min=0))
        torch.testing.assert_close(block(frames), expected)


def test_temporal_block_refuses_a_feed_forward_network_without_units() -> None:
    with pytest.raises(ConfigError, match="no hidden unit"):
        TemporalBlock(width=8, clip_length=3, heads=2, ffn_ratio=0.1)


def test_positions_stretch_over_another_length() -> None:
    positions = torch.tensor([0.0, 1.0, 2.0, 3.0]).view(1, 4, 1)
    assert positions_for(positions, 4) is positions
    # Eight frames lie at quarters of the steps between four; the outermost repeat the ends.
    expected = [0.0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.0]
    assert positions_for(positions, 8).flatten().tolist() == pytest.approx(expected)
    assert positions_for(positions, 2).flatten().tolist() == pytest.approx([0.5, 2.5])
    assert positions_for(positions, 1).flatten().tolist() == pytest.approx([1.5])


def test_bn_neck_keeps_its_shift_at_zero() -> None:
    neck = bn_neck(4)
    assert not neck.bias.requires_grad
    assert neck.weight.requires_grad
    assert float(neck.bias.abs().max()) == 0.0
