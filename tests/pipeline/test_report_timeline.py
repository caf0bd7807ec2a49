"""Where bars and ticks stand on the report's axis of time."""

import pytest

from pipeline.report_timeline import Coverage, coverage, time_axis, timeline_rows
from tests.pipeline.report_samples import NOON, ROWS, camera, row


def test_bars_stand_where_their_times_are():
    axis = time_axis(ROWS, [])
    assert axis.uses_clock
    assert (axis.start_s, axis.end_s) == (NOON.timestamp() + 1, NOON.timestamp() + 40)
    (bar,) = timeline_rows(ROWS, axis, ["gate"])[0].lanes[0].bars
    assert bar.left_percent == pytest.approx(100 * 1 / 39)
    assert bar.width_percent == pytest.approx(100 * 7 / 39)
    assert axis.percent(axis.end_s) == 100


def test_unknown_sightings_at_the_same_time_do_not_cover_each_other():
    rows = [row("hall", n, start, end) for n, (start, end) in enumerate([(0, 5), (1, 3), (2, 9), (3, 4), (5, 8)])]
    (lane,) = timeline_rows(rows, time_axis(rows, []), ["hall"])[0].lanes
    assert len(lane.bars) == 5
    for n, bar in enumerate(lane.bars):
        assert bar.top_px + bar.height_px <= lane.height_px
        for other in lane.bars[n + 1 :]:
            apart_in_time = (
                bar.left_percent + bar.width_percent <= other.left_percent + 1e-9
                or other.left_percent + other.width_percent <= bar.left_percent + 1e-9
            )
            assert apart_in_time or bar.top_px != other.top_px


@pytest.mark.parametrize("span_s", [0.5, 3, 59, 600, 7200, 86_400, 9 * 86_400, 400 * 86_400])
@pytest.mark.parametrize("clock", [True, False])
def test_ticks_are_few_in_order_and_inside(span_s, clock):
    axis = time_axis([row(start_s=0.25, end_s=0.25 + span_s, clock=clock)], [])
    for zoom in (1, 4, 16, 64):
        positions = [tick.left_percent for tick in axis.ticks(zoom)]
        assert len(positions) <= 9 * zoom
        assert positions == sorted(positions)
        assert all(0 <= position <= 100 for position in positions)


def test_ticks_stand_at_round_times():
    axis = time_axis([row(start_s=3, end_s=63, clock=False)], [])
    assert [tick.label for tick in axis.ticks(1)] == ["0:00:10", "0:00:20", "0:00:30", "0:00:40", "0:00:50", "0:01:00"]
    assert axis.ticks(1)[0].left_percent == pytest.approx(100 * 7 / 60)


def test_recordings_widen_the_axis_and_show_their_gaps():
    gap = {"start_s": 30.0, "end_s": 45.0, "reason": "unreadable data"}
    cameras = [camera("hall", gaps=[gap]), {**camera("gate"), "fps": None}]
    axis = time_axis(ROWS, cameras)
    assert (axis.start_s, axis.end_s) == (NOON.timestamp(), NOON.timestamp() + 60)
    assert coverage(cameras, axis) == [
        Coverage("hall", 0.0, 100.0, ((50.0, 25.0, "no picture: unreadable data"),)),
    ]


@pytest.mark.parametrize(("kind", "seconds"), [("file", 20.0), ("stream", 50.0)])
def test_a_recording_reaches_as_far_as_it_was_read(kind, seconds):
    gap = {"start_s": 20.0, "end_s": 50.0, "reason": "connection lost"}
    read = {**camera("hall", frames_expected=600, frames_decoded=200, gaps=[gap]), "kind": kind}
    axis = time_axis(ROWS, [read])
    (entry,) = coverage([read], axis)
    assert entry.width_percent * (axis.end_s - axis.start_s) / 100 == pytest.approx(seconds)
