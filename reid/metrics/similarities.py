"""How alike every query and everything in the gallery are, some queries at a time, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from reid.device import usable_device
from reid.errors import InputError

Vectors = NDArray[np.float32]
Distance = Literal["cosine", "euclidean"]

MOST_BYTES = 256 * 2**20
_BYTES_A_CELL = 8  # the block itself, and what scoring copies of it
# In products of fewer rows the last bits depend on how many rows there are.
_FEWEST_ROWS = 16


def rows_at_once(gallery: int, most_bytes: int = MOST_BYTES) -> int:
    """Return how many queries fit a block of similarities with a gallery of so many."""
    return max(2 * _FEWEST_ROWS, most_bytes // (_BYTES_A_CELL * max(1, gallery)))


def similarity_blocks(
    query: Vectors,
    gallery: Vectors,
    *,
    distance: Distance = "cosine",
    most_bytes: int = MOST_BYTES,
    device: str = "cpu",
) -> Iterator[Vectors]:
    """Compare every query with everything in the gallery.

    Args:
        query: (Q, D).
        gallery: (G, D).
        distance: "cosine": the product of the vectors brought to L2 norm 1. "euclidean": minus the squared Euclidean
            distance of the vectors as they are. Of vectors of norm 1 both make the same ranking.
        most_bytes: that a block may take in memory; some rows are taken at least.
        device: where the products are computed, in float32.

    Yields:
        (B, G) float32 for B further queries; the more, the more alike. Equal vectors are equally alike but for the
        last bits, in which products of floating-point numbers depend on the place in the block.

    Raises:
        InputError: a vector is not finite.
        ValueError: the vectors' shapes do not belong together.
        ConfigError: the device is not there.
    """
    check_vectors("query", query)
    check_vectors("gallery", gallery)
    if query.shape[1] != gallery.shape[1]:
        raise ValueError(f"query vectors are {query.shape[1]} wide, those of the gallery {gallery.shape[1]}")
    place = usable_device(device)
    searching, searched = (torch.from_numpy(np.ascontiguousarray(each, np.float32)) for each in (query, gallery))
    if distance == "cosine":
        searching, searched = (torch.nn.functional.normalize(each, dim=1) for each in (searching, searched))
    searched = searched.to(place)
    blocks = -(-len(query) // rows_at_once(len(gallery), most_bytes))
    return (_compare(block.to(place), searched, distance) for block in torch.tensor_split(searching, max(1, blocks)))


def check_vectors(what: str, vectors: Vectors) -> None:
    """Refuse what are no vectors.

    Args:
        what: they are, for messages.
        vectors: (N, D).

    Raises:
        InputError: one is not finite.
        ValueError: they have another shape.
    """
    if vectors.ndim != 2:
        raise ValueError(f"{what}: vectors of shape {vectors.shape}, expected (N, D)")
    if not np.isfinite(vectors).all():
        row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
        raise InputError(f"{what}: vector {row} holds a value that is not finite")


def _compare(query: torch.Tensor, gallery: torch.Tensor, distance: Distance) -> Vectors:
    """Compare (B, D) with (G, D)."""
    products = query @ gallery.T
    if distance == "euclidean":
        products.mul_(2).sub_((query**2).sum(1)[:, None]).sub_((gallery**2).sum(1)[None])
    compared: Vectors = products.cpu().numpy()
    return compared
