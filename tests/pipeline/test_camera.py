"""The numbers of a camera's tracks, also of those that are cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.camera import Camera
from pipeline.config import CameraConfig, TrackerConfig, TrackletConfig
from pipeline.inputs import open_inputs, resolve_cameras
from pipeline.sources import Frame, RunClock
from tests.pipeline.made_videos import write_video
from trackers.types import Detections

LEFT, RIGHT = (100.0, 100.0, 160.0, 260.0), (300.0, 100.0, 360.0, 260.0)


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[Camera]:
    video = write_video(tmp_path / "gate.mp4", [0, 9000, 18000], rate=10)
    resolved = resolve_cameras([CameraConfig(source=str(video))])
    (of,) = open_inputs(resolved, every=1, stall_timeout_s=5, clock=RunClock(), hash_whole=False)
    assert of.source is not None
    made = Camera(
        of,
        of.source,
        every=1,
        tracker=TrackerConfig(),
        low_conf=0.1,
        tracklets=TrackletConfig(min_crops=2),
        run_path=tmp_path,
        keep_video=False,
    )
    yield made
    made.remove_working_files()
    of.source.close()


def show(camera: Camera, index: int, *boxes: tuple[float, ...]) -> list[int]:
    """Show a frame with people; numbers of the tracklets that ended."""
    found = Detections(np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), 0.9, np.float32))
    frame = Frame("gate", index, index / 10, np.zeros((400, 600, 3), np.uint8))
    return [part.track_id for tracklet in camera.take(frame, found) for part in camera.settle(tracklet, [])]


def test_a_part_gets_the_next_number_and_its_boxes(camera: Camera) -> None:
    for index in range(12):
        show(camera, index, *([RIGHT] if 5 <= index < 8 else [LEFT, RIGHT]))
    first, *others = camera.finish()
    assert first.track_id == 1
    (doubt,) = first.doubts
    parts = camera.settle(first, [doubt])
    for other in others:
        camera.settle(other, [])
    taken = 1 + len(others)
    assert [part.track_id for part in parts] == [1, taken + 1]
    frames: dict[int, list[int]] = {}
    for box in camera.boxes.read({number: number * 100 for number in range(1, taken + 2)}):
        frames.setdefault(box.mot_id, []).append(box.frame_index)
    assert frames[100] == [0, 1, 2, 3, 4]
    assert frames[(taken + 1) * 100] == [8, 9, 10, 11]
    counts = camera.counts()
    assert (counts["jumps_cut"], counts["tracklets"]) == (1, taken + 1)


def test_numbers_follow_the_order_of_appearance_and_are_never_used_twice(camera: Camera) -> None:
    for index in range(5):
        show(camera, index, LEFT)
    ended = [number for index in range(5, 40) for number in show(camera, index)]
    for index in range(40, 45):
        show(camera, index, RIGHT, LEFT)
    assert ended == [1]
    assert sorted(tracklet.track_id for tracklet in camera.finish()) == [2, 3]


def test_whoever_stands_where_nobody_is_looked_for_is_not_followed(camera: Camera) -> None:
    left = ((0.0, 0.0), (0.3, 0.0), (0.3, 1.0), (0.0, 1.0))
    settings = camera.input.settings.model_copy(update={"ignore": (left,)})
    camera.input = replace(camera.input, settings=settings)
    for index in range(12):
        show(camera, index, LEFT, RIGHT)
    (tracklet,) = camera.finish()
    camera.settle(tracklet, [])
    assert (camera.detections, camera.ignored, camera.tracklets) == (12, 12, 1)
    assert {tuple(one.box_xyxy) for one in camera.boxes.read({1: 1})} == {RIGHT}
