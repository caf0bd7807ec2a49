"""A live camera on this machine."""

from __future__ import annotations

import contextlib
import socket
import threading
import time


class CameraServer:
    """Sends an MPEG-TS file over HTTP, endlessly and in real time, as a camera does: without a length."""

    def __init__(self, data: bytes, seconds: float, *, silent_after: float = 2.0) -> None:
        self._data, self._seconds, self._silent_after = data, seconds, silent_after
        self._server: socket.socket | None = None
        self._clients: list[socket.socket] = []
        self._port = 0
        self.connections = 0

    @property
    def url(self) -> str:
        return f"http://user:secret@127.0.0.1:{self._port}/live/cam.ts"

    def start(self) -> None:
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", self._port))
        server.listen()
        self._server, self._port = server, server.getsockname()[1]
        threading.Thread(target=self._accept, args=(server,), daemon=True).start()

    def kill(self) -> None:
        for one in [*self._clients, *([self._server] if self._server else [])]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._server, self._clients = None, []

    def _accept(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = server.accept()
                self._clients.append(client)
                self.connections += 1
                threading.Thread(target=self._send, args=(client,), daemon=True).start()

    def _send(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            client.recv(65536)
            client.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n")
            started_s, sent = time.monotonic(), 0
            while sent < len(self._data):
                passed_s = min(time.monotonic() - started_s, self._silent_after)
                due = int(len(self._data) * min(1.0, 0.2 + passed_s / self._seconds))
                client.sendall(self._data[sent:due])
                sent = max(sent, due)
                time.sleep(0.01)
            client.close()
