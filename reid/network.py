"""Whether there is a network, found out within seconds."""

from __future__ import annotations

import socket
import threading


def can_connect(host: str, port: int, timeout_s: float) -> bool:
    """Say whether a host takes a connection.

    Args:
        host: its name or address.
        port: its port.
        timeout_s: the longest this may take, looking up the name included.

    Returns:
        False if it does not answer in time.
    """
    answered = threading.Event()

    def connect() -> None:
        try:
            with socket.create_connection((host, port), timeout=timeout_s):
                answered.set()
        except OSError:
            pass

    # Name lookup takes no timeout, so it runs in a thread that nobody has to wait for.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(timeout_s)
    return answered.is_set()
