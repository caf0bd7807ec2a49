"""The report's timeline: where every sighting and every recording stands on the axis of time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.colours import Rgb, identity_colour
from pipeline.report_axis import Extent, TimeAxis, recorded_span_s
from pipeline.run_directory import TrackletRow

LANE_HEIGHT_PX = 18
_STACKED_HEIGHT_PX = 9
_ROW_PADDING_PX = 5


@dataclass(frozen=True)
class Bar:
    """One tracklet; `row_index` is its row in the table."""

    row_index: int
    extent: Extent
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
    """When one camera was recording, and the gaps in it with their reasons."""

    camera_id: str
    extent: Extent
    gaps: tuple[tuple[Extent, str], ...]


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
        span_s = recorded_span_s(camera, uses_clock=axis.uses_clock)
        if span_s is None:
            continue
        start_s, end_s = span_s
        gaps = []
        for gap in (camera.get("health") or {}).get("gaps") or ():
            if gap.get("start_s") is None or gap.get("end_s") is None:
                continue
            gap_start_s, gap_end_s = (min(max(start_s + gap[key], start_s), end_s) for key in ("start_s", "end_s"))
            reason = f"no picture: {gap.get('reason') or 'reason not known'}"
            gaps.append((axis.extent(gap_start_s, gap_end_s), reason))
        entries.append(Coverage(camera["camera_id"], axis.extent(start_s, end_s), tuple(gaps)))
    return entries


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
            extent=axis.extent(start_s, end_s),
            top_px=level * level_height_px + 2,
            height_px=level_height_px - 4 if level_height_px == LANE_HEIGHT_PX else level_height_px - 2,
            title=_bar_title(rows[index], axis),
        )
        for index, level, start_s, end_s in placed
    )
    return Lane(camera_id, max(LANE_HEIGHT_PX, len(level_ends_s) * level_height_px + 2), bars)


def _bar_title(row: TrackletRow, axis: TimeAxis) -> str:
    name = f"Person {row.identity_id}" if row.identity_id is not None else f"Unknown {row.mot_id}"
    times = axis.when_text(row)
    if row.start_time is None or row.end_time is None:
        times += " in the recording"
    parts = [f"{name}, {row.camera_id}", times, f"{row.end_s - row.start_s:.1f} s"]
    if row.match_score is not None:
        parts.append(f"match {row.match_score:.2f}")
    return "\n".join(parts)
