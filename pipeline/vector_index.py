"""The index over tracklet embeddings. The only file of the packages that imports faiss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import faiss
import numpy as np

from reid.output_file import whole_file


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


_EXACT_BELOW = 50_000  # vectors; from here on only the likeliest cells are searched
_CELLS_SEARCHED = 32
_TRAINED_ON_A_CELL = 64  # vectors
_SEED = 0


class CachedIndex:
    """The vectors most like one, among many that have numbers; kept as a file where there are very many.

    Up to `_EXACT_BELOW` vectors all are compared, and no file is written. Above, the vectors are divided into cells
    (inverted file), of which the most promising are searched: a near vector can be missed, rarely.

    Args:
        path: of the file; one that stands there is used, and made anew where it cannot be read.
        count: how many vectors there are.
        read: reads them: (N,) int64 numbers and (N, D) float32, L2-normalised.
    """

    def __init__(self, path: Path, count: int, read: Callable[[], tuple[np.ndarray, np.ndarray]]) -> None:
        self.count = count
        if count < _EXACT_BELOW:
            self._index = _exact(*read())
            return
        found = _read(path, count)
        index = _cells(*read()) if found is None else found
        if found is None:
            _write(index, path)
        faiss.extract_index_ivf(index).nprobe = _CELLS_SEARCHED
        self._index = index

    def nearest(self, vector: np.ndarray, k: int) -> list[tuple[int, float]]:
        """Find the k most alike.

        Args:
            vector: (D,) of L2 norm 1.
            k: how many, >= 1.

        Returns:
            At most k pairs of number and cosine similarity, the most alike first.
        """
        if not self.count:
            return []
        scores, numbers = self._index.search(np.ascontiguousarray(vector[None], dtype=np.float32), min(k, self.count))
        return [(int(number), float(score)) for number, score in zip(numbers[0], scores[0], strict=True) if number >= 0]


def _exact(numbers: np.ndarray, vectors: np.ndarray) -> faiss.Index:
    index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
    index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), numbers)
    return index


def _cells(numbers: np.ndarray, vectors: np.ndarray) -> faiss.Index:
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    cells = 4 * int(np.sqrt(len(vectors)))
    index = faiss.index_factory(vectors.shape[1], f"IVF{cells},Flat", faiss.METRIC_INNER_PRODUCT)
    faiss.extract_index_ivf(index).cp.min_points_per_centroid = 1  # or it complains on standard error
    chosen = np.random.default_rng(_SEED).permutation(len(vectors))[: _TRAINED_ON_A_CELL * cells]
    index.train(vectors[np.sort(chosen)])
    index.add_with_ids(vectors, numbers)
    return index


def _read(path: Path, count: int) -> faiss.Index | None:
    """Read an index; None where it is not there, damaged or of other vectors."""
    if not path.is_file():
        return None
    try:
        index = faiss.read_index(str(path))
        faiss.extract_index_ivf(index)
    except RuntimeError:
        return None
    return index if index.ntotal == count else None


def _write(index: faiss.Index, path: Path) -> None:
    """Keep an index for the next time; where it cannot be written it is built again then."""
    try:
        with whole_file(path) as place:
            faiss.write_index(index, str(place))
    except (OSError, RuntimeError):
        return
