"""Where bars, recordings and their gaps stand on the report's axis of time."""

import pytest

from pipeline.report_axis import Extent, time_axis
from pipeline.report_timeline import Coverage, coverage, timeline_rows
from tests.pipeline.report_samples import NOON, ROWS, camera, moved, row


def test_bars_stand_where_their_times_are():
    axis = time_axis(ROWS, [])
    assert axis.uses_clock
    assert (axis.start_s, axis.end_s) == (NOON.timestamp() + 1, NOON.timestamp() + 40)
    (bar,) = timeline_rows(ROWS, axis, ["gate"])[0].lanes[0].bars
    assert bar.extent.segment == 0
    assert bar.extent.left_percent == pytest.approx(100 * 1 / 39)
    assert bar.extent.width_percent == pytest.approx(100 * 7 / 39)


def test_unknown_sightings_at_the_same_time_do_not_cover_each_other():
    rows = [row("hall", n, start, end) for n, (start, end) in enumerate([(0, 5), (1, 3), (2, 9), (3, 4), (5, 8)])]
    (lane,) = timeline_rows(rows, time_axis(rows, []), ["hall"])[0].lanes
    assert len(lane.bars) == 5
    for n, bar in enumerate(lane.bars):
        assert bar.top_px + bar.height_px <= lane.height_px
        for other in lane.bars[n + 1 :]:
            apart_in_time = (
                bar.extent.left_percent + bar.extent.width_percent <= other.extent.left_percent + 1e-9
                or other.extent.left_percent + other.extent.width_percent <= bar.extent.left_percent + 1e-9
            )
            assert apart_in_time or bar.top_px != other.top_px


def test_recordings_widen_the_axis_and_show_their_gaps():
    gap = {"start_s": 30.0, "end_s": 45.0, "reason": "unreadable data"}
    cameras = [camera("hall", gaps=[gap]), {**camera("gate"), "fps": None}]
    axis = time_axis(ROWS, cameras)
    assert (axis.start_s, axis.end_s) == (NOON.timestamp(), NOON.timestamp() + 60)
    assert coverage(cameras, axis) == [
        Coverage("hall", Extent(0, 0.0, 100.0), ((Extent(0, 50.0, 25.0), "no picture: unreadable data"),)),
    ]


@pytest.mark.parametrize(("kind", "seconds"), [("file", 20.0), ("stream", 50.0)])
def test_a_recording_reaches_as_far_as_it_was_read(kind, seconds):
    gap = {"start_s": 20.0, "end_s": 50.0, "reason": "connection lost"}
    read = {**camera("hall", frames_expected=600, frames_decoded=200, gaps=[gap]), "kind": kind}
    axis = time_axis(ROWS, [read])
    (entry,) = coverage([read], axis)
    assert entry.extent.width_percent * (axis.end_s - axis.start_s) / 100 == pytest.approx(seconds)


def test_a_recording_of_another_day_has_its_bars_and_gaps_in_its_own_segment():
    gap = {"start_s": 15.0, "end_s": 45.0, "reason": "unreadable data"}
    cameras = [camera("hall"), camera("gate", start=moved(days=1), gaps=[gap])]
    rows = [row("hall", 1, 0, 30, identity_id=1), row("gate", 1, 30, 45, identity_id=1, start=moved(days=1))]
    axis = time_axis(rows, cameras)
    hall, gate = (lane.bars[0] for lane in timeline_rows(rows, axis, ["hall", "gate"])[0].lanes)
    assert (hall.extent, gate.extent) == (Extent(0, 0.0, 50.0), Extent(1, 50.0, 25.0))
    assert [entry.extent for entry in coverage(cameras, axis)] == [Extent(0, 0.0, 100.0), Extent(1, 0.0, 100.0)]
    assert coverage(cameras, axis)[1].gaps == ((Extent(1, 25.0, 50.0), "no picture: unreadable data"),)
    assert hall.title.splitlines()[1] == axis.when_text(rows[0])
    assert "2026" in hall.title
