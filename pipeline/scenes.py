"""One whole frame a sighting, with the person marked: where in the picture were they?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2

from pipeline.camera import Camera
from pipeline.drawing import mark
from pipeline.mot import TrackBox
from pipeline.run_directory import TrackletRow, write_jpeg
from pipeline.sources import CameraStatus, FramePicker, SourceKind
from pipeline.sources.bounded import call_bounded

_MAX_WIDTH_PX = 960
_JPEG_QUALITY = 80
_PICK_TIMEOUT_S = 20.0


def write_scenes(folder: Path, camera: Camera, status: CameraStatus, rows: Sequence[TrackletRow]) -> None:
    """Pick the frame from the middle of each sighting out of the recording and draw the person's box on it.

    No name stands in it, so that it stays right when people are associated anew.

    Only files can be read at any place; other sources have no scenes. A frame that is damaged has none either.

    Args:
        folder: gets `<track_id>.jpg` for each tracklet.
        camera: the camera.
        status: its health: frames of a damaged file are picked with more care.
        rows: its tracklets.

    Raises:
        TimeoutError: the file does not answer any more.
        OutputError: a scene cannot be written.
        Exception: whatever the decoder raises.
    """
    path = Path(camera.input.spec.source)
    if camera.input.spec.kind is not SourceKind.VIDEO or not path.is_file() or not rows:
        return
    if status is CameraStatus.LOST:  # its decoder hangs
        return
    folder.mkdir(parents=True)
    open_picker = partial(FramePicker, path, use_decord=status is CameraStatus.OK)
    with call_bounded(open_picker, _PICK_TIMEOUT_S, discard=FramePicker.close) as picker:
        for row, box in _boxes_in_the_middle(camera, rows):
            pick = partial(picker.pick, [box.frame_index])
            (frame,) = call_bounded(pick, _PICK_TIMEOUT_S, discard=lambda _: None)
            if frame is None:
                continue
            drawn = mark(frame, box)
            scale = min(1.0, _MAX_WIDTH_PX / drawn.shape[1])
            small = cv2.resize(drawn, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            write_jpeg(folder / f"{row.track_id}.jpg", small, quality=_JPEG_QUALITY)


def _boxes_in_the_middle(camera: Camera, rows: Sequence[TrackletRow]) -> list[tuple[TrackletRow, TrackBox]]:
    """Find each tracklet's box in the frame of its middle crop, or its first frame without crops; by frame."""
    by_track = {row.track_id: row for row in rows}
    frame_of = {
        row.track_id: row.crop_frames[len(row.crop_frames) // 2] if row.crop_frames else row.first_frame for row in rows
    }
    boxes = camera.boxes.read({track_id: track_id for track_id in by_track})
    return [(by_track[box.mot_id], box) for box in boxes if frame_of[box.mot_id] == box.frame_index]
