"""Pictures of a search: how alike pairs are, CMC and ROC, who is found between which cameras, where people lie."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reid.benchmark.results import Row
from reid.benchmark.running import Scored
from reid.benchmark.settings import BenchmarkSettings
from reid.figures import BLUE, COLOURS, GREY, INK, RED, legend_beside, new_figure, save_figure, tidy
from reid.metrics import Search, rank_vectors, score_queries, similarity_blocks
from reid.metrics.pairs import PairSimilarities, pair_similarities

FALSE_MATCH_RATES = (0.1, 0.01, 0.001)
_LOW = 0.12  # of true matches
_BARS = 80
_DARK = 60  # from so many percent on a cell is dark
_PEOPLE_SHOWN = 12
_FEWEST, _ALIKE = 5, 1e-4  # vectors in a map of people, and what they have to differ by
_MARKS = "os^vDP*X<>ph"

_LOG = logging.getLogger(__name__)


def draw_cmc(rows: Sequence[Row], path: Path) -> None:
    """Draw the CMC curves of some rows of one protocol."""
    figure = new_figure(1300, 620)
    if figure is None:
        return
    axes = figure.subplots()
    for number, row in enumerate(rows):
        mean = 100 * np.mean([each.cmc for each in row.scores], axis=0)  # (RANKS,)
        name = f"{row.contestant.name}: {row.variant}, {row.ranking} (mAP {100 * row.means()['map']:.1f} %)"
        style = ("-", "--", ":", "-.")[number // len(COLOURS) % 4]
        axes.plot(range(1, len(mean) + 1), mean, style, color=COLOURS[number % len(COLOURS)], linewidth=2, label=name)
    tidy(axes, title=f"Found by rank: {rows[0].label}", x="rank", y="% of queries with a right answer by then")
    axes.set_xlim(1, 50)
    axes.set_ylim(0, 100)
    legend_beside(axes)
    save_figure(figure, path)


def measure_pairs(scored: Scored, most_bytes: int, device: str) -> PairSimilarities:
    """Compare all pairs of a search by cosine."""
    blocks = similarity_blocks(scored.query, scored.gallery, most_bytes=most_bytes, device=device)
    return pair_similarities(scored.search, blocks)


def draw_pairs(pairs: PairSimilarities, title: str, path: Path) -> None:
    """Draw how alike pairs are, and beside it which share of right ones is found at which share of wrong ones.

    Where there are no wrong pairs nothing is drawn.
    """
    figure = new_figure(1400, 620)
    if figure is None or not pairs.different.any():
        return
    left, right = figure.subplots(1, 2)
    middles = (pairs.edges[:-1] + pairs.edges[1:]) / 2
    there = np.flatnonzero(pairs.different)
    least, most = min(middles[there[0]], pairs.same[0]), max(middles[there[-1]], pairs.same[-1])
    bars = np.linspace(least, most + 1e-6, _BARS + 1)
    kinds: tuple[tuple[str, Any, Any, str], ...] = (
        (f"different people ({pairs.different.sum():,} pairs)", middles, pairs.different, RED),
        (f"one person ({len(pairs.same):,} pairs)", pairs.same, None, BLUE),
    )
    for label, values, weights, colour in kinds:
        left.hist(values, bins=bars, weights=weights, density=True, color=colour, alpha=0.4, label=label)
        left.hist(values, bins=bars, weights=weights, density=True, color=colour, histtype="step", linewidth=1.6)
    tidy(left, title=f"How alike pairs are: {title}", x="cosine similarity", y="density")
    left.set_ylim(0, 1.2 * left.get_ylim()[1])  # room for the legend
    left.legend(frameon=False, fontsize=9, loc="upper left", ncols=2)
    rates = np.geomspace(1 / max(1, pairs.different.sum()), 1, 200)
    right.plot(rates, [100 * pairs.true_match_rate(rate)[0] for rate in rates], color=BLUE, linewidth=2)
    for number, rate in enumerate(FALSE_MATCH_RATES):
        found, threshold = pairs.true_match_rate(rate)
        right.plot([rate], [100 * found], "o", color=INK)
        low = found < _LOW  # where a label below would cover the axis, and one beside it the next one
        right.annotate(
            f"{100 * found:.1f} % at {100 * rate:g} %\n(from {threshold:.3f})",
            (rate, 100 * found),
            xytext=(-6, 8 + 26 * number) if low else (6, -22),
            ha="right" if low else "left",
            textcoords="offset points",
            fontsize=8,
            color=INK,
        )
    right.set_xscale("log")
    right.set_ylim(0, 103)
    tidy(right, title="Right pairs found at a share of wrong ones (ROC)", x="false match rate", y="true matches, %")
    save_figure(figure, path)


def camera_pairs(
    scored: Scored, settings: BenchmarkSettings
) -> tuple[list[int], NDArray[np.float64], NDArray[np.int64]]:
    """Score queries of each camera against each other camera alone.

    Returns:
        The C cameras; (C, C) mAP of queries of the row's camera when only the column's is searched, NaN where there
        are none; (C, C) how many queries that is.
    """
    search = scored.search
    cameras = sorted({*search.query_cameras.tolist(), *search.gallery_cameras.tolist()})
    found = np.full((len(cameras), len(cameras)), np.nan)
    counts = np.zeros((len(cameras), len(cameras)), dtype=np.int64)
    for column, camera in enumerate(cameras):
        there = np.flatnonzero(search.gallery_cameras == camera)
        for line, own in enumerate(cameras):
            asking = np.flatnonzero(search.query_cameras == own)
            if not len(there) or not len(asking) or (own == camera and not search.same_camera):
                continue
            scores = _score_part(scored, asking, there, settings)
            counts[line, column] = len(scores)
            if len(scores):
                found[line, column] = scores.mean()
    return cameras, found, counts


def _score_part(
    scored: Scored, asking: NDArray[np.int64], there: NDArray[np.int64], settings: BenchmarkSettings
) -> NDArray[np.float64]:
    """Score some queries in a part of the gallery: AP of those that have a right answer there."""
    search = scored.search
    place = np.full(search.gallery, -1)
    place[there] = np.arange(len(there))
    itself = search.itself[asking]
    part = Search(
        search.query_people[asking],
        search.query_cameras[asking],
        search.gallery_people[there],
        search.gallery_cameras[there],
        np.where(itself >= 0, place[itself], -1),
        search.same_camera,
    )
    ranks = rank_vectors(
        part,
        scored.query[asking],
        scored.gallery[there],
        distance=settings.distance,
        most_bytes=settings.most_bytes,
        device=settings.device,
    )
    return score_queries(ranks, settings.average_precision).average_precision


def draw_camera_pairs(cameras: Sequence[int], found: NDArray[np.float64], title: str, path: Path) -> None:
    """Draw the table of camera pairs."""
    size = 260 + 70 * len(cameras)
    figure = new_figure(max(700, size + 120), max(480, size))
    if figure is None:
        return
    axes = figure.subplots()
    axes.imshow(100 * found, cmap="Blues", vmin=0, vmax=100)
    for line, column in np.argwhere(np.isfinite(found)).tolist():
        value = 100 * found[line, column]
        colour = "white" if value > _DARK else INK
        axes.text(column, line, f"{value:.1f}", ha="center", va="center", color=colour, fontsize=9)
    names = [str(camera) for camera in cameras]
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    tidy(axes, title=f"mAP in % between cameras: {title}", x="camera that is searched", y="camera of the query")
    axes.grid(False)
    save_figure(figure, path)


def draw_people(scored: Scored, title: str, path: Path) -> None:
    """Draw the vectors of the people with most tracklets in a plane (t-SNE), a colour and mark each."""
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        _LOG.warning("scikit-learn is not installed: no map of people is drawn (pip install scikit-learn)")
        return
    figure = new_figure(1100, 800)
    people, counts = np.unique(scored.search.gallery_people, return_counts=True)
    known = people >= 1
    chosen = people[known][np.argsort(-counts[known], kind="stable")][:_PEOPLE_SHOWN]
    rows = np.flatnonzero(np.isin(scored.search.gallery_people, chosen))
    if figure is None or len(rows) < _FEWEST or np.ptp(scored.gallery[rows], axis=0).max() < _ALIKE:
        return
    # Exact, since there are few; the approximate way takes a tree that does not bear vectors that are equal.
    tsne = TSNE(perplexity=min(15, (len(rows) - 1) / 3), method="exact", init="random", random_state=0, metric="cosine")
    placed = tsne.fit_transform(scored.gallery[rows])
    axes = figure.subplots()
    for number, person in enumerate(chosen.tolist()):
        of_person = scored.search.gallery_people[rows] == person
        colour, mark = COLOURS[number % len(COLOURS)], _MARKS[number % len(_MARKS)]
        axes.scatter(
            placed[of_person, 0],
            placed[of_person, 1],
            s=42,
            color=colour,
            marker=mark,
            label=f"person {person}",
            alpha=0.85,
        )
    for spot, camera in zip(placed, scored.search.gallery_cameras[rows].tolist(), strict=True):
        axes.annotate(str(camera), spot, fontsize=6, color=GREY, xytext=(4, 3), textcoords="offset points")
    tidy(axes, title=f"{len(chosen)} people, with their cameras' numbers (t-SNE): {title}", x="", y="")
    axes.set_xticks([])
    axes.set_yticks([])
    legend_beside(axes)
    save_figure(figure, path)
