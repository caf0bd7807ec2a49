"""Tracks that jump from one person to another, found by what the parts look like.

A tracker follows boxes. Where two people cross, it may go on with the wrong one; the stay then shows both, and its
vector is neither's. Such a jump can only have happened at a doubtful moment (`pipeline.tracklets.Doubt`). The pictures
between such moments become vectors of their own, neighbours in time are joined as long as they are alike, and where two
remain the stay is cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pipeline.tracklets import Doubt, Tracklet
from reid.calibration import Calibration
from reid.embedder import Embedder

# Parts of one stay, seconds apart in one camera, are far more alike than two stays in two cameras, so this rate of
# pairs of different people may pass for one person. In six made-up scenes (the demo's, seeds 101 to 106) 1 and 2 % led
# to the same cuts.
_FALSE_MATCH_RATE = 0.01
# One picture may show whoever stood in front. (2 and 4 led to the same cuts there.)
_FEWEST_CROPS = 2
_POLICY = "frames:2"  # there are many parts, most of few crops


@dataclass(frozen=True)
class _Part:
    """So many crops in a row; `total` is the sum (D,) of the vectors of its sections, each times its crops."""

    crops: int
    total: np.ndarray

    def like(self, other: _Part) -> float:
        """Cosine similarity."""
        return float(self.total @ other.total / (np.linalg.norm(self.total) * np.linalg.norm(other.total)))


class Splitter:
    """Says where a stay shows more than one person.

    Args:
        embedder: makes the vectors of the parts.
        calibration: of what a run compares; without one nothing is ever cut.
    """

    def __init__(self, embedder: Embedder, calibration: Calibration | None) -> None:
        self._embedder = embedder
        self._threshold = None if calibration is None else calibration.threshold(_FALSE_MATCH_RATE, 1).similarity

    def jumps(self, tracklet: Tracklet) -> list[Doubt]:
        """Find those doubtful moments of a stay at which its track jumped to someone else, in order of time."""
        if self._threshold is None or not tracklet.doubts:
            return []
        edges = [0, *(doubt.first_frame for doubt in tracklet.doubts), tracklet.last_frame + 1]
        sections = [
            [crop for crop in tracklet.crops if start <= crop.frame_index < end] for start, end in pairwise(edges)
        ]
        vectors = self._embedder.embed([[crop.rgb for crop in crops] for crops in sections], policy=_POLICY)
        parts = [_Part(len(crops), vector * len(crops)) for crops, vector in zip(sections, vectors, strict=True)]
        jumps = list(tracklet.doubts)
        while jumps:
            alike = [one.like(next_one) for one, next_one in pairwise(parts)]
            join = int(np.argmax(alike))  # a part with the next one
            if alike[join] < self._threshold:
                smallest = min(range(len(parts)), key=lambda index: parts[index].crops)
                if parts[smallest].crops >= _FEWEST_CROPS:
                    break
                neighbours = [index for index in (smallest - 1, smallest) if 0 <= index < len(jumps)]
                join = max(neighbours, key=alike.__getitem__)
            one, next_one = parts[join], parts.pop(join + 1)
            parts[join] = _Part(one.crops + next_one.crops, one.total + next_one.total)
            del jumps[join]
        return jumps
