"""At which rank each right answer comes, exactly, without sorting what it is ranked among.

CMC, AP and mINP all follow from the ranks of the right answers, and a rank is a count: one more than the answers that
are more alike, or as alike and earlier in the gallery. So equals keep the gallery's order, as a stable sort has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reid.errors import InputError
from reid.metrics.searching import Integers, Search

# From so many right answers on, sorting a row once is faster than counting for each of them.
_MANY = 48


@dataclass(frozen=True, eq=False)
class Ranks:
    """Where the right answers come.

    Attributes:
        ranks: (H,) of all right answers of all queries, counted from 1, ascending within a query.
        starts: (Q + 1,) query q's are `ranks[starts[q]:starts[q + 1]]`.
    """

    ranks: Integers
    starts: Integers

    @property
    def counts(self) -> Integers:
        """(Q,) how many right answers each query has."""
        return np.diff(self.starts)


def find_ranks(search: Search, blocks: Iterable[NDArray[np.float32]]) -> Ranks:
    """Rank the right answers of every query.

    Args:
        search: Q queries in a gallery of G.
        blocks: similarities, (B, G) for the first B queries, then for the next. They are not changed.

    Raises:
        InputError: a similarity is not a number.
        ValueError: the blocks do not cover the search.
    """
    found: list[Integers] = []
    for block in blocks:
        first = len(found)
        if block.ndim != 2 or block.shape[1] != search.gallery or first + len(block) > search.queries:
            raise ValueError(
                f"similarities of shape {block.shape} after {first} rows for {search.queries} queries "
                f"in a gallery of {search.gallery}"
            )
        for query, row in enumerate(block, start=first):
            if np.isnan(row).any():
                raise InputError(f"query {query}: a similarity is not a number")
            found.append(ranks_in_row(row, search.right(query), search.left_out(query)))
    if len(found) != search.queries:
        raise ValueError(f"similarities of {len(found)} queries, expected {search.queries}")
    starts = np.cumsum([0, *map(len, found)], dtype=np.int64)
    return Ranks(np.concatenate([np.zeros(0, np.int64), *found]), starts)


def ranks_in_row(similarities: NDArray[np.float32], right: Integers, left_out: Integers) -> Integers:
    """Rank the right answers of one query.

    Args:
        similarities: (G,) to everything in the gallery.
        right: places of the right answers.
        left_out: places that do not count.

    Returns:
        As many ranks as right answers, ascending.
    """
    if not len(right):
        return np.zeros(0, np.int64)
    values = similarities
    if len(left_out):
        values = similarities.copy()
        values[left_out] = -np.inf
    if len(right) >= _MANY:
        return _by_sorting(values, right)
    # Whoever stands before it in the gallery wins when alike, whoever stands behind it loses.
    ahead = [
        np.count_nonzero(values[:place] >= value) + np.count_nonzero(values[place + 1 :] > value)
        for place, value in zip(right.tolist(), similarities[right], strict=True)
    ]
    return np.sort(np.array(ahead, dtype=np.int64)) + 1


def _by_sorting(values: NDArray[np.float32], right: Integers) -> Integers:
    """Rank many right answers with one stable sort."""
    order = np.argsort(-values, kind="stable")
    is_right = np.zeros(len(values), dtype=bool)
    is_right[right] = True
    return np.flatnonzero(is_right[order]) + 1
