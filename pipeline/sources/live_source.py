"""A live camera: reconnects after an outage, and tells how long each one was."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime

from pipeline.sources.clock import LiveTimes, RunClock
from pipeline.sources.connections import Connection, LivePicture
from pipeline.sources.frame import Frame
from pipeline.sources.health import CameraHealth, CameraStatus
from pipeline.sources.running import FramesOnce
from pipeline.sources.spec import CameraSpec
from reid.errors import SourceError

log = logging.getLogger(__name__)

NO_SIGNAL = "no signal"
DAMAGED_SIGNAL = "damaged signal"


@dataclass(frozen=True)
class LiveSettings:
    """How patient to be with a live camera.

    Attributes:
        open_timeout_s: how long a connection may take.
        read_timeout_s: how long a connected camera may stay silent.
        first_delay_s: wait before the first new attempt; doubled with each until frames arrive again.
        longest_delay_s: upper end of that wait.
        give_up_after_s: an outage longer than this ends the camera; None for never.
        max_attempts: so many attempts without a frame end the camera; None for any number.
    """

    open_timeout_s: float = 10.0
    read_timeout_s: float = 10.0
    first_delay_s: float = 1.0
    longest_delay_s: float = 30.0
    give_up_after_s: float | None = 300.0
    max_attempts: int | None = None

    def __post_init__(self) -> None:
        """Refuse times that cannot be meant.

        Raises:
            ValueError: a time is not above 0, or no attempt is allowed.
        """
        for name in ("open_timeout_s", "read_timeout_s", "first_delay_s", "longest_delay_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected more than 0")
        if self.give_up_after_s is not None and self.give_up_after_s < 0:
            raise ValueError(f"give_up_after_s is {self.give_up_after_s}, expected 0 or more, or None")
        if self.max_attempts is not None and self.max_attempts < 1:
            raise ValueError(f"max_attempts is {self.max_attempts}, expected 1 or more, or None")


class LiveSource(FramesOnce):
    """A network stream or a device; indices count the frames that arrived, times are those of the run."""

    live = True

    def __init__(
        self,
        spec: CameraSpec,
        connect: Callable[[], Connection],
        connection: Connection | None,
        *,
        settings: LiveSettings,
        clock: RunClock,
        every: int = 1,
        first_error: str | None = None,
    ) -> None:
        """Take over a connection, or the lack of one.

        Args:
            spec: the camera.
            connect: makes a new connection, or raises SourceError.
            connection: the first one, None if it failed; then `frames` goes on trying.
            settings: time-outs and patience.
            clock: the run's clock.
            every: yield frames whose index this divides.
            first_error: why the first connection failed.
        """
        super().__init__()
        self.spec = spec
        self.fps = connection.fps if connection else None
        self.size_px: tuple[int, int] | None = None
        self.start_time_utc: datetime | None = clock.started_utc
        self.health = CameraHealth(last_error=first_error)
        self.progress = 0
        self.longest_wait_s = max(settings.open_timeout_s, settings.read_timeout_s)
        self._connect = connect
        self._connection = connection
        self._settings = settings
        self._clock = clock
        self._every = every
        self._next_index = 0
        self._attempts = 0
        self._delay_s = settings.first_delay_s
        self._outage_start_s: float | None = None if connection else clock.now_s()
        self._outage_reason = NO_SIGNAL

    @property
    def connected(self) -> bool:
        """Whether the camera answers at this moment."""
        return self._connection is not None

    def _generate(self) -> Generator[Frame, None, None]:
        while not self.stopped and (self._connection is not None or self._reconnect()):
            yield from self._read_connection()
        if not self.health.frames_decoded:
            self.health.mark(CameraStatus.EMPTY)

    def _read_connection(self) -> Generator[Frame, None, None]:
        """Yield frames until the connection ends, which opens an outage."""
        assert self._connection is not None
        self.fps = self._connection.fps or self.fps
        times = LiveTimes()
        error = "the stream ended"
        try:
            for picture in self._connection.pictures():
                self.progress += 1
                if self.stopped:
                    return
                frame = self._place(picture, times)
                if frame is not None and frame.index % self._every == 0:
                    yield frame
        except SourceError as broken:
            error = str(broken)
        finally:
            self._release()
        if self._outage_start_s is None:
            self._outage_start_s = self._clock.now_s()
        self._outage_reason = NO_SIGNAL
        self.health.mark(CameraStatus.DAMAGED, error)
        log.warning("camera %s: connection lost (%s)", self.spec.name, error)

    def _place(self, picture: LivePicture, times: LiveTimes) -> Frame | None:
        now_s = self._clock.now_s()
        index = self._next_index
        self._next_index += 1
        if picture.rgb is None:
            self.health.frames_corrupt += 1
            self.health.mark(CameraStatus.DAMAGED)
            if self._outage_start_s is None:
                self._outage_start_s, self._outage_reason = now_s, DAMAGED_SIGNAL
            return None
        time_s = times.time_s(picture.stream_s, now_s)
        self._end_outage()
        self._attempts, self._delay_s = 0, self._settings.first_delay_s
        self.health.frames_decoded += 1
        self.size_px = (picture.rgb.shape[1], picture.rgb.shape[0])
        return Frame(self.spec.name, index, time_s, picture.rgb)

    def _reconnect(self) -> bool:
        """Try until the camera answers; False if it was given up or the run stopped."""
        while not self._is_hopeless():
            if not self._pause(self._delay_s):
                self._end_outage()
                return False
            self._delay_s = min(2 * self._delay_s, self._settings.longest_delay_s)
            self._attempts += 1
            self.progress += 1
            try:
                self._connection = self._connect()
            except SourceError as error:
                self.health.mark(CameraStatus.DAMAGED, str(error))
                log.debug("camera %s: attempt %d failed: %s", self.spec.name, self._attempts, error)
            else:
                log.info("camera %s: answered at attempt %d", self.spec.name, self._attempts)
                return True
        self._end_outage()
        self.health.mark(CameraStatus.LOST)
        log.warning("camera %s: given up after %d attempts", self.spec.name, self._attempts)
        return False

    def _is_hopeless(self) -> bool:
        if not self._attempts:
            return False
        outage_s = self._clock.now_s() - (self._outage_start_s or 0.0)
        limit_s = self._settings.give_up_after_s
        return (limit_s is not None and outage_s >= limit_s) or self._attempts == self._settings.max_attempts

    def _pause(self, seconds: float) -> bool:
        """Wait, showing progress all the while; False if the run stopped."""
        end_s = self._clock.now_s() + seconds
        while (left_s := end_s - self._clock.now_s()) > 0:
            self.progress += 1
            if self._stop.wait(min(left_s, 0.5)):
                return False
        return not self.stopped

    def _end_outage(self) -> None:
        if self._outage_start_s is not None:
            self.health.add_gap(self._outage_start_s, self._clock.now_s(), self._outage_reason)
            self._outage_start_s = None

    def _release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
