"""One camera's part of a run: its tracker, its tracklets, its boxes and its counts."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.boxes import BoxSpool
from pipeline.config import TrackerConfig, TrackletConfig
from pipeline.inputs import CameraClock, Input
from pipeline.recording import LiveRecording
from pipeline.sources import Frame, Source
from pipeline.tracklets import SHORT, Doubt, Tracklet, TrackletBuilder, cut_at
from pipeline.zones import inside
from reid.errors import ConfigError, OutputError
from trackers.registry import TRACKERS, create_tracker
from trackers.types import Detections, TrackedBoxes

log = logging.getLogger(__name__)

# The rate of a camera that says none, or one that no camera has: some streams give their clock's ticks for it.
_DEFAULT_FPS = 25.0
_SENSIBLE_FPS = (0.1, 300.0)


class Camera:
    """What one camera's frames turn into.

    Args:
        of: the camera, opened.
        source: its source.
        every: only every N-th frame arrives.
        tracker: which tracker and its patience.
        low_conf: the detector's lowest confidence.
        tracklets: what is kept of a track.
        run_path: the run directory; files that hold boxes and live pictures while the run goes on are hidden there.
        keep_video: keep what a live camera shows for its annotated video.
    """

    def __init__(
        self,
        of: Input,
        source: Source,
        *,
        every: int,
        tracker: TrackerConfig,
        low_conf: float,
        tracklets: TrackletConfig,
        run_path: Path,
        keep_video: bool,
    ) -> None:
        self.input = of
        self.source = source
        self.clock: CameraClock = of.clock()
        self.boxes = BoxSpool(run_path / f".{of.camera_id}.boxes")
        self.recording: LiveRecording | None = None
        self.recording_failed = False
        if keep_video and source.live:
            self.recording = LiveRecording(run_path / f".{of.camera_id}.mp4", usable_fps(source.fps))
        self.frames = 0
        self.last_frame_index = -1
        self.detections = 0
        self.ignored = 0
        self.crops_refused: Counter[str] = Counter()
        self.crops_kept = 0
        self.tracklets = 0
        self.short_tracklets = 0
        self.jumps_cut = 0
        frame_rate = usable_fps(source.fps) / every
        self._tracker = create_tracker(
            tracker.name,
            frame_rate=frame_rate,
            lost_after_s=tracker.lost_seconds,
            high_confidence=tracker.new_track_conf,
            low_confidence=low_conf,
        )
        self._settings = tracklets
        self._builder = TrackletBuilder(
            of.camera_id, tracklets, frame_s=1 / frame_rate, lost_after_s=self._tracker.lost_after_s
        )
        self._track_ids: dict[int, int] = {}  # the tracker's numbers: those of the camera, which counts jumps, too
        self._next_track_id = 1

    @property
    def camera_id(self) -> str:
        """The camera's name."""
        return self.input.camera_id

    def take(self, frame: Frame, detections: Detections) -> list[Tracklet]:
        """Take in the next frame with what was found in it.

        Args:
            frame: of this camera.
            detections: the people in it.

        Returns:
            The tracklets that ended with it, to be handed to `settle`.
        """
        if self.input.settings.ignore:
            detections = self._without_ignored(detections, frame)
        tracked = self._numbered(self._tracker.update(detections, frame.time_s))
        self.boxes.append(frame.index, tracked)
        if self.recording is not None:
            self._record(self.recording, frame)
        self.frames += 1
        self.last_frame_index = frame.index
        self.detections += len(detections)
        return self._builder.update(frame.rgb, frame.index, frame.time_s, tracked)

    def _without_ignored(self, detections: Detections, frame: Frame) -> Detections:
        height_px, width_px = frame.rgb.shape[:2]
        left = ~inside(self.input.settings.ignore, detections.boxes_xyxy, (width_px, height_px))
        self.ignored += int(len(left) - left.sum())
        return Detections(detections.boxes_xyxy[left], detections.confidences[left])

    def _record(self, recording: LiveRecording, frame: Frame) -> None:
        try:
            recording.add(frame)
        except OutputError as error:
            log.warning("camera %s gets no annotated video: %s", self.camera_id, error)
            recording.remove()
            self.recording = None
            self.recording_failed = True

    def finish(self) -> list[Tracklet]:
        """End the tracks that are still open; what comes out is to be handed to `settle`."""
        return self._builder.finish()

    def settle(self, tracklet: Tracklet, jumps: Sequence[Doubt]) -> list[Tracklet]:
        """Number and count a tracklet that has ended, in as many parts as it shows people.

        Args:
            tracklet: of this camera.
            jumps: where it is cut; the first part keeps the number, each other one gets the next that is free.

        Returns:
            The parts.
        """
        # The tracker promises that this number never comes back.
        self._track_ids = {own: number for own, number in self._track_ids.items() if number != tracklet.track_id}
        first, *others = cut_at(tracklet, jumps, self._settings)
        parts = [first]
        for part in others:
            number = self._next_id()
            self.boxes.cut(tracklet.track_id, part.first_frame, number)
            parts.append(replace(part, track_id=number))
        self.jumps_cut += len(others)
        for part in parts:
            self.tracklets += 1
            self.short_tracklets += part.evidence == SHORT
            self.crops_kept += part.crops_kept
            self.crops_refused.update(part.refused)
        return parts

    def remove_working_files(self) -> None:
        """Delete what was only needed while the run went on."""
        self.boxes.remove()
        if self.recording is not None:
            self.recording.remove()

    def counts(self) -> dict[str, object]:
        """What was found, for `run.json`."""
        return {
            "frames": self.frames,
            "detections": self.detections,
            "ignored_detections": self.ignored,
            "tracklets": self.tracklets,
            "short_tracklets": self.short_tracklets,
            "jumps_cut": self.jumps_cut,
            "crops_kept": self.crops_kept,
            "crops_refused": dict(sorted(self.crops_refused.items())),
        }

    def _numbered(self, tracked: TrackedBoxes) -> TrackedBoxes:
        """Give tracks the camera's own numbers, which leave room for those that are found when a stay is cut."""
        for track_id in tracked.track_ids.tolist():
            if track_id not in self._track_ids:
                self._track_ids[track_id] = self._next_id()
        track_ids = [self._track_ids[track_id] for track_id in tracked.track_ids.tolist()]
        return replace(tracked, track_ids=np.array(track_ids, dtype=np.int64))

    def _next_id(self) -> int:
        self._next_track_id += 1
        return self._next_track_id - 1


def usable_fps(fps: float | None) -> float:
    """Take a camera's word for its frame rate, unless it makes no sense.

    Args:
        fps: what the source says, None if nothing.

    Returns:
        Frames per second.
    """
    lowest, highest = _SENSIBLE_FPS
    return fps if fps is not None and lowest <= fps <= highest else _DEFAULT_FPS


def check_tracker(name: str) -> None:
    """Refuse a tracker that does not exist, before any work.

    Raises:
        ConfigError: lists the known ones.
    """
    if name not in TRACKERS:
        raise ConfigError(f"unknown tracker {name!r}; known are {', '.join(TRACKERS)}")
