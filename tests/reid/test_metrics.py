"""Scores of rankings: by hand, against a literal loop, and where there is little to score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from reid.data.records import DISTRACTOR_ID, JUNK_ID, TrackletRecord
from reid.errors import InputError
from reid.metrics import MOST_BYTES, RANKS, Vectors, chance_map, score_ranking, similarities


def seen(*people_and_cameras: tuple[int, int]) -> list[TrackletRecord]:
    return [TrackletRecord(person, camera, ("a picture",)) for person, camera in people_and_cameras]


def in_a_line(*similarities: float) -> Vectors:
    """Make vectors whose dot product with (1, 0) is as given."""
    return np.array([(each, np.sqrt(1 - each**2)) for each in similarities], dtype=np.float32)


QUERY = in_a_line(1)


def random_set(seed: int) -> tuple[Vectors, list[TrackletRecord], list[int]]:
    """Make tracklets with junk, distractors and people of one camera, some of them alike; and which are queries."""
    rng = np.random.default_rng(seed)
    people = rng.integers(JUNK_ID, 12, 150)
    cameras = np.where(people % 5 == 1, 2, rng.integers(1, 5, 150))
    centres = rng.normal(size=(14, 8))
    vectors = (centres[people + 1] + rng.normal(size=(150, 8))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = [row for row in rng.permutation(150).tolist() if people[row] >= 1][:40]
    return vectors, seen(*zip(people.tolist(), cameras.tolist(), strict=True)), queries


def literal_scores(
    query: Vectors, query_records: Sequence[TrackletRecord], gallery: Vectors, gallery_records: Sequence[TrackletRecord]
) -> tuple[float, list[float], int]:
    """Score one query after the other, as the field's Python evaluators do."""
    average_precisions, curves = [], []
    for vector, record in zip(query, query_records, strict=True):
        order = sorted(range(len(gallery)), key=lambda row: -float(vector @ gallery[row]))
        kept = [
            gallery_records[row]
            for row in order
            if gallery_records[row].person_id != JUNK_ID
            and (gallery_records[row].person_id, gallery_records[row].camera_id) != (record.person_id, record.camera_id)
        ]
        hits = [other.person_id == record.person_id for other in kept]
        if not any(hits):
            continue
        precisions = [sum(hits[: rank + 1]) / (rank + 1) for rank, hit in enumerate(hits) if hit]
        average_precisions.append(sum(precisions) / len(precisions))
        curves.append([any(hits[:k]) for k in range(1, RANKS + 1)])
    return float(np.mean(average_precisions)), np.mean(curves, axis=0).tolist(), len(curves)


