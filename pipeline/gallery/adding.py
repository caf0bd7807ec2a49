"""A run's people meet the people of a gallery: each is one of them, or new."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipeline.association.centring import centred
from pipeline.config import AssociationConfig, GalleryConfig, TopologyConfig
from pipeline.constraints import Stay
from pipeline.corrections import Corrections
from pipeline.gallery.compatibility import Compatibility
from pipeline.gallery.store import GalleryStore, GalleryWriter, NewSighting, Sighting
from pipeline.identities import choose_threshold
from pipeline.run_directory import TrackletRow
from pipeline.tracklets import ENOUGH
from reid.errors import ConfigError

_PICTURE_HEIGHT_PX = 160
_JPEG_QUALITY = 85
_THIS_RUN = 0  # stands for the run while it has no number
_DAY_S = 86_400.0


@dataclass(frozen=True)
class Added:
    """What became of a run's people.

    Attributes:
        rows: the table with `gallery_person_id` and `gallery_score`.
        told: what `run.json` says of it.
    """

    rows: list[TrackletRow]
    told: dict[str, Any]


def add_run(
    store: GalleryStore,
    writer: GalleryWriter,
    rows: Sequence[TrackletRow],
    stays: Sequence[Stay],
    embeddings: np.ndarray,
    *,
    run: Path,
    pictures: Path,
    created: datetime,
    association: AssociationConfig,
    topology: TopologyConfig,
    limits: GalleryConfig,
    corrections: Corrections | None = None,
    warn: Callable[[str], None],
) -> Added:
    """Find a run's people among those of a gallery, and add what was seen of them.

    A person of the run is the person of the gallery whom they resemble most, on average over all pairs of vectors, if
    that reaches the threshold and nothing speaks against it; otherwise they are new. The threshold is set so that
    `association.far` is the chance that somebody who is not in the gallery is taken for anyone in it. The surest are
    decided first. Stays that are unknown in the run do not get in, nor those that are older than `limits` allow.

    Args:
        store: the gallery, made for these vectors.
        writer: of it.
        rows: the run's table, with identities.
        stays: one a row, on the run's clock.
        embeddings: (N, D) float32, in the order of the rows.
        run: where the run stands, or will stand.
        pictures: where its crops are now.
        created: when the run began; counts as the time of stays whose time is not known.
        association: how the threshold is set.
        topology: what is known of the place.
        limits: how much is kept of a person, and how long.
        corrections: what was said about the run's people.
        warn: as in `choose_threshold`.

    Returns:
        The rows with their people, and what was done.

    Raises:
        ConfigError: the run was added before.
    """
    known: dict[int, list[Sighting]] = defaultdict(list)
    for sighting in store.sightings():
        known[sighting.person_id].append(sighting)
    threshold = choose_threshold(association, store.calibration, max(1, len(known)), warn=warn)
    identities: dict[int, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        if row.identity_id is not None:
            identities[row.identity_id].append(index)
    sightings = [_sighting(row, stay) for row, stay in zip(rows, stays, strict=True)]
    oldest = -np.inf if limits.max_age_days is None else time.time() - limits.max_age_days * _DAY_S
    fresh = {
        one: [index for index in own if _seen(sightings[index], created) >= oldest] for one, own in identities.items()
    }
    identities = {one: own for one, own in fresh.items() if embeddings[own].any()}
    compatibility = Compatibility(topology, (corrections or Corrections()).apart)
    camera_of = {sighting.id: sighting.camera_id for own in known.values() for sighting in own}
    camera_prior = None if store.calibration is None else association.camera_prior
    people, scores = _similarities(store, camera_of, identities, rows, embeddings, camera_prior)
    chosen: dict[int, tuple[int, float]] = {}
    order = np.argsort(-scores, axis=None, kind="stable")
    numbers = list(identities)
    for place in order.tolist():
        one, other = divmod(place, len(people))
        score = float(scores[one, other])
        if score < threshold.value:
            break
        if numbers[one] in chosen:
            continue
        ours = [sightings[index] for index in identities[numbers[one]]]
        if compatibility.conflict(ours, known[people[other]]) is None:
            chosen[numbers[one]] = (people[other], score)
            known[people[other]] += ours
    _refuse_twice(store, sightings, run, created)
    run_id = writer.add_run(run, created.isoformat(timespec="seconds"))
    named = list(rows)
    touched = []
    for identity, members in identities.items():
        person, likeness = chosen.get(identity, (None, None))
        person_id = writer.add_person() if person is None else person
        touched.append(person_id)
        looking = _with_looks(members, rows, embeddings)
        for index in members:
            new = _new(
                sightings[index],
                rows[index],
                created,
                embeddings[index] if index in looking else None,
                pictures,
            )
            writer.add_sighting(person_id, run_id, new)
            named[index] = replace(rows[index], gallery_person_id=person_id, gallery_score=likeness)
    for person_id in sorted(set(touched)):
        writer.drop_looks(superfluous(*store.looks(person_id)[::2], limits.most_looks))
    expired = 0
    if limits.max_age_days is not None:
        old = writer.seen_before(oldest)
        writer.drop_sightings(old, still_in_runs=True)
        expired = len(old)
    return Added(
        named,
        {
            "path": str(store.folder),
            "people_before": len(people),
            "threshold": threshold.value,
            "threshold_source": threshold.source,
            "far": threshold.far,
            "recognised": len({person for person, _ in chosen.values()}),
            "new": len(identities) - len(chosen),
            "expired_sightings": expired,
        },
    )


def _refuse_twice(store: GalleryStore, sightings: Sequence[Sighting], run: Path, created: datetime) -> None:
    """Refuse a run that was added when it stood elsewhere."""
    same = {known.id: known.path for known in store.runs() if known.created == created.isoformat(timespec="seconds")}
    ours = {(sighting.camera_id, sighting.track_id, sighting.start_s) for sighting in sightings}
    for sighting in store.sightings():
        if sighting.run_id in same and (sighting.camera_id, sighting.track_id, sighting.start_s) in ours:
            raise ConfigError(
                f"{run} is in the gallery already, from when it stood at {same[sighting.run_id]}; to add it again, "
                f"`vreid gallery forget {store.folder} {same[sighting.run_id]}` first"
            )


def superfluous(sighting_ids: np.ndarray, vectors: np.ndarray, most: int) -> list[int]:
    """Choose vectors that a person can do without: of the two most alike always the older one.

    The newest stays in any case.

    Args:
        sighting_ids: (N,) in order of time, the newest last.
        vectors: (N, D) of L2 norm 1.
        most: how many may stay, >= 1.

    Returns:
        The sightings whose vectors go.
    """
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -np.inf)
    left = list(range(len(vectors)))
    gone = []
    while len(left) > most:
        closest = alike[np.ix_(left, left)]
        first, second = divmod(int(closest.argmax()), len(left))
        gone.append(left.pop(min(first, second)))
    return [int(sighting_ids[place]) for place in gone]


def _similarities(
    store: GalleryStore,
    camera_of: Mapping[int, str],
    identities: Mapping[int, Sequence[int]],
    rows: Sequence[TrackletRow],
    embeddings: np.ndarray,
    camera_prior: float | None,
) -> tuple[list[int], np.ndarray]:
    """Compare everyone with everyone: the gallery's people, and (identities, people) mean cosine similarities.

    As in a run, what all people of a camera have in common is taken off before; those of the gallery count, too.
    """
    numbers, owners, known = store.looks()
    looking = [sorted(_with_looks(members, rows, embeddings)) for members in identities.values()]
    ours = [index for part in looking for index in part]
    vectors = np.concatenate([known, embeddings[ours]]).astype(np.float64)
    whose = np.concatenate([owners, -1 - np.repeat(np.arange(len(looking)), [len(part) for part in looking])])
    if camera_prior is not None:
        cameras = [camera_of[number] for number in numbers.tolist()] + [rows[index].camera_id for index in ours]
        vectors = centred(vectors, cameras, whose.tolist(), camera_prior)
    people, means = _means(vectors[: len(known)], owners)
    _, own_means = _means(vectors[len(known) :], -1 - whose[len(known) :])
    return people.tolist(), own_means @ means.T


def _means(vectors: np.ndarray, whose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average the vectors of each person: (P,) numbers, ascending, and (P, D)."""
    people, place = np.unique(whose, return_inverse=True)
    sums = np.zeros((len(people), vectors.shape[1]))
    np.add.at(sums, place, vectors)
    return people, sums / np.bincount(place, minlength=len(people))[:, None]


