"""MSTAT's blocks against the paper's equations, written out token by token; temporal patch shuffling."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from reid.errors import ConfigError
from reid.models.mstat_blocks import (
    AttributeAwareProxyEmbedding,
    AttributeSpatioTemporalAggregation,
    IdentityAwareProxyEmbedding,
    IdentityNormalisation,
    SelfAttention,
    SpatioTemporalAggregation,
    TemporalPatchShuffling,
    anisotropic_proxies,
)
from tests.reid.models.by_hand import attended, mixture, softmax

WIDTH, HEADS, PER_HEAD = 6, 2, 3
Tokens = list[Tensor]  # (D,) each


@pytest.fixture(params=[0, 1], autouse=True)
def seed(request: pytest.FixtureRequest) -> int:
    torch.manual_seed(request.param)
    return int(request.param)


def randomised(module: nn.Module) -> nn.Module:
    """Give every parameter, scales and shifts of the normalisations too, a value of its own."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape) * 0.7)
    return module.eval()


def of_head(head: int, tokens: Tokens) -> Tokens:
    return [token[head * PER_HEAD : (head + 1) * PER_HEAD] for token in tokens]


def attended_by_head(queries: Tokens, keys: Tokens, values: Tokens) -> Tokens:
    """Softmax attention of whole vectors, head by head and query by query."""
    found = []
    for query in queries:
        parts = []
        for head in range(HEADS):
            (q,), ks, vs = of_head(head, [query]), of_head(head, keys), of_head(head, values)
            parts.append(attended(q, ks, vs))
        found.append(torch.cat(parts))
    return found


def slow_sa(module: SelfAttention, tokens: Tokens) -> Tokens:
    projected = [module.qkv.weight @ token + module.qkv.bias for token in tokens]
    queries, keys, values = ([token[k * WIDTH : (k + 1) * WIDTH] for token in projected] for k in range(3))
    return [module.proj.weight @ token + module.proj.bias for token in attended_by_head(queries, keys, values)]


def slow_aap(module: AttributeAwareProxyEmbedding, tokens: Tokens) -> Tokens:
    keys = [module.kv.weight[:WIDTH] @ token + module.kv.bias[:WIDTH] for token in tokens]
    values = [module.kv.weight[WIDTH:] @ token + module.kv.bias[WIDTH:] for token in tokens]
    found = attended_by_head(list(module.proxies), keys, values)
    return [module.proj.weight @ token + module.proj.bias for token in found]


def slow_norm(module: nn.LayerNorm, token: Tensor) -> Tensor:
    centred = token - token.sum() / WIDTH
    return centred / (centred.square().sum() / WIDTH + 1e-6).sqrt() * module.weight + module.bias


def slow_mlp(module: nn.Sequential, token: Tensor) -> Tensor:
    hidden = module[0].weight @ token + module[0].bias
    hidden = torch.tensor([float(x) * 0.5 * (1 + math.erf(float(x) / math.sqrt(2))) for x in hidden])
    return module[2].weight @ hidden + module[2].bias


def slow_over_time(module: SpatioTemporalAggregation, frames: list[Tokens]) -> list[Tokens]:
    """SA_t of equation 2: frames[t][n] attends to frames[:][n]; with A-STA's proxies around it."""
    if isinstance(module, AttributeSpatioTemporalAggregation):
        frames = [slow_aap(module.to_attributes, frame) for frame in frames]
    columns = [slow_sa(module.temporal, [frame[n] for frame in frames]) for n in range(len(frames[0]))]
    mixed = [[column[t] for column in columns] for t in range(len(frames))]
    if isinstance(module, AttributeSpatioTemporalAggregation):
        mixed = [slow_aap(module.to_patches, frame) for frame in mixed]
    return mixed


def slow_sta(
    module: SpatioTemporalAggregation, class_token: Tensor, frames: list[Tokens]
) -> tuple[Tensor, list[Tokens]]:
    mixed = slow_over_time(module, [[slow_norm(module.temporal_norm, patch) for patch in frame] for frame in frames])
    with_class = []
    for frame, change in zip(frames, mixed, strict=True):
        tokens = [class_token] + [patch + module.alpha * delta for patch, delta in zip(frame, change, strict=True)]
        deltas = slow_sa(module.spatial, [slow_norm(module.spatial_norm, token) for token in tokens])
        with_class.append([token + module.beta * delta for token, delta in zip(tokens, deltas, strict=True)])
    averaged = torch.stack([tokens[0] for tokens in with_class]).sum(0) / len(frames)

    def forwarded(token: Tensor) -> Tensor:
        return token + slow_mlp(module.mlp, slow_norm(module.mlp_norm, token))

    return forwarded(averaged), [[forwarded(patch) for patch in tokens[1:]] for tokens in with_class]


