"""Book-keeping of a recording's frames: their numbers, their times, and what is missing between them.

The decoder tells which packets went in and which frames came out. A packet whose time has passed without a frame was
lost, so the frames after it keep their numbers, at any frame rate and in any order of decoding.
"""

from __future__ import annotations

import heapq
import statistics
from collections import deque
from fractions import Fraction

from pipeline.sources.health import CameraHealth, CameraStatus

DAMAGED_DATA = "damaged data"
ENDS_EARLY = "ends early"
NO_FRAMES = "no frames recorded"
# A decoder that works on several frames at once shows a sign of damage this many frames away from the hole at most.
DAMAGE_REACH_FRAMES = 24


class IntervalWatch:
    """Tell a hole in a steady stream from the uneven steps of a variable frame rate.

    A step is a hole if the 12 to 48 steps before it were equal, within 20 % or the 2 ms that containers round to, and
    it is more than one and a half times as long. A file with many such steps is one of variable rate after all.
    """

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._recent_s: deque[float] = deque(maxlen=48)
        self._seen = 0
        self._holes = 0

    @property
    def variable(self) -> bool:
        """Whether holes are so frequent that they are the file's way of recording."""
        return self._holes > 2 + self._seen / 100

    def missing_frames(self, step_s: float) -> int:
        """Take note of a step between two frames that follow each other.

        Args:
            step_s: seconds from one frame to the next, >= 0.

        Returns:
            How many frames are missing in the step; 0 if it looks normal.
        """
        self._seen += 1
        if len(self._recent_s) >= 12:
            usual_s = statistics.fmean(self._recent_s)  # a median would keep the rounding of the container
            steady = max(self._recent_s) - min(self._recent_s) <= max(0.2 * usual_s, 0.002)
            if steady and usual_s > 0 and step_s > 1.5 * usual_s:
                self._holes += 1
                return max(1, round(step_s / usual_s) - 1)
        self._recent_s.append(step_s)
        return 0


