"""Reader threads: one camera a thread, so that none waits for another, and none can hang the run."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from pipeline.sources.frame import Frame, Source
from pipeline.sources.health import CameraHealth, CameraStatus

log = logging.getLogger(__name__)

STALLED = "decoder stalled"
_CLOSE_WAIT_S = 2.0


class Prefetcher:
    """Read one source ahead in a daemon thread, at most `queue_frames` frames.

    A recording waits while the queue is full. A live camera drops its oldest waiting frame instead, so that what is
    taken out is never older than the queue is long.

    Attributes:
        source: what is read.
        camera_id: its name.
        busy_s: how long the source took to give its frames so far, a live camera's waiting for the next one included,
            waiting for room in the queue not. A read that never returned is not counted.
    """

    def __init__(
        self,
        source: Source,
        *,
        queue_frames: int = 8,
        stall_timeout_s: float = 20.0,
        changed: threading.Condition | None = None,
    ) -> None:
        """Start reading.

        Args:
            source: opened and unread; closed by this reader.
            queue_frames: frames that wait at most, >= 1.
            stall_timeout_s: a source that makes no progress for longer is given up.
            changed: notified whenever a frame arrives or the source ends; several readers may share one.
        """
        if queue_frames < 1 or stall_timeout_s <= 0:
            raise ValueError(f"queue_frames is {queue_frames}, stall_timeout_s {stall_timeout_s}; expected more than 0")
        self.source = source
        self.camera_id = source.spec.name
        self.busy_s = 0.0
        self._queue_frames = queue_frames
        self._stall_timeout_s = stall_timeout_s + source.longest_wait_s
        self._changed = changed or threading.Condition()
        self._queue: deque[Frame] = deque()
        self._ended = False
        self._closed = False
        self._waits_for_room = False
        self._frames_dropped = 0
        self._last_time_s = 0.0
        self._final_health: CameraHealth | None = None
        self._seen_progress = source.progress
        self._progress_at_s = time.monotonic()
        self._thread = threading.Thread(target=self._read, name=f"vreid-read-{self.camera_id}", daemon=True)
        self._thread.start()

    @property
    def health(self) -> CameraHealth:
        """The camera's account so far; no longer changed once `finished`."""
        if self._final_health is not None:
            return self._final_health
        health = self.source.health.snapshot()
        health.frames_dropped = self._frames_dropped
        return health

    @property
    def finished(self) -> bool:
        """Whether no frame will come any more."""
        with self._changed:
            self._give_up_if_stalled()
            return self._ended and not self._queue

    def next(self, timeout_s: float) -> Frame | None:
        """Take the oldest waiting frame.

        Args:
            timeout_s: how long to wait for one; 0 only looks.

        Returns:
            A frame; None if none came in time or, if `finished` is true by then, none ever will.
        """
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            while True:
                if self._queue:
                    frame = self._queue.popleft()
                    self._changed.notify_all()
                    return frame
                self._give_up_if_stalled()
                left_s = deadline_s - time.monotonic()
                if self._ended or left_s <= 0:
                    return None
                self._changed.wait(min(left_s, 0.2))  # short, to notice a stall in good time

    def ask_to_stop(self) -> None:
        """Make the thread end soon, without waiting for it; frames still waiting are dropped."""
        with self._changed:
            self._closed = True
            self._queue.clear()
            self._changed.notify_all()
        self.source.close()

    def close(self) -> None:
        """Stop the thread and let go of the source; frames still waiting are dropped.

        A thread that hangs in the decoder is left behind. It ends and lets go as soon as the decoder returns, and
        does not keep the process alive.
        """
        self.ask_to_stop()
        self._thread.join(_CLOSE_WAIT_S)
        with self._changed:
            self._end()

    def __enter__(self) -> Self:
        """The reader itself, already reading."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _read(self) -> None:
        try:
            for frame in self._timed_frames():
                if not self._put(frame):
                    break
        except Exception as error:
            if self._closed or self._ended:
                return  # the source was closed while this thread was about to read on
            # Whatever goes wrong in one camera must neither pass unseen nor end the others.
            text = " ".join(str(error).split())
            log.error("camera %s: reading failed: %s: %s", self.camera_id, type(error).__name__, text)
            log.debug("camera %s: where it failed", self.camera_id, exc_info=True)
            self.source.health.mark(CameraStatus.DAMAGED, f"{type(error).__name__}: {error}")
        finally:
            with contextlib.suppress(Exception):
                self.source.close()
            with self._changed:
                self._end()

    def _timed_frames(self) -> Iterator[Frame]:
        frames = self.source.frames()
        while True:
            began_s = time.monotonic()
            try:
                frame = next(frames, None)
            finally:
                self.busy_s += time.monotonic() - began_s
            if frame is None:
                return
            yield frame

    def _put(self, frame: Frame) -> bool:
        """Queue a frame; False if nobody wants it any more."""
        with self._changed:
            if self.source.live:
                while len(self._queue) >= self._queue_frames:
                    self._queue.popleft()
                    self._frames_dropped += 1
            self._waits_for_room = True
            self._changed.wait_for(lambda: len(self._queue) < self._queue_frames or self._closed or self._ended)
            self._waits_for_room = False
            self._progress_at_s = time.monotonic()
            if self._closed or self._ended:
                return False
            self._queue.append(frame)
            self._last_time_s = frame.time_s
            self._changed.notify_all()
            return True

    def _give_up_if_stalled(self) -> None:
        now_s = time.monotonic()
        progress = self.source.progress
        if self._ended or self._waits_for_room or progress != self._seen_progress:
            self._seen_progress, self._progress_at_s = progress, now_s
            return
        if now_s - self._progress_at_s < self._stall_timeout_s:
            return
        log.warning("camera %s: no progress for %.0f s, given up", self.camera_id, now_s - self._progress_at_s)
        self.source.close()
        health = self.health
        error = f"the decoder gave nothing for {now_s - self._progress_at_s:.0f} s and was given up"
        health.mark(CameraStatus.LOST, error)
        expected, known = health.frames_expected, health.frames_decoded + health.frames_skipped + health.frames_corrupt
        if expected is not None and expected > known:
            health.frames_skipped += expected - known
        fps = self.source.fps
        end_s = expected / fps if expected and fps else self._last_time_s
        health.add_gap(self._last_time_s, end_s, STALLED)
        self._final_health = health
        self._ended = True

    def _end(self) -> None:
        if not self._ended:
            self._final_health = self.health
            self._ended = True
        self._changed.notify_all()


class PrefetcherGroup:
    """All cameras of a run, read side by side and taken in turn."""

    def __init__(self, sources: Sequence[Source], *, queue_frames: int = 8, stall_timeout_s: float = 20.0) -> None:
        """Start a reader for every source.

        Args:
            sources: opened and unread, with distinct names.
            queue_frames: frames that wait at most, per camera.
            stall_timeout_s: a source that makes no progress for longer is given up.
        """
        self._changed = threading.Condition()
        self.readers = [
            Prefetcher(source, queue_frames=queue_frames, stall_timeout_s=stall_timeout_s, changed=self._changed)
            for source in sources
        ]
        self._turn = 0

    @property
    def finished(self) -> bool:
        """Whether no camera will give a frame any more."""
        return all(reader.finished for reader in self.readers)

    @property
    def health(self) -> dict[str, CameraHealth]:
        """Every camera's account, by name."""
        return {reader.camera_id: reader.health for reader in self.readers}

    @property
    def busy_s(self) -> float:
        """How long all sources took to give their frames so far; side by side, so it may exceed the time passed."""
        return sum(reader.busy_s for reader in self.readers)

    def reader(self, camera_id: str) -> Prefetcher:
        """The reader of one camera."""
        return next(reader for reader in self.readers if reader.camera_id == camera_id)

    def next(self, timeout_s: float) -> Frame | None:
        """Take a waiting frame of any camera; cameras that have one take turns.

        Args:
            timeout_s: how long to wait for one; 0 only looks.

        Returns:
            A frame; None if no camera had one in time or, if `finished` is true by then, none ever will.
        """
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            while True:
                for offset in range(len(self.readers)):
                    frame = self.readers[(self._turn + offset) % len(self.readers)].next(timeout_s=0.0)
                    if frame is not None:
                        self._turn = (self._turn + offset + 1) % len(self.readers)
                        return frame
                left_s = deadline_s - time.monotonic()
                if self.finished or left_s <= 0:
                    return None
                self._changed.wait(min(left_s, 0.2))

    def close(self) -> None:
        """Close all readers."""
        for reader in self.readers:
            reader.ask_to_stop()  # all of them first: they then end side by side
        for reader in self.readers:
            reader.close()

    def __enter__(self) -> Self:
        """The group itself, already reading."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()
