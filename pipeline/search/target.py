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
from pipeline.gallery.store import FILE, GalleryStore, Sighting
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
        stays: how many stays have a vector.
        calibration: the curve that thresholds are set by; None where there is none.
        association: how they are set.
        nearest: gives for a vector (D,) and a number k the k most alike stays with their similarities.
        named: gives for a camera and a track the stays of that name, each with its vector (D,); several in a gallery.
        cameras: names all cameras.
    """

    path: Path
    kind: str
    made_of: Mapping[str, Any]
    weights: str
    detector: str
    people: int
    stays: int
    calibration: Calibration | None
    association: AssociationConfig
    nearest: Callable[[np.ndarray, int], list[tuple[Place, float]]]
    named: Callable[[str, int], list[tuple[Place, np.ndarray]]]
    cameras: Sequence[str]


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
    vectors = embeddings[embedded]

    def nearest(vector: np.ndarray, k: int) -> list[tuple[Place, float]]:
        scores = vectors @ vector
        return [(places[index], float(scores[index])) for index in np.argsort(-scores, kind="stable")[:k].tolist()]

    def named(camera_id: str, track_id: int) -> list[tuple[Place, np.ndarray]]:
        found = zip(places, vectors, strict=True)
        return [
            (place, vector) for place, vector in found if (place.camera_id, place.track_id) == (camera_id, track_id)
        ]

    weights, detector = _names(manifest)
    return Target(
        path,
        "run",
        manifest.get("embedder") or {},
        weights,
        detector,
        people=len({row.identity_id for row in rows} - {None}),
        stays=len(places),
        calibration=calibration_of(run),
        association=settings_of(run)[0],
        nearest=nearest,
        named=named,
        cameras=sorted({place.camera_id for place in places}),
    )


def _gallery(path: Path) -> Target:
    with GalleryStore(path) as store:
        runs = {run.id: run.path for run in store.runs()}
        index = store.index()
        calibration, made_of, (people, looks) = store.calibration, store.made_of, store.counts()
        cameras = store.camera_ids()

    def place(sighting: Sighting) -> Place:
        return Place(
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

    def nearest(vector: np.ndarray, k: int) -> list[tuple[Place, float]]:
        found = index.nearest(vector, k)
        with GalleryStore(path) as store:
            sightings = store.sightings_numbered([number for number, _ in found])
        return [(place(sightings[number]), score) for number, score in found if number in sightings]

    def named(camera_id: str, track_id: int) -> list[tuple[Place, np.ndarray]]:
        with GalleryStore(path) as store:
            return [(place(sighting), vector) for sighting, vector in store.looks_named(camera_id, track_id)]

    weights, detector = _names(_newest_manifest([path for _, path in sorted(runs.items())]))
    return Target(
        path,
        "gallery",
        made_of,
        weights,
        detector,
        people=people,
        stays=looks,
        calibration=calibration,
        association=AssociationConfig(),
        nearest=nearest,
        named=named,
        cameras=cameras,
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
