"""How many people were found and how many boxes are true, whoever they are called; also by height and visibility."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pipeline.evaluation_matching import MatchedFrame

HEIGHT_EDGES_PX = (0.0, 100.0, 200.0, math.inf)
VISIBILITY_EDGES = (0.0, 0.5, 0.9, math.inf)
CLEAR_HEIGHT_PX = HEIGHT_EDGES_PX[1]
CLEAR_VISIBILITY = VISIBILITY_EDGES[2]


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """The share in [0, 1]; None of nothing."""
        return self.part / self.whole if self.whole else None


@dataclass(frozen=True)
class DetectionScores:
    """People found, boxes true.

    Attributes:
        recall: people who were found, of those asked for; one person in one frame counts one.
        precision: boxes that show someone, of those judged.
        ignored_boxes: boxes of people who are not asked for, in neither figure.
        clear_recall: as `recall`, only people of at least `CLEAR_HEIGHT_PX` and `CLEAR_VISIBILITY`.
        clear_precision: as `precision`, only boxes that show such a person, or that show nobody and are as high.
        recall_by_height: `recall` by the band of `HEIGHT_EDGES_PX` (outer) and of `VISIBILITY_EDGES` (inner) in which
            the person's height and visibility lie; the lower edge belongs to the band.
        precision_by_height: `precision` by the band in which the box's height lies.
    """

    recall: Share
    precision: Share
    ignored_boxes: int
    clear_recall: Share
    clear_precision: Share
    recall_by_height: tuple[tuple[Share, ...], ...]
    precision_by_height: tuple[Share, ...]


def score_detection(frames: Sequence[MatchedFrame]) -> DetectionScores:
    """Count what was found.

    Args:
        frames: in any order.

    Returns:
        The figures.
    """
    heights_px = _joined([frame.heights_px for frame in frames])
    visibilities = _joined([frame.visibilities for frame in frames])
    result_heights_px = _joined([frame.result_heights_px for frame in frames])
    found = _joined([frame.found_by >= 0 for frame in frames]) > 0
    true = _joined([np.isin(np.arange(len(frame.result_ids)), frame.found_by) for frame in frames]) > 0
    clear = (heights_px >= CLEAR_HEIGHT_PX) & (visibilities >= CLEAR_VISIBILITY)
    clear_recall = _share(found, clear)
    false_and_high = int(np.sum(~true & (result_heights_px >= CLEAR_HEIGHT_PX)))
    return DetectionScores(
        recall=Share(int(found.sum()), len(found)),
        precision=Share(int(true.sum()), len(true)),
        ignored_boxes=sum(frame.ignored_boxes for frame in frames),
        clear_recall=clear_recall,
        clear_precision=Share(clear_recall.part, clear_recall.part + false_and_high),
        recall_by_height=tuple(
            tuple(_share(found, high & visible) for visible in _bands(visibilities, VISIBILITY_EDGES))
            for high in _bands(heights_px, HEIGHT_EDGES_PX)
        ),
        precision_by_height=tuple(_share(true, high) for high in _bands(result_heights_px, HEIGHT_EDGES_PX)),
    )


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.empty(0), *parts])


def _bands(values: np.ndarray, edges: Sequence[float]) -> list[np.ndarray]:
    return [(values >= low) & (values < high) for low, high in pairwise(edges)]


def _share(hit: np.ndarray, among: np.ndarray) -> Share:
    return Share(int(np.sum(hit & among)), int(np.sum(among)))