class FrameLedger:
    """Number a recording's frames and keep its `CameraHealth`."""

    def __init__(
        self,
        health: CameraHealth,
        *,
        time_base: Fraction,
        origin_s: float,
        interval_s: float | None,
        packets_can_vanish: bool,
    ) -> None:
        """Start before the first packet.

        Args:
            health: the account to keep.
            time_base: seconds a tick of packet and frame times.
            origin_s: stream time that counts as second 0.
            interval_s: average seconds between frames, if known; used where frames carry no time.
            packets_can_vanish: True for a container without a table of its packets. There a jump in time soon after
                a sign of damage is counted as lost frames.
        """
        self._health = health
        self._time_base = time_base
        self._origin_s = origin_s
        self._interval_s = interval_s or 0.0
        self._watch = IntervalWatch()
        self._pending: list[int] = []
        self._expected = 0
        self._next_index = 0
        self._last_pts: int | None = None
        self._last_time_s: float | None = None
        self._hole_start_s: float | None = None
        self._packets_can_vanish = packets_can_vanish
        self._frames_since_damage = DAMAGE_REACH_FRAMES

    def expect(self, pts: int | None) -> None:
        """Note a packet on its way to the decoder.

        Args:
            pts: presentation time in ticks, None if the container has none.
        """
        self._expected += 1
        if pts is not None:
            heapq.heappush(self._pending, pts)

    def damage(self) -> None:
        """Note a sign of damage: an error, or a packet flagged as corrupt."""
        self._frames_since_damage = 0

    def sound(self, pts: int | None) -> tuple[int, float] | None:
        """Number a sound frame.

        Args:
            pts: presentation time in ticks, None if there is none.

        Returns:
            Index and time in seconds; None if the frame comes after its turn and must not be used.
        """
        placed = self._place(pts)
        if placed is None:
            return None
        self._health.frames_decoded += 1
        self._frames_since_damage += 1
        self._close_hole(placed[1], DAMAGED_DATA)
        return placed

    def corrupt(self, pts: int | None) -> None:
        """Number a damaged frame, which is held back."""
        placed = self._place(pts)
        if placed is not None:
            self._health.frames_corrupt += 1
            self._health.mark(CameraStatus.DAMAGED)
            self._open_hole(placed[1])
            self.damage()

    def finish(self, *, container_frames: int | None, container_end_s: float | None, tolerance_s: float) -> None:
        """Settle the account at the end of the file.

        Args:
            container_frames: how many frames the container's table promises.
            container_end_s: when the container says that it ends, on the scale of `time_s`.
            tolerance_s: how much earlier the last frame may end without anything being missing.
        """
        end_s = 0.0 if self._last_time_s is None else self._last_time_s + self._interval_s
        undecoded = max(0, self._expected - self._next_index)
        unread = 0
        if container_frames is not None:
            unread = max(0, container_frames - undecoded - self._next_index)
        elif container_end_s is not None and self._interval_s:
            shortfall_s = container_end_s - end_s - undecoded * self._interval_s
            unread = round(shortfall_s / self._interval_s) if shortfall_s > tolerance_s else 0
        lost = undecoded + unread
        if lost:
            self._health.frames_skipped += lost
            self._open_hole(end_s)
        hole_end_s = max(end_s + lost * self._interval_s, (container_end_s or 0.0) if unread else 0.0)
        self._close_hole(hole_end_s, ENDS_EARLY if unread else DAMAGED_DATA)
        self._settle_status()

    def _settle_status(self) -> None:
        health = self._health
        health.frames_expected = health.frames_decoded + health.frames_skipped + health.frames_corrupt
        if self._watch.variable:
            health.gaps = [gap for gap in health.gaps if gap.reason != NO_FRAMES]
        if health.frames_skipped or health.frames_corrupt:
            counts = f"{health.frames_skipped} frames could not be decoded, {health.frames_corrupt} were damaged"
            health.mark(CameraStatus.DAMAGED, f"{counts} ({health.last_error})" if health.last_error else counts)
        elif not health.frames_decoded:
            health.mark(CameraStatus.EMPTY)

    def _place(self, pts: int | None) -> tuple[int, float] | None:
        if pts is None:
            time_s = self._next_index * self._interval_s
        else:
            is_twin = pts == self._last_pts and self._pending[:1] == [pts]
            if self._last_pts is not None and pts <= self._last_pts and not is_twin:
                return None
            time_s = self._time_s(pts)
            self._skip_before(pts, time_s)
            self._last_pts = pts
        index = self._next_index
        self._next_index += 1
        self._last_time_s = time_s
        return index, time_s

    def _skip_before(self, pts: int, time_s: float) -> None:
        lost = 0
        while self._pending and self._pending[0] < pts:
            self._open_hole(self._time_s(heapq.heappop(self._pending)))
            lost += 1
        if self._pending and self._pending[0] == pts:
            heapq.heappop(self._pending)
        if self._last_time_s is not None and (self._packets_can_vanish or not lost):
            lost += self._vanished(self._last_time_s, time_s, lost)
        if lost:
            self._next_index += lost
            self._health.frames_skipped += lost
            self._health.mark(CameraStatus.DAMAGED)

    def _vanished(self, last_time_s: float, time_s: float, lost: int) -> int:
        """How many frames beside the `lost` ones vanished between two frames; a mere pause is noted as a gap."""
        missing = self._watch.missing_frames(time_s - last_time_s)
        if missing <= lost:
            return 0
        start_s = last_time_s + (time_s - last_time_s) / (missing + 1)
        if self._packets_can_vanish and (lost or self._frames_since_damage < DAMAGE_REACH_FRAMES):
            self._expected += missing - lost
            self._open_hole(start_s)
            return missing - lost
        if not self._watch.variable:
            self._health.add_gap(start_s, time_s, NO_FRAMES)
        return 0

    def _open_hole(self, time_s: float) -> None:
        if self._hole_start_s is None:
            self._hole_start_s = time_s

    def _close_hole(self, end_s: float, reason: str) -> None:
        if self._hole_start_s is not None:
            self._health.add_gap(self._hole_start_s, end_s, reason)
            self._hole_start_s = None

    def _time_s(self, pts: int) -> float:
        return float(pts * self._time_base) - self._origin_s
