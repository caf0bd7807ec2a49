"""The model hub: its cache, its absence, and every way of not answering."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from huggingface_hub import close_session

from reid import hub as hub_module
from reid.hub import Hub, NotOnHubError, hub_is_online

REPOSITORIES = ("timm/resnet50.a1_in1k", "timm/deit_tiny_patch16_224.fb_in1k")


class _Answers(BaseHTTPRequestHandler):
    """A hub on this machine: fails every request, or serves one file in small pieces with pauses."""

    body: bytes | None = None
    asked: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        self._begin()

    def do_GET(self) -> None:
        if self._begin() and self.body is not None:
            piece = len(self.body) // 10 + 1
            for begin in range(0, len(self.body), piece):
                time.sleep(0.2)
                self.wfile.write(self.body[begin : begin + piece])

    def _begin(self) -> bool:
        if "/resolve/" not in self.path:  # the client also asks for things that have nothing to do with the file
            self.send_error(404)
            return False
        self.asked.append(self.command)
        if self.body is None:
            self.send_error(500)
            return False
        self.send_response(200)
        headers = {"X-Repo-Commit": "0" * 40, "ETag": '"1"', "Content-Length": str(len(self.body))}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        return True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub client that is allowed to ask, knows nothing, and has no connection left over."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    close_session()
    yield
    close_session()


def point_to(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what HF_ENDPOINT does when the client is first imported."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)
    template = endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)


@contextmanager
def serve(body: bytes | None, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Serve `body` as every file, or fail every request; gives the list of requests."""
    handler = type("Handler", (_Answers,), {"body": body, "asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        point_to(f"http://127.0.0.1:{server.server_address[1]}", monkeypatch)
        try:
            yield handler.asked
        finally:
            server.shutdown()
            thread.join()


def refusals(hub: Hub) -> list[str]:
    """Ask for two repositories that cannot be had, and return the reasons."""
    reasons = []
    for repository in REPOSITORIES:
        with pytest.raises(NotOnHubError) as caught:
            hub.weights(repository)
        reasons.append(str(caught.value))
    return reasons


def test_what_is_cached_needs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = tmp_path / "models--timm--resnet50.a1_in1k"
    cached = repository / "snapshots" / "0123" / "model.safetensors"
    cached.parent.mkdir(parents=True)
    cached.touch()
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub_module, "hub_is_online", lambda: pytest.fail("the cache needs no network"))
    assert Hub().weights(REPOSITORIES[0]) == cached


def test_whether_there_is_a_network_is_found_out_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub_module, "hub_is_online", lambda: bool(asked.append(1)))
    assert refusals(Hub()) == ["the hub cannot be reached"] * 2
    assert len(asked) == 1


def test_a_download_that_fails_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    downloads: list[str] = []

    def download(repository: str, *_: object, **__: object) -> str:
        downloads.append(repository)
        raise TimeoutError("the hub went away")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", lambda *_, **__: None)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub_module, "hub_is_online", lambda: True)
    assert refusals(Hub()) == ["the hub failed"] * 2
    assert downloads == [REPOSITORIES[0]]


@pytest.mark.usefixtures("empty_cache")
def test_a_hub_that_fails_is_asked_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    with serve(None, monkeypatch) as asked:
        began_s = time.monotonic()
        assert refusals(Hub()) == ["the hub failed"] * 2
        assert time.monotonic() - began_s < 5
    assert asked == ["HEAD"]
    (record,) = (record for record in caplog.records if record.levelno >= logging.WARNING)
    assert "500" in record.getMessage()
    assert "\n" not in record.getMessage()
    assert record.exc_info is None


@pytest.mark.usefixtures("empty_cache")
@pytest.mark.parametrize("trickle", [False, True])
def test_a_hub_that_takes_connections_and_never_answers_costs_seconds(
    trickle: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    over = threading.Event()
    taken: list[socket.socket] = []

    def take(server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                taken.append(server.accept()[0])

    def drip() -> None:
        for _ in range(40 if trickle else 0):
            if over.wait(0.2):
                return
            for connection in taken:
                with suppress(OSError):
                    connection.sendall(b"H")

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        threads = [threading.Thread(target=take, args=(server,)), threading.Thread(target=drip)]
        for thread in threads:
            thread.start()
        point_to(f"http://127.0.0.1:{server.getsockname()[1]}", monkeypatch)
        began_s = time.monotonic()
        reasons = refusals(Hub())
        assert time.monotonic() - began_s < 5
        over.set()
        server.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
    for connection in taken:
        connection.close()
    assert len(taken) <= 3, "to see whether it is there, for the client's own needs, for one of the two files"
    assert reasons == ["the hub failed"] * 2
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1


@pytest.mark.usefixtures("empty_cache")
def test_a_slow_download_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "ONLINE_TIMEOUT_S", 0.5)
    monkeypatch.setattr(hub_module, "_FIRST_ANSWER_TIMEOUT_S", 1.5)
    body = bytes(400_000)
    with serve(body, monkeypatch) as asked:
        began_s = time.monotonic()
        path = Hub().weights(REPOSITORIES[0])
        assert time.monotonic() - began_s > 1.9
    assert asked == ["HEAD", "HEAD", "GET"]
    assert path.read_bytes() == body


def test_the_online_check_obeys_the_offline_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("asked the network"))
    assert not hub_is_online()


def test_the_online_check_finds_a_host_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.getsockname()[1]}")
        assert hub_is_online()
    assert not hub_is_online()


def test_the_online_check_does_not_wait_for_a_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def stalled(address: tuple[str, int], timeout: float) -> None:
        release.wait(30)
        raise OSError("no such host")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(socket, "create_connection", stalled)
    began = time.monotonic()
    try:
        assert not hub_is_online(timeout_s=0.1)
        assert time.monotonic() - began < 5
    finally:
        release.set()