def test_sa_is_equation_1_token_by_token() -> None:
    module = randomised(SelfAttention(WIDTH, HEADS))
    tokens = torch.randn(2, 5, WIDTH)
    with torch.no_grad():
        found = module(tokens)
        for sequence, got in zip(tokens, found, strict=True):
            torch.testing.assert_close(got, torch.stack(slow_sa(module, list(sequence))), atol=1e-5, rtol=1e-5)


def test_aap_is_equation_4_token_by_token() -> None:
    module = randomised(AttributeAwareProxyEmbedding(WIDTH, HEADS, proxies=4))
    tokens = torch.randn(2, 5, WIDTH)
    with torch.no_grad():
        found = module(tokens)
        assert found.shape == (2, 4, WIDTH)
        for sequence, got in zip(tokens, found, strict=True):
            torch.testing.assert_close(got, torch.stack(slow_aap(module, list(sequence))), atol=1e-5, rtol=1e-5)


def test_aap_shows_the_weights_it_uses() -> None:
    module = randomised(AttributeAwareProxyEmbedding(WIDTH, HEADS, proxies=4))
    tokens = torch.randn(2, 5, WIDTH)
    with torch.no_grad():
        weights = module.attention(tokens)
        assert weights.shape == (2, HEADS, 4, 5)
        torch.testing.assert_close(weights.sum(dim=3), torch.ones(2, HEADS, 4))
        values = module.kv(tokens)[:, :, WIDTH:]
        heads = [weights[:, head] @ values[:, :, head * PER_HEAD : (head + 1) * PER_HEAD] for head in range(HEADS)]
        torch.testing.assert_close(module.proj(torch.cat(heads, dim=2)), module(tokens))


@pytest.mark.parametrize("normalisation", ["l1_softmax", "softmax_l1"])
def test_iap_is_equation_5_token_by_token(normalisation: IdentityNormalisation) -> None:
    prototypes, length = 4, 5
    module = randomised(IdentityAwareProxyEmbedding(WIDTH, HEADS, prototypes, normalisation))
    tokens = torch.randn(2, length, WIDTH)
    with torch.no_grad():
        found, shown = module(tokens), module.attention(tokens)
        assert shown.shape == (2, HEADS, length, prototypes)
        for b in range(2):
            queries = [module.query.weight @ token for token in tokens[b]]
            heads: list[Tokens] = []
            for head in range(HEADS):
                scores = [[float(key @ query) for key in module.keys[head]] for query in of_head(head, queries)]
                if normalisation == "l1_softmax":
                    scores = [[value / sum(map(abs, row)) for value in row] for row in scores]
                columns = [softmax([row[m] for row in scores]) for m in range(prototypes)]
                weights = [[column[n] for column in columns] for n in range(length)]
                if normalisation == "softmax_l1":
                    weights = [[value / sum(row) for value in row] for row in weights]
                weights = [[value / math.sqrt(PER_HEAD) for value in row] for row in weights]
                torch.testing.assert_close(shown[b, head], torch.tensor(weights), atol=1e-5, rtol=1e-5)
                heads.append([mixture(row, list(module.values[head])) for row in weights])
            for n in range(length):
                mixed = torch.cat([heads[head][n] for head in range(HEADS)])
                expected = module.proj.weight @ mixed + module.proj.bias
                torch.testing.assert_close(found[b, n], expected, atol=1e-5, rtol=1e-5)


def test_the_printed_order_of_iap_leaves_its_map_almost_even() -> None:
    tokens = torch.randn(1, 200, 64)
    spread = {}
    for normalisation in ("l1_softmax", "softmax_l1"):
        module = IdentityAwareProxyEmbedding(64, 1, prototypes=32, normalisation=normalisation)
        with torch.no_grad():
            module.query.weight.copy_(torch.eye(64))
            weights = module.attention(tokens)
        spread[normalisation] = float(weights.std() / weights.mean())
    assert spread["l1_softmax"] < 0.1
    assert spread["softmax_l1"] > 0.5


@pytest.mark.parametrize("attributes", [False, True])
@pytest.mark.parametrize("num_frames", [1, 3])
def test_sta_and_a_sta_are_equations_2_and_3_token_by_token(num_frames: int, attributes: bool) -> None:
    num_patches = 4
    module = (
        AttributeSpatioTemporalAggregation(WIDTH, HEADS, proxies=2, num_patches=num_patches)
        if attributes
        else SpatioTemporalAggregation(WIDTH, HEADS)
    )
    randomised(module)
    tokens = torch.randn(2, 1 + num_frames * num_patches, WIDTH)
    with torch.no_grad():
        found = module(tokens, num_frames)
        for sequence, got in zip(tokens, found, strict=True):
            frames = [list(frame) for frame in sequence[1:].view(num_frames, num_patches, WIDTH)]
            class_token, patches = slow_sta(module, sequence[0], frames)
            expected = torch.stack([class_token, *(patch for frame in patches for patch in frame)])
            torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("attributes", [False, True])
