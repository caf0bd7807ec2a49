"""The whole way from cameras to a run directory."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.association.assignments import check_method
from pipeline.camera import Camera, check_tracker
from pipeline.config import RunConfig
from pipeline.constraints import check_topology
from pipeline.detection import Detector, create_detector
from pipeline.embedding import TrackletStore, calibration_for_run, create_embedder
from pipeline.exits import with_exits
from pipeline.gallery.adding import add_run
from pipeline.gallery.runs import check_gallery, open_for_adding
from pipeline.identities import identify, stays_of
from pipeline.inputs import Input, open_inputs, resolve_cameras
from pipeline.listener import RunListener
from pipeline.manifest import Finding, build_manifest
from pipeline.report import render_report
from pipeline.results import write_results, write_videos
from pipeline.run_directory import (
    RunDirectory,
    RunDirectoryWriter,
    TrackletRow,
    assign_mot_ids,
    check_output,
    write_sightings,
    write_tracklets,
)
from pipeline.sources import CameraStatus, Frame, PrefetcherGroup, RunClock
from pipeline.splitting import Splitter
from pipeline.stopwatch import Stopwatch
from pipeline.tracklets import Tracklet
from reid.calibration import Calibration
from reid.device import choose_device
from reid.embedder import Embedder
from reid.errors import OutputError, RunError, VreidError
from trackers.types import Detections

# Frames that go through the detector together, taken from whichever cameras have some.
_BATCH_FRAMES = 4
_POLL_S = 0.2


def run_pipeline(
    config: RunConfig,
    out: Path,
    *,
    overwrite: bool = False,
    listener: RunListener | None = None,
    stop: threading.Event | None = None,
    command: Sequence[str] | None = None,
) -> RunDirectory:
    """Tell who was where and when, over all cameras.

    Args:
        config: cameras and settings.
        out: the run directory to make.
        overwrite: replace a run that stands there.
        listener: is told how the run goes on.
        stop: set it to end the reading early; what was seen until then is kept, and the event is cleared. Set while
            annotated videos are written, it leaves those out.
        command: the command line, for the record.

    Returns:
        The finished run.

    Raises:
        ConfigError: a setting names something that does not exist.
        SourceError: a source does not exist, or no camera can be used at all.
        WeightsError: weights are missing or cannot be used.
        OutputError: `out` is taken or cannot be written.
        RunError: a disk that is full, memory that ran out or a detector that failed while the run went on. Nothing is
            left behind, unless all cameras had been read: then what was found stays, and the message says where.
    """
    run = _Run(config, listener or RunListener(), stop or threading.Event())
    check_output(out, overwrite=overwrite)
    check_tracker(config.tracker.name)
    check_method(config.association.method)
    resolved = resolve_cameras(config.cameras)
    check_topology(config.topology, [spec.name for spec, _ in resolved])
    with ExitStack() as cleanup:
        with run.stopwatch.work("start"):
            run.device = choose_device(config.device)
            inputs = open_inputs(
                resolved,
                every=config.every,
                stall_timeout_s=config.stall_timeout_s,
                clock=run.clock,
                hash_whole=config.hash_inputs,
            )
            for of in inputs:
                if of.source is not None:
                    cleanup.callback(of.source.close)
            detector = create_detector(config.detector, device=run.device, warn=run.warn)
            found_by = detector.describe()
            choices = [f"people are found by {found_by['name']} ({found_by['weights'] or 'comes with OpenCV'})"]
            embedder = create_embedder(
                config.embedder,
                device=run.device,
                half=config.detector.half,
                tell=choices.append,
                warn=run.warn,
            )
            if config.gallery.path is not None:
                check_gallery(Path(config.gallery.path), embedder.describe())
            writer = cleanup.enter_context(RunDirectoryWriter(out, overwrite=overwrite))
        calibration = calibration_for_run(embedder, run.warn)
        for choice in choices:
            run.listener.on_choice(choice)
        cameras = run.prepare(inputs, writer.path)
        for camera in cameras:
            cleanup.callback(camera.remove_working_files)
        with _failures(run, writer):
            findings, rows, embeddings = run.watch(inputs, cameras, detector, embedder, calibration, writer.path)
            if config.topology.exits:
                boxes = {camera.camera_id: camera.boxes for camera in cameras}
                tracks = {row.track_id: row.track_id for row in rows}
                sizes_px = {camera.camera_id: camera.source.size_px for camera in cameras}
                rows = with_exits(rows, config.topology, lambda name: boxes[name].read(tracks), sizes_px)
            # At once, without identities, so that hours of reading are not lost to what may still go wrong.
            write_tracklets(writer.path / "tracklets.parquet", assign_mot_ids(rows))
            run.has_results = True
            np.save(writer.path / "embeddings.npy", embeddings)
            run.listener.on_stage("association")
            with run.stopwatch.work("association"):
                rows, association = identify(
                    rows,
                    embeddings,
                    {camera.camera_id: camera.clock for camera in cameras},
                    calibration,
                    config.association,
                    config.topology,
                    index_path=writer.path / "gallery.faiss",
                    warn=run.warn,
                )
            write_results(writer.path, rows, findings, stopwatch=run.stopwatch, listener=run.listener, warn=run.warn)
            if config.save_video:
                write_videos(
                    writer.path,
                    rows,
                    findings,
                    config,
                    stopwatch=run.stopwatch,
                    listener=run.listener,
                    stopped=run.stopped_again,
                    warn=run.warn,
                )
            in_gallery, remembering = None, cleanup.enter_context(ExitStack())
            if config.gallery.path is not None:
                with run.stopwatch.work("gallery"):
                    rows, in_gallery = run.remember(
                        rows,
                        embeddings,
                        cameras,
                        calibration,
                        embedder,
                        run_path=out.resolve(),
                        pictures=writer.path,
                        until=remembering,
                    )
                    write_tracklets(writer.path / "tracklets.parquet", rows)
                    write_sightings(writer.path / "sightings.csv", rows)
            with run.stopwatch.work("report"):
                manifest = build_manifest(
                    config,
                    findings,
                    rows,
                    created=run.created,
                    command=command,
                    stopped_by=run.stopped_by,
                    device=run.device,
                    detector=detector.describe(),
                    embedder=embedder.describe(),
                    association=association,
                    calibration=None if calibration is None else calibration.to_dict(),
                    gallery=in_gallery,
                    timings=run.stopwatch.to_dict(),
                    warnings=run.warnings,
                )
                page = render_report(manifest, rows, writer.path)
                (writer.path / "report.html").write_text(page, encoding="utf-8")
            writer.write_manifest({**manifest, "timings": run.stopwatch.to_dict()})
            for camera in cameras:
                camera.remove_working_files()
            try:
                remembering.close()  # first, so that no run ever names people whom the gallery does not know
            except VreidError as error:
                raise OutputError(str(error)) from error
            return writer.commit()


@contextmanager
def _failures(run: _Run, writer: RunDirectoryWriter) -> Iterator[None]:
    """Turn what no input causes and no user can foresee into one clear error."""
    try:
        yield
    except (OSError, OutputError, MemoryError, torch.OutOfMemoryError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or "out of memory"
        writer.keep_on_failure = run.has_results
        kept = f"; what was found stays in {writer.path}" if run.has_results else "; nothing was kept"
        raise RunError(f"the run could not be finished: {' '.join(reason.split())}{kept}") from error


@dataclass(frozen=True)
class _Batch:
    frames: list[Frame]
    found: Future[list[Detections]]


class _Run:
    """The steps of one run and what they share."""

    def __init__(self, config: RunConfig, listener: RunListener, stop: threading.Event) -> None:
        self._config = config
        self.listener = listener
        self._stop = stop
        self._ended: set[str] = set()
        self.stopwatch = Stopwatch()
        self.clock = RunClock()
        self.created = datetime.now(UTC)
        self.device = "cpu"
        self.has_results = False
        self._reading_since_s = 0.0
        self.stopped_by: str | None = None
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        """Keep a warning for the record and pass it on."""
        self.warnings.append(text)
        self.listener.on_warning(text)

    def stopped_again(self) -> bool:
        """Whether the user wants an end after the reading is over; an earlier wish was heeded and cleared."""
        return self._stop.is_set()

    def prepare(self, inputs: Sequence[Input], run_path: Path) -> list[Camera]:
        """Set up the cameras that opened."""
        for of in inputs:
            if of.source is None:
                self.warn(f"camera {of.camera_id} cannot be used, the others go on: {of.health.last_error}")
            elif not of.answers:
                self.warn(f"camera {of.camera_id} does not answer and is tried again: {of.health.last_error}")
        return [
            Camera(
                of,
                of.source,
                every=self._config.every,
                tracker=self._config.tracker,
                low_conf=self._config.detector.conf,
                tracklets=self._config.tracklets,
                run_path=run_path,
                keep_video=self._config.save_video,
            )
            for of in inputs
            if of.source is not None
        ]

    def watch(
        self,
        inputs: Sequence[Input],
        cameras: Sequence[Camera],
        detector: Detector,
        embedder: Embedder,
        calibration: Calibration | None,
        run_path: Path,
    ) -> tuple[list[Finding], list[TrackletRow], np.ndarray]:
        """Read every camera to its end: detect, track, cut crops, embed what has ended.

        The detector works in a thread of its own on the next frames while the last ones are tracked and embedded here.
        """
        by_id = {camera.camera_id: camera for camera in cameras}
        splitter = None
        if self._config.tracklets.cut_jumps:
            splitter = Splitter(embedder, calibration)
        store = TrackletStore(
            embedder,
            run_path,
            {camera.camera_id: camera.clock for camera in cameras},
            self.stopwatch,
            batch_size=self._config.embedder.batch_size,
        )
        self.listener.on_cameras(list(by_id), [camera.source.health.frames_expected for camera in cameras])
        with (
            PrefetcherGroup(
                [camera.source for camera in cameras], stall_timeout_s=self._config.stall_timeout_s
            ) as readers,
            ThreadPoolExecutor(max_workers=1, thread_name_prefix="vreid-detect") as pool,
        ):
            waiting: _Batch | None = None
            for frames in self._batches(readers):
                batch = _Batch(frames, pool.submit(self._detect, detector, frames))
                if waiting is not None:
                    self._take(waiting, by_id, splitter, store)
                waiting = batch
            if waiting is not None:
                self._take(waiting, by_id, splitter, store)
            cut_short = {
                reader.camera_id
                for reader in readers.readers
                if self.stopped_by == "user" and not reader.source.live and not reader.finished
            }
            readers.close()
            self._announce_ends(readers)
        self.stopwatch.add_elsewhere("reading", readers.busy_s)
        for camera in cameras:
            for tracklet in camera.finish():
                self._keep(tracklet, camera, splitter, store)
        health = readers.health
        findings = [
            Finding(of, by_id.get(of.camera_id), health.get(of.camera_id, of.health), of.camera_id in cut_short)
            for of in inputs
        ]
        return findings, *store.finish([of.camera_id for of in inputs])

    def remember(
        self,
        rows: Sequence[TrackletRow],
        embeddings: np.ndarray,
        cameras: Sequence[Camera],
        calibration: Calibration | None,
        embedder: Embedder,
        *,
        run_path: Path,
        pictures: Path,
        until: ExitStack,
    ) -> tuple[list[TrackletRow], dict[str, Any] | None]:
        """Look for the run's people in the gallery, and add them to it once `until` ends well.

        A gallery that cannot be changed costs a warning, not the run.
        """
        folder = Path(self._config.gallery.path or "")
        try:
            with ExitStack() as attempt:
                store, into = attempt.enter_context(open_for_adding(folder, embedder.describe(), calibration))
                added = add_run(
                    store,
                    into,
                    rows,
                    stays_of(rows, {camera.camera_id: camera.clock for camera in cameras}),
                    embeddings,
                    run=run_path,
                    pictures=pictures,
                    created=self.created,
                    association=self._config.association,
                    topology=self._config.topology,
                    limits=self._config.gallery,
                    warn=self.warn,
                )
                until.push(attempt.pop_all())
        except VreidError as error:
            self.warn(f"nobody was added to the gallery: {error}; `vreid gallery add` can do it later")
            return list(rows), None
        return added.rows, added.told

    def _announce_ends(self, readers: PrefetcherGroup) -> None:
        """Tell of every camera that gives no more frames, as soon as it does."""
        for reader in readers.readers:
            if reader.camera_id not in self._ended and reader.finished:
                self._ended.add(reader.camera_id)
                health = reader.health
                if health.status is not CameraStatus.OK:
                    self.warn(f"camera {reader.camera_id} is {health.status}: {health.last_error}")
                self.listener.on_camera_end(reader.camera_id, health)

    def _batches(self, readers: PrefetcherGroup) -> Iterator[list[Frame]]:
        """Yield frames of all cameras as they come, until they end or the run is stopped."""
        self._reading_since_s = self.clock.now_s()
        while not readers.finished:
            if self._stop.is_set():
                self._stop.clear()
                self.stopped_by = "user"
                return
            for reader in readers.readers:
                if reader.source.live and self._is_over(self.clock.now_s(), live=True):
                    reader.ask_to_stop()
            self._announce_ends(readers)
            frames: list[Frame] = []
            with self.stopwatch.wait("reading"):
                frame = readers.next(_POLL_S)
                while frame is not None:
                    reader = readers.reader(frame.camera_id)
                    if self._is_over(frame.time_s, live=reader.source.live):
                        reader.ask_to_stop()
                    else:
                        frames.append(frame)
                    frame = readers.next(0.0) if len(frames) < _BATCH_FRAMES else None
            if frames:
                yield frames

    def _is_over(self, time_s: float, *, live: bool) -> bool:
        """Whether a moment of a source lies beyond the wanted duration; a live camera's begins with the reading."""
        if self._config.duration_s is None:
            return False
        if time_s - (self._reading_since_s if live else 0.0) < self._config.duration_s:
            return False
        self.stopped_by = "duration"
        return True

    def _detect(self, detector: Detector, frames: Sequence[Frame]) -> list[Detections]:
        with self.stopwatch.elsewhere("detection"):
            try:
                return detector.detect([frame.rgb for frame in frames])
            except Exception as error:  # whatever the detector's back-end raises
                raise RunError(f"the detector failed: {' '.join(str(error).split())}; nothing was kept") from error

    def _keep(self, tracklet: Tracklet, camera: Camera, splitter: Splitter | None, store: TrackletStore) -> None:
        """Hand on a tracklet that has ended, in parts where it shows several people."""
        with self.stopwatch.work("embedding"):
            jumps = splitter.jumps(tracklet) if splitter is not None else []
        for part in camera.settle(tracklet, jumps):
            store.add(part)

    def _take(self, batch: _Batch, cameras: dict[str, Camera], splitter: Splitter | None, store: TrackletStore) -> None:
        with self.stopwatch.wait("detection"):
            found = batch.found.result()
        for frame, detections in zip(batch.frames, found, strict=True):
            camera = cameras[frame.camera_id]
            with self.stopwatch.work("tracking"):
                ended = camera.take(frame, detections)
            for tracklet in ended:
                self._keep(tracklet, camera, splitter, store)
            self.listener.on_frame(frame.camera_id, frame.index, frame.time_s, camera.tracklets)
