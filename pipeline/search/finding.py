"""The stays that are most like what is looked for, and from which likeness on they may be the same person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.identities import MatchThreshold, choose_threshold
from pipeline.search.query import Query
from pipeline.search.target import Place, Target


@dataclass(frozen=True)
class Hit:
    """One stay that was found.

    Attributes:
        place: where and when.
        score: cosine similarity to what is looked for.
        alike: whether that reaches the threshold.
    """

    place: Place
    score: float
    alike: bool


@dataclass(frozen=True)
class Found:
    """What a search came to.

    Attributes:
        hits: the most alike first.
        threshold: from which similarity two stays are taken for one person.
        compared: how many stays were compared.
    """

    hits: list[Hit]
    threshold: MatchThreshold
    compared: int


def find(target: Target, query: Query, *, most: int, far: float | None = None, warn: Callable[[str], None]) -> Found:
    """Find the stays that are most like what is looked for.

    Every stay is compared. The threshold is set so that `far` is the chance that somebody who is not there at all is
    taken for anyone.

    Args:
        target: what is searched.
        query: what is looked for; a stay does not find itself.
        most: how many hits at most, >= 1.
        far: None for the one of the run, or the default.
        warn: as in `choose_threshold`.

    Returns:
        The hits, the most alike first.
    """
    settings = target.association
    if far is not None:
        settings = settings.model_copy(update={"far": far, "threshold": None})
    threshold = choose_threshold(settings, target.calibration, max(1, target.people), warn=warn)
    scores = target.vectors @ query.vector
    hits: list[Hit] = []
    for index in np.argsort(-scores, kind="stable").tolist():
        if len(hits) == most:
            break
        place = target.places[index]
        if (place.run, place.camera_id, place.track_id) != query.itself:
            score = float(scores[index])
            hits.append(Hit(place, score, score >= threshold.value))
    compared = len(target.places) - (query.itself is not None)
    return Found(hits, threshold, compared)
