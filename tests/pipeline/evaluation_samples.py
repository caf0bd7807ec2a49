"""People who walk in lanes, and results about them, for tests of the evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from pipeline.evaluation import CameraTruth
from pipeline.mot import TrackBox, TruthBox

SIDE_PX = 100.0


def truth_box(frame: int, person: int, *, lane: int | None = None, visibility: float = 1.0) -> TruthBox:
    """A square of `SIDE_PX` in the person's own lane; lanes do not touch."""
    return TruthBox(frame, person, _square(person if lane is None else lane, 0.0), visibility)


def track_box(frame: int, mot_id: int, *, lane: int | None = None, off_px: float = 0.0) -> TrackBox:
    """The same square, `off_px` to the right: the overlap is (100 - off) / (100 + off)."""
    return TrackBox(frame, mot_id, _square(mot_id if lane is None else lane, off_px), 0.9)


def everyone(people: Iterable[int], frames: Iterable[int]) -> list[TruthBox]:
    """All of the people in all of the frames."""
    frames = list(frames)
    return [truth_box(frame, person) for person in people for frame in frames]


def perfect(truth: Sequence[TruthBox]) -> list[TrackBox]:
    """A result that is the truth."""
    return [TrackBox(box.frame_index, box.person_id, box.box_xyxy, 1.0) for box in truth]


def renamed(boxes: Sequence[TrackBox], ids: Mapping[int, int], *, since: int = 0) -> list[TrackBox]:
    """The same boxes, some under other ids from a frame on."""
    return [replace(box, mot_id=ids.get(box.mot_id, box.mot_id)) if box.frame_index >= since else box for box in boxes]


def truths(boxes: Mapping[str, Sequence[TruthBox]], frames: int | None = None) -> dict[str, CameraTruth]:
    """Truth of several cameras of equal length."""
    return {name: CameraTruth(of_camera, frames) for name, of_camera in boxes.items()}


def random_site(
    seed: int, *, lane_px: float, cameras: Sequence[str] = ("gate", "hall")
) -> tuple[dict[str, list[TrackBox]], dict[str, CameraTruth]]:
    """People who come and go, and a result that misses, invents, renames and misplaces.

    Args:
        seed: of everything.
        lane_px: from one person to the next; boxes are about 100 wide, so below 50 several fit one person.
        cameras: their names.

    Returns:
        Result and truth.
    """
    rng = np.random.default_rng(seed)
    results: dict[str, list[TrackBox]] = {}
    truth: dict[str, CameraTruth] = {}
    for number, name in enumerate(cameras):
        frames = 20 + 15 * number
        people: list[TruthBox] = []
        found: list[TrackBox] = []
        for person in range(1, 6):
            first, last = np.sort(rng.integers(0, frames, 2))
            name_now = person + 10 * int(rng.integers(0, 2))
            for frame in range(first, last + 1):
                left = person * lane_px + frame
                people.append(TruthBox(frame, person, (left, 50.0, left + 100.0, 250.0)))
                if rng.random() < 0.1:
                    name_now = person + 10 * int(rng.integers(0, 4))
                if rng.random() < 0.85:
                    x1, y1, x2, y2 = np.array((left, 50.0, left + 100.0, 250.0)) + rng.normal(0, 8, 4)
                    found.append(TrackBox(frame, name_now, (x1, y1, x2, y2), 0.9))
        nowhere = (5000.0, 0.0, 5050.0, 100.0)
        found += [TrackBox(int(rng.integers(0, frames)), int(rng.integers(100, 1000)), nowhere, 0.5) for _ in range(8)]
        truth[name] = CameraTruth(people, frames)
        results[name] = list({(box.frame_index, box.mot_id): box for box in found}.values())
    return results, truth


def _square(lane: int, off_px: float) -> tuple[float, float, float, float]:
    left = 2 * SIDE_PX * lane + off_px
    return (left, 10.0, left + SIDE_PX, 10.0 + SIDE_PX)
