"""Times, dates and lengths of time as the report writes them."""

from __future__ import annotations

import math
from datetime import datetime

_MINUTE_S, _HOUR_S, _DAY_S, _MONTH_S = 60.0, 3600.0, 86_400.0, 365.25 / 12 * 86_400.0


def position_text(seconds: float) -> str:
    """Write a position in a recording: `h:mm:ss`."""
    minutes, second = divmod(math.floor(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{second:02d}"


def clock_time_text(moment: datetime) -> str:
    """Write a clock time of day in the local time zone: `hh:mm:ss`."""
    return f"{moment.astimezone():%H:%M:%S}"


def date_text(moment: datetime) -> str:
    """Write a date in the local time zone, such as `Sat 21 Nov 2026`."""
    local = moment.astimezone()
    return f"{local:%a} {local.day} {local:%b %Y}"


def dates_text(first: datetime, last: datetime) -> str:
    """Write two moments with their dates, the date once if it is the same."""
    if date_text(first) == date_text(last):
        return f"{date_text(first)}, {range_text(clock_time_text(first), clock_time_text(last))}"
    return f"{date_text(first)}, {clock_time_text(first)} to {date_text(last)}, {clock_time_text(last)}"


def range_text(first: str, last: str) -> str:
    """Write from and to, once if they read the same."""
    return first if first == last else f"{first} to {last}"


def duration_text(seconds: float) -> str:
    """Write a length of time in words that suit its size."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, second = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {second} s"
    return f"{minutes // 60} h {minutes % 60} min"


def rough_length_text(seconds: float) -> str:
    """Write a length of time so short that it fits a narrow column."""
    years, months = divmod(round(seconds / _MONTH_S), 12)
    if years:
        return f"{years} y {months} mo" if months else f"{years} y"
    for unit_s, name in ((_MONTH_S, "mo"), (_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if seconds >= 2 * unit_s:
            return f"{round(seconds / unit_s)} {name}"
    return f"{round(seconds)} s"
