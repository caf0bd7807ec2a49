"""Stopping and closing a source from any thread, without pulling a file from under the decoder."""

from __future__ import annotations

import contextlib
import inspect
import threading
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator

from pipeline.sources.frame import Frame


class FramesOnce(ABC):
    """The life of a source: its frames are read once, and it can be closed at any time."""

    longest_wait_s: float = 0.0

    def __init__(self) -> None:
        """Start open and unread."""
        self._stop = threading.Event()
        self._generator: Generator[Frame, None, None] | None = None

    @property
    def stopped(self) -> bool:
        """Whether somebody asked this source to stop."""
        return self._stop.is_set()

    def frames(self) -> Iterator[Frame]:
        """Yield the source's frames; a second call yields nothing more than the first has left."""
        return self._only_generator()

    def close(self) -> None:
        """Stop reading and let go; a thread inside the decoder lets go itself, once the decoder returns."""
        self._stop.set()
        generator = self._only_generator()
        # "already executing": the reading thread sees the stop flag and lets go.
        with contextlib.suppress(ValueError):
            if inspect.getgeneratorstate(generator) == inspect.GEN_CREATED:
                next(generator, None)  # a generator that never ran would be closed without letting go
            generator.close()

    def _only_generator(self) -> Generator[Frame, None, None]:
        if self._generator is None:
            self._generator = self._until_stopped()
        return self._generator

    def _until_stopped(self) -> Generator[Frame, None, None]:
        try:
            if self._stop.is_set():
                return
            with contextlib.closing(self._generate()) as generated:
                for frame in generated:
                    if self.stopped:
                        return
                    yield frame
        finally:
            self._release()

    @abstractmethod
    def _generate(self) -> Generator[Frame, None, None]:
        """Yield the frames; ends soon after `stopped` becomes true."""

    @abstractmethod
    def _release(self) -> None:
        """Let go of file, device or connection; called at least once, never while `_generate` runs."""
