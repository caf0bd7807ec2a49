"""GA and HTA against the paper's equations; the parts of HTA one by one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from reid.errors import ConfigError
from reid.models.hta import GatedAttention, HierarchicalTemporalAggregation, Part, RecurrentAggregation


@pytest.mark.parametrize("training", [False, True])
def test_gated_attention_is_equations_7_to_12_frame_by_frame(training: bool) -> None:
    torch.manual_seed(0)
    gated = GatedAttention(4)
    for norm in gated.gate_norms:
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    kept = [(norm.running_mean.clone(), norm.running_var.clone()) for norm in gated.gate_norms]
    gated.train(training)
    frames, aggregated = (torch.randn(2, 3, 4), torch.randn(2, 3, 4)), torch.randn(2, 8)
    with torch.no_grad():
        found = gated(*frames, aggregated)
        for branch in range(2):
            norm = gated.gate_norms[branch]
            said = [gated.omega[branch](aggregated[b]) for b in range(2)]
            every = [frames[branch][b, t] * said[b] for b in range(2) for t in range(3)]
            batch_mean = sum(every) / 6
            batch_var = sum((agreement - batch_mean).square() for agreement in every) / 6
            mean, var = (batch_mean, batch_var) if training else kept[branch]
            for b, decoupled in enumerate(said):
                for t in range(3):
                    frame = frames[branch][b, t]
                    normed = norm.weight * (frame * decoupled - mean) / (var + norm.eps).sqrt() + norm.bias
                    gate = 1 / (1 + (-gated.gates[branch](normed)).exp())
                    expected = gate * frame + (1 - gate) * decoupled
                    torch.testing.assert_close(found[branch][b, t], expected)


def test_hta_walks_its_layers_in_the_papers_order() -> None:
    torch.manual_seed(0)
    hta = HierarchicalTemporalAggregation(10, 6, 8, clip_length=3, heads=2, ffn_ratios=(4.0, 0.25)).eval()
    cnn, transformer = torch.randn(2, 3, 10), torch.randn(2, 3, 6)
    with torch.no_grad():
        s_1 = hta.temporal_cnn[0](hta.project_cnn(cnn))
        s_2 = hta.temporal_transformer[0](hta.project_transformer(transformer))
        s_3 = hta.aggregated[0](torch.cat([s_1, s_2], 2))
        m_1, m_2 = hta.gated[0](s_1, s_2, s_3)
        s_1, s_2 = hta.temporal_cnn[1](m_1), hta.temporal_transformer[1](m_2)
        torch.testing.assert_close(hta(cnn, transformer), hta.aggregated[1](torch.cat([s_1, s_2], 2)))
    assert len(hta.gated) == 1
    assert [block.ffn[0].out_features for block in hta.temporal_cnn] == [32, 2]
    assert [block.ffn[0].out_features for block in hta.aggregated] == [64, 4]


def test_hta_refuses_no_layers() -> None:
    with pytest.raises(ConfigError, match="at least one layer"):
        HierarchicalTemporalAggregation(10, 6, 8, clip_length=3, heads=2, ffn_ratios=())


def hta(parts: tuple[Part, ...], depth: int = 2, gate_last: bool = False) -> HierarchicalTemporalAggregation:
    torch.manual_seed(0)
    ratios = (4.0, 0.25, 0.25)[:depth]
    return HierarchicalTemporalAggregation(10, 6, 8, 3, 2, ratios, parts, gate_last).eval()


def test_without_temporal_transformers_the_projected_frames_are_aggregated() -> None:
    network, cnn, transformer = hta(("at",)), torch.randn(2, 3, 10), torch.randn(2, 3, 6)
    with torch.no_grad():
        both = torch.cat([network.project_cnn(cnn), network.project_transformer(transformer)], 2)
        torch.testing.assert_close(network(cnn, transformer), network.aggregated[1](both))
    assert not network.temporal_cnn
    assert not network.gated


def test_without_aggregated_transformers_the_frames_are_averaged() -> None:
    network, cnn, transformer = hta(("tt",), depth=1), torch.randn(2, 3, 10), torch.randn(2, 3, 6)
    with torch.no_grad():
        s_1 = network.temporal_cnn[0](network.project_cnn(cnn))
        s_2 = network.temporal_transformer[0](network.project_transformer(transformer))
        torch.testing.assert_close(network(cnn, transformer), torch.cat([s_1.mean(1), s_2.mean(1)], 1))


def test_a_gate_behind_the_last_layer_makes_the_feature() -> None:
    network, cnn, transformer = hta(("tt", "at", "ga"), 1, True), torch.randn(2, 3, 10), torch.randn(2, 3, 6)
    with torch.no_grad():
        s_1 = network.temporal_cnn[0](network.project_cnn(cnn))
        s_2 = network.temporal_transformer[0](network.project_transformer(transformer))
        gated = network.gated[0](s_1, s_2, network.aggregated[0](torch.cat([s_1, s_2], 2)))
        torch.testing.assert_close(network(cnn, transformer), torch.cat(gated, 2).mean(1))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_every_layer_has_its_parts(depth: int) -> None:
    network = hta(("tt", "at", "ga"), depth)
    counts = [len(part) for part in (network.temporal_cnn, network.temporal_transformer, network.aggregated)]
    assert counts == [depth] * 3
    assert len(network.gated) == depth - 1


@pytest.mark.parametrize(
    ("parts", "gate_last", "message"),
    [(("ga",), False, "expected tt, at or both"), ((), False, "hta_depth: 0"), (("tt", "at"), True, "gate_last")],
)
def test_parts_that_make_no_sense_are_refused(parts: tuple[Part, ...], gate_last: bool, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        hta(parts, gate_last=gate_last)


def test_recurrent_aggregation_is_an_lstm_averaged_over_time() -> None:
    torch.manual_seed(0)
    network, cnn, transformer = RecurrentAggregation(10, 6, 4), torch.randn(2, 3, 10), torch.randn(2, 3, 6)
    with torch.no_grad():
        state, cell, outputs = torch.zeros(2, 8), torch.zeros(2, 8), []
        for t in range(3):
            step = torch.cat([network.project_cnn(cnn[:, t]), network.project_transformer(transformer[:, t])], 1)
            lstm = network.lstm
            mixed = step @ lstm.weight_ih_l0.T + lstm.bias_ih_l0 + state @ lstm.weight_hh_l0.T + lstm.bias_hh_l0
            gate_in, forget, new, gate_out = mixed.chunk(4, dim=1)
            cell = forget.sigmoid() * cell + gate_in.sigmoid() * new.tanh()
            state = gate_out.sigmoid() * cell.tanh()
            outputs.append(state)
        torch.testing.assert_close(network(cnn, transformer), torch.stack(outputs).mean(0))
