"""Write a camera's recording again, with a labelled box around everyone who was seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from pipeline.colours import UNKNOWN_COLOUR, Rgb, identity_colour, text_colour
from pipeline.mot import TrackBox
from pipeline.run_directory import TrackletRow
from pipeline.video_writer import VideoWriter

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_OUTLINE_RGB: Rgb = (0, 0, 0)
_MARK_RGB: Rgb = (255, 200, 0)


class TimedFrame(Protocol):
    """A frame of a recording: `index` 0-based, `time_s` in seconds, `rgb` (H, W, 3) uint8."""

    @property
    def index(self) -> int: ...

    @property
    def time_s(self) -> float: ...

    @property
    def rgb(self) -> np.ndarray: ...


def labels_and_colours(rows: Iterable[TrackletRow]) -> tuple[dict[int, str], dict[int, Rgb]]:
    """Name and colour everyone, as the report does.

    Args:
        rows: tracklets of one camera or of the whole run, with `mot_id`.

    Returns:
        Labels and colours, both by `mot_id`.
    """
    labels = {}
    colours = {}
    for row in rows:
        known = row.identity_id is not None
        labels[row.mot_id] = f"person {row.identity_id}" if known else f"unknown {row.mot_id}"
        colours[row.mot_id] = identity_colour(row.identity_id)
    return labels, colours


def write_annotated_video(
    out_path: Path,
    frames: Iterable[TimedFrame],
    boxes: Iterable[TrackBox],
    labels: Mapping[int, str],
    colours: Mapping[int, Rgb],
    *,
    fps: float | None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Draw the boxes on the frames and write them as an MP4 that browsers play.

    H.264, yuv420p, fast start. Every frame is written, with a box or without, at its own time; frames that the source
    left out are not invented. The video has the size of the first frame, one pixel more where that is odd.

    Args:
        out_path: the file to write.
        frames: in order of time and index; the same indices as in `boxes`.
        boxes: in order of frames, as tracks are written and read; only one frame's are held at a time.
        labels: text for each `mot_id`; ASCII, without one the number is shown.
        colours: colour for each `mot_id`; grey without one.
        fps: the source's average frame rate; None if it is not known. It only guides the encoder.
        progress: called with the number of frames written so far.

    Returns:
        Number of frames written. With no frame at all no file is made.

    Raises:
        OutputError: the file cannot be written, or the disk is full.
    """
    pending = groupby(boxes, key=lambda box: box.frame_index)
    boxes_index, frame_boxes = _next_group(pending)
    encoder: VideoWriter | None = None
    num_written = 0
    try:
        for frame in frames:
            if encoder is None:
                encoder = VideoWriter(out_path, (frame.rgb.shape[0], frame.rgb.shape[1]), fps)
            while boxes_index is not None and boxes_index < frame.index:
                boxes_index, frame_boxes = _next_group(pending)
            here = frame_boxes if boxes_index == frame.index else []
            encoder.write(draw_boxes(frame.rgb, here, labels, colours), frame.time_s)
            num_written += 1
            if progress is not None:
                progress(num_written)
    finally:
        if encoder is not None:
            encoder.close()
    return num_written


def _next_group(groups: Iterator[tuple[int, Iterator[TrackBox]]]) -> tuple[int | None, list[TrackBox]]:
    for frame_index, boxes in groups:
        return frame_index, list(boxes)
    return None, []


def mark(rgb: np.ndarray, box: TrackBox) -> np.ndarray:
    """Draw one box, without a name.

    Args:
        rgb: (H, W, 3) uint8, left as it is.
        box: the box.

    Returns:
        (H, W, 3) uint8, a new array.
    """
    canvas = np.array(rgb, dtype=np.uint8, order="C")
    _draw_outline(canvas, box, _MARK_RGB)
    return canvas


