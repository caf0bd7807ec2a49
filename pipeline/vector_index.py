"""The index over tracklet embeddings. The only file of the packages that imports faiss."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import faiss
import numpy as np


class Neighbours(NamedTuple):
    """For each row the rows nearest to it, nearest first.

    Attributes:
        rows: (N, k) int64; -1 where there are fewer.
        scores: (N, k) float32 cosine similarities; what stands beside a -1 means nothing.
    """

    rows: np.ndarray
    scores: np.ndarray


class VectorIndex:
    """An exact inner-product index; row numbers are the order in which embeddings were given.

    Args:
        embeddings: (N, D) float32, rows L2-normalised (a zero row is similar to nothing).
    """

    def __init__(self, embeddings: np.ndarray) -> None:
        self._embeddings = np.ascontiguousarray(embeddings, dtype=np.float32)
        self._index = faiss.IndexFlatIP(self._embeddings.shape[1])
        self._index.add(self._embeddings)

    def neighbours(self, k: int, among: Sequence[int]) -> Neighbours:
        """Find for every row the k nearest of some rows, itself left out.

        Args:
            k: how many, >= 1.
            among: the rows that may be found; without repetition.

        Returns:
            At most k of them a row.
        """
        num_rows, choice = len(self._embeddings), np.asarray(among, dtype=np.int64)
        if not num_rows or not len(choice):
            return Neighbours(np.empty((num_rows, 0), np.int64), np.empty((num_rows, 0), np.float32))
        # An index of their own: FAISS searches a flat index without a filter by matrix products, with one row by row.
        index = faiss.IndexFlatIP(self._embeddings.shape[1])
        index.add(self._embeddings[choice])
        scores, positions = index.search(self._embeddings, min(k + 1, len(choice)))
        rows = np.where(positions < 0, -1, choice[positions])
        rows[rows == np.arange(num_rows)[:, None]] = -1
        order = np.argsort(rows < 0, axis=1, kind="stable")[:, :k]  # itself and the gaps go to the end
        return Neighbours(np.take_along_axis(rows, order, axis=1), np.take_along_axis(scores, order, axis=1))

    def save(self, path: Path) -> None:
        """Write the index in FAISS's own format."""
        faiss.write_index(self._index, str(path))
