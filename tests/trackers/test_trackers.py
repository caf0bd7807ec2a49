"""Every tracker of the registry against people whose movement is known."""

from __future__ import annotations

import numpy as np
import pytest

from trackers.boxmot_tracker import BoxmotTracker
from trackers.registry import TRACKERS, create_tracker
from trackers.types import Detections, TrackedBoxes, Tracker


def build(name: str, *, frame_rate: float = 10.0, lost_after_s: float = 1.0) -> Tracker:
    return create_tracker(
        name, frame_rate=frame_rate, lost_after_s=lost_after_s, high_confidence=0.5, low_confidence=0.1
    )


def people(*lefts_px: float, confidence: float = 0.9) -> Detections:
    boxes = np.array([[left, 100, left + 60, 280] for left in lefts_px], dtype=np.float32).reshape(-1, 4)
    return Detections(boxes, np.full(len(lefts_px), confidence, dtype=np.float32))


def walk(tracker: Tracker, num_frames: int, *, first: int = 0, frame_rate: float = 10.0) -> list[TrackedBoxes]:
    """Two people, one walking right by 3 px a frame from x = 50, one standing at x = 900."""
    return [
        tracker.update(people(50 + 3 * index, 900), index / frame_rate) for index in range(first, first + num_frames)
    ]


@pytest.mark.parametrize("name", TRACKERS)
class TestEveryTracker:
    def test_follows_two_people_under_two_ids(self, name: str) -> None:
        results = walk(build(name), 30)
        assert all(sorted(result.track_ids) == [1, 2] for result in results[5:])
        last = results[-1]
        walker = last.boxes_xyxy[np.argmin(last.boxes_xyxy[:, 0])]
        np.testing.assert_allclose(walker, [137, 100, 197, 280], atol=12)
        assert last.boxes_xyxy.dtype == np.float32
        np.testing.assert_allclose(last.confidences, 0.9, atol=1e-6)

    def test_nobody_is_no_track(self, name: str) -> None:
        tracker = build(name)
        assert len(tracker.update(Detections.empty(), 0.0)) == 0
        assert len(tracker.update(Detections.empty(), 0.1)) == 0

    def test_two_instances_share_nothing(self, name: str) -> None:
        first, second = build(name), build(name)
        walk(first, 10)
        assert sorted(walk(second, 10)[-1].track_ids) == [1, 2]

    def test_reset_starts_over(self, name: str) -> None:
        tracker = build(name)
        walk(tracker, 10)
        tracker.reset()
        assert sorted(walk(tracker, 10)[-1].track_ids) == [1, 2]

    def test_short_absence_keeps_the_id_and_a_long_one_does_not(self, name: str) -> None:
        for absence_s, same in ((0.4, True), (3.0, False)):
            tracker = build(name)
            times_s = [index / 10 for index in range(20)]
            for time_s in times_s:
                before = tracker.update(people(400), time_s)
            for index in range(1, 6):  # the frames in between are missing altogether: only the times tell
                after = tracker.update(people(400), times_s[-1] + absence_s + index / 10)
            assert (list(before.track_ids) == list(after.track_ids)) is same, absence_s


@pytest.mark.parametrize("name", TRACKERS)
@pytest.mark.parametrize(("claimed", "true"), [(25, 25), (25, 20), (30, 22), (25, 18), (25, 5), (10, 30)])
def test_an_id_never_comes_back_after_the_promised_time(name: str, claimed: float, true: float) -> None:
    """Whoever is away for longer gets a new id, also from a camera that is slower or faster than it says."""
    for absence_s in np.arange(0.6, 2.5, 0.3).tolist():
        tracker = build(name, frame_rate=claimed, lost_after_s=1.0)
        seen_s: dict[int, float] = {}
        ids = []
        for index in range(round(6 * true)):
            time_s = index / true
            here = not 2 < time_s < 2 + absence_s
            result = tracker.update(people(400) if here else Detections.empty(), time_s)
            for track_id in result.track_ids.tolist():
                assert time_s - seen_s.get(track_id, time_s) <= tracker.lost_after_s + 1e-9
                seen_s[track_id] = time_s
                ids.append(track_id)
        assert ids[0] == 1
        assert ids == sorted(ids)


@pytest.mark.parametrize("name", TRACKERS)
def test_a_camera_slower_than_it_says_is_still_followed(name: str) -> None:
    tracker = build(name, frame_rate=25)
    results = [tracker.update(people(50 + 3 * index, 900), index / 5) for index in range(40)]
    assert all(sorted(result.track_ids) == [1, 2] for result in results[10:])


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="bytetrack"):
        build("deepsort")


def test_frame_rate_must_be_positive() -> None:
    with pytest.raises(ValueError, match="frame_rate"):
        build("bytetrack", frame_rate=0)


def test_patience_is_in_seconds_whatever_the_frame_rate() -> None:
    for frame_rate in (5.0, 25.0, 60.0):
        assert build("bytetrack", frame_rate=frame_rate, lost_after_s=2.0).lost_after_s == pytest.approx(2.0)


def test_memory_of_removed_tracks_is_bounded() -> None:
    tracker = build("bytetrack", lost_after_s=0.1)
    assert isinstance(tracker, BoxmotTracker)
    for index in range(1500):  # a new person somewhere else every other frame
        tracker.update(people((index // 2 % 12) * 150.0), index / 10)
    assert len(tracker._tracker.removed_stracks) <= 256


def test_building_a_tracker_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    walk(build("bytetrack"), 3)
    assert capfd.readouterr() == ("", "")
