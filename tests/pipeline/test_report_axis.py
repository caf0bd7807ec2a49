"""Which time the report's axis shows, where each moment stands on it, and what its marks say."""

import math
import re
from datetime import datetime

import numpy as np
import pytest

from pipeline.report_axis import Extent, Segment, TimeAxis, time_axis
from tests.pipeline.report_samples import NOON, ROWS, camera, local_zone, moved, row

T0 = NOON.timestamp()


@pytest.fixture(params=["UTC", "Europe/Berlin", "America/New_York"])
def zone(request):
    with local_zone(request.param):
        yield request.param


def clips(*starts_s, length_s=60):
    """An axis over recordings of one length that begin so many seconds after NOON."""
    cameras = [
        camera(f"clip-{n}", start=moved(seconds=start_s), frames_decoded=10 * length_s)
        for n, start_s in enumerate(starts_s)
    ]
    return time_axis([row(start_s=0, end_s=1, start=moved(seconds=starts_s[0]))], cameras)


def spans_of(axis):
    return [(segment.start_s - T0, segment.end_s - T0) for segment in axis.segments]


def test_moments_stand_in_their_segment_by_hand():
    axis = clips(0, 1000, 5000)
    assert spans_of(axis) == [(0, 60), (1000, 1060), (5000, 5060)]
    assert axis.covered_s == 180
    assert axis.extent(T0, T0 + 60) == Extent(0, 0.0, 100.0)
    assert axis.extent(T0 + 15, T0 + 30) == Extent(0, 25.0, 25.0)
    assert axis.extent(T0 + 1000, T0 + 1030) == Extent(1, 0.0, 50.0)
    assert axis.extent(T0 + 5045, T0 + 5060) == Extent(2, 75.0, 25.0)
    assert axis.extent(T0 + 5060, T0 + 5060) == Extent(2, 100.0, 0.0)


@pytest.mark.parametrize("seed", range(20))
def test_places_keep_the_order_of_moments_and_lead_back_to_them(seed):
    rng = np.random.default_rng(seed)
    axis = clips(*np.cumsum(rng.choice([30, 90, 4000, 10**6], size=8) * rng.uniform(0.5, 1.5, 8)).tolist())
    moments_s = sorted(
        moment_s for segment in axis.segments for moment_s in rng.uniform(segment.start_s, segment.end_s, 20)
    )
    places = [axis.extent(moment_s, moment_s) for moment_s in moments_s]
    assert places == sorted(places)
    for moment_s, place in zip(moments_s, places, strict=True):
        segment = axis.segments[place.segment]
        assert segment.start_s + place.left_percent / 100 * segment.length_s == pytest.approx(moment_s, abs=1e-4)


@pytest.mark.parametrize("seed", range(20))
def test_segments_hold_all_that_is_covered_and_no_long_idle_time(seed):
    rng = np.random.default_rng(seed)
    starts_s = rng.integers(0, 4000, 12).tolist()
    axis = clips(*starts_s)
    is_covered = np.zeros(5000, bool)
    for start_s in starts_s:
        is_covered[start_s : start_s + 60] = True
    assert axis.covered_s == pytest.approx(is_covered.sum())
    is_shown = np.zeros(5000, bool)
    for start_s, end_s in spans_of(axis):
        is_shown[round(start_s) : round(end_s)] = True
    assert not (is_covered & ~is_shown).any()
    limit_s = max(60, 0.15 * is_covered.sum())
    idle = [len(run.group()) for run in re.finditer("0+", "".join(map(str, is_covered.astype(int))).strip("0"))]
    assert len(axis.breaks) == sum(length_s > limit_s for length_s in idle)


