"""The report's timeline: where every sighting stands on one axis of time, worked out before any HTML is written."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.colours import Rgb, identity_colour
from pipeline.run_directory import TrackletRow

LANE_HEIGHT_PX = 18
_STACKED_HEIGHT_PX = 9
_ROW_PADDING_PX = 5
# Each zoom shows the axis that many times as wide, with ticks of its own.
ZOOMS = (1, 4, 16, 64)
_TICKS_PER_WIDTH = 8
_MINUTE_S, _HOUR_S, _DAY_S = 60.0, 3600.0, 86_400.0
_TICK_STEPS_S = (
    *(1.0, 2.0, 5.0, 10.0, 15.0, 30.0),
    *(minutes * _MINUTE_S for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR_S for hours in (1, 2, 3, 6, 12, 24)),
)
_LIVE_KINDS = frozenset({"device", "stream"})


@dataclass(frozen=True)
class Tick:
    """A mark on the axis, `left_percent` of its width from the start."""

    left_percent: float
    label: str


@dataclass(frozen=True)
class Bar:
    """One tracklet; `row_index` is its row in the table."""

    row_index: int
    left_percent: float
    width_percent: float
    top_px: int
    height_px: int
    title: str


@dataclass(frozen=True)
class Lane:
    """What one camera saw of one person."""

    camera_id: str
    height_px: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class TimelineRow:
    """One person, or with `identity_id` None everyone unknown together."""

    identity_id: int | None
    colour: Rgb
    lanes: tuple[Lane, ...]


@dataclass(frozen=True)
class Coverage:
    """When one camera was recording, and the gaps in it, in percent of the axis."""

    camera_id: str
    left_percent: float
    width_percent: float
    gaps: tuple[tuple[float, float, str], ...]


@dataclass(frozen=True)
class TimeAxis:
    """The span of time that the page covers.

    Attributes:
        uses_clock: seconds are Unix time; otherwise seconds since each recording's own start.
        start_s: where the axis begins.
        end_s: where it ends, later than `start_s`.
    """

    uses_clock: bool
    start_s: float
    end_s: float

    def percent(self, moment_s: float) -> float:
        """Place a moment on the axis."""
        return 100.0 * (moment_s - self.start_s) / (self.end_s - self.start_s)

    def span_s(self, row: TrackletRow) -> tuple[float, float]:
        """Give a tracklet's start and end in the axis's seconds."""
        if self.uses_clock and row.start_time is not None and row.end_time is not None:
            return row.start_time.timestamp(), row.end_time.timestamp()
        return row.start_s, row.end_s

    def ticks(self, zoom: int) -> list[Tick]:
        """Mark the axis at round times.

        Args:
            zoom: how many times as wide as the window the axis is shown.

        Returns:
            About eight marks for each width of the window.
        """
        step_s = _tick_step_s((self.end_s - self.start_s) / (zoom * _TICKS_PER_WIDTH))
        # Round by the local clock, not by Unix time.
        shift_s = _utc_offset_s(self.start_s) if self.uses_clock else 0.0
        first = math.ceil((self.start_s + shift_s) / step_s)
        last = math.floor((self.end_s + shift_s) / step_s)
        moments_s = (number * step_s - shift_s for number in range(first, last + 1))
        return [Tick(self.percent(moment_s), self._tick_label(moment_s, step_s)) for moment_s in moments_s]

    def _tick_label(self, moment_s: float, step_s: float) -> str:
        if not self.uses_clock:
            return position_text(moment_s)
        local = datetime.fromtimestamp(moment_s, UTC).astimezone()
        if local.hour == local.minute == local.second == 0:
            return f"{local.day} {local:%b}"
        return f"{local:%H:%M:%S}" if step_s < _MINUTE_S else f"{local:%H:%M}"


def time_axis(rows: Sequence[TrackletRow], cameras: Sequence[dict[str, Any]]) -> TimeAxis:
    """Choose the axis: the clock if it is known for every sighting, otherwise the position in the recording.

    Args:
        rows: all tracklets.
        cameras: `cameras` of `run.json`.

    Returns:
        An axis over all sightings and all recordings.
    """
    uses_clock = bool(rows) and all(row.start_time is not None and row.end_time is not None for row in rows)
    axis = TimeAxis(uses_clock, 0.0, 1.0)
    spans = [axis.span_s(row) for row in rows]
    spans += [span for camera in cameras if (span := _recorded_span_s(camera, axis)) is not None]
    start_s = min((start for start, _ in spans), default=0.0)
    end_s = max((end for _, end in spans), default=1.0)
    return TimeAxis(uses_clock, start_s, max(end_s, start_s + 1.0))


def timeline_rows(rows: Sequence[TrackletRow], axis: TimeAxis, camera_ids: Sequence[str]) -> list[TimelineRow]:
    """Lay out one row a person, in it one lane a camera, in it one bar a tracklet.

    Args:
        rows: all tracklets.
        axis: the page's axis.
        camera_ids: the order in which lanes stand.

    Returns:
        Identities by number; the unknown, if there are any, as one row at the end.
    """
    members: dict[int | None, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, row in enumerate(rows):
        members[row.identity_id][row.camera_id].append(index)
    numbers: list[int | None] = [*sorted(number for number in members if number is not None)]
    if None in members:
        numbers.append(None)
    return [
        TimelineRow(
            number,
            identity_colour(number),
            tuple(
                _lane(camera_id, members[number][camera_id], rows, axis)
                for camera_id in camera_ids
                if camera_id in members[number]
            ),
        )
        for number in numbers
    ]


def coverage(cameras: Sequence[dict[str, Any]], axis: TimeAxis) -> list[Coverage]:
    """Tell when each camera was recording, so that an empty stretch is not taken for an empty place.

    Args:
        cameras: `cameras` of `run.json`.
        axis: the page's axis.

    Returns:
        One entry a camera whose length, and with the clock whose start, is known.
    """
    entries = []
    for camera in cameras:
        span = _recorded_span_s(camera, axis)
        if span is None:
            continue
        start, end = (axis.percent(moment_s) for moment_s in span)
        gaps = []
        for gap in (camera.get("health") or {}).get("gaps") or ():
            if gap.get("start_s") is None or gap.get("end_s") is None:
                continue
            left, right = (
                min(max(axis.percent(_start_s(camera, axis) + gap[key]), start), end) for key in ("start_s", "end_s")
            )
            gaps.append((left, right - left, f"no picture: {gap.get('reason') or 'reason not known'}"))
        entries.append(Coverage(camera["camera_id"], start, end - start, tuple(gaps)))
    return entries


def position_text(seconds: float) -> str:
    """Write a position in a recording: `h:mm:ss`."""
    minutes, second = divmod(math.floor(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{second:02d}"


def clock_time_text(moment: datetime) -> str:
    """Write a clock time of day in the local time zone: `hh:mm:ss`."""
    return f"{moment.astimezone():%H:%M:%S}"


def _lane(camera_id: str, indices: Sequence[int], rows: Sequence[TrackletRow], axis: TimeAxis) -> Lane:
    """Put each tracklet on the first level that is free; only unknown ones can need more than one."""
    level_ends_s: list[float] = []
    placed = []
    for index in sorted(indices, key=lambda index: axis.span_s(rows[index])):
        start_s, end_s = axis.span_s(rows[index])
        level = next((n for n, free_s in enumerate(level_ends_s) if free_s <= start_s), len(level_ends_s))
        level_ends_s[level : level + 1] = [end_s]
        placed.append((index, level, start_s, end_s))
    level_height_px = LANE_HEIGHT_PX if len(level_ends_s) <= 1 else _STACKED_HEIGHT_PX
    bars = tuple(
        Bar(
            row_index=index,
            left_percent=axis.percent(start_s),
            width_percent=axis.percent(end_s) - axis.percent(start_s),
            top_px=level * level_height_px + 2,
            height_px=level_height_px - 4 if level_height_px == LANE_HEIGHT_PX else level_height_px - 2,
            title=_bar_title(rows[index]),
        )
        for index, level, start_s, end_s in placed
    )
    return Lane(camera_id, max(LANE_HEIGHT_PX, len(level_ends_s) * level_height_px + 2), bars)


def _bar_title(row: TrackletRow) -> str:
    name = f"Person {row.identity_id}" if row.identity_id is not None else f"Unknown {row.mot_id}"
    if row.start_time is not None and row.end_time is not None:
        times = f"{clock_time_text(row.start_time)} to {clock_time_text(row.end_time)}"
    else:
        times = f"{position_text(row.start_s)} to {position_text(row.end_s)} in the recording"
    parts = [f"{name}, {row.camera_id}", times, f"{row.end_s - row.start_s:.1f} s"]
    if row.match_score is not None:
        parts.append(f"match {row.match_score:.2f}")
    return "\n".join(parts)


def _recorded_span_s(camera: dict[str, Any], axis: TimeAxis) -> tuple[float, float] | None:
    """From the camera's start as far as it was read, which can be less than the file promises."""
    health, fps = camera.get("health") or {}, camera.get("fps")
    num_frames = sum(health.get(f"frames_{kind}") or 0 for kind in ("decoded", "skipped", "corrupt"))
    if not fps or not num_frames or (axis.uses_clock and not camera.get("start_time")):
        return None
    start_s = _start_s(camera, axis)
    # A live camera's frames do not add up to its time while it was lost.
    last_gap_s = max((gap.get("end_s") or 0.0 for gap in health.get("gaps") or ()), default=0.0)
    return start_s, start_s + max(num_frames / fps, last_gap_s if camera.get("kind") in _LIVE_KINDS else 0.0)


def _start_s(camera: dict[str, Any], axis: TimeAxis) -> float:
    return datetime.fromisoformat(camera["start_time"]).timestamp() if axis.uses_clock else 0.0


def _utc_offset_s(moment_s: float) -> float:
    offset = datetime.fromtimestamp(moment_s, UTC).astimezone().utcoffset()
    return (offset or timedelta()).total_seconds()


def _tick_step_s(least_s: float) -> float:
    for step_s in _TICK_STEPS_S:
        if step_s >= least_s:
            return step_s
    return math.ceil(least_s / _DAY_S) * _DAY_S
