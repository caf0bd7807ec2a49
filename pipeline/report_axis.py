"""The report's axis of time: which moments the page shows, where they stand, and what it leaves out."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any

from pipeline.report_texts import clock_time_text, dates_text, position_text, range_text, rough_length_text
from pipeline.run_directory import TrackletRow

# Each zoom shows the axis that many times as wide, with ticks of its own.
ZOOMS = (1, 4, 16, 64)
_TICKS_PER_WIDTH = 8
# Time without any recording is left out where it is long, for itself and beside all that is covered.
_MIN_BREAK_S = 60.0
_MIN_BREAK_SHARE = 0.15
# Widths that hold a label, and the share of the axis that all breaks, and all segments but the longest, may so take.
_BREAK_WIDTH_REM, _BREAKS_SHARE = 4.25, 0.35
_SEGMENT_WIDTH_REM, _SEGMENTS_SHARE = 5.5, 0.5
_USUAL_WIDTH_REM = 45.0
_MINUTE_S, _HOUR_S, _DAY_S = 60.0, 3600.0, 86_400.0
_TICK_STEPS_S = (
    *(1.0, 2.0, 5.0, 10.0, 15.0, 30.0),
    *(minutes * _MINUTE_S for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR_S for hours in (1, 2, 3, 6, 12, 24)),
)
_LIVE_KINDS = frozenset({"device", "stream"})


@dataclass(frozen=True)
class Tick:
    """A mark on a segment, `left_percent` of its width from its start; `date` is empty where it is still the same."""

    left_percent: float
    label: str
    date: str = ""


@dataclass(frozen=True)
class Segment:
    """A stretch of time that the axis shows without a break."""

    start_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Break:
    """A stretch of time between two segments that the axis leaves out."""

    label: str
    title: str


@dataclass(frozen=True, order=True)
class Extent:
    """Where a stretch of time stands: the segment's index, and percent of that segment's width."""

    segment: int
    left_percent: float
    width_percent: float


@dataclass(frozen=True)
class TimeAxis:
    """The time that the page covers, in segments with breaks between them.

    Attributes:
        uses_clock: seconds are Unix time; otherwise seconds since each recording's own start.
        segments: in order of time, at least one, none of length 0.
        covered_s: how long at least one camera was recording or somebody was seen.
    """

    uses_clock: bool
    segments: tuple[Segment, ...]
    covered_s: float

    @property
    def start_s(self) -> float:
        return self.segments[0].start_s

    @property
    def end_s(self) -> float:
        return self.segments[-1].end_s

    @cached_property
    def spans_days(self) -> bool:
        """Whether a time of day alone would not tell which day is meant."""
        return self.uses_clock and _local(self.start_s).date() != _local(self.end_s).date()

    @cached_property
    def spans_years(self) -> bool:
        return self.uses_clock and _local(self.start_s).year != _local(self.end_s).year

    @cached_property
    def breaks(self) -> tuple[Break, ...]:
        """What is left out after each segment but the last."""
        return tuple(_break(before.end_s, after.start_s) for before, after in pairwise(self.segments))

    @property
    def columns(self) -> str:
        """The columns of a CSS grid: a segment, a break, a segment and so on; time runs equally fast in all segments.

        A break has the same width at every zoom. A segment so short that it would not be seen gets a least width.
        """
        num_breaks = max(1, len(self.breaks))
        least = f"min({_SEGMENT_WIDTH_REM}rem,{100 * _SEGMENTS_SHARE}%/{num_breaks})"
        gap = f" min({_BREAK_WIDTH_REM}rem,{100 * _BREAKS_SHARE}%/{num_breaks}) "
        return gap.join(f"minmax({least},{segment.length_s:.3f}fr)" for segment in self.segments)

    def extent(self, start_s: float, end_s: float) -> Extent:
        """Place a stretch of time on the axis.

        Args:
            start_s: its start, inside a segment.
            end_s: its end, cut off where the segment ends.

        Returns:
            Its place in that segment.
        """
        index = max(0, bisect_right(self.segments, start_s, key=lambda segment: segment.start_s) - 1)
        segment = self.segments[index]
        left, right = (
            100.0 * min(max(moment_s - segment.start_s, 0.0), segment.length_s) / segment.length_s
            for moment_s in (start_s, end_s)
        )
        return Extent(index, left, right - left)

    def span_s(self, row: TrackletRow) -> tuple[float, float]:
        """Give a tracklet's start and end in the axis's seconds."""
        if self.uses_clock and row.start_time is not None and row.end_time is not None:
            return row.start_time.timestamp(), row.end_time.timestamp()
        return row.start_s, row.end_s

    def when_text(self, row: TrackletRow) -> str:
        """Write from when to when: by the clock where it is known, with the date where the axis covers several."""
        if row.start_time is None or row.end_time is None:
            return range_text(position_text(row.start_s), position_text(row.end_s))
        if self.spans_days:
            return dates_text(row.start_time, row.end_time)
        return range_text(clock_time_text(row.start_time), clock_time_text(row.end_time))

    def ticks(self, zoom: int) -> list[list[Tick]]:
        """Mark each segment at round times.

        Args:
            zoom: how many times as wide as the window the axis is shown.

        Returns:
            For each segment at least one mark, in all about eight for each width of the window.
        """
        return [
            self._segment_ticks(segment, segment.length_s / max(1.0, share * zoom * _TICKS_PER_WIDTH))
            for segment, share in zip(self.segments, self._usual_shares(zoom), strict=True)
        ]

    def _usual_shares(self, zoom: int) -> list[float]:
        """Estimate which share of the axis's width each segment gets in a window of the usual size."""
        width_rem = zoom * _USUAL_WIDTH_REM
        for_breaks = min(len(self.breaks) * _BREAK_WIDTH_REM / width_rem, _BREAKS_SHARE)
        least = min(_SEGMENT_WIDTH_REM / width_rem, _SEGMENTS_SHARE / max(1, len(self.breaks)))
        length_s = sum(segment.length_s for segment in self.segments)
        shares = [max(least, segment.length_s / length_s) for segment in self.segments]
        return [share * (1 - for_breaks) / sum(shares) for share in shares]

    def _segment_ticks(self, segment: Segment, least_step_s: float) -> list[Tick]:
        step_s = _tick_step_s(least_step_s)
        # Round by the local clock, not by Unix time.
        shift_s = _utc_offset_s(segment.start_s) if self.uses_clock else 0.0
        first = math.ceil((segment.start_s + shift_s) / step_s)
        last = math.floor((segment.end_s + shift_s) / step_s)
        moments_s = [number * step_s - shift_s for number in range(first, last + 1)]
        if not moments_s:
            moments_s, step_s = [segment.start_s], 1.0
        ticks, date_before = [], ""
        for moment_s in moments_s:
            label, date = self._tick_texts(moment_s, step_s)
            left_percent = 100.0 * (moment_s - segment.start_s) / segment.length_s
            ticks.append(Tick(left_percent, label, date if date != date_before else ""))
            date_before = date
        return ticks

    def _tick_texts(self, moment_s: float, step_s: float) -> tuple[str, str]:
        """Write a mark's time and its date, or its date and its year where marks are days apart."""
        if not self.uses_clock:
            return position_text(moment_s), ""
        local = _local(moment_s)
        day, year = f"{local.day} {local:%b}", f"{local.year}" if self.spans_years else ""
        if step_s >= _DAY_S:
            return day, year
        label = f"{local:%H:%M:%S}" if step_s < _MINUTE_S else f"{local:%H:%M}"
        return label, f"{day} {year}".rstrip() if self.spans_days else ""