def _with_looks(members: Sequence[int], rows: Sequence[TrackletRow], embeddings: np.ndarray) -> set[int]:
    """Choose the stays that say what somebody looks like: those that are evidence enough, or all if none is."""
    pictured = {index for index in members if embeddings[index].any()}
    return {index for index in pictured if rows[index].evidence == ENOUGH} or pictured


def _sighting(row: TrackletRow, stay: Stay) -> Sighting:
    return Sighting(
        0,
        0,
        _THIS_RUN,
        row.camera_id,
        row.track_id,
        stay.start_s,
        stay.end_s,
        stay.clock_known,
        None if row.start_time is None else row.start_time.timestamp(),
        None if row.end_time is None else row.end_time.timestamp(),
    )


def _new(
    sighting: Sighting, row: TrackletRow, created: datetime, vector: np.ndarray | None, pictures: Path
) -> NewSighting:
    return NewSighting(
        camera_id=sighting.camera_id,
        track_id=sighting.track_id,
        start_s=sighting.start_s,
        end_s=sighting.end_s,
        clock_known=sighting.clock_known,
        start_time=sighting.start_time,
        end_time=sighting.end_time,
        seen=_seen(sighting, created),
        vector=vector,
        picture=None if vector is None else _picture(row, pictures),
    )


def _seen(sighting: Sighting, created: datetime) -> float:
    """Say when somebody was last seen, seconds since 1970; where that is not known, it counts as when the run began."""
    return created.timestamp() if sighting.end_time is None else sighting.end_time


def _picture(row: TrackletRow, run: Path) -> bytes | None:
    """Make a small copy of the crop in the middle of a stay; None where it cannot be read."""
    path = run / row.crops_path / f"{len(row.crop_frames) // 2:03d}.jpg"
    image = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
    if image is None:
        return None
    scale = min(1.0, _PICTURE_HEIGHT_PX / image.shape[0])
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))[1].tobytes()
