"""Every number of every configuration reaches the part that it is about.

Each row changes one field of a micro preset and says what must then be seen in the built model, and by that what is not
seen as long as the field has its own value. What a part makes of its numbers is the matter of the part's own tests.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn

from reid.models import PRESETS, ReidModel, build_model
from reid.models.hta import RecurrentAggregation
from reid.models.stca import AppearanceStream

# What a network need not read, because the embedder does.
ELSEWHERE = {"run_variant", "clip_length"}


class Row(NamedTuple):
    """A field, the value it is given, what shows it, and what is seen then; `beside` are fields that it needs."""

    field: str
    value: Any
    where: Callable[[Any], Any]
    seen: Any
    beside: dict[str, Any] = {}  # noqa: RUF012 (never changed)


def drop_rates(blocks: nn.ModuleList) -> list[float]:
    return [round(getattr(block.drop_path1, "drop_prob", 0.0), 6) for block in blocks]


def depths(net: nn.Module) -> list[int]:
    return [len(net.get_submodule(f"layer{stage}")) for stage in (1, 2, 3, 4)]


def planes(net: nn.Module) -> list[int]:
    return [net.get_submodule(f"layer{stage}")[0].conv1.out_channels for stage in (1, 2, 3, 4)]


def heads(model: ReidModel) -> set[int]:
    """Return the numbers of heads of all attention that the model has itself, outside its backbones."""
    own = [part for part in model.modules() if type(part).__module__.startswith("reid.")]
    return {part.heads for part in own if hasattr(part, "heads")}


def auxiliary(model: ReidModel) -> list[str]:
    return list(model(torch.randn(2, 2, 3, *model.config.image_size_hw)).aux_losses)


def told_apart(model: Any) -> tuple[bool, bool]:
    """Return whether DenseIL's tokens tell stripes and frames apart where all maps are alike."""
    nn.init.zeros_(model.project_input.weight)
    tokens, _ = model.decoder_input(torch.zeros(1, 3, 3, *model.config.image_size_hw))
    grid = tokens.view(3, model.config.partitions, -1)
    return not torch.equal(grid[:, 0], grid[:, 1]), not torch.equal(grid[0], grid[1])


