"""Stays that are taken out of a finished run, with everything that was stored about them."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.corrections import FILE as CORRECTIONS
from pipeline.corrections import Key, corrected, read_corrections, write_corrections
from pipeline.manifest import count_people
from pipeline.mot import stream_tracks, write_tracks
from pipeline.reassociation import failures, read_whole, recorded, renamed
from pipeline.report import render_report
from pipeline.run_directory import (
    RunDirectory,
    RunDirectoryWriter,
    TrackletRow,
    assign_mot_ids,
    write_sightings,
    write_tracklets,
)
from pipeline.vector_index import VectorIndex
from reid.output_folder import set_aside

_REWRITTEN = (
    "run.json",
    "tracklets.parquet",
    "sightings.csv",
    "embeddings.npy",
    "gallery.faiss",
    "tracks",
    "report.html",
    CORRECTIONS,
)


@dataclass(frozen=True)
class Removed:
    """What was taken out.

    Attributes:
        keys: camera and track of the stays that are gone.
        vectors: (N, D) float32, of them.
        pictures: contents of the crops that are gone.
        scenes: contents of the whole frames that are gone.
        videos: annotated videos that showed the person and are gone.
        recordings: camera, source, and from when to when in it the person can still be seen there, seconds.
    """

    keys: list[Key]
    vectors: np.ndarray
    pictures: list[bytes]
    scenes: list[bytes]
    videos: list[Path]
    recordings: list[tuple[str, str, float, float]]


def remove_stays(path: Path, keys: Sequence[Key], *, warn: Callable[[str], None]) -> Removed:
    """Take stays out of a run: rows, vectors, tracks, pictures, index, corrections and report.

    The others keep their numbers. Whole frames in which somebody was marked go too, where one of these stays was in
    view of that camera at the time; so do the annotated videos of the cameras. The recordings themselves are not
    touched. The run is replaced in one step, or stays as it is.

    Args:
        path: the run.
        keys: camera and track of each stay; those that the run does not hold are passed over.
        warn: is told what else somebody should know.

    Returns:
        What is gone.

    Raises:
        InputError: the folder is not a whole run.
        OutputError: it cannot be written.
        RunError: it could not be finished, for instance on a full disk; nothing was changed.
    """
    run = RunDirectory(path)
    path = path.resolve()
    for former in set_aside(path):
        shutil.rmtree(former)
    manifest = recorded(run)
    rows, embeddings = read_whole(run)
    wanted = set(keys)
    is_gone = np.array([(row.camera_id, row.track_id) in wanted for row in rows], dtype=bool)
    gone = [row for row in rows if (row.camera_id, row.track_id) in wanted]
    kept = _without_traces([row for row in rows if (row.camera_id, row.track_id) not in wanted])
    sources = {camera["camera_id"]: camera["source"] for camera in manifest["cameras"]}
    pictures = [file for row in gone for file in sorted((path / row.crops_path).glob("*"))]
    scenes = [path / "scenes" / row.camera_id / f"{row.track_id}.jpg" for row in rows if _may_show(row, gone)]
    videos = [path / "videos" / f"{camera_id}.mp4" for camera_id in dict.fromkeys(row.camera_id for row in gone)]
    videos = [video for video in videos if video.exists()]
    files = [file for file in (*pictures, *scenes) if file.is_file()]
    removed = Removed(
        keys=[(row.camera_id, row.track_id) for row in gone],
        vectors=embeddings[is_gone],
        pictures=[file.read_bytes() for file in pictures if file.is_file()],
        scenes=[file.read_bytes() for file in scenes if file.is_file()],
        videos=videos,
        recordings=[(row.camera_id, sources.get(row.camera_id, "?"), row.start_s, row.end_s) for row in gone],
    )
    if not gone:
        return removed
    with failures("the stays could not be removed"), RunDirectoryWriter(path, overwrite=True) as writer:
        writer.take_over(path, without=_REWRITTEN)
        for file in (*files, *videos):
            (writer.path / file.relative_to(path)).unlink()
        for row in gone:
            shutil.rmtree(writer.path / row.crops_path, ignore_errors=True)
        vectors = embeddings[~is_gone]
        np.save(writer.path / "embeddings.npy", vectors)
        VectorIndex(vectors).save(writer.path / "gallery.faiss")
        write_tracklets(writer.path / "tracklets.parquet", kept)
        write_sightings(writer.path / "sightings.csv", kept)
        left = {(row.camera_id, row.track_id): row for row in kept}
        for file in sorted((path / "tracks").glob("*.txt")):
            own = [(row, left.get((row.camera_id, row.track_id))) for row in rows if row.camera_id == file.stem]
            write_tracks(writer.path / "tracks" / file.name, renamed(stream_tracks(file), own, file))
        said = [
            entry.model_copy(update={"tracklets": groups})
            for entry in read_corrections(path).said
            if all(groups := tuple(tuple(key for key in group if key not in wanted) for group in entry.tracklets))
        ]
        write_corrections(writer.path, corrected(said))
        manifest = _new_manifest(manifest, kept, [str(entry) for entry in said])
        (writer.path / "report.html").write_text(render_report(manifest, kept, writer.path), encoding="utf-8")
        writer.write_manifest(manifest)
        writer.commit()
    for video in videos:
        warn(f"{video} showed the person and is gone; the other annotated videos are left")
    return removed


def _may_show(row: TrackletRow, gone: Sequence[TrackletRow]) -> bool:
    """Whether the whole frame that was kept of a stay may show one of those that are gone."""
    return any(
        row.camera_id == other.camera_id and row.first_frame <= other.last_frame and other.first_frame <= row.last_frame
        for other in gone
    )


def _without_traces(kept: Sequence[TrackletRow]) -> list[TrackletRow]:
    """Forget who was almost taken for somebody who is gone."""
    people = {row.identity_id for row in kept}
    forgotten: dict[str, Any] = {
        "runner_up_score": None,
        "runner_up_identity_id": None,
        "runner_up_conflict": None,
        "margin": None,
    }
    return assign_mot_ids(row if row.runner_up_identity_id in people else replace(row, **forgotten) for row in kept)


def _new_manifest(manifest: dict[str, Any], kept: Sequence[TrackletRow], corrections: list[str]) -> dict[str, Any]:
    of_camera = Counter(row.camera_id for row in kept)
    cameras = [
        {**camera, "counts": {**camera["counts"], "tracklets": of_camera[camera["camera_id"]]}}
        if camera.get("counts")
        else camera
        for camera in manifest["cameras"]
    ]
    return {
        **manifest,
        "cameras": cameras,
        "association": {**manifest["association"], "corrections": corrections},
        "counts": {**manifest["counts"], **count_people(kept)},
    }
