"""The index over tracklet embeddings. The only file of the packages that imports faiss."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np


class Gallery:
    """An exact inner-product index; row numbers are the order in which embeddings were given.

    Args:
        embeddings: (N, D) float32, rows L2-normalised (a zero row is similar to nothing).
    """

    def __init__(self, embeddings: np.ndarray) -> None:
        self._embeddings = np.ascontiguousarray(embeddings, dtype=np.float32)
        self._index = faiss.IndexFlatIP(self._embeddings.shape[1])
        self._index.add(self._embeddings)

    def candidate_pairs(self, k: int, min_score: float) -> list[tuple[int, int, float]]:
        """Find the pairs that are worth a look: each row with its k nearest others.

        Args:
            k: neighbours of each row, >= 1.
            min_score: pairs below this cosine similarity are left out.

        Returns:
            (row, other row, cosine similarity), row below other row, each pair once, sorted by the rows.
        """
        num_rows = len(self._embeddings)
        if num_rows < 2:
            return []
        scores, neighbours = self._index.search(self._embeddings, min(k + 1, num_rows))
        rows = np.repeat(np.arange(num_rows), neighbours.shape[1])
        others, flat_scores = neighbours.reshape(-1), scores.reshape(-1)
        wanted = (others != rows) & (others >= 0) & (flat_scores >= min_score)
        pairs = {
            (min(row, other), max(row, other)): score
            for row, other, score in zip(
                rows[wanted].tolist(), others[wanted].tolist(), flat_scores[wanted].tolist(), strict=True
            )
        }
        return [(row, other, pairs[row, other]) for row, other in sorted(pairs)]

    def save(self, path: Path) -> None:
        """Write the index in FAISS's own format."""
        faiss.write_index(self._index, str(path))
