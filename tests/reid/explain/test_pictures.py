"""What is drawn is what the modules compute, for every model and its ablations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from reid.errors import ConfigError
from reid.explain import clip_pictures, weight_pictures
from reid.explain.mstat import most_different
from reid.explain.pictures import FramePicture, MatrixPicture, Picture, SheetPicture, attention_row, strength_row
from reid.models import PRESETS, ModelConfig, ReidModel
from reid.models.dcct import DCCT
from reid.models.denseil import DenseIL
from reid.models.mstat import MSTAT
from reid.models.stca import STCA, CrossAttendedStreams
from tests.reid.explain.conftest import MICROS, clip_for, model_of

Named = dict[str, Any]


def named(pictures: list[Picture]) -> Named:
    return {picture.name: picture for picture in pictures}


def pictures_of(name: str, **overrides: Any) -> Named:
    model = model_of(name, **overrides)
    return named(clip_pictures(model, clip_for(model)))


def same(drawn: np.ndarray, expected: Tensor) -> None:
    np.testing.assert_allclose(drawn, expected.numpy(), rtol=1e-3, atol=1e-6)


def unlike(model: ReidModel) -> ReidModel:
    """Move a model's weights so far apart that its attention is not even."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1 + 0.5 * torch.randn(parameter.shape, generator=generator))
    return model


@pytest.mark.parametrize("name", MICROS)
def test_every_picture_holds_a_map_for_each_frame(name: str) -> None:
    model = model_of(name)
    pictures = clip_pictures(model, clip_for(model)) + weight_pictures(model)
    assert pictures[0].name == "grad-cam"
    assert len({picture.name for picture in pictures}) == len(pictures)
    for picture in pictures:
        assert picture.shows and picture.reading.endswith(".")
        if isinstance(picture, MatrixPicture):
            assert picture.values.shape == (len(picture.row_labels), len(picture.column_labels))
            continue
        assert picture.rows
        for row in picture.rows:
            assert row.maps.ndim == 3 and len(row.maps) == model.config.clip_length
            assert np.isfinite(row.maps).all() and row.maps.max() <= row.scale.high
            assert len(row.notes) in (0, model.config.clip_length)


@pytest.mark.parametrize("num_frames", [1, 3])
@pytest.mark.parametrize("name", MICROS)
def test_clips_of_other_lengths_have_pictures_too(name: str, num_frames: int) -> None:
    model = model_of(name)
    for picture in clip_pictures(model, clip_for(model, num_frames)):
        if isinstance(picture, FramePicture | SheetPicture):
            assert {len(row.maps) for row in picture.rows} == {num_frames}


def test_every_class_of_models_has_pictures() -> None:
    from reid.explain import _OF_CLIPS

    assert {preset.builder for preset in PRESETS.values()} == set(_OF_CLIPS)


def test_a_model_without_pictures_is_refused() -> None:
    model = ReidModel(ModelConfig(image_size_hw=(4, 2), clip_length=1, run_variant="x"), "x")
    with pytest.raises(ConfigError, match="no pictures for a model of the class ReidModel"):
        clip_pictures(model, torch.zeros(1, 1, 3, 4, 2))
    assert weight_pictures(model) == []


