"""How well a search finds people: mean average precision, CMC and mINP, all from the ranks of the right answers.

With the ranks k_1 < ... < k_R of a query's R right answers

    AP (hits)       = 1/R sum_i i / k_i
    AP (trapezoid)  = 1/R sum_i (i / k_i + (i - 1) / (k_i - 1)) / 2     where k_1 = 1, its second term is 1
    INP             = R / k_R
    CMC@k           = 1 if k_1 <= k, else 0

and mAP, mINP and CMC are means over the queries that have a right answer; the others are counted.

Source: AP at hits, as the field's Python evaluators have it; the trapezoid form of the MATLAB code that came with
Market-1501 and MARS (Zheng et al. 2015), which integrates precision over recall. mINP: Ye et al. 2021, Deep learning
for person re-identification, equation 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reid.data.records import TrackletRecord
from reid.metrics.ranks import Ranks, find_ranks
from reid.metrics.searching import Integers, Search
from reid.metrics.similarities import MOST_BYTES, Distance, Vectors, similarity_blocks

RANKS = 50
AveragePrecision = Literal["hits", "trapezoid"]


@dataclass(frozen=True, eq=False)
class QueryScores:
    """How well each person was found; of the M queries that have a right answer.

    Attributes:
        queries: (M,) which queries they are, ascending.
        average_precision: (M,) in (0, 1].
        inverse_negative_penalty: (M,) in (0, 1].
        first_rank: (M,) rank of the first right answer, >= 1.
        right_answers: (M,) how many there are, >= 1.
    """

    queries: Integers
    average_precision: NDArray[np.float64]
    inverse_negative_penalty: NDArray[np.float64]
    first_rank: Integers
    right_answers: Integers


@dataclass(frozen=True)
class RankingScores:
    """How well people were found.

    Attributes:
        mean_ap: in (0, 1].
        cmc: for the ranks 1 to `RANKS` the share of queries in [0, 1] that are right by then; never falling.
        mean_inp: mINP in (0, 1].
        queries: how many were scored.
        without_match: how many could not be, since their person is nowhere to be found.
    """

    mean_ap: float
    cmc: tuple[float, ...]
    mean_inp: float
    queries: int
    without_match: int

    def rank(self, k: int) -> float:
        """Return the share of queries with a right answer among their first k, 1 <= k <= `RANKS`."""
        return self.cmc[k - 1]


def score_ranking(
    query: Vectors,
    query_records: Sequence[TrackletRecord],
    gallery: Vectors,
    gallery_records: Sequence[TrackletRecord],
) -> RankingScores:
    """Search a gallery with every query across cameras and score what comes out.

    Args:
        query: (Q, D) vectors of L2 norm 1; two are as similar as their dot product.
        query_records: whose they are, Q people.
        gallery: (G, D), likewise. The same vectors may stand in the query.
        gallery_records: whose they are; distractors and junk may be among them.

    Returns:
        The scores, with AP at hits.

    Raises:
        InputError: there is nothing to score: no query, or none whose person another camera has seen; or a vector is
            not finite.
        ValueError: the numbers of vectors and records differ, or a query is a distractor or junk.
    """
    for what, vectors, records in (("query", query, query_records), ("gallery", gallery, gallery_records)):
        if len(vectors) != len(records):
            raise ValueError(f"{what}: {len(records)} records with vectors of shape {vectors.shape}")
    search = Search.of_records(query_records, gallery_records)
    search.check()
    return mean_scores(score_queries(rank_vectors(search, query, gallery)), search)


def rank_vectors(
    search: Search,
    query: Vectors,
    gallery: Vectors,
    *,
    distance: Distance = "cosine",
    most_bytes: int = MOST_BYTES,
    device: str = "cpu",
) -> Ranks:
    """Rank the right answers by vectors; arguments and errors as for `similarity_blocks` and `find_ranks`."""
    blocks = similarity_blocks(query, gallery, distance=distance, most_bytes=most_bytes, device=device)
    return find_ranks(search, blocks)


def score_queries(ranks: Ranks, average_precision: AveragePrecision = "hits") -> QueryScores:
    """Score each query that has a right answer.

    Args:
        ranks: of the right answers.
        average_precision: which of the two forms.
    """
    counts = ranks.counts
    queries = np.flatnonzero(counts)
    counts = counts[queries]
    starts = ranks.starts[:-1][queries]
    nth = np.arange(len(ranks.ranks)) - np.repeat(starts, counts) + 1  # i
    precision = nth / ranks.ranks
    if average_precision == "trapezoid":
        before = np.where(ranks.ranks == 1, 1.0, (nth - 1) / np.maximum(ranks.ranks - 1, 1))
        precision = (precision + before) / 2
    sums = np.add.reduceat(precision, starts) if len(queries) else np.zeros(0)
    return QueryScores(
        queries=queries,
        average_precision=sums / counts,
        inverse_negative_penalty=counts / ranks.ranks[starts + counts - 1],
        first_rank=ranks.ranks[starts],
        right_answers=counts,
    )


def mean_scores(scores: QueryScores, search: Search) -> RankingScores:
    """Take the mean over queries.

    Args:
        scores: of the queries.
        search: that they are of.

    Raises:
        InputError: no query has a right answer.
    """
    search.check()
    reached = np.searchsorted(np.sort(scores.first_rank), np.arange(1, RANKS + 1), side="right")
    return RankingScores(
        mean_ap=float(scores.average_precision.mean()),
        cmc=tuple((reached / len(scores.queries)).tolist()),
        mean_inp=float(scores.inverse_negative_penalty.mean()),
        queries=len(scores.queries),
        without_match=search.queries - len(scores.queries),
    )