def test_one_query_by_hand() -> None:
    gallery = in_a_line(0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
    # Left out: itself in its own camera (0.9) and junk (0.7). Ranked: distractor, right, somebody else, right.
    records = seen((1, 1), (DISTRACTOR_ID, 2), (JUNK_ID, 2), (1, 2), (2, 2), (1, 3))
    scores = score_ranking(QUERY, seen((1, 1)), gallery, records)
    assert scores.mean_ap == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert scores.cmc == (0.0,) + (1.0,) * (RANKS - 1)
    assert (scores.queries, scores.without_match) == (1, 0)
    assert (scores.rank(1), scores.rank(2)) == (0.0, 1.0)


def test_what_is_alike_keeps_the_gallerys_order() -> None:
    gallery = in_a_line(*[0.4, 0.5] * 30)
    for right in range(60):
        records = seen(*((1, 2) if row == right else (2, 2) for row in range(60)))
        rank = 1 + right // 2 + (0 if right % 2 else 30)
        assert score_ranking(QUERY, seen((1, 1)), gallery, records).mean_ap == pytest.approx(1 / rank)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("queries_in_gallery", [True, False])
def test_scores_are_those_of_a_literal_loop(
    seed: int, queries_in_gallery: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, records, queries = random_set(seed)
    gallery = [row for row in range(len(records)) if queries_in_gallery or row not in queries]
    given = (vectors[queries], [records[row] for row in queries], vectors[gallery], [records[row] for row in gallery])
    mean_ap, cmc, scored = literal_scores(*given)
    assert 0 < scored < len(queries)  # people of one camera are among them
    monkeypatch.setattr(similarities, "_BYTES_A_CELL", MOST_BYTES // (7 * len(gallery)))  # blocks of 7, and a rest of 5
    scores = score_ranking(*given)
    assert scores.mean_ap == pytest.approx(mean_ap, abs=1e-6)
    np.testing.assert_allclose(scores.cmc, cmc, atol=1e-6)
    assert (scores.queries, scores.without_match) == (scored, len(queries) - scored)
    assert 0.2 < mean_ap < 0.95  # neither everything nor nothing is right


def test_a_query_without_a_match_is_counted_and_not_scored() -> None:
    gallery, records = in_a_line(0.9, 0.8), seen((1, 2), (2, 1))
    scores = score_ranking(in_a_line(1, 1, 1), seen((1, 1), (2, 1), (7, 1)), gallery, records)
    assert (scores.mean_ap, scores.queries, scores.without_match) == (1, 1, 2)


def test_a_gallery_shorter_than_the_ranks_is_found_whole() -> None:
    assert score_ranking(QUERY, seen((1, 1)), in_a_line(0.1), seen((1, 2))).cmc == (1.0,) * RANKS


@pytest.mark.parametrize(
    ("query", "gallery", "message"),
    [
        ([], [(1, 2)], "the query is empty"),
        ([(1, 1)], [], "the gallery is empty"),
        ([(1, 1)], [(1, 1)], "none of the 1 queries"),
        ([(1, 1)], [(JUNK_ID, 2)], "none of the 1 queries"),
        ([(1, 1), (2, 1)], [(DISTRACTOR_ID, 2)], "none of the 2 queries"),
    ],
)
def test_nothing_to_score_is_refused(
    query: list[tuple[int, int]], gallery: list[tuple[int, int]], message: str
) -> None:
    vectors = [in_a_line(*[0.5] * len(each)).reshape(-1, 2) for each in (query, gallery)]
    with pytest.raises(InputError, match=message):
        score_ranking(vectors[0], seen(*query), vectors[1], seen(*gallery))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_vectors_that_are_not_finite_are_refused(value: float) -> None:
    broken = in_a_line(0.9, 0.8)
    broken[1, 0] = value
    with pytest.raises(InputError, match="gallery: vector 1"):
        score_ranking(QUERY, seen((1, 1)), broken, seen((1, 2), (2, 2)))
    with pytest.raises(InputError, match="query: vector 1"):
        score_ranking(broken, seen((1, 1), (2, 2)), QUERY, seen((1, 2)))


def test_vectors_that_are_not_the_records_are_refused() -> None:
    with pytest.raises(ValueError, match="gallery: 1 records with vectors of shape"):
        score_ranking(QUERY, seen((1, 1)), in_a_line(0.1, 0.2), seen((1, 2)))
    with pytest.raises(ValueError, match="2 wide, those of the gallery 3"):
        score_ranking(QUERY, seen((1, 1)), np.ones((1, 3), np.float32), seen((1, 2)))
    with pytest.raises(ValueError, match="nobody to search for"):
        score_ranking(QUERY, seen((DISTRACTOR_ID, 1)), QUERY, seen((1, 2)))


def test_chance_by_hand() -> None:
    # Two right of three: first and second (AP 1), first and third (5/6), second and third (7/12).
    gallery = seen((1, 2), (1, 3), (2, 2), (1, 1), (JUNK_ID, 1))
    assert chance_map(seen((1, 1)), gallery) == pytest.approx((1 + 5 / 6 + 7 / 12) / 3)
    assert chance_map(seen((1, 1)), seen((1, 2))) == 1
    with pytest.raises(InputError, match="none of the 1 queries"):
        chance_map(seen((1, 1)), seen((1, 1), (2, 2)))


def test_chance_is_the_mean_of_random_rankings() -> None:
    _, records, queries = random_set(3)
    query_records = [records[row] for row in queries]
    rng = np.random.default_rng(0)
    tried = []
    for _ in range(200):
        vectors = rng.normal(size=(len(records), 16)).astype(np.float32)
        searching = rng.normal(size=(len(queries), 16)).astype(np.float32)
        tried.append(score_ranking(searching, query_records, vectors, records).mean_ap)
    spread = np.std(tried) / np.sqrt(len(tried))
    assert chance_map(query_records, records) == pytest.approx(np.mean(tried), abs=4 * spread)
    assert spread < 0.002
