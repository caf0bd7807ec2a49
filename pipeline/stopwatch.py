"""Where a run's time goes."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Adds up seconds by stage, from any thread.

    `busy_s` is work done in whatever thread, so several stages can be busy at once. `blocking_s` is how long the main
    thread stood in the stage or waited for it: these do not overlap and add up to the whole.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy_s: defaultdict[str, float] = defaultdict(float)
        self._blocking_s: defaultdict[str, float] = defaultdict(float)
        self._start_s = time.perf_counter()

    @contextmanager
    def work(self, stage: str) -> Iterator[None]:
        """Time work of the main thread: it is busy and blocking alike."""
        start_s = time.perf_counter()
        try:
            yield
        finally:
            elapsed_s = time.perf_counter() - start_s
            with self._lock:
                self._busy_s[stage] += elapsed_s
                self._blocking_s[stage] += elapsed_s

    @contextmanager
    def wait(self, stage: str) -> Iterator[None]:
        """Time the main thread waiting for work that goes on elsewhere."""
        start_s = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self._blocking_s[stage] += time.perf_counter() - start_s

    @contextmanager
    def elsewhere(self, stage: str) -> Iterator[None]:
        """Time work of another thread."""
        start_s = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self._busy_s[stage] += time.perf_counter() - start_s

    def add_elsewhere(self, stage: str, seconds: float) -> None:
        """Add work of other threads that was timed there."""
        with self._lock:
            self._busy_s[stage] += seconds

    def to_dict(self) -> dict[str, object]:
        """The times for `run.json`, up to now."""
        with self._lock:
            stages = {
                stage: {
                    "busy_s": round(self._busy_s[stage], 3),
                    "blocking_s": round(self._blocking_s[stage], 3),
                }
                for stage in sorted({*self._busy_s, *self._blocking_s})
            }
        return {"wall_s": round(time.perf_counter() - self._start_s, 3), "stages": stages}
