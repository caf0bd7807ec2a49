"""DenseIL's Dense Attention and position embedding against the paper's equations; the rows of its Table 1."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from reid.errors import ConfigError
from reid.models import build_model
from reid.models.denseil import DenseAttention, DenseConcatenation, DenseSum, step_embedding
from tests.reid.models.by_hand import mixture, softmax, unlike, with_own_statistics

MICRO_HW = (64, 32)


def clips(num_clips: int, num_frames: int, seed: int = 0) -> Tensor:
    return torch.randn(num_clips, num_frames, 3, *MICRO_HW, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("to_itself", [True, False])
@pytest.mark.parametrize("seed", [0, 1])
def test_dense_attention_is_equation_3_head_by_head(seed: int, to_itself: bool) -> None:
    torch.manual_seed(seed)
    width, heads = 6, 2
    dense = DenseAttention(width, heads, to_itself=to_itself)
    tokens, levels = 2 * torch.randn(2, 3, width), [2 * torch.randn(2, 3, width) for _ in range(2)]  # N = 3
    w_key, w_value = dense.key_value.weight[:width], dense.key_value.weight[width:]
    b_key, b_value = dense.key_value.bias[:width], dense.key_value.bias[width:]
    with torch.no_grad():
        found, weights = dense(tokens, levels), dense.attention(tokens, levels)
        for b in range(2):
            sources = [level[b, n] for level in levels for n in range(3)]
            if to_itself:
                sources += [tokens[b, n] for n in range(3)]
            keys, values = [w_key @ x + b_key for x in sources], [w_value @ x + b_value for x in sources]
            for n in range(3):
                query = dense.query.weight @ tokens[b, n] + dense.query.bias
                for h in range(heads):
                    part = slice(h * width // heads, (h + 1) * width // heads)
                    shares = softmax([float(key[part] @ query[part]) / math.sqrt(width / heads) for key in keys])
                    expected = mixture(shares, [value[part] for value in values])
                    torch.testing.assert_close(found[b, n, part], expected, atol=1e-5, rtol=1e-5)
                    torch.testing.assert_close(weights[b, h, n], torch.tensor(shares), atol=1e-5, rtol=1e-5)


def test_dense_attention_refuses_heads_that_do_not_divide() -> None:
    with pytest.raises(ConfigError, match="4 heads do not divide the width 6"):
        DenseAttention(6, 4)


def test_step_embedding_is_section_3_3_number_by_number() -> None:
    num_frames, partitions, width = 3, 2, 5
    found = step_embedding(num_frames, partitions, width)
    only_space = step_embedding(num_frames, partitions, width, temporal=False)
    only_time = step_embedding(num_frames, partitions, width, spatial=False)
    for i in range(num_frames):
        for p in range(partitions):
            for j in range(width):
                wave = math.sin if (j + 1) % 2 == 0 else math.cos
                space = wave((p + 1) / 10000 ** ((j + 1) / width))
                time = wave((i + 1) / 10000 ** ((j + 1) / width))
                row = i * partitions + p
                assert float(found[row, j]) == pytest.approx(space + time, abs=1e-6)
                assert float(only_space[row, j]) == pytest.approx(space, abs=1e-6)
                assert float(only_time[row, j]) == pytest.approx(time, abs=1e-6)
    assert float(step_embedding(2, 2, 4, spatial=False, temporal=False).abs().max()) == 0.0


@pytest.mark.parametrize("spatial", [True, False])
@pytest.mark.parametrize("temporal", [True, False])
def test_the_tokens_are_told_apart_as_configured_and_the_levels_never(spatial: bool, temporal: bool) -> None:
    off = {"spatial_embedding": False, "temporal_embedding": False}
    plain = build_model("denseil-micro", overrides=off).eval()
    model = build_model("denseil-micro", overrides={"spatial_embedding": spatial, "temporal_embedding": temporal})
    given = clips(2, 3)
    with torch.inference_mode():
        tokens, levels = model.eval().decoder_input(given)
        stripes, plain_levels = plain.decoder_input(given)
    embedding = step_embedding(3, 4, 64, spatial=spatial, temporal=temporal)
    torch.testing.assert_close(tokens, stripes + embedding, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(levels, plain_levels, atol=0, rtol=0)


def test_the_network_walks_its_parts_in_the_papers_order() -> None:
    model = build_model("denseil-micro", num_classes=5).eval()
    for part in (model.decoder, model.necks):
        unlike(part)
    with_own_statistics(model.necks)
    given = clips(2, 3)
    with torch.inference_mode():
        output = model(given)
        tokens, levels = model.decoder_input(given)
        tokens = model.decoder[1](model.decoder[0](tokens, levels), levels)
        feature = sum(tokens.unbind(dim=1)) / (3 * 4)
        torch.testing.assert_close(output.stages["final"].features, feature, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(output.variants["final"], model.necks["final"](feature), atol=1e-4, rtol=1e-4)


def test_the_tokens_are_the_stripes_of_the_maps() -> None:
    model = build_model("denseil-micro", overrides={"spatial_embedding": False, "temporal_embedding": False}).eval()
    given = clips(2, 3)
    with torch.inference_mode():
        tokens, levels = model.decoder_input(given)
        maps = model.cnn(given.flatten(0, 1))
        for b, t, p in ((0, 0, 0), (1, 2, 3), (0, 1, 2)):
            for which, level in ((0, 2), (1, 3), (2, 4)):
                feature_map = maps[level - 1][3 * b + t]
                rows = feature_map.shape[1] // 4
                stripe = feature_map[:, p * rows : (p + 1) * rows].mean(dim=(1, 2))
                expected = model.project_levels[which](stripe)
                torch.testing.assert_close(levels[which][b, 4 * t + p], expected, atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(tokens[b, 4 * t + p], model.project_input(stripe), atol=1e-4, rtol=1e-4)


def test_a_block_normalises_in_front_of_each_part() -> None:
    model = build_model("denseil-micro").eval()
    block = model.decoder[0]
    tokens, levels = torch.randn(2, 8, 64), [torch.randn(2, 8, 64) for _ in range(3)]
    with torch.inference_mode():
        attended = tokens + block.attention(block.attention_norm(tokens))
        interacted = attended + block.interaction(block.interaction_norm(attended), levels)
        first, _, second = block.ffn
        expected = interacted + second(first(block.ffn_norm(interacted)).clamp(min=0))
        torch.testing.assert_close(block(tokens, levels), expected)


def test_dense_sum_and_concatenation() -> None:
    torch.manual_seed(0)
    tokens, levels = torch.randn(2, 3, 4), [torch.randn(2, 3, 4) for _ in range(2)]
    torch.testing.assert_close(DenseSum()(tokens, levels), levels[0] + levels[1])
    narrow = DenseConcatenation(4, 2)
    with torch.no_grad():
        found = narrow(tokens, levels)[1, 2]
        beside = torch.cat([tokens[1, 2], levels[0][1, 2], levels[1][1, 2]])
        torch.testing.assert_close(found, narrow.narrow.weight @ beside + narrow.narrow.bias)


def test_without_blocks_the_baseline_averages_over_space_and_time() -> None:
    model = build_model("denseil-micro", overrides={"blocks": 0}).eval()
    given = clips(2, 3)
    with torch.inference_mode():
        vectors = model.cnn(given.flatten(0, 1))[-1].mean(dim=(2, 3)).unflatten(0, (2, 3)).mean(dim=1)
        torch.testing.assert_close(model(given).variants["final"], model.necks["final"](vectors), atol=1e-4, rtol=1e-4)
    assert {name for name, child in model.named_children() if list(child.parameters())} == {"cnn", "necks"}


ROWS: dict[str, dict[str, object]] = {
    "CNN-TransEnc": {"interaction": "encoder"},
    "CNN-TransDec": {"interaction": "decoder"},
    "dense sum": {"interaction": "dense_sum"},
    "dense concatenation": {"interaction": "dense_concatenation"},
    "Z4": {"levels": [4]},
    "Z1 to Z4": {"levels": [1, 2, 3, 4]},
    "no embedding": {"spatial_embedding": False, "temporal_embedding": False},
    "one block": {"blocks": 1},
    "one partition": {"partitions": 1},
    "another width": {"width": 112},
    "another encoder": {"cnn": "densenet121"},
}


@pytest.mark.parametrize("name", ROWS)
def test_every_row_of_table_1_trains_all_it_has(name: str) -> None:
    model = build_model("denseil-micro", num_classes=5, overrides=ROWS[name]).train()
    output = model(clips(3, 2))
    assert tuple(output.variants["final"].shape) == (3, model.variant_widths["final"])
    stage = output.stages["final"]
    generator = torch.Generator().manual_seed(1)
    loss = sum((part * torch.randn(part.shape, generator=generator)).sum() for part in (stage.features, stage.logits))
    loss.backward()
    dead = [
        key
        for key, parameter in model.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or float(parameter.grad.abs().sum()) == 0)
    ]
    assert dead == []


def test_the_interaction_decides_the_levels() -> None:
    def levels(interaction: str) -> tuple[int, ...]:
        return build_model("denseil-micro", overrides={"interaction": interaction}).levels

    assert levels("encoder") == ()
    assert levels("decoder") == (4,)
    assert levels("dense_attention") == (2, 3, 4)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"partitions": 5}, "5 stripes of a map with 4 rows"),
        ({"levels": [3, 2]}, "rising order"),
        ({"levels": [5]}, "some of 1, 2, 3, 4"),
        ({"levels": []}, "at least one"),
        ({"blocks": -1}, "blocks"),
        ({"width": 60}, "heads"),
    ],
)
def test_impossible_numbers_are_refused(overrides: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_model("denseil-micro", overrides=overrides)
