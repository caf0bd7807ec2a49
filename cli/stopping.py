"""Ctrl-C, or the system asking for an end."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from cli.bar import EXIT_INTERRUPTED
from cli.output import complain


@contextmanager
def drop_on_signals(message: str) -> Iterator[None]:
    """Let a signal end what is being done, so that it is taken back.

    Args:
        message: what to say then.

    Raises:
        typer.Exit: a signal came.
    """
    with stop_on_signals():
        try:
            yield
        except KeyboardInterrupt:
            complain(message)
            raise typer.Exit(EXIT_INTERRUPTED) from None


@contextmanager
def stop_on_signals(*messages: str) -> Iterator[threading.Event]:
    """Turn signals into a wish to stop and keep what was done.

    Args:
        messages: what to say, the first time and any further times. Once more, and everything is dropped. Processes
            that are forked meanwhile do nothing of it: this one ends them.

    Yields:
        What is set when the work should come to its end.
    """
    stop = threading.Event()
    process = os.getpid()
    times = 0

    def handle(signal_number: int, frame: FrameType | None) -> None:
        nonlocal times
        if os.getpid() != process:
            return
        times += 1
        if times > len(messages):
            raise KeyboardInterrupt
        stop.set()
        with contextlib.suppress(OSError, RuntimeError):  # the terminal may be gone, or be written to right now
            complain(messages[times - 1])

    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    # What is ignored stays ignored: nohup and background jobs are meant to go on.
    numbers = [getattr(signal, name) for name in names if signal.getsignal(getattr(signal, name)) != signal.SIG_IGN]
    previous = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