class TestDcct:
    def test_cca_maps_are_those_of_its_heads(self) -> None:
        model = unlike(model_of("dcct-micro"))
        assert isinstance(model, DCCT) and model.cca is not None
        clip = clip_for(model)
        found = named(clip_pictures(model, clip))
        with torch.no_grad():
            cnn, transformer = model.cnn(clip[0]), model.transformer(clip[0])
            cca = model.cca
            expected = [
                head.attention(query, maps.flatten(2)).view(4, 4, 2)
                for head, query, maps in (
                    (cca.self_cnn, cnn.vector, cnn.map),
                    (cca.cross_cnn, transformer.vector, cnn.map),
                    (cca.self_transformer, transformer.vector, transformer.map),
                    (cca.cross_transformer, cnn.vector, transformer.map),
                )
                if head is not None
            ]
        rows = found["cca-attention"].rows
        assert [row.label[:4] for row in rows] == ["A1 s", "A1 c", "A2 s", "A2 c"]
        for row, maps in zip(rows, expected, strict=True):
            same(row.maps, maps)
            np.testing.assert_allclose(row.maps.sum(axis=(1, 2)), 1, rtol=1e-5)
            assert row.maps.std() > 1e-4  # were all alike, the comparison would say little

    def test_gates_are_those_of_equations_9_to_12(self) -> None:
        model = model_of("dcct-micro", width=40)
        assert isinstance(model, DCCT) and model.hta is not None
        kept: list[Any] = []
        model.hta.gated[0].register_forward_hook(lambda module, inputs, _: kept.append((module, inputs)))  # type: ignore
        found = named(clip_pictures(model, clip_for(model)))
        ga, (frames_1, frames_2, clip_feature) = kept[0]
        for branch, (row, frames) in enumerate(zip(found["hta-gates"].rows, (frames_1, frames_2), strict=True)):
            with torch.no_grad():
                agreement = frames[0] * ga.omega[branch](clip_feature)  # (T, d)
                gate = ga.gates[branch](ga.gate_norms[branch](agreement)).sigmoid()
            assert row.maps.shape == (4, 2, 32)
            same(row.maps.reshape(4, 64)[:, :40], gate)
            assert np.isnan(row.maps.reshape(4, 64)[:, 40:]).all()
            assert row.notes[1] == f"mean {float(gate[1].mean()):.2f}"

    def test_spatial_attention_pooling(self) -> None:
        model = unlike(model_of("dcct-micro", spatial="sap"))
        assert isinstance(model, DCCT) and model.sap is not None
        clip = clip_for(model)
        found = named(clip_pictures(model, clip))
        assert "cca-attention" not in found
        with torch.no_grad():
            maps = model.cnn(clip[0]).map, model.transformer(clip[0]).map
            for row, pooling, each in zip(found["sap-weights"].rows, model.sap, maps, strict=True):
                same(row.maps, pooling.attention(each).view(4, 4, 2))  # type: ignore[operator]
                np.testing.assert_allclose(row.maps.sum(axis=(1, 2)), 1, rtol=1e-5)

    @pytest.mark.parametrize(
        ("overrides", "names"),
        [
            ({"spatial": "gap"}, {"grad-cam", "hta-gates"}),
            ({"temporal": "lstm"}, {"grad-cam", "cca-attention"}),
            ({"hta_depth": 0, "run_variant": "base"}, {"grad-cam", "cca-attention"}),
            ({"hta_parts": ("tt", "at")}, {"grad-cam", "cca-attention"}),
        ],
    )
    def test_ablations_have_pictures_of_what_they_have(self, overrides: dict[str, Any], names: set[str]) -> None:
        assert set(pictures_of("dcct-micro", **overrides)) == names

    @pytest.mark.parametrize(("head", "rows"), [("self", ["A1 s", "A2 s"]), ("cross", ["A1 c", "A2 c"])])
    def test_one_head_alone(self, head: str, rows: list[str]) -> None:
        found = pictures_of("dcct-micro", cca_heads=(head,))["cca-attention"]
        assert [row.label[:4] for row in found.rows] == rows

    def test_grad_cam_has_both_branches(self) -> None:
        rows = pictures_of("dcct-micro")["grad-cam"].rows
        assert ["CNN" in rows[0].label, "Transformer" in rows[1].label] == [True, True]
        assert {row.maps.shape for row in rows} == {(4, 4, 2)}


