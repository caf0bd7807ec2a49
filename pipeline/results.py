"""A run's tables, tracks, scenes and videos, once everyone has a name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from pipeline.listener import RunListener
from pipeline.manifest import Finding
from pipeline.mot import write_tracks
from pipeline.run_directory import TrackletRow, write_sightings, write_tracklets
from pipeline.scenes import write_scenes
from pipeline.stopwatch import Stopwatch
from pipeline.videos import write_video


def write_results(
    run_path: Path,
    rows: Sequence[TrackletRow],
    embeddings: np.ndarray,
    findings: Sequence[Finding],
    *,
    every: int,
    save_video: bool,
    stopwatch: Stopwatch,
    listener: RunListener,
) -> None:
    """Write everything that is not the record or the report.

    Args:
        run_path: the run directory.
        rows: all tracklets, with identities.
        embeddings: (N, D) in the order of the rows.
        findings: every camera.
        every: only every N-th frame was analysed.
        save_video: also write annotated videos.
        stopwatch: times the stages `writing`, `scenes` and `videos`.
        listener: is told how it goes on.

    Raises:
        OutputError: a file cannot be written, or the disk is full.
    """
    listener.on_stage("writing")
    with stopwatch.work("writing"):
        write_tracklets(run_path / "tracklets.parquet", rows)
        write_sightings(run_path / "sightings.csv", rows)
        np.save(run_path / "embeddings.npy", embeddings)
    if save_video:
        (run_path / "videos").mkdir()
    for finding in findings:
        camera = finding.camera
        if camera is None:
            continue
        name = camera.camera_id
        own_rows = [row for row in rows if row.camera_id == name]
        mot_ids = {row.track_id: row.mot_id for row in own_rows}
        with stopwatch.work("writing"):
            write_tracks(run_path / "tracks" / f"{name}.txt", camera.boxes.read(mot_ids))
        with stopwatch.work("scenes"):
            write_scenes(run_path / "scenes" / name, camera, finding.health.status, own_rows)
        if save_video:
            listener.on_stage("videos")
            with stopwatch.work("videos"):
                write_video(
                    run_path / "videos" / f"{name}.mp4",
                    camera,
                    own_rows,
                    every=every,
                    progress=partial(listener.on_video_frame, name, frames_total=camera.frames),
                )
