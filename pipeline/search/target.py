"""What is searched: a run, or a gallery."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config import AssociationConfig
from pipeline.gallery.store import FILE, GalleryStore
from pipeline.reassociation import calibration_of, read_whole, recorded, settings_of
from pipeline.run_directory import RunDirectory, TrackletRow
from reid.calibration import Calibration
from reid.errors import InputError


@dataclass(frozen=True)
class Place:
    """One stay that can be found.

    Attributes:
        person: whose, by the target's own numbers; None is unknown.
        run: the run that saw it.
        camera_id: where.
        track_id: which track of that camera.
        start_s: when it began in the recording.
        end_s: when it ended.
        start_time: when it began by the clock, where that is known.
        end_time: when it ended.
        pictures: reads some JPEGs of it.
    """

    person: int | None
    run: Path
    camera_id: str
    track_id: int
    start_s: float
    end_s: float
    start_time: datetime | None
    end_time: datetime | None
    pictures: Callable[[int], list[bytes]]


@dataclass(frozen=True)
class Target:
    """A run or a gallery, ready to be searched.

    Attributes:
        path: of it.
        kind: `run` or `gallery`.
        made_of: which network made the vectors: model, fingerprint, variant, policy, dim.
        weights: by which name that network was called; `auto` where that is not known.
        detector: likewise the detector.
        people: how many different people a stay can be taken for.
        calibration: the curve that thresholds are set by; None where there is none.
        association: how they are set.
        vectors: (N, D) float32.
        places: N, where they are from.
    """

    path: Path
    kind: str
    made_of: Mapping[str, Any]
    weights: str
    detector: str
    people: int
    calibration: Calibration | None
    association: AssociationConfig
    vectors: np.ndarray
    places: Sequence[Place]


def open_target(path: Path) -> Target:
    """Read a run or a gallery.

    Raises:
        InputError: it is neither, or damaged.
    """
    if (path / FILE).is_file():
        return _gallery(path)
    if (path / "run.json").is_file():
        return _run(path)
    raise InputError(f"{path} is neither a run nor a gallery of vreid")


def _run(path: Path) -> Target:
    run = RunDirectory(path)
    manifest = recorded(run)
    rows, embeddings = read_whole(run)
    embedded = [index for index, row in enumerate(rows) if embeddings[index].any()]
    weights, detector = _names(manifest)
    places = [
        Place(
            row.identity_id,
            path,
            row.camera_id,
            row.track_id,
            row.start_s,
            row.end_s,
            row.start_time,
            row.end_time,
            partial(_crops, path, row),
        )
        for row in (rows[index] for index in embedded)
    ]
    return Target(
        path,
        "run",
        manifest.get("embedder") or {},
        weights,
        detector,
        len({row.identity_id for row in rows} - {None}),
        calibration_of(run),
        settings_of(run)[0],
        embeddings[embedded],
        places,
    )


def _gallery(path: Path) -> Target:
    with GalleryStore(path) as store:
        numbers, _, vectors = store.looks()
        sightings = {sighting.id: sighting for sighting in store.sightings()}
        runs = {run.id: run.path for run in store.runs()}
        calibration, made_of, people = store.calibration, store.made_of, len(store.people())
    places = [
        Place(
            sighting.person_id,
            runs[sighting.run_id],
            sighting.camera_id,
            sighting.track_id,
            sighting.start_s,
            sighting.end_s,
            _moment(sighting.start_time),
            _moment(sighting.end_time),
            partial(_stored, path, sighting.id),
        )
        for sighting in (sightings[number] for number in numbers.tolist())
    ]
    weights, detector = _names(_newest_manifest([path for _, path in sorted(runs.items())]))
    return Target(
        path, "gallery", made_of, weights, detector, people, calibration, AssociationConfig(), vectors, places
    )


def _names(manifest: Mapping[str, Any]) -> tuple[str, str]:
    """Say by which names a run's network and detector were called."""
    config = manifest.get("config") or {}
    return (
        (config.get("embedder") or {}).get("weights") or "auto",
        (config.get("detector") or {}).get("name") or "auto",
    )


def _newest_manifest(runs: Sequence[Path]) -> Mapping[str, Any]:
    """Read the record of the last run that can still be read."""
    for path in reversed(runs):
        try:
            return recorded(RunDirectory(path))
        except InputError:
            continue
    return {}


def _crops(run: Path, row: TrackletRow, most: int) -> list[bytes]:
    """Read some of a stay's crops, evenly spread; one that is missing is left out."""
    stored = len(row.crop_frames)
    shown = min(stored, most)
    paths = (run / row.crops_path / f"{(2 * n + 1) * stored // (2 * shown):03d}.jpg" for n in range(shown))
    return [path.read_bytes() for path in paths if path.is_file()]


def _stored(gallery: Path, sighting_id: int, most: int) -> list[bytes]:
    with GalleryStore(gallery) as store:
        picture = store.picture(sighting_id)
    return [picture] if picture is not None and most > 0 else []


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