def draw_boxes(
    rgb: np.ndarray, boxes: Sequence[TrackBox], labels: Mapping[int, str], colours: Mapping[int, Rgb]
) -> np.ndarray:
    """Draw labelled boxes on one frame.

    Args:
        rgb: (H, W, 3) uint8, left as it is.
        boxes: the frame's boxes.
        labels: text for each `mot_id`; without one the number is shown.
        colours: colour for each `mot_id`; grey without one.

    Returns:
        (H, W, 3) uint8, a new array.
    """
    canvas = np.array(rgb, dtype=np.uint8, order="C")
    height_px, width_px = canvas.shape[:2]
    for box in boxes:
        _draw_outline(canvas, box, colours.get(box.mot_id, UNKNOWN_COLOUR))
    # Labels last, so that no neighbour's box crosses a name.
    taken: list[_Area] = []
    for box in boxes:
        corners = _corners(box, width_px, height_px)
        text = labels.get(box.mot_id, str(box.mot_id))
        taken.append(_draw_label(canvas, text, corners, colours.get(box.mot_id, UNKNOWN_COLOUR), taken))
    return canvas


@dataclass(frozen=True)
class _Area:
    """A rectangle of whole pixels; the first and the last pixel both belong to it."""

    left: int
    top: int
    right: int
    bottom: int

    def meets(self, other: _Area) -> bool:
        return (
            self.left <= other.right
            and other.left <= self.right
            and self.top <= other.bottom
            and other.top <= self.bottom
        )


_Corners = tuple[tuple[int, int], tuple[int, int]]


def _draw_outline(canvas: np.ndarray, box: TrackBox, colour: Rgb) -> None:
    height_px, width_px = canvas.shape[:2]
    corners = _corners(box, width_px, height_px)
    line_px = max(2, round(height_px / 400))
    cv2.rectangle(canvas, *corners, _OUTLINE_RGB, line_px + 2)
    cv2.rectangle(canvas, *corners, colour, line_px)


def _corners(box: TrackBox, width_px: int, height_px: int) -> _Corners:
    """Clip a box to the frame: its first and last pixel, as OpenCV wants them."""
    x1, y1, x2, y2 = box.box_xyxy
    left, right = (int(np.clip(round(x), 0, width_px - 1)) for x in (x1, x2 - 1))
    top, bottom = (int(np.clip(round(y), 0, height_px - 1)) for y in (y1, y2 - 1))
    return (left, top), (right, bottom)


def _draw_label(canvas: np.ndarray, text: str, corners: _Corners, background: Rgb, taken: list[_Area]) -> _Area:
    """Write on a plate at the box, clear of the plates that stand already where there is room."""
    height_px = canvas.shape[0]
    text_px = max(13, round(height_px / 54))
    stroke_px = max(1, round(text_px / 10))
    padding_px = max(3, text_px // 4)
    scale = cv2.getFontScaleFromHeight(_FONT, text_px, stroke_px)
    (text_width_px, text_height_px), baseline_px = cv2.getTextSize(text, _FONT, scale, stroke_px)
    size_px = (text_width_px + 2 * padding_px, text_height_px + baseline_px // 2 + 2 * padding_px)
    plate = _place_plate(size_px, corners, canvas.shape[1], height_px, taken)
    cv2.rectangle(canvas, (plate.left, plate.top), (plate.right, plate.bottom), background, cv2.FILLED)
    cv2.rectangle(canvas, (plate.left, plate.top), (plate.right, plate.bottom), _OUTLINE_RGB, 1)
    origin = (plate.left + padding_px, plate.top + padding_px + text_height_px)
    cv2.putText(canvas, text, origin, _FONT, scale, text_colour(background), stroke_px, cv2.LINE_AA)
    return plate


def _place_plate(
    size_px: tuple[int, int], corners: _Corners, frame_width_px: int, frame_height_px: int, taken: list[_Area]
) -> _Area:
    """Try above the box, below it, inside its top, inside its bottom; inside its top where every place is taken."""
    (box_left, box_top), (_, box_bottom) = corners
    width_px, plate_height_px = size_px
    left = max(0, min(box_left, frame_width_px - width_px))
    tops = (box_top - plate_height_px, box_bottom + 1, box_top, box_bottom - plate_height_px + 1)
    places = [_Area(left, top, left + width_px - 1, top + plate_height_px - 1) for top in tops]
    for place in places:
        inside = place.top >= 0 and place.bottom < frame_height_px
        if inside and not any(place.meets(other) for other in taken):
            return place
    return places[2]
