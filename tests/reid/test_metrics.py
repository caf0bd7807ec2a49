"""Scores of rankings: by hand, against a literal loop, and where there is little to score."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from reid.data.mars_layout import read_query, read_tracks
from reid.data.records import DISTRACTOR_ID, JUNK_ID, TrackletRecord
from reid.errors import InputError
from reid.metrics import (
    RANKS,
    Distance,
    RankingScores,
    Ranks,
    Search,
    Vectors,
    chance_map,
    find_ranks,
    mean_scores,
    pair_similarities,
    rank_vectors,
    ranks,
    score_queries,
    score_ranking,
    similarities,
    similarity_blocks,
)


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


class Literal(NamedTuple):
    """What the field's evaluators make of a matrix of distances."""

    cmc: np.ndarray
    ap: list[float]
    ap_trapezoid: list[float]
    inp: list[float]


def literal_scores(
    distances: np.ndarray, query_records: Sequence[TrackletRecord], gallery_records: Sequence[TrackletRecord]
) -> Literal:
    """Evaluate as torchreid and fast-reid do in Python, and AP also as MARS's MATLAB code does; sorts are stable.

    Junk is taken out of the gallery before, as readers of MARS do.
    """
    kept = [row for row, record in enumerate(gallery_records) if record.person_id != JUNK_ID]
    distances = distances[:, kept]
    people = np.array([gallery_records[row].person_id for row in kept])
    cameras = np.array([gallery_records[row].camera_id for row in kept])
    curves, precisions, trapezoids, penalties = [], [], [], []
    for row, record in zip(distances, query_records, strict=True):
        order = np.argsort(row, kind="stable")
        remove = (people[order] == record.person_id) & (cameras[order] == record.camera_id)
        raw_cmc = (people[order] == record.person_id)[~remove].astype(np.int32)
        if not raw_cmc.any():
            continue
        found = raw_cmc.cumsum()
        penalties.append(found[np.flatnonzero(raw_cmc)[-1]] / (np.flatnonzero(raw_cmc)[-1] + 1.0))
        cmc = np.minimum(found, 1)[:RANKS]
        curves.append(np.concatenate([cmc, np.ones(RANKS - len(cmc))]))
        at_hits = np.asarray([count / (place + 1.0) for place, count in enumerate(found)]) * raw_cmc
        precisions.append(at_hits.sum() / raw_cmc.sum())
        ap, good, old_recall, old_precision = 0.0, 0, 0.0, 1.0
        for place, hit in enumerate(raw_cmc):
            good += int(hit)
            recall, precision = good / raw_cmc.sum(), good / (place + 1)
            ap += (recall - old_recall) * (old_precision + precision) / 2
            old_recall, old_precision = recall, precision
        trapezoids.append(ap)
    return Literal(np.mean(curves, axis=0), precisions, trapezoids, penalties)


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
def test_scores_are_those_of_the_fields_evaluators(
    seed: int, queries_in_gallery: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, records, queries = random_set(seed)
    gallery = [row for row in range(len(records)) if queries_in_gallery or row not in queries]
    given = (vectors[queries], [records[row] for row in queries], vectors[gallery], [records[row] for row in gallery])
    literal = literal_scores(-(vectors[queries] @ vectors[gallery].T), given[1], given[3])
    assert 0 < len(literal.ap) < len(queries)  # people of one camera are among them
    monkeypatch.setattr(similarities, "rows_at_once", lambda *_: 7)
    scores = score_ranking(*given)
    assert scores.mean_ap == pytest.approx(np.mean(literal.ap), abs=1e-6)
    assert scores.mean_inp == pytest.approx(np.mean(literal.inp), abs=1e-6)
    np.testing.assert_allclose(scores.cmc, literal.cmc, atol=1e-6)
    assert (scores.queries, scores.without_match) == (len(literal.ap), len(queries) - len(literal.ap))
    assert 0.2 < scores.mean_ap < 0.95  # neither everything nor nothing is right


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("many", [1, 3, 10**9])
def test_every_query_scores_the_same_where_many_are_alike(
    seed: int, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Similarities of few values, so that ties decide; counted, sorted, and some of either."""
    monkeypatch.setattr(ranks, "_MANY", many)
    _, records, queries = random_set(seed)
    drawn = np.random.default_rng(seed).integers(0, 6, (len(queries), len(records))).astype(np.float32)
    search = Search.of_records([records[row] for row in queries], records)
    literal = literal_scores(-drawn, [records[row] for row in queries], records)
    found = find_ranks(search, [drawn[:11], drawn[11:]])
    scores = score_queries(found)
    np.testing.assert_allclose(scores.average_precision, literal.ap, atol=1e-12)
    np.testing.assert_allclose(scores.inverse_negative_penalty, literal.inp, atol=1e-12)
    np.testing.assert_allclose(score_queries(found, "trapezoid").average_precision, literal.ap_trapezoid, atol=1e-12)
    np.testing.assert_allclose(mean_scores(scores, search).cmc, literal.cmc, atol=1e-12)
    assert set(scores.queries.tolist()).isdisjoint(search.unmatched.tolist())
    assert len(scores.queries) + len(search.unmatched) == len(queries)
    assert (scores.right_answers == [len(search.right(query)) for query in scores.queries]).all()


def test_both_forms_of_average_precision_by_hand() -> None:
    """Right at ranks 1, 3 and 6."""
    given = Ranks(np.array([1, 3, 6]), np.array([0, 0, 3]))
    (hits,), (trapezoid,) = (score_queries(given, form).average_precision for form in ("hits", "trapezoid"))
    assert hits == pytest.approx((1 + 2 / 3 + 3 / 6) / 3)
    assert trapezoid == pytest.approx(((1 + 1) / 2 + (1 / 2 + 2 / 3) / 2 + (2 / 5 + 3 / 6) / 2) / 3)


def test_who_is_found_by_another_query_alone() -> None:
    """The only other camera's tracklet of person 1 is itself a query: there with queries in the gallery, else lost."""
    test = seen((1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (JUNK_ID, 1))
    vectors = in_a_line(1.0, 0.9, 0.2, 0.1, 0.0, 0.95)
    queries = [0, 1, 2]
    everything, others = [0, 1, 2, 3, 4, 5], [3, 4, 5]

    def score(gallery: list[int]) -> RankingScores:
        return score_ranking(
            vectors[queries], [test[row] for row in queries], vectors[gallery], [test[row] for row in gallery]
        )

    # Queries 0 and 1 find each other first. Query 2 (0.2) finds 0.1 and 0.0 first, since vectors turn one way.
    assert (score(everything).queries, score(everything).without_match, score(everything).mean_ap) == (3, 0, 1.0)
    assert (score(others).queries, score(others).without_match, score(others).mean_ap) == (1, 2, 1.0)


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_distances_are_those_of_plain_formulas(distance: Distance) -> None:
    rng = np.random.default_rng(0)
    query, gallery = rng.normal(size=(90, 5)), rng.normal(size=(29, 5))
    blocks = similarity_blocks(
        query.astype(np.float32), gallery.astype(np.float32), distance=distance, most_bytes=8 * 29 * 4
    )
    blocks = list(blocks)
    assert [len(block) for block in blocks] == [30, 30, 30]
    lengths = np.linalg.norm(query, axis=1)[:, None] * np.linalg.norm(gallery, axis=1)
    squared = ((query[:, None] - gallery) ** 2).sum(axis=2)
    wanted = query @ gallery.T / lengths if distance == "cosine" else -squared
    np.testing.assert_allclose(np.concatenate(blocks), wanted, atol=1e-5)


def test_the_same_camera_counts_only_where_it_is_asked_for() -> None:
    """In a set of one camera nobody is found across cameras; with the switch the query itself is still left out."""
    records, vectors = seen((1, 1), (1, 1), (2, 1)), in_a_line(1.0, 0.5, 0.9)
    with pytest.raises(InputError, match="none of the 2 queries has its person in another camera of the gallery"):
        Search.of_records(records[:2], records).check()
    search = Search.of_records(records[:2], records, itself=[0, 1], same_camera=True)
    search.check()
    assert search.left_out(0).tolist() == [0]
    # Query 0: 0.9 is somebody else's, then 0.5 is right. Query 1: 0.9 again, then 1.0.
    assert mean_scores(score_queries(rank_vectors(search, vectors[:2], vectors)), search).mean_ap == 0.5


def test_what_does_not_belong_together_is_refused() -> None:
    search = Search.of_records(seen((1, 1)), seen((1, 2), (2, 2)))
    with pytest.raises(ValueError, match="similarities of 0 queries, expected 1"):
        find_ranks(search, [])
    for shape in ((1, 3), (2, 2)):
        with pytest.raises(ValueError, match="similarities of shape"):
            find_ranks(search, [np.zeros(shape, np.float32)])
    with pytest.raises(InputError, match="query 0: a similarity is not a number"):
        find_ranks(search, [np.array([[0, np.nan]], np.float32)])


class TestMars:
    """The real tables, with random vectors."""

    @pytest.mark.parametrize(("with_queries", "scored"), [(True, 1980), (False, 1840)])
    def test_queries_that_can_be_scored(self, shared_data: Path, with_queries: bool, scored: int) -> None:
        table = read_tracks(shared_data / "mars-info", "test")
        rows = list(read_query(shared_data / "mars-info"))
        excluded = set(rows)
        records = seen(*((person, camera) for _, _, person, camera in table.tolist()))
        gallery = [row for row in range(len(records)) if with_queries or row not in excluded]
        search = Search.of_records([records[row] for row in rows], [records[row] for row in gallery])
        assert (search.queries, (search.gallery_people != JUNK_ID).sum()) == (1980, 11_310 if with_queries else 9_330)
        vectors = np.random.default_rng(0).normal(size=(len(records), 8)).astype(np.float32)
        scores = mean_scores(score_queries(rank_vectors(search, vectors[rows], vectors[gallery])), search)
        assert (scores.queries, scores.without_match, len(search.unmatched)) == (scored, 1980 - scored, 1980 - scored)
        assert scores.mean_ap < 0.01


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


def test_pairs_are_counted_as_by_a_literal_loop() -> None:
    vectors, records, queries = random_set(4)
    search = Search.of_records([records[row] for row in queries], records)
    pairs = pair_similarities(search, similarity_blocks(vectors[queries], vectors, most_bytes=8 * len(records) * 6))
    same, different = [], []
    for row in queries:
        for other, record in enumerate(records):
            own = record.person_id == records[row].person_id
            if record.person_id == JUNK_ID or (own and record.camera_id == records[row].camera_id):
                continue
            (same if own else different).append(float(vectors[row] @ vectors[other]))
    np.testing.assert_allclose(pairs.same, np.sort(same), atol=1e-6)
    assert pairs.different.sum() == len(different)
    for rate in (1.0, 0.1, 0.01):
        found, threshold = pairs.true_match_rate(rate)
        assert np.mean(np.array(different) >= threshold) <= rate
        assert np.mean(np.array(different) >= threshold - 2e-4) >= rate - 2 / len(different)
        assert found == pytest.approx(np.mean(np.array(same) >= threshold), abs=1e-6)
    assert pairs.true_match_rate(1.0)[0] == 1.0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_ranks_as_the_processor() -> None:
    vectors, records, queries = random_set(0)
    search = Search.of_records([records[row] for row in queries], records, itself=queries)
    on_cpu, on_gpu = (
        find_ranks(search, similarity_blocks(vectors[queries], vectors, device=device)) for device in ("cpu", "cuda")
    )
    assert mean_scores(score_queries(on_gpu), search) == mean_scores(score_queries(on_cpu), search)
