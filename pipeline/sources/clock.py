"""Times of live frames: seconds since the run began, steady as the camera's own clock."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

# A stream that seems later than this has jumped, or its clock runs slow.
MAX_LAG_S = 5.0


@dataclass(frozen=True)
class RunClock:
    """The beginning of a run; live cameras that share it have comparable times.

    Attributes:
        started_s: reading of the monotonic clock at second 0.
        started_utc: wall clock at second 0.
    """

    started_s: float = field(default_factory=time.monotonic)
    started_utc: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now_s(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.started_s


class LiveTimes:
    """Turn a stream's own times into times of the run.

    The stream's clock spaces frames evenly while the network does not, so it is followed, at a fixed distance from the
    wall clock. A frame cannot come from the future: where the stream's clock runs ahead the distance shrinks, and so
    it settles on that of the frames with the least delay. Where it falls behind by more than `MAX_LAG_S`, jumps back
    or is missing, the frame counts as taken now.
    """

    def __init__(self) -> None:
        """Start with the first frame of a connection."""
        self._offset_s: float | None = None
        self._last_s: float | None = None

    def time_s(self, stream_s: float | None, now_s: float) -> float:
        """When a frame was taken.

        Args:
            stream_s: the stream's own time, None if it has none.
            now_s: time of the run at which the frame arrived; never less than at the call before.

        Returns:
            Seconds of the run, at most `now_s`, and later than every time before.
        """
        if stream_s is None:
            taken_s = now_s
        else:
            if self._offset_s is None or not 0.0 <= now_s - (stream_s + self._offset_s) <= MAX_LAG_S:
                self._offset_s = now_s - stream_s
            taken_s = stream_s + self._offset_s
        if self._last_s is not None and taken_s <= self._last_s:
            taken_s = max(now_s, self._last_s + 1e-6)
            self._offset_s = None if stream_s is None else taken_s - stream_s
        self._last_s = taken_s
        return taken_s
