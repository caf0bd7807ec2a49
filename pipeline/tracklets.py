"""From the tracked boxes of one camera to tracklets: when a person was there, and the crops that show them best."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

import numpy as np

from pipeline.config import CropGateConfig, TrackletConfig
from trackers.types import TrackedBoxes

ENOUGH, SHORT, FEW_CROPS = "enough", "short", "few_crops"

# Where a track may jump from one person to another: boxes that cover so much of each other (intersection over the
# smaller one; on made-up scenes 0.15 and 0.3 led to the same cuts); a track that is taken up again after so many times
# a frame's duration; and a box that is no good evidence: one person leaves at the edge where another comes, or stands
# behind somebody who has no box.
_DOUBTFUL_OVERLAP = 0.5
_DOUBTFUL_FRAMES = 2.5
_REMEMBERED_INTERVALS = 25


@dataclass(frozen=True)
class Crop:
    """A picture of a person: `rgb` (h, w, 3) uint8, cut from frame `frame_index`."""

    frame_index: int
    rgb: np.ndarray


@dataclass(frozen=True)
class Doubt:
    """A moment at which a track may have jumped to someone else, and what of it had been seen until then.

    Attributes:
        first_frame, start_s: of what may be someone else.
        doubtful: how much; the moments of one track can be compared by it.
        last_frame, end_s, frames, confidence_sum, refused: of the track before, as in `Tracklet`.
    """

    first_frame: int
    start_s: float
    doubtful: float
    last_frame: int
    end_s: float
    frames: int
    confidence_sum: float
    refused: Counter[str]


@dataclass(frozen=True)
class Tracklet:
    """One person's finished stay in one camera.

    Attributes:
        first_frame, last_frame: 0-based, both inclusive.
        start_s, end_s: seconds into the source; the end is exclusive (last frame's time plus one frame).
        frames: number of frames in which the person was seen.
        crops: in order of time, at most `max_crops`; if none passed the gates, the best of the refused ones.
        crops_kept: crops that passed the gates and are in `crops`.
        refused: number of crops refused, by reason.
        evidence: `enough`, `short` or `few_crops`.
        doubts: where it may be cut, in order of time; between two of `crops` there is one at most.
    """

    camera_id: str
    track_id: int
    first_frame: int
    last_frame: int
    start_s: float
    end_s: float
    frames: int
    mean_confidence: float
    crops: tuple[Crop, ...]
    crops_kept: int
    refused: dict[str, int]
    evidence: str
    doubts: tuple[Doubt, ...] = ()


class EvenCrops:
    """Keeps at most `max_crops` of a series of unknown length, evenly spread, without looking ahead.

    Every `stride`-th crop is taken. When there is one too many, every second one is let go and the stride doubles, so
    between half of `max_crops` and all of it is held at any time, with equal distances.

    Args:
        max_crops: at least 2.
    """

    def __init__(self, max_crops: int) -> None:
        self._max_crops = max_crops
        self._stride = 1
        self._num_offered = 0
        self.crops: list[Crop] = []

    def wants_next(self) -> bool:
        """Whether the next crop offered would be kept, so that others need not be cut out."""
        return self._num_offered % self._stride == 0

    def offer(self, crop: Crop | None) -> None:
        """Take in the next crop of the series; it may be None where `wants_next` said no."""
        if self.wants_next():
            if crop is None:
                raise ValueError("the next crop is wanted, got None")
            self.crops.append(crop)
        self._num_offered += 1
        if len(self.crops) > self._max_crops:
            del self.crops[1::2]
            self._stride *= 2


def refusal(
    index: int, boxes_xyxy: np.ndarray, confidences: np.ndarray, gates: CropGateConfig, *, frame_hw: tuple[int, int]
) -> str | None:
    """Say why a box is no good evidence of what a person looks like.

    Args:
        index: which of the boxes.
        boxes_xyxy: (M, 4) every tracked box of the frame, source pixels.
        confidences: (M,) of the detector.
        gates: the limits.
        frame_hw: height and width of the frame.

    Returns:
        None if the box passes; otherwise the first of `size`, `aspect`, `edge`, `confidence`, `overlap` that it fails.
    """
    x1, y1, x2, y2 = boxes_xyxy[index]
    height, width = y2 - y1, x2 - x1
    if height < gates.min_height_px or width < gates.min_width_px:
        return "size"
    if not gates.min_aspect <= height / width <= gates.max_aspect:
        return "aspect"
    frame_height, frame_width = frame_hw
    if min(x1, y1, frame_width - x2, frame_height - y2) < gates.edge_px:
        return "edge"
    if confidences[index] < gates.min_conf:
        return "confidence"
    others = np.delete(boxes_xyxy, index, axis=0)
    shared_width = np.clip(np.minimum(x2, others[:, 2]) - np.maximum(x1, others[:, 0]), 0, None)
    shared_height = np.clip(np.minimum(y2, others[:, 3]) - np.maximum(y1, others[:, 1]), 0, None)
    if len(others) and (shared_width * shared_height).max() > gates.max_overlap * height * width:
        return "overlap"
    return None


@dataclass
class _OpenTracklet:
    first_frame: int
    start_s: float
    kept: EvenCrops
    last_frame: int = 0
    last_time_s: float = 0.0
    frames: int = 0
    confidence_sum: float = 0.0
    passed: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    doubts: list[Doubt] = field(default_factory=list)
    fallback: Crop | None = None
    fallback_score: float = -1.0


class TrackletBuilder:
    """Collects one camera's tracks. Memory grows with the people in view, not with time.

    Args:
        camera_id: the camera.
        settings: how many crops, which gates, what is enough.
        frame_s: seconds that one frame stands for.
        lost_after_s: a track unseen for longer than this is finished.
    """

    def __init__(self, camera_id: str, settings: TrackletConfig, *, frame_s: float, lost_after_s: float) -> None:
        self._camera_id = camera_id
        self._settings = settings
        self._frame_s = frame_s
        self._lost_after_s = lost_after_s
        self._open: dict[int, _OpenTracklet] = {}
        self._time_s: float | None = None
        self._intervals_s: deque[float] = deque(maxlen=_REMEMBERED_INTERVALS)

    def update(self, frame_rgb: np.ndarray, frame_index: int, time_s: float, tracked: TrackedBoxes) -> list[Tracklet]:
        """Take in the tracks of the next frame.

        Args:
            frame_rgb: (H, W, 3) uint8; crops are copied out of it.
            frame_index: 0-based.
            time_s: presentation time.
            tracked: the tracks seen in it.

        Returns:
            The tracklets that have ended by now.
        """
        if self._time_s is not None:
            self._intervals_s.append(time_s - self._time_s)
        self._time_s = time_s
        # A camera may be slower than it says, or than it is analysed; then nothing is missing between its frames.
        usual_s = max(self._frame_s, median(self._intervals_s) if self._intervals_s else 0.0)
        overlaps = _overlaps(tracked.boxes_xyxy)
        frame_hw = (frame_rgb.shape[0], frame_rgb.shape[1])
        for index, track_id in enumerate(tracked.track_ids.tolist()):
            reason = refusal(index, tracked.boxes_xyxy, tracked.confidences, self._settings.gates, frame_hw=frame_hw)
            track = self._open.get(track_id)
            if track is None:
                track = _OpenTracklet(frame_index, time_s, EvenCrops(self._settings.max_crops))
                self._open[track_id] = track
            elif track.kept.crops:
                unseen = time_s - track.last_time_s >= _DOUBTFUL_FRAMES * usual_s
                if overlaps[index] > _DOUBTFUL_OVERLAP or reason is not None or unseen:
                    self._note_doubt(track, frame_index, time_s, overlaps[index] + unseen)
            self._see(track, index, frame_rgb, frame_index, time_s, tracked, reason)
        # The tracker promises that an id unseen for longer never comes back.
        ended = [track_id for track_id, track in self._open.items() if time_s - track.last_time_s > self._lost_after_s]
        return [self._close(track_id) for track_id in ended]

    def finish(self) -> list[Tracklet]:
        """End every track that is still open, in order of their ids."""
        return [self._close(track_id) for track_id in sorted(self._open)]

    def _note_doubt(self, track: _OpenTracklet, frame_index: int, time_s: float, doubtful: float) -> None:
        """Keep the most doubtful moment since the last crop."""
        doubt = Doubt(
            first_frame=frame_index,
            start_s=time_s,
            doubtful=doubtful,
            last_frame=track.last_frame,
            end_s=track.last_time_s + self._frame_s,
            frames=track.frames,
            confidence_sum=track.confidence_sum,
            refused=track.refused.copy(),
        )
        track.doubts = _one_a_gap([*track.doubts, doubt], track.kept.crops)

    def _see(
        self,
        track: _OpenTracklet,
        index: int,
        frame_rgb: np.ndarray,
        frame_index: int,
        time_s: float,
        tracked: TrackedBoxes,
        reason: str | None,
    ) -> None:
        """Count a frame; `reason` is why its crop is refused."""
        track.last_frame, track.last_time_s = frame_index, time_s
        track.frames += 1
        confidence = float(tracked.confidences[index])
        track.confidence_sum += confidence
        frame_hw = (frame_rgb.shape[0], frame_rgb.shape[1])
        box_xyxy = tracked.boxes_xyxy[index]
        if reason is None:
            track.passed += 1
            track.fallback = None
            track.kept.offer(cut(frame_rgb, box_xyxy, frame_index) if track.kept.wants_next() else None)
            return
        track.refused[reason] += 1
        if track.passed == 0:
            score = confidence * _visible_area_px(box_xyxy, frame_hw)
            if score > track.fallback_score:
                track.fallback = cut(frame_rgb, box_xyxy, frame_index)
                track.fallback_score = score

    def _close(self, track_id: int) -> Tracklet:
        track = self._open.pop(track_id)
        end_s = track.last_time_s + self._frame_s
        crops_kept = len(track.kept.crops)
        fallback = () if track.fallback is None else (track.fallback,)
        doubts = _one_a_gap(track.doubts, track.kept.crops)
        return Tracklet(
            camera_id=self._camera_id,
            track_id=track_id,
            first_frame=track.first_frame,
            last_frame=track.last_frame,
            start_s=track.start_s,
            end_s=end_s,
            frames=track.frames,
            mean_confidence=track.confidence_sum / track.frames,
            crops=tuple(track.kept.crops) or fallback,
            crops_kept=crops_kept,
            refused=dict(track.refused),
            evidence=_evidence(end_s - track.start_s, crops_kept, self._settings),
            doubts=tuple(doubt for doubt in doubts if doubt.first_frame <= track.kept.crops[-1].frame_index),
        )


def cut_at(tracklet: Tracklet, doubts: Sequence[Doubt], settings: TrackletConfig) -> list[Tracklet]:
    """Cut a stay into the stays of several people.

    Args:
        tracklet: the whole.
        doubts: of its own, in order of time; each begins a further part.
        settings: what is enough evidence.

    Returns:
        The parts in order of time, all with the track's id; each has crops that passed the gates.
    """
    if not doubts:
        return [tracklet]
    parts = []
    nothing = Doubt(tracklet.first_frame, tracklet.start_s, 0.0, tracklet.last_frame, tracklet.end_s, 0, 0.0, Counter())
    whole = Doubt(
        tracklet.last_frame + 1,
        tracklet.end_s,
        0.0,
        tracklet.last_frame,
        tracklet.end_s,
        tracklet.frames,
        tracklet.mean_confidence * tracklet.frames,
        Counter(tracklet.refused),
    )
    for begin, end in pairwise([nothing, *doubts, whole]):
        crops = tuple(crop for crop in tracklet.crops if begin.first_frame <= crop.frame_index < end.first_frame)
        frames = end.frames - begin.frames
        parts.append(
            Tracklet(
                camera_id=tracklet.camera_id,
                track_id=tracklet.track_id,
                first_frame=begin.first_frame,
                last_frame=end.last_frame,
                start_s=begin.start_s,
                end_s=end.end_s,
                frames=frames,
                mean_confidence=(end.confidence_sum - begin.confidence_sum) / frames,
                crops=crops,
                crops_kept=len(crops),
                refused=dict(end.refused - begin.refused),
                evidence=_evidence(end.end_s - begin.start_s, len(crops), settings),
            )
        )
    return parts


def _evidence(seconds: float, crops_kept: int, settings: TrackletConfig) -> str:
    if seconds < settings.min_seconds:
        return SHORT
    return FEW_CROPS if crops_kept < settings.min_crops else ENOUGH


def _one_a_gap(doubts: Sequence[Doubt], crops: Sequence[Crop]) -> list[Doubt]:
    """Keep the most doubtful moment between each crop and the next, and after the last; ties go to the first."""
    strongest: dict[int, Doubt] = {}
    frames = [crop.frame_index for crop in crops]
    for doubt in doubts:
        gap = bisect_left(frames, doubt.first_frame)  # so many crops were taken before it
        if gap not in strongest or doubt.doubtful > strongest[gap].doubtful:
            strongest[gap] = doubt
    return list(strongest.values())


def _overlaps(boxes_xyxy: np.ndarray) -> list[float]:
    """Say for each of (M, 4) boxes how much it shares with any other: intersection over the smaller one, at most."""
    left_top = np.maximum(boxes_xyxy[:, None, :2], boxes_xyxy[None, :, :2])
    right_bottom = np.minimum(boxes_xyxy[:, None, 2:], boxes_xyxy[None, :, 2:])
    shared = np.clip(right_bottom - left_top, 0, None).prod(axis=2)  # (M, M)
    areas = np.diagonal(shared)
    shares = shared / np.maximum(np.minimum(areas[:, None], areas[None, :]), 1e-6)
    np.fill_diagonal(shares, 0.0)
    return shares.max(axis=1, initial=0.0).tolist()  # type: ignore[no-any-return]


def cut(frame_rgb: np.ndarray, box_xyxy: np.ndarray, frame_index: int) -> Crop | None:
    """Copy a box out of a frame.

    Args:
        frame_rgb: (H, W, 3) uint8.
        box_xyxy: (4,) source pixels; what lies beyond the frame is left out.
        frame_index: 0-based.

    Returns:
        The crop, or None if no pixel of the box lies in the frame.
    """
    height, width = frame_rgb.shape[:2]
    x1, y1 = np.clip(np.floor(box_xyxy[:2]), 0, [width, height]).astype(int)
    x2, y2 = np.clip(np.ceil(box_xyxy[2:]), 0, [width, height]).astype(int)
    if x2 <= x1 or y2 <= y1:
        return None
    return Crop(frame_index, frame_rgb[y1:y2, x1:x2].copy())


def _visible_area_px(box_xyxy: np.ndarray, frame_hw: tuple[int, int]) -> float:
    height, width = frame_hw
    x1, y1, x2, y2 = box_xyxy
    return float(max(0.0, min(x2, width) - max(x1, 0.0)) * max(0.0, min(y2, height) - max(y1, 0.0)))
