"""Rankings improved by the company that vectors keep: k-reciprocal re-ranking, and query expansion.

Two pictures of one person should have the same neighbours. Re-ranking describes everything, query or gallery, by a
sparse vector over all others: how near its reciprocal neighbours are. The distance of two such descriptions (Jaccard)
is mixed with the distance of the vectors. Nothing here knows who is who, but everything in the gallery takes part, so
that scores after re-ranking belong to the gallery as a whole and are reported apart.

Source: Zhong et al. 2017, Re-ranking person re-identification with k-reciprocal encoding, equations 1 to 12.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray

from reid.device import usable_device
from reid.errors import ConfigError
from reid.metrics import MOST_BYTES, Vectors, check_vectors, similarity_blocks

_Integers = NDArray[np.int64]
_TINY = np.float32(1e-12)  # of a norm or a distance that must not be zero
_SHARED = 2 / 3  # of a candidate's neighbours that must be the item's too, for all of them to become so


@dataclass(frozen=True)
class Reranking:
    """How to re-rank.

    Attributes:
        k1: neighbours that are looked at.
        k2: nearest neighbours whose descriptions are averaged; 1 for none but one's own.
        original: lambda in [0, 1], the share of the distance before.

    Raises:
        ConfigError: a value makes no sense.
    """

    k1: int = 20
    k2: int = 6
    original: float = 0.3

    def __post_init__(self) -> None:
        if not 1 <= self.k2 <= self.k1 + 1:
            raise ConfigError(f"re-ranking: k2 must lie between 1 and k1 + 1 = {self.k1 + 1}, not {self.k2}")
        if not 0 <= self.original <= 1:
            raise ConfigError(f"re-ranking: lambda must lie between 0 and 1, not {self.original:g}")


def rerank_blocks(
    query: Vectors,
    gallery: Vectors,
    settings: Reranking | None = None,
    *,
    most_bytes: int = MOST_BYTES,
    device: str = "cpu",
) -> Iterator[Vectors]:
    """Compare every query with everything in the gallery anew.

    Args:
        query: (Q, D); brought to L2 norm 1 here.
        gallery: (G, D), likewise.
        settings: the paper's if None.
        most_bytes: that a block of distances may take; beside it there are the sparse descriptions, some kB an item.
        device: where products of vectors are computed.

    Yields:
        (B, G) float32 similarities, minus the new distances, for B further queries; what `find_ranks` takes.

    Raises:
        InputError: a vector is not finite.
        ConfigError: the device is not there.
    """
    settings = settings or Reranking()
    check_vectors("query", query)
    check_vectors("gallery", gallery)
    everything = np.concatenate([query, gallery])
    near, furthest = _neighbours(everything, settings.k1 + 1, most_bytes, device)
    codes = _average(_describe(everything, near, furthest, settings.k1, most_bytes), near[:, : settings.k2])
    by_column = codes[len(query) :].tocsc()
    done = 0
    for block in similarity_blocks(query, gallery, most_bytes=most_bytes, device=device):
        rows = range(done, done + len(block))
        shared = np.stack([_shared(codes, by_column, row) for row in rows])
        jaccard = 1 - shared / (2 - shared)
        original = _squared(block) / furthest[done : done + len(block), None]
        yield -((1 - settings.original) * jaccard + settings.original * original).astype(np.float32)
        done += len(block)


def expand_queries(
    query: Vectors,
    gallery: Vectors,
    neighbours: int,
    *,
    itself: NDArray[np.int64] | None = None,
    most_bytes: int = MOST_BYTES,
    device: str = "cpu",
) -> Vectors:
    """Replace every query by the mean of itself and its nearest in the gallery.

    Args:
        query: (Q, D) of L2 norm 1.
        gallery: (G, D) of L2 norm 1.
        neighbours: how many of the gallery join in, >= 1; all of it where it has fewer.
        itself: (Q,) where in the gallery the query itself stands, which is not its own neighbour; -1 where it does not.
        most_bytes: that a block of similarities may take.
        device: where products are computed.

    Returns:
        (Q, D) of L2 norm 1.

    Source: Chum et al. 2007, Total recall, average query expansion.
    """
    expanded = np.empty_like(query)
    done = 0
    for block in similarity_blocks(query, gallery, most_bytes=most_bytes, device=device):
        if itself is not None:
            there = np.flatnonzero(itself[done : done + len(block)] >= 0)
            block[there, itself[done + there]] = -1
        near = torch.from_numpy(block).topk(min(neighbours, len(gallery)), dim=1).indices.numpy()
        expanded[done : done + len(block)] = query[done : done + len(block)] + gallery[near].sum(axis=1)
        done += len(block)
    unit: Vectors = expanded / np.maximum(np.linalg.norm(expanded, axis=1, keepdims=True), _TINY)
    return unit


def _squared(similarities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn the products of vectors of norm 1 into squared distances."""
    return np.maximum(2 - 2 * similarities, 0)