@pytest.mark.parametrize(
    ("length_s", "idle_s", "num_breaks"),
    [(60, 60, 0), (60, 61, 1), (1000, 300, 0), (1000, 301, 1), (36_000, 3 * 3600, 0), (36_000, 14 * 3600, 1)],
)
def test_time_is_left_out_only_if_long_for_itself_and_beside_what_is_covered(length_s, idle_s, num_breaks):
    axis = clips(0, length_s + idle_s, length_s=length_s)
    assert len(axis.breaks) == num_breaks
    assert axis.covered_s == 2 * length_s
    assert axis.end_s - axis.start_s == 2 * length_s + idle_s


def test_one_recording_has_no_break():
    axis = time_axis(ROWS, [camera("hall", frames_decoded=10 * 86_400)])
    assert axis.breaks == ()
    assert spans_of(axis) == [(0, 86_400)]
    assert axis.columns.count("fr)") == 1


def test_without_a_clock_nothing_is_left_out():
    rows = [row(start_s=1, end_s=2, clock=False), row(track_id=2, start_s=90_000, end_s=90_001, clock=False)]
    axis = time_axis(rows, [])
    assert axis.segments == (Segment(1, 90_001),)
    assert axis.breaks == ()
    assert axis.extent(45_001, 45_001).left_percent == 50
    assert not axis.spans_days
    assert not any(tick.date for ticks in axis.ticks(1) for tick in ticks)


@pytest.mark.parametrize("rows", [[], [row(start_s=3, end_s=3)]])
def test_an_axis_has_a_length_whatever_it_holds(rows):
    axis = time_axis(rows, [])
    assert axis.end_s - axis.start_s == 1
    assert axis.covered_s == 0


def test_sightings_count_where_the_recording_is_not_known():
    rows = [row(start_s=0, end_s=10), row(track_id=2, start_s=500, end_s=510)]
    axis = time_axis(rows, [{**camera(), "fps": None}])
    assert spans_of(axis) == [(0, 10), (500, 510)]


@pytest.mark.parametrize(
    ("idle_s", "label"), [(61, "61 s"), (20 * 60, "20 min"), (14 * 3600, "14 h"), (889.4 * 86_400, "2 y 5 mo")]
)
def test_a_break_says_how_much_is_left_out(idle_s, label):
    (gap,) = clips(0, 60 + idle_s).breaks
    assert gap.label == label
    assert gap.title.startswith(f"{label} not shown\nNothing recorded or seen: ")


def test_a_break_says_from_when_to_when(zone):
    (gap,) = clips(0, 14 * 3600).breaks
    first, last = (moved(seconds=seconds).astimezone() for seconds in (60, 14 * 3600))
    for moment in (first, last):
        assert f"{moment:%H:%M:%S}" in gap.title
        assert f"{moment:%a} {moment.day} {moment:%b %Y}" in gap.title


@pytest.mark.parametrize("span_s", [0.5, 3, 59, 600, 7200, 86_400, 9 * 86_400, 400 * 86_400])
@pytest.mark.parametrize("clock", [True, False])
def test_ticks_are_few_in_order_and_inside(span_s, clock):
    axis = time_axis([row(start_s=0.25, end_s=0.25 + span_s, clock=clock)], [])
    for zoom in (1, 4, 16, 64):
        (ticks,) = axis.ticks(zoom)
        positions = [tick.left_percent for tick in ticks]
        assert 1 <= len(positions) <= 9 * zoom
        assert positions == sorted(positions)
        assert all(0 <= position <= 100 for position in positions)


def test_ticks_stand_at_round_times():
    (ticks,) = time_axis([row(start_s=3, end_s=63, clock=False)], []).ticks(1)
    assert [tick.label for tick in ticks] == ["0:00:10", "0:00:20", "0:00:30", "0:00:40", "0:00:50", "0:01:00"]
    assert ticks[0].left_percent == pytest.approx(100 * 7 / 60)


