"""The stays that are most like what is looked for, and from which likeness on they may be the same person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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

    Every stay is compared; in a very large gallery, those that are likely to be near (`CachedIndex`). The threshold is
    set so that `far` is the chance that somebody who is not there at all is taken for anyone.

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
    hits = [
        Hit(place, score, score >= threshold.value)
        for place, score in target.nearest(query.vector, most + (query.itself is not None))
        if (place.run, place.camera_id, place.track_id) != query.itself
    ]
    return Found(hits[:most], threshold, target.stays - (query.itself is not None))
