"""Seconds to score a search of MARS's size, and memory to score one of 50,000 by 50,000.

    python benchmarks/ranking.py [--rounds 5] [--large] [--mars FOLDER]

Definition. 1,980 queries in a gallery of 11,310 vectors of 2,816 numbers, random, brought to norm 1; people and cameras
of MARS's own tables where `--mars` names the folder that holds them (`info/`), else drawn so that there are as many a
person. The similarities are given. Three ways to get CMC, AP and mINP of every query from them take turns within a
round:

  vreid            `find_ranks` and `score_queries`
  sorting each row numpy's stable argsort of each row of distances, then as the field's Python evaluators go on
  sorting, blocks  the same, a block of queries at a time in whole-array operations

Wanted: vreid's median at most 0.15 of that of sorting each row. `--large` instead scores 50,000 x 50,000 x 512 from
vectors, once, and prints seconds and the process's peak memory; wanted: at most 4 GB.

Results, two cores, nothing else running, 5 rounds, drawn people (random vectors: no ranking is harder to count):

  vreid              0.090 s (0.089 to 0.093)   0.062 of sorting each row
  sorting each row   1.445 s (1.437 to 1.461)
  sorting, blocks    1.422 s (1.417 to 1.449)

  50,000 x 50,000 x 512: 18.1 s, peak 1.24 GiB, 0.85 of it before
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reid.benchmark.speed import peak_memory_mib
from reid.data.catalogue import load_data_set
from reid.metrics import Search, find_ranks, mean_scores, rank_vectors, score_queries

QUERIES, GALLERY, WIDTH = 1980, 11_310, 2816
PEOPLE, CAMERAS, DISTRACTORS = 626, 6, 3248
AT_ONCE = 64


def made_up_search(queries: int, gallery: int, people: int, distractors: int, rng: np.random.Generator) -> Search:
    """Draw people and cameras."""
    gallery_people = np.concatenate(
        [np.zeros(distractors, np.int64), rng.integers(1, people + 1, gallery - distractors)]
    )
    rng.shuffle(gallery_people)
    return Search(
        query_people=rng.integers(1, people + 1, queries),
        query_cameras=rng.integers(1, CAMERAS + 1, queries),
        gallery_people=gallery_people,
        gallery_cameras=rng.integers(1, CAMERAS + 1, gallery),
        itself=np.full(queries, -1),
    )


def mars_search(root: Path) -> Search:
    """Read MARS's tables; junk is left away, as everybody does before scoring."""
    search = Search.of_data_set(load_data_set("mars", root).data_set)
    judged = search.gallery_people >= 0
    return Search(
        search.query_people,
        search.query_cameras,
        search.gallery_people[judged],
        search.gallery_cameras[judged],
        np.full(search.queries, -1),
    )


def vectors(count: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
    drawn = rng.standard_normal((count, width), dtype=np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def by_counting(search: Search, similarities: NDArray[np.float32]) -> tuple[float, float, float]:
    scores = mean_scores(score_queries(find_ranks(search, [similarities])), search)
    return scores.mean_ap, scores.rank(1), scores.mean_inp


def by_sorting_rows(search: Search, similarities: NDArray[np.float32]) -> tuple[float, float, float]:
    """Do as the field's Python evaluators do."""
    precisions, firsts, penalties = [], [], []
    for query, row in enumerate(similarities):
        order = np.argsort(-row, kind="stable")
        same = search.gallery_people[order] == search.query_people[query]
        kept = ~(same & (search.gallery_cameras[order] == search.query_cameras[query]))
        hits = same[kept].astype(np.int32)
        if not hits.any():
            continue
        found = hits.cumsum()
        precisions.append((found / (np.arange(len(hits)) + 1.0) * hits).sum() / hits.sum())
        places = np.flatnonzero(hits)
        firsts.append(places[0] == 0)
        penalties.append(found[places[-1]] / (places[-1] + 1.0))
    return float(np.mean(precisions)), float(np.mean(firsts)), float(np.mean(penalties))


def by_sorting_blocks(search: Search, similarities: NDArray[np.float32]) -> tuple[float, float, float]:
    """Sort many rows at a time."""
    precisions, firsts, penalties = [], [], []
    for start in range(0, search.queries, AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        order = np.argsort(-similarities[rows], axis=1, kind="stable")
        same = search.gallery_people[order] == search.query_people[rows, None]
        kept = ~(same & (search.gallery_cameras[order] == search.query_cameras[rows, None]))
        hits = same & kept
        some = hits.any(axis=1)
        hits, rank = hits[some], kept[some].cumsum(axis=1)
        found = hits.cumsum(axis=1)
        precisions.extend((found / np.maximum(rank, 1) * hits).sum(axis=1) / found[:, -1])
        last = hits.shape[1] - 1 - hits[:, ::-1].argmax(axis=1)
        firsts.extend(np.take_along_axis(rank, hits.argmax(axis=1)[:, None], 1)[:, 0] == 1)
        penalties.extend(found[:, -1] / np.take_along_axis(rank, last[:, None], 1)[:, 0])
    return float(np.mean(precisions)), float(np.mean(firsts)), float(np.mean(penalties))


WAYS: dict[str, Callable[[Search, NDArray[np.float32]], tuple[float, float, float]]] = {
    "vreid": by_counting,
    "sorting each row": by_sorting_rows,
    "sorting, blocks": by_sorting_blocks,
}


def compare(rounds: int, mars: Path | None) -> None:
    rng = np.random.default_rng(0)
    search = mars_search(mars) if mars else made_up_search(QUERIES, GALLERY, PEOPLE, DISTRACTORS, rng)
    similarities = vectors(search.queries, WIDTH, rng) @ vectors(search.gallery, WIDTH, rng).T
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        results = []
        for name, way in WAYS.items():
            started = time.perf_counter()
            results.append(way(search, similarities))
            seconds[name].append(time.perf_counter() - started)
        np.testing.assert_allclose(results, [results[0]] * len(results), atol=1e-9)
    reference = seconds["sorting each row"]
    print(f"{search.queries} x {search.gallery}, mAP {results[0][0]:.4f}")
    for name, taken in seconds.items():
        ratio = statistics.median(mine / other for mine, other in zip(taken, reference, strict=True))
        print(f"{name:18s} {statistics.median(taken):7.3f} s ({min(taken):.3f} to {max(taken):.3f})   {ratio:.3f}")


def score_large(most_bytes: int) -> None:
    rng = np.random.default_rng(0)
    search = made_up_search(50_000, 50_000, 5000, 5000, rng)
    query, gallery = vectors(50_000, 512, rng), vectors(50_000, 512, rng)
    before = peak_memory_mib() or 0
    started = time.perf_counter()
    scores = mean_scores(score_queries(rank_vectors(search, query, gallery, most_bytes=most_bytes)), search)
    seconds = time.perf_counter() - started
    peak = peak_memory_mib() or 0
    print(
        f"50,000 x 50,000 x 512: {seconds:.1f} s, peak {peak / 2**10:.2f} GiB ({before / 2**10:.2f} before); "
        f"mAP {scores.mean_ap:.5f} of {scores.queries} queries"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mars", type=Path)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--most-mib", type=int, default=256, help="that blocks of similarities may take")
    options = parser.parse_args()
    if options.large:
        score_large(options.most_mib * 2**20)
    else:
        compare(options.rounds, options.mars)


if __name__ == "__main__":
    main()
