"""Re-ranking against the published algorithm written out, and query expansion by hand."""

from __future__ import annotations

import numpy as np
import pytest

from reid.errors import ConfigError, InputError
from reid.metrics import Vectors
from reid.reranking import Reranking, expand_queries, rerank_blocks


def vectors(seed: int, count: int, width: int = 16, people: int = 25) -> Vectors:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(people, width))
    drawn = centres[rng.integers(0, people, count)] + 0.6 * rng.normal(size=(count, width))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def literal(query: Vectors, gallery: Vectors, k1: int, k2: int, weight: float) -> np.ndarray:
    """Follow the code that the paper's authors published, in double precision."""
    everything = np.concatenate([query, gallery]).astype(np.float64)
    original = np.maximum(2 - 2 * everything @ everything.T, 0)
    original = np.transpose(original / original.max(axis=0))
    initial_rank = np.argsort(original, kind="stable")
    codes = np.zeros_like(original)
    half = int(np.around(k1 / 2.0)) + 1
    for i in range(len(everything)):
        forward = initial_rank[i, : k1 + 1]
        backward = initial_rank[forward, : k1 + 1]
        reciprocal = forward[np.where(backward == i)[0]]
        expansion = reciprocal
        for candidate in reciprocal:
            candidate_forward = initial_rank[candidate, :half]
            candidate_backward = initial_rank[candidate_forward, :half]
            candidate_reciprocal = candidate_forward[np.where(candidate_backward == candidate)[0]]
            if len(np.intersect1d(candidate_reciprocal, reciprocal)) > 2.0 / 3 * len(candidate_reciprocal):
                expansion = np.append(expansion, candidate_reciprocal)
        expansion = np.unique(expansion)
        closeness = np.exp(-original[i, expansion])
        codes[i, expansion] = closeness / closeness.sum()
    if k2 != 1:
        codes = np.stack([codes[initial_rank[i, :k2]].mean(axis=0) for i in range(len(everything))])
    jaccard = np.zeros((len(query), len(everything)))
    for i in range(len(query)):
        shared = np.zeros(len(everything))
        for column in np.flatnonzero(codes[i]):
            rows = np.flatnonzero(codes[:, column])
            shared[rows] += np.minimum(codes[i, column], codes[rows, column])
        jaccard[i] = 1 - shared / (2 - shared)
    return (jaccard * (1 - weight) + original[: len(query)] * weight)[:, len(query) :]


@pytest.mark.parametrize(
    "settings", [Reranking(), Reranking(k1=7, k2=1), Reranking(k1=5, k2=3, original=0), Reranking(k1=9, original=1)]
)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_is_the_published_algorithm(settings: Reranking, seed: int) -> None:
    query, gallery = vectors(seed, 23), vectors(seed + 50, 140)
    ours = -np.concatenate(list(rerank_blocks(query, gallery, settings, most_bytes=8 * 140 * 40)))  # several blocks
    theirs = literal(query, gallery, settings.k1, settings.k2, settings.original)
    assert (ours.shape, ours.dtype) == ((23, 140), np.float32)
    np.testing.assert_allclose(ours, theirs, atol=2e-6)
    assert np.std(theirs) > 0.05


def test_queries_that_are_in_the_gallery_too() -> None:
    everything = vectors(3, 90)
    ours = -np.concatenate(list(rerank_blocks(everything[:20], everything)))
    assert (ours.argmin(axis=1) == np.arange(20)).all()


def test_fewer_than_the_neighbours_it_looks_at() -> None:
    query, gallery = vectors(1, 2), vectors(2, 4)
    ours = -np.concatenate(list(rerank_blocks(query, gallery)))
    np.testing.assert_allclose(ours, literal(query, gallery, 20, 6, 0.3), atol=2e-6)
    alone = np.ones((1, 3), np.float32)
    assert np.concatenate(list(rerank_blocks(alone, alone))).shape == (1, 1)


def test_it_brings_a_person_together_that_looks_alike_step_by_step() -> None:
    """A far picture of a person has the same company as the query; a stranger is as far and has none of it."""
    angles = np.deg2rad([0, 12, 24, 36, 48, 60])
    person = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
    stranger = np.array([[np.cos(angles[4]), 0, np.sin(angles[4])]])
    others = np.random.default_rng(0).normal(size=(30, 3)) * 0.2 + [-1, 0, 0]
    gallery = np.concatenate([person[1:], stranger, others]).astype(np.float32)
    gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
    query = person[:1].astype(np.float32)
    plain = (query @ gallery.T)[0]
    assert plain[3] == pytest.approx(plain[5])
    (again,) = np.concatenate(list(rerank_blocks(query, gallery, Reranking(k1=4, k2=2))))
    assert again[3] > again[5] + 0.05


def test_many_equal_vectors_and_zeros_are_ranked_too() -> None:
    """More equal ones than neighbours are looked at; and a vector of zeros, as colours can make one."""
    query, gallery = vectors(0, 4), vectors(1, 60)
    gallery[:40], gallery[50] = gallery[0], 0
    ours = np.concatenate(list(rerank_blocks(query, gallery, Reranking(k1=5, k2=2))))
    assert np.isfinite(ours).all()


@pytest.mark.parametrize("bad", [{"k1": 3, "k2": 5}, {"k2": 0}, {"original": 1.5}])
def test_settings_that_make_no_sense_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="re-ranking"):
        Reranking(**bad)  # type: ignore[arg-type]


def test_vectors_that_are_not_finite_are_refused() -> None:
    query, gallery = vectors(0, 3), vectors(1, 9)
    gallery[4, 2] = np.nan
    with pytest.raises(InputError, match="gallery: vector 4 holds a value that is not finite"):
        list(rerank_blocks(query, gallery))


def test_an_expanded_query_is_the_mean_with_its_nearest() -> None:
    gallery = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]], np.float32)
    expanded = expand_queries(np.array([[1, 0]], np.float32), gallery, 2)
    wanted = np.array([1 + 1 + 0.8, 0.6]) / np.linalg.norm([2.8, 0.6])
    np.testing.assert_allclose(expanded, [wanted], atol=1e-6)
    assert expand_queries(gallery[:1], gallery, 99).shape == (1, 2)
    alone = expand_queries(gallery[:1], gallery, 1, itself=np.array([0]))
    np.testing.assert_allclose(alone, [np.array([1.8, 0.6]) / np.linalg.norm([1.8, 0.6])], atol=1e-6)