@pytest.mark.parametrize("zoom", [1, 4, 16, 64])
def test_every_segment_has_ticks_that_tell_its_times(zone, zoom):
    axis = clips(0, 7, 3600.5, 20 * 86_400, 400 * 86_400 + 17)
    assert len(axis.segments) == 4
    for segment, ticks in zip(axis.segments, axis.ticks(zoom), strict=True):
        assert ticks
        for tick in ticks:
            assert 0 <= tick.left_percent <= 100
            moment = datetime.fromtimestamp(segment.start_s + tick.left_percent / 100 * segment.length_s + 1e-4)
            assert tick.label in (f"{moment:%H:%M:%S}", f"{moment:%H:%M}")
        moment = datetime.fromtimestamp(segment.start_s)
        assert [tick.date for tick in ticks] == [f"{moment.day} {moment:%b} {moment.year}"] + [""] * (len(ticks) - 1)


def test_dates_stand_where_the_day_changes_and_years_where_they_differ(zone):
    axis = time_axis([row(start_s=0, end_s=60 * 3600)], [])
    (ticks,) = axis.ticks(4)
    day_before = None
    for tick in ticks:
        moment = datetime.fromtimestamp(axis.start_s + tick.left_percent / 100 * axis.covered_s + 1e-3)
        assert tick.date == (f"{moment.day} {moment:%b}" if moment.day != day_before else "")
        day_before = moment.day
    assert sum(bool(tick.date) for tick in ticks) >= 3
    (ticks,) = time_axis([row(start_s=0, end_s=400 * 86_400)], []).ticks(1)
    assert [tick.date for tick in ticks if tick.date] == ["2026", "2027"]
    assert all(re.fullmatch(r"\d+ [A-Z][a-z]{2}", tick.label) for tick in ticks)
    (ticks,) = time_axis([row(start_s=0, end_s=600)], []).ticks(1)
    assert not any(tick.date for tick in ticks)


def test_a_sighting_is_dated_only_where_the_axis_covers_several_days(zone):
    one = row(start_s=0, end_s=30)
    local = NOON.astimezone()
    assert clips(0).when_text(one) == f"{local:%H:%M:%S} to {local:%H:%M}:30"
    assert clips(0, 9 * 86_400).when_text(one) == f"Sun 1 Mar 2026, {local:%H:%M:%S} to {local:%H:%M}:30"
    assert clips(0, 9 * 86_400).when_text(row(start_s=0, end_s=70, clock=False)) == "0:00:00 to 0:01:10"


@pytest.mark.parametrize("num_segments", [1, 2, 6, 200])
@pytest.mark.parametrize("width_rem", [12, 45, 60, 64 * 45])
def test_least_widths_and_breaks_leave_room_for_the_rest(num_segments, width_rem):
    axis = TimeAxis(True, tuple(Segment(1000.0 * n, 1000.0 * n + 1) for n in range(num_segments)), num_segments)
    columns = re.findall(r"min\(([\d.]+)rem,([\d.]+)%/(\d+)\)", axis.columns)
    assert len(columns) == 2 * num_segments - 1
    widths = [min(float(rem), float(percent) / 100 * width_rem / int(number)) for rem, percent, number in columns]
    longest = 0 if num_segments == 1 else widths[0]
    assert math.fsum(widths) - longest <= 0.9 * width_rem
    assert axis.columns.count("1.000fr") == num_segments


def test_a_segment_without_a_round_time_is_marked_at_its_start():
    segment = Segment(T0 + 5011, T0 + 5022)
    _, (tick,) = TimeAxis(True, (Segment(T0, T0 + 1000), segment), 1011).ticks(1)
    assert tick.left_percent == 0
    assert tick.label == f"{datetime.fromtimestamp(segment.start_s):%H:%M:%S}"


def test_times_are_round_in_winter_and_in_summer():
    july_s = moved(days=120).timestamp()
    with local_zone("Europe/Berlin"):
        ticks = TimeAxis(True, (Segment(T0, T0 + 86_400), Segment(july_s, july_s + 86_400)), 2 * 86_400).ticks(1)
    for segment_ticks in ticks:
        assert [tick.label for tick in segment_ticks] == ["00:00", "12:00"]
