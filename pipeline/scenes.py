"""One whole frame a sighting, with the person marked: where in the picture were they?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2

from pipeline.camera import Camera
from pipeline.drawing import draw_boxes, labels_and_colours
from pipeline.mot import TrackBox
from pipeline.run_directory import TrackletRow
from pipeline.sources import CameraStatus, FramePicker, SourceKind
from reid.errors import SourceError

_MAX_WIDTH_PX = 960
_JPEG_QUALITY = 80

log = logging.getLogger(__name__)


def write_scenes(folder: Path, camera: Camera, status: CameraStatus, rows: Sequence[TrackletRow]) -> None:
    """Pick the frame from the middle of each sighting out of the recording and draw the person's box on it.

    Only files can be read at any place; other sources have no scenes. A frame that is damaged has none either.

    Args:
        folder: gets `<track_id>.jpg` for each tracklet.
        camera: the camera.
        status: its health: frames of a damaged file are picked with more care.
        rows: its tracklets, with identities.
    """
    if camera.input.spec.kind is not SourceKind.VIDEO or not rows:
        return
    labels, colours = labels_and_colours(rows)
    folder.mkdir(parents=True)
    try:
        with FramePicker(Path(camera.input.spec.source), use_decord=status is CameraStatus.OK) as picker:
            for row, box in _boxes_in_the_middle(camera, rows):
                (frame,) = picker.pick([box.frame_index])
                if frame is None:
                    continue
                drawn = draw_boxes(frame, [box], labels, colours)
                scale = min(1.0, _MAX_WIDTH_PX / drawn.shape[1])
                small = cv2.resize(drawn, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
                path = folder / f"{row.track_id}.jpg"
                cv2.imwrite(
                    str(path), cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
                )
    except (SourceError, IndexError) as error:
        log.warning("no scenes of camera %s: %s", camera.camera_id, error)


def _boxes_in_the_middle(camera: Camera, rows: Sequence[TrackletRow]) -> list[tuple[TrackletRow, TrackBox]]:
    """Find each tracklet's box in the frame of its middle crop, or its first frame without crops; by frame."""
    by_track = {row.track_id: row for row in rows}
    frame_of = {
        row.track_id: row.crop_frames[len(row.crop_frames) // 2] if row.crop_frames else row.first_frame for row in rows
    }
    found = []
    for box in camera.boxes.read({track_id: track_id for track_id in by_track}):
        if frame_of[box.mot_id] == box.frame_index:
            row = by_track[box.mot_id]
            found.append((row, replace(box, mot_id=row.mot_id)))
    return found