class TestDenseIL:
    def test_levels_and_frames_are_sums_of_dense_attention(self) -> None:
        model = unlike(model_of("denseil-micro"))
        assert isinstance(model, DenseIL)
        clip = clip_for(model)
        found = named(clip_pictures(model, clip))
        matrix, frames = found["dense-attention-levels"], found["dense-attention-frames"]
        assert (matrix.row_labels, matrix.column_labels) == (("block 1", "block 2"), ("Z2", "Z3", "Z4", "H"))
        np.testing.assert_allclose(matrix.values.sum(axis=1), 1, rtol=1e-5)
        with torch.no_grad():
            tokens, levels = model.decoder_input(clip)
            for number, block in enumerate(model.decoder):
                after = tokens + block.attention(block.attention_norm(tokens))  # type: ignore[operator]
                weights = block.interaction.attention(block.interaction_norm(after), levels)  # type: ignore
                mean = weights[0].mean(dim=(0, 1)).view(4, 4, 4)  # levels, frames, stripes
                same(matrix.values[number], mean.sum(dim=(1, 2)))
                row = frames.rows[number]
                same(row.maps[..., 0], mean.sum(dim=0))
                assert float(row.maps.sum()) == pytest.approx(1, rel=1e-5)
                assert row.notes[2] == f"{float(mean[:, 2].sum()):.1%}"
                assert matrix.texts[number][3] == f"{float(mean[3].sum()):.1%}"
                tokens = block(tokens, levels)
        assert matrix.values.std() > 1e-3

    @pytest.mark.parametrize(
        ("overrides", "levels"),
        [
            ({"interaction": "decoder"}, ("Z4",)),
            ({"levels": (1, 4)}, ("Z1", "Z4", "H")),
            ({"interaction": "encoder"}, None),
            ({"interaction": "dense_sum"}, None),
            ({"interaction": "dense_concatenation"}, None),
            ({"blocks": 0}, None),
        ],
    )
    def test_rows_of_table_1(self, overrides: dict[str, Any], levels: tuple[str, ...] | None) -> None:
        found = pictures_of("denseil-micro", **overrides)
        assert len(found) == (1 if levels is None else 3)
        if levels is not None:
            assert found["dense-attention-levels"].column_labels == levels


class TestStca:
    def test_the_maps_are_those_of_the_cross_attention(self) -> None:
        model = unlike(model_of("stca-micro"))
        assert isinstance(model, STCA) and isinstance(model.streams, CrossAttendedStreams)
        clip = clip_for(model)
        found = named(clip_pictures(model, clip))["cross-attention"]
        with torch.no_grad():
            expected = model.streams.cross_attention.attention(*model.streams.layer3(clip))
        for row, maps in zip(found.rows, expected, strict=True):
            same(row.maps, maps[0])
            np.testing.assert_allclose(row.maps.sum(axis=(1, 2)), 1, rtol=1e-5)

    @pytest.mark.parametrize(("streams", "rows"), [("2d", ["2D"]), ("3d", ["3D"]), ("concatenation", ["2D", "3D"])])
    def test_table_2(self, streams: str, rows: list[str]) -> None:
        found = pictures_of("stca-micro", streams=streams)
        assert set(found) == {"grad-cam"}
        assert [row.label[:2] for row in found["grad-cam"].rows] == rows
        for row in found["grad-cam"].rows:
            assert len(row.maps) == 4
            assert row.maps.max() > 0

    def test_a_moment_of_the_3d_network_stands_for_the_frames_it_covers(self) -> None:
        model = model_of("stca-micro", streams="3d")
        (row,) = named(clip_pictures(model, clip_for(model, 32)))["grad-cam"].rows  # two moments are left
        np.testing.assert_array_equal(row.maps, np.repeat(row.maps[[0, 16]], 16, axis=0))
        assert np.abs(row.maps[0] - row.maps[16]).max() > 0