CNN_ROWS = [
    Row("cnn_head_conv", True, lambda m: m.variant_widths["final"], 1280),
    Row("cnn_last_stride", 2, lambda m: m.backbone.map_size_hw, (2, 1)),
    Row("cnn", "resnet18", lambda m: m.variant_widths["final"], 512),
    Row("image_size_hw", (48, 80), lambda m: m.backbone.map_size_hw, (3, 5)),
]
VIT_ROWS = [
    Row("transformer", "vit_small_patch16_224", lambda m: m.variant_widths["final"], 384),
    Row("transformer_depth", 1, lambda m: len(m.backbone.net.blocks), 1),
    Row("drop_path", 0.3, lambda m: drop_rates(m.backbone.net.blocks), [0.0, 0.15, 0.3]),
    Row("global_feature", "mean", lambda m: m.backbone.global_feature, "mean"),
    Row("image_size_hw", (48, 80), lambda m: m.backbone.map_size_hw, (3, 5)),
]
ROWS = {
    "cnn-average": CNN_ROWS,
    "vit-average": VIT_ROWS,
    "dcct": [
        Row("image_size_hw", (48, 80), lambda m: (m.cnn.map_size_hw, m.transformer.map_size_hw), ((3, 5), (3, 5))),
        Row("clip_length", 6, lambda m: {block.positions.shape[1] for block in m.hta.aggregated}, {6}),
        Row("cnn", "resnet18", lambda m: m.cca.self_cnn.phi.in_features, 512),
        Row("transformer", "vit_small_patch16_224", lambda m: m.cca.cross_cnn.theta.in_features, 384),
        Row("width", 32, lambda m: (m.hta.project_cnn.out_features, m.variant_widths["final"]), (32, 64)),
        Row("cnn_head_conv", True, lambda m: m.cca.self_cnn.phi.in_features, 1280),
        Row(
            "cnn_last_stride",
            2,
            lambda m: m.cnn.map_size_hw,
            (2, 1),
            {"transformer": "swin_tiny_patch4_window7_224", "transformer_depth": None, "global_feature": "mean"},
        ),
        Row("transformer_depth", 3, lambda m: len(m.transformer.net.blocks), 3),
        Row("drop_path", 0.3, lambda m: drop_rates(m.transformer.net.blocks), [0.0, 0.3]),
        Row("global_feature", "mean", lambda m: m.transformer.global_feature, "mean"),
        Row("spatial", "sap", lambda m: (m.cca, len(m.sap)), (None, 2)),
        Row("spatial", "gap", lambda m: (m.cca, m.sap), (None, None)),
        Row("cca_heads", ["self"], lambda m: m.cca.cross_cnn, None),
        Row("temporal", "lstm", lambda m: type(m.hta), RecurrentAggregation),
        Row("hta_depth", 3, lambda m: [len(m.hta.aggregated), len(m.hta.gated)], [3, 2]),
        Row("hta_parts", ["at"], lambda m: [len(m.hta.temporal_cnn), len(m.hta.gated)], [0, 0]),
        Row("gate_last", True, lambda m: (m.hta.gate_last, len(m.hta.gated)), (True, 2)),
        Row("heads", 4, heads, {4}),
        Row("ffn_ratios", [2.0, 1.0], lambda m: [b.ffn[0].out_features for b in m.hta.temporal_cnn], [128, 64]),
        Row("distillation", ["feature"], auxiliary, ["feature_distillation"]),
        Row("distillation", ["logit"], auxiliary, ["logit_distillation"]),
        Row("distillation_temperature", 0.3, lambda m: m.distillation_temperature, 0.3),
        Row("distillation_reduction", "mean", lambda m: m.distillation_reduction, "mean"),
        Row("hint", "linear", lambda m: {type(hint) for hint in m.hints.values()}, {nn.Linear}),
    ],
    "stca": [
        Row("image_size_hw", (48, 80), lambda m: m.streams.cross_attention.kernel[0].in_features, 15),
        Row("streams", "2d", lambda m: type(m.streams), AppearanceStream),
        Row("planes", [16, 24, 64, 48], lambda m: planes(m.streams.resnet), [16, 24, 64, 48]),
        Row("blocks", [1, 2, 3, 2], lambda m: depths(m.streams.resnet), [1, 2, 3, 2]),
        Row("planes_3d", [8, 24, 48, 16], lambda m: planes(m.streams.resnet3d), [8, 24, 48, 16], {"streams": "3d"}),
        Row("blocks_3d", [1, 2, 3, 2], lambda m: depths(m.streams.resnet3d), [1, 2, 3, 2], {"streams": "3d"}),
        Row("stem_width_3d", 24, lambda m: m.streams.resnet3d.conv1.out_channels, 24),
        Row("kernel_hidden", 5, lambda m: m.streams.cross_attention.kernel[0].out_features, 5),
        Row("temperature", 0.5, lambda m: m.streams.cross_attention.temperature, 0.5),
    ],
    "denseil": [
        Row("image_size_hw", (64, 80), lambda m: m.cnn.map_size_hw, (4, 5)),
        Row("cnn", "resnet18", lambda m: [p.in_features for p in m.project_levels], [128, 256, 512]),
        Row("interaction", "encoder", lambda m: [block.interaction for block in m.decoder], [None, None]),
        Row("blocks", 3, lambda m: len(m.decoder), 3),
        Row("width", 32, lambda m: (m.project_input.out_features, m.variant_widths["final"]), (32, 32)),
        Row("partitions", 2, lambda m: m.decoder_input(torch.zeros(2, 3, 3, 64, 32))[0].shape[1], 3 * 2),
        Row("levels", [1, 4], lambda m: [p.in_features for p in m.project_levels], [8, 112]),
        Row("spatial_embedding", False, told_apart, (False, True)),
        Row("temporal_embedding", False, told_apart, (True, False)),
        Row("heads", 4, heads, {4}),
        Row("ffn_width", 96, lambda m: {block.ffn[0].out_features for block in m.decoder}, {96}),
    ],
    "mstat": [
        Row("image_size_hw", (48, 80), lambda m: m.trunk.pos_embed.shape[1], 1 + 15),
        Row("image_size_hw", (48, 80), lambda m: len(m.trunk.blocks[-1].to_patches.proxies), 15),
        Row("width", 96, lambda m: m.variant_widths["stage2"], 96),
        Row("heads", 4, heads, {4}),
        Row("depths", [2, 3, 1], lambda m: (m.trunk.stage_ends, len(m.trunk.blocks)), ((2, 5), 6)),
        Row("attribute_proxies", 5, lambda m: len(m.trunk.attributes.proxies), 5),
        Row("attribute_feature", "mean", lambda m: m.trunk.attributes_are_averaged, True),
        Row("a_sta", False, lambda m: any(hasattr(block, "to_patches") for block in m.trunk.blocks), False),
        Row("a_sta_proxies", 3, lambda m: len(m.trunk.blocks[-1].to_attributes.proxies), 3),
        Row("prototypes", 7, lambda m: {iap.keys.shape[1] for iap in m.trunk.identities.values()}, {7}),
        Row("iap_stages", ["stage3"], lambda m: list(m.trunk.identities), ["stage3"]),
        Row(
            "identity_normalisation",
            "softmax_l1",
            lambda m: {iap.normalisation for iap in m.trunk.identities.values()},
            {"softmax_l1"},
        ),
        Row("drop_path", 0.3, lambda m: [block.drop_path.drop_prob for block in m.trunk.blocks], [0.0, 0.15, 0.3]),
        Row("shuffle_probability", 0.7, lambda m: m.trunk.shuffle.probability, 0.7),
        Row("shuffle_positions", 2, lambda m: m.trunk.shuffle.positions, 2),
        Row(
            "start",
            "vit_tiny_patch16_224",
            lambda m: m.start_parts()["trunk"].published[-1].name,
            "vit_tiny_patch16_224",
        ),
    ],
}


@pytest.mark.parametrize(
    ("model", "row"), [pytest.param(m, row, id=f"{m}-{row.field}") for m, rows in ROWS.items() for row in rows]
)
def test_a_field_shows_where_it_belongs(model: str, row: Row) -> None:
    # A variant that the model has whatever is changed.
    overrides = {"run_variant": "all" if model in ("dcct", "mstat") else "final", **row.beside, row.field: row.value}
    built = build_model(f"{model}-micro", num_classes=3, overrides=overrides)
    with torch.no_grad():
        assert row.where(built) == row.seen
    assert getattr(built.config, row.field) != getattr(PRESETS[f"{model}-micro"].config, row.field)


@pytest.mark.parametrize("model", ROWS)
def test_no_field_is_without_a_row(model: str) -> None:
    fields = {field.name for field in dataclasses.fields(PRESETS[f"{model}-micro"].config)}
    rows = {row.field for row in ROWS[model]}
    if model.endswith("-average"):  # one model in two presets, each of which has a backbone of its own kind
        rows |= {row.field for each in (CNN_ROWS, VIT_ROWS) for row in each}
    assert rows | ELSEWHERE == fields


def test_every_configuration_has_its_table() -> None:
    covered = {type(PRESETS[f"{model}-micro"].config) for model in ROWS}
    assert covered == {type(preset.config) for preset in PRESETS.values()}
