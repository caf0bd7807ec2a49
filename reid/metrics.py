"""How well a search finds people: mean average precision and the cumulative matching characteristic (CMC).

Every query searches the gallery under the protocol of `reid.data.records`: its own person in its own camera is left
out, and with it the query itself where queries are part of the gallery; junk is left out; a distractor is a mistake.
The rest is ranked by similarity, and equals keep the gallery's order. A query whose person no other camera of the
gallery has seen cannot be judged: it is counted and not scored.

    AP    = mean over the R right answers of (right answers up to and with this one) / (its rank)
    mAP   = mean of AP over the scored queries
    CMC@k = share of scored queries that have a right answer among their first k

Source: AP is precision at the hits, as the field's Python evaluators have it (MARS's own MATLAB code integrates
trapezoids instead, and comes out a little lower).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reid.data.records import JUNK_ID, TrackletRecord
from reid.errors import InputError

RANKS = 50
_CELLS_AT_ONCE = 1_000_000  # of the table of queries by gallery; about 40 bytes each while they are ranked

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class RankingScores:
    """How well people were found.

    Attributes:
        mean_ap: in (0, 1].
        cmc: for the ranks 1 to `RANKS` the share of queries in [0, 1] that are right by then; never falling.
        queries: how many were scored.
        without_match: how many could not be, since no other camera has seen their person.
    """

    mean_ap: float
    cmc: tuple[float, ...]
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
    """Search a gallery with every query and score what comes out.

    Args:
        query: (Q, D) vectors of L2 norm 1; two are as similar as their dot product.
        query_records: whose they are, Q people.
        gallery: (G, D), likewise. The same vectors may stand in the query.
        gallery_records: whose they are; distractors and junk may be among them.

    Returns:
        The scores.

    Raises:
        InputError: there is nothing to score: no query, or none whose person another camera has seen; or a vector is
            not finite.
        ValueError: the numbers of vectors and records differ, or a query is a distractor or junk.
    """
    _check(query, query_records, gallery, gallery_records)
    query_ids = _ids(query_records)
    gallery_ids = _ids(gallery_records)
    judged = gallery_ids[:, 0] != JUNK_ID
    gallery, gallery_ids = gallery[judged], gallery_ids[judged]
    at_once = max(1, _CELLS_AT_ONCE // max(1, len(gallery)))
    average_precisions, first_ranks = [], []
    for start in range(0, len(query), at_once):
        block = slice(start, start + at_once)
        scored = _score_block(query[block] @ gallery.T, query_ids[block], gallery_ids)
        average_precisions.append(scored[0])
        first_ranks.append(scored[1])
    ranks = np.concatenate(first_ranks)  # (queries with a match,)
    if not len(ranks):
        raise InputError(f"none of the {len(query)} queries has its person in another camera of the gallery")
    return RankingScores(
        mean_ap=float(np.concatenate(average_precisions).mean()),
        cmc=tuple(float(np.mean(ranks <= k)) for k in range(1, RANKS + 1)),
        queries=len(ranks),
        without_match=len(query) - len(ranks),
    )


def chance_map(query_records: Sequence[TrackletRecord], gallery_records: Sequence[TrackletRecord]) -> float:
    """Compute the mAP that a ranking at random has on average, exactly.

    With R right ones in random places among N, the one at rank i has on average (i - 1)(R - 1) / (N - 1) right ones
    before it. So with H_N = 1 + 1/2 + ... + 1/N

        E[AP] = (1/N) sum_i (1/i) (1 + (i - 1)(R - 1) / (N - 1)) = (1/N) (H_N + (R - 1) / (N - 1) (N - H_N))

    Args:
        query_records: people.
        gallery_records: as for `score_ranking`.

    Raises:
        InputError: no query has its person in another camera of the gallery.
    """
    people = Counter(record.person_id for record in gallery_records if record.person_id != JUNK_ID)
    visits = Counter((record.person_id, record.camera_id) for record in gallery_records)
    harmonic = np.cumsum(1 / np.arange(1, people.total() + 1))
    expected = []
    for record in query_records:
        own_camera = visits[record.person_id, record.camera_id]
        ranked, right = people.total() - own_camera, people[record.person_id] - own_camera
        if right:
            further = (right - 1) / max(1, ranked - 1) * (ranked - harmonic[ranked - 1])
            expected.append((harmonic[ranked - 1] + further) / ranked)
    if not expected:
        raise InputError(f"none of the {len(query_records)} queries has its person in another camera of the gallery")
    return float(np.mean(expected))


def _score_block(
    similarities: NDArray[np.float32], query_ids: NDArray[np.int64], gallery_ids: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Score some queries: (B, G) similarities give AP and the rank of the first right answer, of those with a match."""
    same_person = query_ids[:, None, 0] == gallery_ids[None, :, 0]  # (B, G)
    same_camera = query_ids[:, None, 1] == gallery_ids[None, :, 1]
    order = np.argsort(-similarities, axis=1, kind="stable")  # stable: equals keep the gallery's order
    ranked = np.take_along_axis(~(same_person & same_camera), order, axis=1)
    right = np.take_along_axis(same_person & ~same_camera, order, axis=1)
    has_match = right.any(axis=1)
    ranked, right = ranked[has_match], right[has_match]
    rank = np.cumsum(ranked, axis=1)
    precision = np.cumsum(right, axis=1) / np.maximum(rank, 1)
    average_precision = (precision * right).sum(axis=1) / right.sum(axis=1)
    beyond = rank.shape[1] + 1
    first = np.where(right, rank, beyond).min(axis=1, initial=beyond)
    return average_precision, first


def _ids(records: Sequence[TrackletRecord]) -> NDArray[np.int64]:
    """List persons and cameras: (N, 2)."""
    return np.array([(record.person_id, record.camera_id) for record in records], dtype=np.int64).reshape(-1, 2)


def _check(
    query: Vectors,
    query_records: Sequence[TrackletRecord],
    gallery: Vectors,
    gallery_records: Sequence[TrackletRecord],
) -> None:
    for what, vectors, records in (("query", query, query_records), ("gallery", gallery, gallery_records)):
        if vectors.ndim != 2 or len(vectors) != len(records):
            raise ValueError(f"{what}: {len(records)} records with vectors of shape {vectors.shape}")
        if not len(vectors):
            raise InputError(f"the {what} is empty: there is nothing to score")
        if not np.isfinite(vectors).all():
            row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
            raise InputError(f"{what}: vector {row} holds a value that is not finite")
    if query.shape[1] != gallery.shape[1]:
        raise ValueError(f"query vectors are {query.shape[1]} wide, those of the gallery {gallery.shape[1]}")
    if any(record.person_id < 1 for record in query_records):
        raise ValueError("query: distractors and junk are nobody to search for")