def _neighbours(everything: Vectors, count: int, most_bytes: int, device: str) -> tuple[_Integers, NDArray[np.float32]]:
    """Find each item's nearest, itself first, (N, k), and the squared distance of its furthest, (N,)."""
    near, furthest = [], []
    done = 0
    for block in similarity_blocks(everything, everything, most_bytes=most_bytes, device=device):
        lowest = block.min(axis=1)
        rows = np.arange(len(block))
        block[rows, done + rows] = np.inf  # itself first, however many are equal to it
        done += len(block)
        found = torch.from_numpy(block).to(usable_device(device)).topk(min(count, len(everything)), dim=1)
        near.append(found.indices.cpu().numpy())
        furthest.append(_squared(lowest))
    return np.concatenate(near), np.maximum(np.concatenate(furthest), _TINY)


def _reciprocal(near: _Integers) -> NDArray[np.bool_]:
    """Tell which of each item's neighbours have it among theirs: (N, k)."""
    itself = np.arange(len(near))[:, None, None]
    parts = [
        (near[near[start : start + _ROWS]] == itself[start : start + _ROWS]).any(axis=2)
        for start in range(0, len(near), _ROWS)
    ]
    return np.concatenate(parts)


_ROWS = 256  # items whose neighbours' neighbours' neighbours are compared at a time


def _describe(
    everything: Vectors, near: _Integers, furthest: NDArray[np.float32], k1: int, most_bytes: int
) -> scipy.sparse.csr_array:
    """Describe each item by how near the reciprocal neighbours are, theirs among them: (N, N), rows that sum to 1."""
    count = len(near)
    half = near[:, : round(k1 / 2) + 1]
    is_own, is_of_candidate = _reciprocal(near), _reciprocal(half)
    unit = everything / np.maximum(np.linalg.norm(everything, axis=1, keepdims=True), _TINY)
    parts = []
    for start in range(0, count, _ROWS):
        rows = slice(start, start + _ROWS)
        members = _members(near[rows], is_own[rows], half, is_of_candidate)
        keys = np.unique(np.concatenate([item * count + places for item, places in enumerate(members, start)]))
        parts.append(keys)
    keys = np.concatenate(parts)
    items, places = np.divmod(keys, count)
    closeness = np.exp(-_squared(_products(unit, items, places, most_bytes)) / furthest[items])
    starts = np.searchsorted(items, np.arange(count + 1))
    sums = np.add.reduceat(closeness, starts[:-1])
    return scipy.sparse.csr_array((closeness / sums[items], places, starts), shape=(count, count))


def _members(
    near: _Integers, is_own: NDArray[np.bool_], half: _Integers, is_of_candidate: NDArray[np.bool_]
) -> Iterator[_Integers]:
    """Yield each item's reciprocal neighbours, with those of candidates that share enough of theirs; some twice."""
    theirs, is_theirs = half[near], is_of_candidate[near]  # (B, k, k/2)
    own = np.where(is_own, near, -1)
    shared = (theirs[..., None] == own[:, None, None, :]).any(axis=3) & is_theirs
    joins = is_own & (shared.sum(axis=2) > _SHARED * is_theirs.sum(axis=2))
    for item in range(len(near)):
        yield np.concatenate([near[item, is_own[item]], theirs[item][joins[item][:, None] & is_theirs[item]]])


def _products(vectors: Vectors, first: _Integers, second: _Integers, most_bytes: int) -> NDArray[np.float32]:
    """Multiply pairs of vectors: (P,)."""
    at_once = max(1, most_bytes // (8 * vectors.shape[1]))
    parts = [
        np.einsum("pd,pd->p", vectors[first[start : start + at_once]], vectors[second[start : start + at_once]])
        for start in range(0, len(first), at_once)
    ]
    return np.concatenate([np.zeros(0, np.float32), *parts])


def _average(codes: scipy.sparse.csr_array, near: _Integers) -> scipy.sparse.csr_array:
    """Average each item's description with those of its nearest."""
    count, k2 = near.shape
    weights = np.full(near.size, 1 / k2, np.float32)
    averaging = scipy.sparse.csr_array((weights, near.ravel(), np.arange(0, near.size + 1, k2)), shape=(count, count))
    return (averaging @ codes).tocsr()


def _shared(codes: scipy.sparse.csr_array, by_column: scipy.sparse.csc_array, item: int) -> NDArray[np.float32]:
    """Add up what an item's description and each of the gallery have in common: the smaller of both, (G,)."""
    own = slice(codes.indptr[item], codes.indptr[item + 1])
    columns, values = codes.indices[own], codes.data[own]
    starts = by_column.indptr[columns]
    lengths = by_column.indptr[columns + 1] - starts
    ends = np.cumsum(lengths)
    taken = np.arange(lengths.sum()) + np.repeat(starts - (ends - lengths), lengths)
    smaller = np.minimum(np.repeat(values, lengths), by_column.data[taken])
    return np.bincount(by_column.indices[taken], weights=smaller, minlength=by_column.shape[0]).astype(np.float32)
