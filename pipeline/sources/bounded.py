"""Calls into decoders that may never come back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def call_bounded(function: Callable[[], T], timeout_s: float, discard: Callable[[T], object]) -> T:
    """Call a function in a thread of its own and give up waiting after a while.

    Args:
        function: the call that may hang, as opening a pipe that nobody writes to.
        timeout_s: how long to wait, in seconds.
        discard: disposes of the result if it comes too late.

    Returns:
        What the function returns.

    Raises:
        TimeoutError: it has not returned in time; its thread is left behind and does not keep the process alive.
        BaseException: whatever the function raises.
    """
    lock = threading.Lock()
    given_up = False
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            result = function()
        except BaseException as error:  # handed to the caller below, of whatever kind
            errors.append(error)
            return
        with lock:
            late = given_up
            if not late:
                results.append(result)
        if late:
            discard(result)

    worker = threading.Thread(target=work, name="vreid-bounded-call", daemon=True)
    worker.start()
    worker.join(timeout_s)
    with lock:
        if not results and not errors and worker.is_alive():
            given_up = True
            raise TimeoutError(f"no answer within {timeout_s:g} s")
    worker.join()
    if errors:
        raise errors[0]
    return results[0]
