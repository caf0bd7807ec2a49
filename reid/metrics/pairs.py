"""How alike the pairs of a search are: one person seen twice, and different people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reid.metrics.searching import Integers, Search

_CELLS = 20_000  # of the histogram of different people


@dataclass(frozen=True, eq=False)
class PairSimilarities:
    """Similarities of all pairs of a query and an answer that counts.

    Attributes:
        same: (P,) of right answers, ascending.
        different: (C,) how many wrong answers fall into each of C even cells.
        edges: (C + 1,) of the cells; a similarity belongs to the cell that it is not below the lower edge of.
    """

    same: NDArray[np.float32]
    different: Integers
    edges: NDArray[np.float64]

    def true_match_rate(self, false_match_rate: float) -> tuple[float, float]:
        """Return the share of right answers at or above the threshold at which so many wrong ones are, and that.

        Args:
            false_match_rate: in (0, 1]: the largest share of wrong answers at or above the threshold.

        Returns:
            The true match rate in [0, 1], and the threshold, the lowest edge of a cell that keeps to the rate.
        """
        above = np.append(np.cumsum(self.different[::-1])[::-1], 0)  # (C + 1,) wrong answers at or above each edge
        first = int(np.argmax(above <= false_match_rate * max(1, above[0])))
        threshold = float(self.edges[first])
        return float(np.mean(self.same >= threshold)), threshold


def pair_similarities(
    search: Search, blocks: Iterable[NDArray[np.float32]], lowest: float = -1.0, highest: float = 1.0
) -> PairSimilarities:
    """Sort the pairs of a search by whether they show one person.

    Args:
        search: Q queries in a gallery of G.
        blocks: similarities as for `find_ranks`.
        lowest: that a similarity can be; what is lower counts as this.
        highest: likewise.
    """
    counts = np.zeros(_CELLS, dtype=np.int64)
    same = [np.zeros(0, np.float32)]
    scale = _CELLS / (highest - lowest)
    query = 0
    for block in blocks:
        for row in block:
            right, left_out = search.right(query), search.left_out(query)
            same.append(row[right])
            cells = np.clip((row - np.float32(lowest)) * np.float32(scale), 0, _CELLS - 1).astype(np.int64)
            counts += np.bincount(cells, minlength=_CELLS)
            np.subtract.at(counts, cells[np.concatenate([right, left_out])], 1)
            query += 1
    return PairSimilarities(np.sort(np.concatenate(same)), counts, np.linspace(lowest, highest, _CELLS + 1))