def time_axis(rows: Sequence[TrackletRow], cameras: Sequence[dict[str, Any]]) -> TimeAxis:
    """Choose the axis: the clock if it is known for every sighting, otherwise the position in the recording.

    Args:
        rows: all tracklets.
        cameras: `cameras` of `run.json`.

    Returns:
        An axis over all sightings and all recordings. Long stretches of the clock without either are left out.
    """
    uses_clock = bool(rows) and all(row.start_time is not None and row.end_time is not None for row in rows)
    axis = TimeAxis(uses_clock, (Segment(0.0, 1.0),), 0.0)
    spans = [axis.span_s(row) for row in rows]
    spans += [span for camera in cameras if (span := recorded_span_s(camera, uses_clock=uses_clock)) is not None]
    if not spans:
        return axis
    covered = _joined(spans, 0.0)
    covered_s = sum(end_s - start_s for start_s, end_s in covered)
    longest_idle_s = max(_MIN_BREAK_S, _MIN_BREAK_SHARE * covered_s) if uses_clock else math.inf
    shown = _joined(covered, longest_idle_s)
    return TimeAxis(
        uses_clock, tuple(Segment(start_s, max(end_s, start_s + 1.0)) for start_s, end_s in shown), covered_s
    )


def recorded_span_s(camera: dict[str, Any], *, uses_clock: bool) -> tuple[float, float] | None:
    """Tell from when to when a camera was read, which can be less than the file promises.

    Args:
        camera: one of `cameras` of `run.json`.
        uses_clock: give Unix time, not seconds since the recording's start.

    Returns:
        Start and end, or None where they are not known.
    """
    health, fps = camera.get("health") or {}, camera.get("fps")
    num_frames = sum(health.get(f"frames_{kind}") or 0 for kind in ("decoded", "skipped", "corrupt"))
    if not fps or not num_frames or (uses_clock and not camera.get("start_time")):
        return None
    start_s = datetime.fromisoformat(camera["start_time"]).timestamp() if uses_clock else 0.0
    # A live camera's frames do not add up to its time while it was lost.
    last_gap_s = max((gap.get("end_s") or 0.0 for gap in health.get("gaps") or ()), default=0.0)
    return start_s, start_s + max(num_frames / fps, last_gap_s if camera.get("kind") in _LIVE_KINDS else 0.0)


def _joined(spans: Sequence[tuple[float, float]], longest_idle_s: float) -> list[tuple[float, float]]:
    """Join spans that overlap or stand at most `longest_idle_s` apart; the result is in order."""
    joined: list[tuple[float, float]] = []
    for start_s, end_s in sorted(spans):
        if joined and start_s - joined[-1][1] <= longest_idle_s:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end_s))
        else:
            joined.append((start_s, end_s))
    return joined


def _break(start_s: float, end_s: float) -> Break:
    length = rough_length_text(end_s - start_s)
    dates = dates_text(_local(start_s), _local(end_s))
    return Break(length, f"{length} not shown\nNothing recorded or seen: {dates}")


def _local(moment_s: float) -> datetime:
    return datetime.fromtimestamp(moment_s, UTC).astimezone()


def _utc_offset_s(moment_s: float) -> float:
    return (_local(moment_s).utcoffset() or timedelta()).total_seconds()


def _tick_step_s(least_s: float) -> float:
    for step_s in _TICK_STEPS_S:
        if step_s >= least_s:
            return step_s
    return math.ceil(least_s / _DAY_S) * _DAY_S