class TestMstat:
    def test_the_proxies_maps_are_those_of_stage_1(self) -> None:
        model = unlike(model_of("mstat-micro"))
        assert isinstance(model, MSTAT)
        clip, trunk = clip_for(model), model.trunk
        found = named(clip_pictures(model, clip))
        with torch.no_grad():
            tokens = trunk.stem(clip)
            for block in trunk.blocks[: trunk.stage_ends[0]]:
                tokens = block(tokens, 4)
            attention = trunk.attributes.attention(trunk.attributes_norm(tokens[:, 1:]))  # type: ignore
        expected = attention[0].mean(dim=0).view(-1, 4, *model.config.grid_hw)
        rows = found["proxies-all"].rows
        assert len(rows) == model.config.attribute_proxies
        for number, (row, maps) in enumerate(zip(rows, expected, strict=True), start=1):
            same(row.maps, maps)
            assert float(row.maps.sum()) == pytest.approx(1, rel=1e-5)
            assert row.label == f"proxy {number}"
        chosen = most_different(expected.flatten(1), 6)
        assert [row.label for row in found["proxies"].rows] == [f"proxy {index + 1}" for index in chosen]

    def test_grad_cam_has_the_three_stages(self) -> None:
        rows = pictures_of("mstat-micro")["grad-cam"].rows
        assert [row.label.split(",")[0] for row in rows] == ["stage I", "stage II", "stage III"]
        assert all(row.maps.max() > 0 for row in rows)

    def test_without_attributes(self) -> None:
        model = model_of("mstat-micro", attribute_proxies=0)
        found = named(clip_pictures(model, clip_for(model)))
        assert set(found) == {"grad-cam"}
        assert [row.label.split(",")[0] for row in found["grad-cam"].rows] == ["stage II", "stage III"]
        assert weight_pictures(model) == []

    def test_similarity_by_hand(self) -> None:
        model = model_of("mstat-micro", attribute_proxies=3)
        assert isinstance(model, MSTAT)
        proxies = torch.zeros(3, model.config.width)
        proxies[0, 0], proxies[1, 1], proxies[2, :2] = 2.0, 5.0, torch.tensor([3.0, 4.0])
        model.trunk.attributes.proxies = nn.Parameter(proxies)  # type: ignore[union-attr]
        (picture,) = weight_pictures(model)
        assert isinstance(picture, MatrixPicture)
        expected = [[np.nan, 0, 0.6], [0, np.nan, 0.8], [0.6, 0.8, np.nan]]
        np.testing.assert_allclose(picture.values, expected, atol=1e-6)
        assert "most alike pair has 0.80" in picture.reading

    def test_the_most_different_by_hand(self) -> None:
        maps = torch.tensor([[0.25, 0.25, 0.25, 0.25], [0.9, 0.1, 0, 0], [0.85, 0.15, 0, 0], [0, 0, 0.5, 0.5]])
        # The second has the lowest entropy, the fourth nothing in common with it. The third is almost the second;
        # the first has a cosine of 0.707 with the fourth and less with the second.
        assert most_different(maps, 3) == [1, 3, 0]
        assert most_different(maps, 9) == [1, 3, 0, 2]


def test_weights_are_measured_by_the_even_share() -> None:
    weights = np.array([[[0.1, 0.9]], [[0.5, 0.5]]], dtype=np.float32)  # two frames of two places
    by_frame = attention_row("x", weights, over="frame")
    assert (by_frame.scale.high, by_frame.span) == (1.0, "0.20x to 1.80x even")
    assert by_frame.scale.ticks == ((0.0, "0"), (0.5, "even"), (1.0, "2.0x even"))
    by_clip = attention_row("x", weights / 2, over="clip")
    assert by_clip.scale.ticks == ((0.0, "0"), (0.25, "even"), (0.5, "2.0x even"))
    peaked = attention_row("x", np.array([[[1, 0, 0, 0]]], dtype=np.float32), over="frame")
    assert peaked.scale.ticks[-1] == (1.0, "4.0x even")


def test_a_map_of_nothing_has_a_scale() -> None:
    assert strength_row("x", np.zeros((1, 2, 2), dtype=np.float32)).scale.ticks == ((0.0, "none"),)
    assert strength_row("x", np.full((1, 2, 2), 3, dtype=np.float32)).scale.high == 3