def test_stochastic_depth_can_skip_every_branch(attributes: bool) -> None:
    module = (
        AttributeSpatioTemporalAggregation(WIDTH, HEADS, proxies=2, num_patches=4, drop_path=1.0)
        if attributes
        else SpatioTemporalAggregation(WIDTH, HEADS, drop_path=1.0)
    )
    randomised(module)
    tokens = torch.randn(2, 1 + 3 * 4, WIDTH)
    with torch.no_grad():
        # What skips all of its branches is left as it was; any branch without a chance to be skipped would show.
        torch.testing.assert_close(module.train()(tokens, 3), tokens)
        assert not torch.allclose(module.eval()(tokens, 3), tokens, atol=0.1)


def test_a_sta_block_starts_with_plain_residuals() -> None:
    module = SpatioTemporalAggregation(WIDTH, HEADS)
    assert module.alpha.tolist() == module.beta.tolist() == 1.0


def test_shuffling_moves_whole_patches_in_time_at_the_chosen_positions_only() -> None:
    clips, frames, patches, chosen = 5, 7, 12, 4
    given = torch.randn(clips, frames, patches, 3)
    found = TemporalPatchShuffling(probability=1.0, positions=chosen).train()(given)
    for b in range(clips):
        orders = []
        for n in range(patches):
            order = [given[b, :, n].eq(patch).all(dim=1).nonzero().flatten().tolist() for patch in found[b, :, n]]
            assert sorted(order) == [[t] for t in range(frames)]
            orders.append(tuple(t for (t,) in order))
        moved = [order for order in orders if order != tuple(range(frames))]
        # The identity is one of 5,040 orders that a chosen position may draw.
        assert len(moved) in (chosen, chosen - 1)
        assert len(set(moved)) > 1


def test_shuffling_chooses_clips_and_positions_evenly() -> None:
    given = torch.arange(6.0)[None, :, None, None].expand(2000, -1, 4, 1)
    moved = (TemporalPatchShuffling(probability=0.25, positions=1).train()(given) != given).any(dim=1).squeeze(2)
    assert moved.sum(dim=1).max() == 1
    assert float(moved.any(dim=1).float().mean()) == pytest.approx(0.25, abs=0.04)
    assert float(moved.float().mean(dim=0).min()) > 0.25 / 4 * 0.6


@pytest.mark.parametrize(("probability", "positions", "training"), [(1.0, 4, False), (0.0, 4, True), (1.0, 0, True)])
def test_shuffling_can_leave_everything_in_place(probability: float, positions: int, training: bool) -> None:
    given = torch.randn(3, 5, 6, 2)
    assert torch.equal(TemporalPatchShuffling(probability, positions).train(training)(given), given)


def test_shuffling_follows_torchs_seed() -> None:
    given, shuffling = torch.randn(3, 5, 6, 2), TemporalPatchShuffling(1.0, 3).train()
    found = []
    for _ in range(2):
        torch.manual_seed(7)
        found.append(shuffling(given))
    assert torch.equal(*found)


def test_proxies_start_apart_long_enough_and_each_along_its_own_axes() -> None:
    proxies = anisotropic_proxies(24, 768)
    torch.testing.assert_close(proxies.norm(dim=1), torch.full((24,), math.sqrt(768)))
    cosines = (proxies @ proxies.T / 768).fill_diagonal_(0)
    assert float(cosines.abs().max()) < 0.3
    # Axes that share the length evenly count 768 / 3 for a normal distribution of equal deviations.
    effective_axes = proxies.square().sum(dim=1).square() / proxies.pow(4).sum(dim=1)
    assert float(effective_axes.max()) < 768 / 6


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SelfAttention(6, 4), "4 heads"),
        (lambda: AttributeAwareProxyEmbedding(6, 4, 2), "4 heads"),
        (lambda: AttributeAwareProxyEmbedding(6, 2, 0), "at least one, not 0"),
        (lambda: IdentityAwareProxyEmbedding(6, 0, 2), "0 heads"),
        (lambda: IdentityAwareProxyEmbedding(6, 2, 0), "at least one, not 0"),
    ],
)
def test_impossible_numbers_are_refused(build: object, message: str) -> None:
    assert callable(build)
    with pytest.raises(ConfigError, match=message):
        build()
