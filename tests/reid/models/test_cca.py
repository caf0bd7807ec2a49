"""CCA and spatial attention pooling against the paper's equations, written out position by position."""

from __future__ import annotations

import pytest
import torch

from reid.errors import ConfigError
from reid.models.cca import AttentionHead, ComplementaryContentAttention, SpatialAttentionPooling, weighted_mean
from tests.reid.models.by_hand import attended, mixture, softmax


@pytest.mark.parametrize("seed", [0, 1])
def test_attention_head_is_equations_1_to_4_position_by_position(seed: int) -> None:
    torch.manual_seed(seed)
    head = AttentionHead(query_width=6, map_width=10, value_width=4)
    queries, positions = 3 * torch.randn(4, 6), 3 * torch.randn(4, 10, 7)  # M = 4, N = 7
    with torch.no_grad():
        found = head(queries, positions)
        for m in range(4):
            columns = [positions[m, :, n] for n in range(7)]
            expected = attended(
                head.theta.weight @ queries[m],
                [head.phi.weight @ column for column in columns],
                [head.eta.weight @ column for column in columns],
            )
            torch.testing.assert_close(found[m], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("seed", [0, 1])
def test_cca_is_equations_1_to_4_with_every_position_projected(seed: int) -> None:
    torch.manual_seed(seed)
    cca = ComplementaryContentAttention(10, 6)
    maps = 2 * torch.randn(3, 10, 4, 2), 2 * torch.randn(3, 6, 4, 2)  # M = 3, h = 4, w = 2
    vectors = 2 * torch.randn(3, 10), 2 * torch.randn(3, 6)
    heads = (cca.self_cnn, cca.cross_cnn), (cca.self_transformer, cca.cross_transformer)
    with torch.no_grad():
        found = cca(maps[0], vectors[0], maps[1], vectors[1])
        for branch, psi in enumerate((cca.psi_cnn, cca.psi_transformer)):
            for m in range(3):
                parts = []
                for head, query in zip(heads[branch], (vectors[branch][m], vectors[1 - branch][m]), strict=True):
                    q = head.theta.weight @ query
                    keys = torch.einsum("oc,chw->hwo", head.phi.weight, maps[branch][m])
                    values = torch.einsum("oc,chw->hwo", head.eta.weight, maps[branch][m])
                    attention = ((keys @ q) / len(q) ** 0.5).exp()
                    attention = attention / attention.sum()
                    parts.append((attention[:, :, None] * values).sum(dim=(0, 1)))
                mixed = torch.cat(parts) + vectors[branch][m]
                norm, first, _, second = psi.layers
                expected = mixed + second.weight @ (first.weight @ norm(mixed)).clamp(min=0)
                torch.testing.assert_close(found[branch][m], expected, atol=1e-5, rtol=1e-5)


def test_cca_detaches_the_query_of_the_other_branch() -> None:
    torch.manual_seed(0)
    cca = ComplementaryContentAttention(10, 6)
    maps = torch.randn(3, 10, 4, 2, requires_grad=True), torch.randn(3, 6, 4, 2, requires_grad=True)
    vectors = torch.randn(3, 10, requires_grad=True), torch.randn(3, 6, requires_grad=True)
    cca(maps[0], vectors[0], maps[1], vectors[1])[0].sum().backward()
    assert vectors[0].grad is not None
    assert maps[0].grad is not None
    assert vectors[1].grad is None
    assert maps[1].grad is None
    assert cca.cross_cnn.theta.weight.grad is not None


def test_cca_has_no_biases_but_layer_norms() -> None:
    biases = {name for name, _ in ComplementaryContentAttention(10, 6).named_parameters() if name.endswith("bias")}
    assert biases == {"psi_cnn.layers.0.bias", "psi_transformer.layers.0.bias"}


def test_cca_refuses_maps_of_different_size() -> None:
    cca = ComplementaryContentAttention(10, 6)
    with pytest.raises(ValueError, match=r"one size, got \(4, 2\) and \(2, 4\)"):
        cca(torch.zeros(3, 10, 4, 2), torch.zeros(3, 10), torch.zeros(3, 6, 2, 4), torch.zeros(3, 6))


@pytest.mark.parametrize("kept", ["self", "cross"])
def test_a_head_alone_yields_all_channels(kept: str) -> None:
    torch.manual_seed(0)
    cca = ComplementaryContentAttention(10, 6, (kept,))
    cnn_map, cnn_vector, other_map, other_vector = (
        torch.randn(3, 10, 4, 2),
        torch.randn(3, 10),
        torch.randn(3, 6, 4, 2),
        torch.randn(3, 6),
    )
    head = cca.self_cnn if kept == "self" else cca.cross_cnn
    query = cnn_vector if kept == "self" else other_vector
    assert (cca.self_cnn is None) == (cca.self_transformer is None) == (kept == "cross")
    with torch.no_grad():
        found = cca(cnn_map, cnn_vector, other_map, other_vector)[0]
        torch.testing.assert_close(found, cca.psi_cnn(head(query, cnn_map.flatten(2)) + cnn_vector))
    assert tuple(head.eta.weight.shape) == (10, 10)


@pytest.mark.parametrize("heads", [(), ("self", "self")])
def test_cca_refuses_heads_that_make_no_sense(heads: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="expected self, cross or both"):
        ComplementaryContentAttention(10, 6, heads)


def test_cca_refuses_an_odd_map() -> None:
    with pytest.raises(ConfigError, match="odd width 9"):
        ComplementaryContentAttention(9, 6)


def test_attention_adds_up_to_one_and_makes_the_vector() -> None:
    torch.manual_seed(0)
    head, query, positions = AttentionHead(6, 10, 4), torch.randn(3, 6), torch.randn(3, 10, 7)
    with torch.no_grad():
        attention = head.attention(query, positions)
        torch.testing.assert_close(attention.sum(dim=1), torch.ones(3))
        torch.testing.assert_close(head(query, positions), head.eta(weighted_mean(positions, attention)))


def test_spatial_attention_pooling_position_by_position() -> None:
    torch.manual_seed(0)
    pooling, feature_map = SpatialAttentionPooling(5), torch.randn(2, 5, 3, 2)
    with torch.no_grad():
        found = pooling(feature_map)
        for m in range(2):
            columns = [feature_map[m, :, row, column] for row in range(3) for column in range(2)]
            weights = softmax([float(pooling.score.weight[0] @ column + pooling.score.bias[0]) for column in columns])
            torch.testing.assert_close(found[m], mixture(weights, columns))
