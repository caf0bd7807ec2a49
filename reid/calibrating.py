"""The curve of false matches, measured on people whom a model has not seen.

Compared is every tracklet with every other person of its place, as somebody who is looked for among people who are
known from a few tracklets each: by the mean similarity to the first `_TRACKLETS` of the person's. That says how often a
threshold is passed wrongly. The same with the person's own tracklets in other cameras says how often it is passed
rightly. Different people are compared within a camera too: `vreid run` compares them there, and those who share a
camera's light are the easiest to take for another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reid.calibration import Calibration
from reid.data.records import TrackletRecord
from reid.embedder import Vectors
from reid.errors import InputError
from reid.figures import BLUE, GREY, INK, RED, legend_beside, new_figure, save_figure, tidy

_POINTS = 200  # of a curve at most
_CELLS = 20_000  # between the least and the most alike pair of different people
_ROWS_AT_ONCE = 256
_TRACKLETS = 3  # by which a person is known: the mean over more is smoother than a run's people are
_PAIR_RATES = (1e-1, 1e-2, 1e-3, 1e-4)
_GALLERIES = (10, 100, 1000)
_GALLERY_RATE = 1e-2  # what `vreid run` asks for unless told otherwise
_BARS = 60

if TYPE_CHECKING:
    from reid.figures import Axes


class Rate(NamedTuple):
    """What one threshold leads to.

    Attributes:
        far: wanted chance that an absent person is linked to anyone in the gallery.
        gallery_size: people in the gallery.
        threshold: the cosine similarity that is set for it.
        measured: False where it is rarer than anything that was measured, as in `reid.calibration.MatchThreshold`.
        true_match_rate: share of the comparisons with the same person in other cameras at or above the threshold.
    """

    far: float
    gallery_size: int
    threshold: float
    measured: bool
    true_match_rate: float


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        calibration: the curve, for a checkpoint.
        rates: with one person, then for galleries of several sizes.
        same: (P,) float32, ascending: similarities of tracklets to their own person in other cameras.
        different_counts: how many similarities to other people there are from each of `different_edges` to the next.
        different_edges: cosine similarities, ascending, one more than counts.
    """

    calibration: Calibration
    rates: tuple[Rate, ...]
    same: NDArray[np.float32]
    different_counts: NDArray[np.int64]
    different_edges: NDArray[np.float64]


def measure_calibration(
    places: Sequence[tuple[Vectors, Sequence[TrackletRecord]]], *, crop_selection: str, policy: str, variant: str
) -> Measured:
    """Measure the curve of false matches.

    Every point of the curve is exact: so many of all comparisons are at or above that similarity. The points lie
    closest where matches are rare, and the last is the most alike of all. Memory grows with the tracklets and the
    people, not with the comparisons.

    Args:
        places: of each the vectors (N, D) of L2 norm 1, and whose they are; distractors and junk are left out. People
            of different places are never compared, and are different people whatever their numbers.
        crop_selection: how the crops of the tracklets were chosen.
        policy: the clip policy that they were embedded with, as in `reid.clips`.
        variant: the feature variant that the vectors are of.

    Returns:
        The curve with what it means.

    Raises:
        InputError: no place has two people, or nobody is seen by two cameras.
        ValueError: the numbers of vectors and records differ.
    """
    known = [_known(vectors, records) for vectors, records in places]
    same = np.sort(np.concatenate([*(_same(*place) for place in known), np.zeros(0)]).astype(np.float32))
    if not len(same) or all(len(np.unique(people)) < 2 for _, people, _ in known):
        raise InputError("a match threshold takes two people, and one of them in two cameras")
    counts, edges, at_most_alike = _different([(vectors, people) for vectors, people, _ in known])
    at_or_above = np.append(np.cumsum(counts[::-1])[::-1], at_most_alike)  # as long as edges
    points = _points(edges, at_or_above)
    calibration = Calibration(
        similarities=tuple(edges[points].tolist()),
        false_match_rates=tuple((at_or_above[points] / counts.sum()).tolist()),
        crop_selection=crop_selection,
        policy=policy,
        variant=variant,
        pairs=int(counts.sum()),
    )
    wanted = [(far, 1) for far in _PAIR_RATES] + [(_GALLERY_RATE, size) for size in _GALLERIES]
    rates = tuple(_rate(calibration, same, far, size) for far, size in wanted)
    return Measured(calibration, rates, same, counts, edges)


def draw_calibration(measured: Measured, path: Path, *, title: str) -> None:
    """Draw how alike the same and different people are, and where thresholds come to lie.

    Args:
        measured: what was measured.
        path: of the PNG file; replaced if it stands there.
        title: what it was measured on, and of which checkpoint.

    Raises:
        OutputError: it cannot be written.
    """
    figure = new_figure(1300, 900)
    if figure is None:
        return
    figure.suptitle(title, fontsize=13, color=INK, x=0.01, ha="left")
    above, below = figure.subplots(2, 1, sharex=True)
    _draw_similarities(above, measured)
    _draw_rates(below, measured)
    save_figure(figure, path)


