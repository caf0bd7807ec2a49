"""Identities of a finished run, found anew: other settings, corrected by hand, but nothing detected again."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.association.assignments import check_method
from pipeline.config import AssociationConfig, TopologyConfig
from pipeline.constraints import check_topology
from pipeline.corrections import FILE, Corrections, check_together, read_corrections, write_corrections
from pipeline.exits import with_exits
from pipeline.identities import identify, stays_of
from pipeline.inputs import CameraClock
from pipeline.manifest import count_people
from pipeline.mot import TrackBox, stream_tracks, write_tracks
from pipeline.report import render_report
from pipeline.run_directory import (
    FORMAT,
    RunDirectory,
    RunDirectoryWriter,
    TrackletRow,
    write_sightings,
    write_tracklets,
)
from reid.calibration import Calibration
from reid.config import parse_settings
from reid.errors import InputError, RunError

_CAMERA_KEYS = {"camera_id", "source", "start_time", "start_time_source"}
_TOLERANCE = 1e-3  # of a vector's length, which is 1
_REWRITTEN = (
    "run.json",
    "tracklets.parquet",
    "sightings.csv",
    "tracks",
    "gallery.faiss",
    "report.html",
    FILE,
)


def settings_of(run: RunDirectory) -> tuple[AssociationConfig, TopologyConfig]:
    """Say by which settings a run's identities were found.

    Raises:
        ConfigError: they are not understood.
        InputError: the run was written by another version.
    """
    config = recorded(run).get("config") or {}
    return (
        parse_settings(config.get("association") or {}, AssociationConfig, where="run.json"),
        parse_settings(config.get("topology") or {}, TopologyConfig, where="run.json"),
    )


def reassociate(
    path: Path,
    settings: AssociationConfig,
    topology: TopologyConfig,
    *,
    corrections: Corrections | None = None,
    warn: Callable[[str], None],
) -> RunDirectory:
    """Find the identities of a run anew; the run is replaced in one step, or stays as it is.

    Tables, tracks, index and report are written again. Crops, scenes and vectors stay, annotated videos too, although
    they show the former names.

    Args:
        path: the run.
        settings: when two tracklets are the same person.
        topology: what is known of the place.
        corrections: what was said about its identities; None for what the run holds.
        warn: is told in one line what is not as asked for.

    Returns:
        The run as it is now.

    Raises:
        ConfigError: a setting names something that does not exist.
        InputError: the folder is not a run, or not a whole one.
        OutputError: it cannot be written.
        RunError: it could not be finished, for instance on a full disk; nothing was changed.
    """
    run = RunDirectory(path)
    path = path.resolve()  # a link to a run goes on pointing to it
    manifest = recorded(run)
    rows, embeddings = read_whole(run)
    if corrections is None:
        corrections = read_corrections(path)
    check_method(settings.method)
    check_topology(topology, [camera["camera_id"] for camera in manifest["cameras"]])
    clocks = {camera["camera_id"]: clock_of(camera) for camera in manifest["cameras"]}
    if "calibration" not in manifest and settings.threshold is None:
        raise InputError(f"{run.path} was written by a version that kept no calibration; pass --threshold")
    calibration = calibration_of(run)
    if calibration is None and settings.threshold is None:
        warn("the network was not calibrated, so only what is practically the same is joined; pass --threshold")
    if topology.exits or settings_of(run)[1].exits:
        rows = _with_exits(path, rows, topology, manifest)
    stays = {(row.camera_id, row.track_id): stay for row, stay in zip(rows, stays_of(rows, clocks), strict=True)}
    check_together(stays, corrections, topology)
    with failures("the run could not be associated anew"), RunDirectoryWriter(path, overwrite=True) as writer:
        writer.take_over(path, without=_REWRITTEN)
        write_corrections(writer.path, corrections)
        named, association = identify(
            rows,
            embeddings,
            clocks,
            calibration,
            settings,
            topology,
            index_path=writer.path / "gallery.faiss",
            corrections=corrections,
            warn=warn,
        )
        write_tracklets(writer.path / "tracklets.parquet", named)
        write_sightings(writer.path / "sightings.csv", named)
        for file in sorted((path / "tracks").glob("*.txt")):
            own = [(old, new) for old, new in zip(rows, named, strict=True) if old.camera_id == file.stem]
            write_tracks(writer.path / "tracks" / file.name, renamed(stream_tracks(file), own, file))
        if manifest.get("gallery"):
            again = f"`vreid gallery forget {manifest['gallery']['path']} {path}`, then `vreid gallery add`"
            warn(f"the gallery keeps these people as they were; {again} brings it up to date")
        if (path / "videos").exists():
            warn(f"the annotated videos still show the former names: {path / 'videos'}")
        config = {
            **manifest["config"],
            "association": settings.model_dump(mode="json"),
            "topology": topology.model_dump(mode="json"),
        }
        manifest = {
            **manifest,
            "config": config,
            "association": association,
            "counts": {**manifest["counts"], **count_people(named)},
            "warnings": _warnings(manifest, association),
        }
        (writer.path / "report.html").write_text(render_report(manifest, named, writer.path), encoding="utf-8")
        writer.write_manifest(manifest)
        writer.commit()
    return RunDirectory(run.path)


@contextmanager
def failures(what: str) -> Iterator[None]:
    """Turn what no input causes into one clear error that begins with `what` and says that nothing was changed."""
    try:
        yield
    except (OSError, MemoryError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or "out of memory"
        raise RunError(f"{what}: {reason}; nothing was changed") from error


def calibration_of(run: RunDirectory) -> Calibration | None:
    """Give the curve that a run's thresholds are set by; None where it has none.

    Raises:
        InputError: it is damaged.
    """
    calibration = recorded(run).get("calibration")
    try:
        return None if calibration is None else Calibration.from_dict(calibration)
    except ValueError as error:
        raise InputError(f"{run.path / 'run.json'} is damaged: {error}") from error


def _warnings(manifest: dict[str, Any], association: dict[str, Any]) -> list[str]:
    """Replace the warnings of the association before by those of this one."""
    before = (manifest.get("association") or {}).get("warnings") or []
    kept = [text for text in manifest.get("warnings") or [] if text not in before]
    return [*kept, *association["warnings"]]


def recorded(run: RunDirectory) -> dict[str, Any]:
    """Read a run's record.

    Raises:
        InputError: it is damaged or of another version.
    """
    try:
        manifest = run.manifest
    except ValueError as error:
        raise InputError(f"{run.path / 'run.json'} is damaged: {error}") from error
    except OSError as error:
        raise InputError(f"{run.path / 'run.json'} cannot be read: {error.strerror}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        version = manifest.get("format") if isinstance(manifest, dict) else None
        raise InputError(f"{run.path} is a run of another version: {version}, not {FORMAT}")
    cameras = manifest.get("cameras")
    if not (isinstance(cameras, list) and all(isinstance(one, dict) and one.keys() >= _CAMERA_KEYS for one in cameras)):
        raise InputError(f"{run.path / 'run.json'} is damaged: it does not list its cameras")
    if not all(isinstance(manifest.get(key) or {}, dict) for key in ("config", "embedder", "association", "counts")):
        raise InputError(f"{run.path / 'run.json'} is damaged: a part of it is no object")
    return manifest


def read_whole(run: RunDirectory) -> tuple[list[TrackletRow], np.ndarray]:
    """Read a run's tracklets and their vectors.

    Raises:
        InputError: some of it is missing or damaged.
    """
    try:
        rows, embeddings = run.tracklets, run.embeddings
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{run.path} is not whole: {' '.join(str(error).split())}") from error
    lengths = np.linalg.norm(embeddings, axis=1) if embeddings.ndim == 2 and embeddings.dtype == np.float32 else None
    dim = (recorded(run).get("embedder") or {}).get("dim")
    if (
        lengths is None
        or len(embeddings) != len(rows)
        or (dim is not None and embeddings.shape[1] != dim)
        or not np.all((lengths == 0) | (np.abs(lengths - 1) < _TOLERANCE))
    ):
        raise InputError(
            f"{run.path} is not whole: {len(rows)} tracklets, vectors of shape {embeddings.shape} in embeddings.npy"
        )
    return rows, embeddings


def clock_of(camera: dict[str, Any]) -> CameraClock:
    """Give a camera's clock as its part of a run's record has it."""
    start = camera["start_time"]
    return CameraClock(
        None if start is None else datetime.fromisoformat(start),
        camera["start_time_source"],
        camera.get("clock_rate", 1.0),
    )


def _with_exits(
    path: Path, rows: list[TrackletRow], topology: TopologyConfig, manifest: dict[str, Any]
) -> list[TrackletRow]:
    """Say through which exits people came and went, as another topology has them."""
    sizes_px = {
        camera["camera_id"]: (camera["width_px"], camera["height_px"]) if camera.get("width_px") else None
        for camera in manifest["cameras"]
    }

    def boxes(camera_id: str) -> Iterator[TrackBox]:
        file = path / "tracks" / f"{camera_id}.txt"
        own = [(row, replace(row, mot_id=row.track_id)) for row in rows if row.camera_id == camera_id]
        return renamed(stream_tracks(file), own, file)

    return with_exits(rows, topology, boxes, sizes_px)


def renamed(
    boxes: Iterable[TrackBox], rows: Sequence[tuple[TrackletRow, TrackletRow | None]], file: Path
) -> Iterator[TrackBox]:
    """Give a camera's boxes their new ids.

    Those of one old id belong to one tracklet after the other.

    Args:
        boxes: with their old ids.
        rows: each of the camera's tracklets as it was and as it is; None where it is no more, nor its boxes.
        file: where the boxes stand, for messages.

    Raises:
        InputError: a box is of no tracklet.
    """
    parts: dict[int, list[tuple[int, int | None]]] = defaultdict(list)  # old id: first frame and new id of tracklets
    for old, new in sorted(rows, key=lambda pair: pair[0].first_frame):
        parts[old.mot_id].append((old.first_frame, None if new is None else new.mot_id))
    for box in boxes:
        of_id = parts[box.mot_id]
        place = bisect_right(of_id, box.frame_index, key=lambda part: part[0])
        if place == 0:
            raise InputError(f"{file}: id {box.mot_id} in frame {box.frame_index + 1} is no tracklet of the table")
        new_id = of_id[place - 1][1]
        if new_id is not None:
            yield replace(box, mot_id=new_id)
