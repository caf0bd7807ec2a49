"""A run's tables, tracks, scenes and videos, once everyone has a name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from pipeline.config import RunConfig
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
    findings: Sequence[Finding],
    *,
    stopwatch: Stopwatch,
    listener: RunListener,
    warn: Callable[[str], None],
) -> None:
    """Write tables, tracks and scenes.

    Args:
        run_path: the run directory.
        rows: all tracklets, with identities.
        findings: every camera.
        stopwatch: times the stages `writing` and `scenes`.
        listener: is told how it goes on.
        warn: is told where scenes could not be made.

    Raises:
        OutputError: a file cannot be written, or the disk is full.
    """
    listener.on_stage("writing")
    with stopwatch.work("writing"):
        write_tracklets(run_path / "tracklets.parquet", rows)
        write_sightings(run_path / "sightings.csv", rows)
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
            try:
                write_scenes(run_path / "scenes" / name, camera, finding.health.status, own_rows)
            except Exception as error:  # whatever decoders raise: scenes are worth no run
                warn(f"not all scenes of camera {name} could be made: {error}")


def write_videos(
    run_path: Path,
    rows: Sequence[TrackletRow],
    findings: Sequence[Finding],
    config: RunConfig,
    *,
    stopwatch: Stopwatch,
    listener: RunListener,
    stopped: Callable[[], bool],
    warn: Callable[[str], None],
) -> None:
    """Write the annotated videos; one that fails costs a warning, nothing else.

    Args:
        run_path: the run directory.
        rows: all tracklets, with identities.
        findings: every camera.
        config: the settings of the run.
        stopwatch: times the stage `videos`.
        listener: is told how it goes on.
        stopped: asked all the time; the video at hand and those after it are then left out.
        warn: is told of each video that is not there.
    """
    listener.on_stage("videos")
    (run_path / "videos").mkdir()
    for finding in findings:
        camera = finding.camera
        if camera is None or camera.frames == 0 or camera.recording_failed:
            continue
        name = camera.camera_id
        path = run_path / "videos" / f"{name}.mp4"
        try:
            with stopwatch.work("videos"):
                whole = write_video(
                    path,
                    camera,
                    [row for row in rows if row.camera_id == name],
                    every=config.every,
                    stall_timeout_s=config.stall_timeout_s,
                    stopped=stopped,
                    progress=partial(listener.on_video_frame, name, frames_total=camera.frames),
                )
            reason = "stopped" if stopped() else "the source could not be read a second time"
        except Exception as error:  # whatever decoders and encoders raise: a video is worth no run
            path.unlink(missing_ok=True)
            whole, reason = False, str(error)
        if not whole:
            warn(f"no annotated video of camera {name}: {reason}")