def _known(
    vectors: Vectors, records: Sequence[TrackletRecord]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Give the vectors of people, in double precision, whose they are, and the cameras."""
    if len(vectors) != len(records):
        raise ValueError(f"{len(records)} records with {len(vectors)} vectors")
    people = np.array([record.person_id for record in records], dtype=np.int64)
    cameras = np.array([record.camera_id for record in records], dtype=np.int64)
    is_known = people >= 1
    return vectors[is_known].astype(np.float64), people[is_known], cameras[is_known]


def _same(vectors: NDArray[np.float64], people: NDArray[np.int64], cameras: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compare each tracklet with its own person in other cameras."""
    found = []
    for person in np.unique(people):
        rows = np.flatnonzero(people == person)
        for row in rows:
            others = rows[cameras[rows] != cameras[row]][:_TRACKLETS]
            if len(others):
                found.append(float(vectors[others].mean(axis=0) @ vectors[row]))
    similarities: NDArray[np.float64] = np.clip(np.array(found), -1, 1)
    return similarities


def _different(
    places: Sequence[tuple[NDArray[np.float64], NDArray[np.int64]]],
) -> tuple[NDArray[np.int64], NDArray[np.float64], int]:
    """Count the similarities to other people in even cells between the least and the greatest.

    Returns:
        The counts, the cells' edges, and how many have the greatest similarity of all.
    """
    extremes = [(block.min(), block.max()) for block in _blocks(places)]
    least, most = float(min(low for low, _ in extremes)), float(max(high for _, high in extremes))
    if least == most:
        number = sum(len(block) for block in _blocks(places))
        return np.array([number]), np.array([least, most]), number
    counts = np.zeros(_CELLS, dtype=np.int64)
    edges = np.linspace(least, most, _CELLS + 1)
    at_most_alike = 0
    for block in _blocks(places):
        counts += np.histogram(block, bins=_CELLS, range=(least, most))[0]
        at_most_alike += int((block == most).sum())
    return counts, edges, at_most_alike


def _blocks(places: Sequence[tuple[NDArray[np.float64], NDArray[np.int64]]]) -> Iterator[NDArray[np.float64]]:
    """Compare tracklets with the other people of their place, some tracklets at a time."""
    for vectors, people in places:
        everyone = np.unique(people)
        if len(everyone) < 2:
            continue
        means = np.stack([vectors[people == person][:_TRACKLETS].mean(axis=0) for person in everyone])
        for start in range(0, len(vectors), _ROWS_AT_ONCE):
            block = slice(start, start + _ROWS_AT_ONCE)
            yield np.clip((vectors[block] @ means.T)[people[block, None] != everyone], -1, 1)


def _points(edges: NDArray[np.float64], at_or_above: NDArray[np.int64]) -> NDArray[np.int64]:
    """Choose edges whose numbers of comparisons are evenly spread on a logarithmic scale, the last edge among them."""
    wanted = np.geomspace(at_or_above[0], at_or_above[-1], _POINTS - 1)
    first_below = np.searchsorted(-at_or_above, -wanted)  # numbers never rise
    points = np.unique(np.append(first_below, len(edges) - 1).clip(max=len(edges) - 1))  # `wanted` is rounded
    apart: NDArray[np.int64] = points[np.append(np.diff(edges[points]) > 0, True)]
    return apart


def _rate(calibration: Calibration, same: NDArray[np.float32], far: float, gallery_size: int) -> Rate:
    threshold = calibration.threshold(far, gallery_size)
    true_match_rate = float(np.mean(same >= threshold.similarity))
    return Rate(far, gallery_size, threshold.similarity, threshold.measured, true_match_rate)


def _draw_similarities(axes: Axes, measured: Measured) -> None:
    """Draw two histograms, each of area 1, over the same bars, with the threshold between them."""
    edges, counts = measured.different_edges, measured.different_counts
    least, most = min(edges[0], measured.same[0]), max(edges[-1], measured.same[-1])
    bars = np.linspace(least, most + 1e-9, _BARS + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    pairs = measured.calibration.pairs
    kinds = (
        (f"different people ({pairs:,} comparisons)", middles, counts, RED, "//"),
        (f"one person in other cameras ({len(measured.same):,})", measured.same, None, BLUE, ""),
    )
    for label, values, weights, colour, hatch in kinds:
        drawn: dict[str, Any] = {"bins": bars, "weights": weights, "density": True, "color": colour}
        axes.hist(values, alpha=0.35, hatch=hatch, label=label, **drawn)
        axes.hist(values, histtype="step", linewidth=1.6, **drawn)
    tidy(axes, title="How alike tracklets are", x="", y="density")
    _mark_thresholds(axes, measured)
    legend_beside(axes)


def _draw_rates(axes: Axes, measured: Measured) -> None:
    """Draw the shares of false and of true matches by threshold."""
    curve = measured.calibration
    axes.plot(
        curve.similarities, curve.false_match_rates, color=RED, linewidth=2, label="false matches: different people"
    )
    shares = 1 - np.arange(len(measured.same)) / len(measured.same)
    axes.plot(measured.same, shares, "--", color=BLUE, linewidth=2, label="true matches: one person in other cameras")
    axes.set_yscale("log")
    axes.set_ylim(0.5 / curve.pairs, 1.5)
    tidy(axes, title="Share of comparisons at or above a threshold", x="cosine similarity", y="share")
    legend_beside(axes)
    _mark_thresholds(axes, measured)


def _mark_thresholds(axes: Axes, measured: Measured) -> None:
    """Mark what `vreid run` sets for galleries of several sizes."""
    styles = ("-", "--", ":")
    galleries = [rate for rate in measured.rates if rate.gallery_size > 1]
    for rate, style in zip(galleries, styles, strict=True):
        at = "at" if rate.measured else "at more than"
        label = (
            f"threshold {rate.threshold:.3f}: finds {rate.true_match_rate:.0%} of the true matches\n"
            f"{at} {rate.far:.0%} false alarms among {rate.gallery_size:,} people"
        )
        axes.axvline(rate.threshold, color=GREY, linestyle=style, linewidth=1.5, label=label)
