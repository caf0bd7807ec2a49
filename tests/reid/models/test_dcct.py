"""CCA, GA and HTA against the paper's equations; DCCT's outputs, gradients and refusals."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from reid.errors import ConfigError
from reid.models import ReidModel, build_model
from reid.models.dcct import ComplementaryContentAttention, GatedAttention, HierarchicalTemporalAggregation

MICRO_HW = (64, 32)


def clips(num_clips: int, num_frames: int, seed: int = 0) -> Tensor:
    return torch.randn(num_clips, num_frames, 3, *MICRO_HW, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def micro() -> ReidModel:
    return build_model("dcct-micro").eval()


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


def test_gated_attention_is_equations_7_to_12_frame_by_frame() -> None:
    torch.manual_seed(0)
    gated = GatedAttention(4)
    for norm in gated.gate_norms:
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    gated.eval()
    frames, aggregated = (torch.randn(2, 3, 4), torch.randn(2, 3, 4)), torch.randn(2, 8)
    with torch.no_grad():
        found = gated(*frames, aggregated)
        for branch in range(2):
            for b in range(2):
                decoupled = gated.omega[branch](aggregated[b])
                for t in range(3):
                    frame = frames[branch][b, t]
                    norm = gated.gate_norms[branch]
                    normed = (frame * decoupled - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
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


@pytest.mark.parametrize("num_frames", [1, 3, 4, 12])
def test_variants_have_their_widths_at_any_clip_length(micro: ReidModel, num_frames: int) -> None:
    with torch.inference_mode():
        output = micro(clips(2, num_frames))
    assert {name: tuple(variant.shape) for name, variant in output.variants.items()} == {
        name: (2, width) for name, width in micro.variant_widths.items()
    }
    assert output.stages == {}
    assert output.aux_losses == {}


def test_all_is_the_normalised_variants_side_by_side(micro: ReidModel) -> None:
    with torch.inference_mode():
        variants = micro(clips(2, 4)).variants
    parts = [variants[name] / variants[name].norm(dim=1, keepdim=True) for name in ("base", "complementary", "final")]
    torch.testing.assert_close(variants["all"], torch.cat(parts, dim=1))


def test_base_is_the_backbones_average_over_time_after_its_neck(micro: ReidModel) -> None:
    given = clips(2, 3)
    with torch.inference_mode():
        found = micro(given).variants["base"]
        for b in range(2):
            cnn, transformer = micro.cnn(given[b]).vector.mean(0), micro.transformer(given[b]).vector.mean(0)
            necks = micro.necks.base_cnn, micro.necks.base_transformer
            expected = torch.cat([necks[0](cnn[None])[0], necks[1](transformer[None])[0]])
            torch.testing.assert_close(found[b], expected, atol=1e-4, rtol=1e-4)


def test_eval_is_deterministic(micro: ReidModel) -> None:
    with torch.inference_mode():
        torch.testing.assert_close(micro(clips(2, 4)).variants, micro(clips(2, 4)).variants, atol=0, rtol=0)


def test_training_supervises_frames_and_clips() -> None:
    model = build_model("dcct-micro", num_classes=5).train()
    stages = model(clips(3, 2)).stages
    widths = {"cnn": 112, "transformer": 192}
    assert list(stages) == [
        "base_cnn",
        "base_transformer",
        "complementary_cnn",
        "complementary_transformer",
        "final",
    ]
    for branch, width in widths.items():
        assert tuple(stages[f"base_{branch}"].features.shape) == (3, 2, width)
        assert tuple(stages[f"base_{branch}"].logits.shape) == (3, 2, 5)
        assert tuple(stages[f"complementary_{branch}"].features.shape) == (3, width)
        assert tuple(stages[f"complementary_{branch}"].logits.shape) == (3, 5)
    assert tuple(stages["final"].features.shape) == (3, 128)
    assert tuple(stages["final"].logits.shape) == (3, 5)


def test_every_trainable_parameter_gets_a_gradient() -> None:
    # Stochastic depth is off, lest it drop the very block that is looked at.
    model = build_model("dcct-micro", num_classes=5, overrides={"drop_path": 0.0}).train()
    stages = model(clips(4, 3)).stages
    generator = torch.Generator().manual_seed(1)
    loss = torch.zeros(())
    for stage in stages.values():
        for part in (stage.features, stage.logits):
            loss = loss + (part * torch.randn(part.shape, generator=generator)).sum()
    loss.backward()
    dead = [
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or float(parameter.grad.abs().sum()) == 0)
    ]
    assert dead == []


def test_the_final_feature_leaves_the_rest_of_the_network_alone() -> None:
    model = build_model("dcct-micro", num_classes=5).train()
    model(clips(3, 2)).stages["final"].logits.square().sum().backward()
    touched = {name.split(".")[0] for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert touched == {"hta", "necks", "classifiers"}


def test_mean_of_patches_can_stand_for_a_frame() -> None:
    model = build_model("dcct-micro", overrides={"global_feature": "mean"}).eval()
    images = clips(1, 2)[0]
    with torch.inference_mode():
        features = model.transformer(images)
    torch.testing.assert_close(features.vector, features.map.mean(dim=(2, 3)))


@pytest.mark.parametrize("shape", [(2, 3, 3, 32, 64), (2, 0, 3, 64, 32), (2, 3, 1, 64, 32), (3, 3, 64, 32)])
def test_clips_of_another_shape_are_refused(micro: ReidModel, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(B, T, 3, 64, 32\)"):
        micro(torch.zeros(shape))


def test_branches_whose_maps_differ_are_refused() -> None:
    with pytest.raises(ConfigError, match="differ in size"):
        build_model("dcct-micro", overrides={"transformer": "vit_small_patch32_224"})
