"""boxmot's motion-only trackers behind vreid's protocol. The only file of the packages that imports boxmot."""

from __future__ import annotations

import importlib
import logging
from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from trackers.types import Detections, TrackedBoxes

# The class of each tracker that needs neither appearance nor pixels. Imported one by one, because boxmot's own factory
# pulls in its re-identification models.
CLASSES = {
    "bytetrack": ("boxmot.trackers.box.bytetrack.tracker", "ByteTrack"),
    "ocsort": ("boxmot.trackers.box.ocsort.tracker", "OcSort"),
    "sfsort": ("boxmot.trackers.box.sfsort.tracker", "SFSORT"),
}

# How many removed tracks to remember: boxmot keeps them all, which grows for as long as a camera runs. It only looks at
# those of the frame before.
_MAX_REMOVED = 256

_REMEMBERED_INTERVALS = 25


class BoxmotTracker:
    """One of boxmot's trackers for one camera.

    Args:
        name: a key of `CLASSES`.
        frame_rate: frames per second that `update` will see, > 0.
        lost_after_s: how long a track may stay unseen and still be taken up again.
        high_confidence: detections from here on may start a track; weaker ones only continue one (ByteTrack), or are
            not used (the others).
        low_confidence: detections below are not used.
    """

    def __init__(
        self, name: str, *, frame_rate: float, lost_after_s: float, high_confidence: float, low_confidence: float
    ) -> None:
        if frame_rate <= 0:
            raise ValueError(f"frame_rate must be above 0, got {frame_rate}")
        self._name = name
        self._frame_rate = frame_rate
        self._lost_after_frames = max(1, round(lost_after_s * frame_rate))
        self._high_confidence = high_confidence
        self._low_confidence = low_confidence
        self.reset()

    @property
    def lost_after_s(self) -> float:
        """How long a track may stay unseen and still be taken up again."""
        return self._lost_after_frames / self._frame_rate

    def reset(self) -> None:
        """Forget everything; numbering starts at 1 again."""
        self._tracker = _build(self._name, self._lost_after_frames, self._high_confidence, self._low_confidence)
        self._last_time_s: float | None = None
        self._intervals_s: deque[float] = deque(maxlen=_REMEMBERED_INTERVALS)
        self._tracks: dict[int, _KnownTrack] = {}
        self._next_track_id = 1

    def update(self, detections: Detections, time_s: float) -> TrackedBoxes:
        """Take in the next frame; frames that are missing before it are passed on as frames without anyone.

        Args:
            detections: the people in it.
            time_s: its presentation time, seconds; must grow from call to call.

        Returns:
            The tracks that were matched in this frame.
        """
        for _ in range(self._missed_frames(time_s)):
            self._step(Detections.empty())
        self._last_time_s = time_s
        rows = self._step(detections)
        track_ids = [self._track_id(int(raw_id), time_s) for raw_id in rows[:, 4]]
        self._forget_lost(time_s)
        return TrackedBoxes(
            track_ids=np.array(track_ids, dtype=np.int64),
            boxes_xyxy=rows[:, :4].astype(np.float32),
            confidences=rows[:, 5].astype(np.float32),
        )

    def _missed_frames(self, time_s: float) -> int:
        """How many frames are missing since the last one, by the interval that frames had lately.

        A camera may be slower than it says, at night for instance; then nothing is missing between its frames.
        """
        if self._last_time_s is None:
            return 0
        step_s = time_s - self._last_time_s
        usual_s = max([1 / self._frame_rate, *([median(self._intervals_s)] if self._intervals_s else [])])
        self._intervals_s.append(step_s)
        # Two more than the patience: boxmot lets go of a track one frame after it has marked it as removed.
        return int(np.clip(round(step_s / usual_s) - 1, 0, self._lost_after_frames + 2))

    def _step(self, detections: Detections) -> np.ndarray:
        num_detections = len(detections)
        rows = np.zeros((num_detections, 6), dtype=np.float32)  # x1, y1, x2, y2, confidence, class
        rows[:, :4] = detections.boxes_xyxy
        rows[:, 4] = detections.confidences
        tracked = np.asarray(self._tracker.update(rows, _NO_IMAGE), dtype=np.float64).reshape(-1, 8)
        removed = getattr(self._tracker, "removed_stracks", None)
        if removed is not None and len(removed) > _MAX_REMOVED:
            del removed[:-_MAX_REMOVED]
        return tracked  # x1, y1, x2, y2, boxmot's id, confidence, class, row of the detection

    def _track_id(self, raw_id: int, time_s: float) -> int:
        """Renumber from 1 in order of appearance: boxmot starts at 0 and counts tracks that never show.

        boxmot counts its patience in frames. Where frames come slower than the frame rate says, it takes a track up
        again after more seconds than were promised; that is a new track here.
        """
        track = self._tracks.get(raw_id)
        if track is None or time_s - track.seen_s > self.lost_after_s:
            track = self._tracks[raw_id] = _KnownTrack(self._next_track_id, time_s)
            self._next_track_id += 1
        track.seen_s = time_s
        return track.track_id

    def _forget_lost(self, time_s: float) -> None:
        lost = [raw_id for raw_id, track in self._tracks.items() if time_s - track.seen_s > self.lost_after_s]
        for raw_id in lost:
            del self._tracks[raw_id]


@dataclass
class _KnownTrack:
    track_id: int
    seen_s: float


_NO_IMAGE = np.zeros((1, 1, 3), dtype=np.uint8)


def _build(name: str, lost_after_frames: int, high_confidence: float, low_confidence: float) -> Any:
    """Build one of boxmot's trackers with its own defaults but for what is given here.

    frame_rate=30 in ByteTrack means that track_buffer is taken as it is; the buffer is already in frames. SFSORT asks
    for the frame's size only to tell its border from its middle, which have the same patience here.
    """
    common = {"det_thresh": high_confidence, "max_age": lost_after_frames}
    settings: dict[str, dict[str, Any]] = {
        "bytetrack": {
            "track_thresh": high_confidence,
            "min_conf": low_confidence,
            "track_buffer": lost_after_frames,
            "frame_rate": 30,
        },
        "ocsort": {**common, "min_conf": low_confidence},
        "sfsort": {
            "max_age": lost_after_frames,
            "high_th": high_confidence,
            "new_track_th": high_confidence,
            "low_th": low_confidence,
            "central_timeout": lost_after_frames,
            "marginal_timeout": lost_after_frames,
            "frame_width": 1,
            "frame_height": 1,
        },
    }
    module_name, class_name = CLASSES[name]
    tracker_class = getattr(importlib.import_module(module_name), class_name)
    logging.getLogger("boxmot").setLevel(logging.WARNING)  # it announces every tracker it builds
    return tracker_class(**settings[name])
