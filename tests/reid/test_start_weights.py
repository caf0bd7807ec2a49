"""Start weights from files, folders and the hub; what happens without any."""

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
import timm
import torch
from huggingface_hub import close_session
from safetensors.torch import save, save_file

from reid import start_weights
from reid.errors import WeightsError
from reid.models import build_model, start_model
from reid.start_weights import StartReport, apply_start_weights, hub_is_online, timm_part

DEIT, MOBILENET = "deit_tiny_patch16_224", "mobilenetv2_035"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of published weights as timm names them, here with random values at 224x224."""
    torch.manual_seed(5)
    save_file(timm.create_model(DEIT, depth=3).state_dict(), tmp_path / f"{DEIT}.fb_in1k.safetensors")
    torch.save(timm.create_model(MOBILENET).state_dict(), tmp_path / f"{MOBILENET}.pth")
    return tmp_path


def test_none_keeps_the_seeded_weights() -> None:
    model, report = start_model("dcct-micro", seed=3)
    assert report == StartReport("random")
    assert all(
        torch.equal(value, model.state_dict()[key])
        for key, value in build_model("dcct-micro", seed=3).state_dict().items()
    )


def test_a_folder_starts_both_backbones(folder: Path) -> None:
    model, report = start_model("dcct-micro", start_weights=folder)
    assert report.source == str(folder)
    assert report.resized == 1
    assert report.missing == ()
    assert report.notes == ()
    given = torch.load(folder / f"{MOBILENET}.pth", weights_only=True)
    assert torch.equal(model.cnn.net.conv_stem.weight, given["conv_stem.weight"])
    assert torch.equal(model.cnn.net.bn1.running_var, given["bn1.running_var"])
    assert tuple(model.transformer.net.pos_embed.shape) == (1, 1 + 4 * 2, 192)


def test_a_file_starts_the_backbone_it_fits(folder: Path) -> None:
    random, (model, report) = (
        build_model("dcct-micro"),
        start_model("dcct-micro", start_weights=folder / f"{MOBILENET}.pth"),
    )
    assert report.matched > 100
    assert len(report.notes) == 1
    assert DEIT in report.notes[0]
    assert torch.equal(model.transformer.net.cls_token, random.transformer.net.cls_token)
    assert not torch.equal(model.cnn.net.conv_stem.weight, random.cnn.net.conv_stem.weight)


def test_tensors_that_stay_random_are_named(tmp_path: Path) -> None:
    weights = timm.create_model(MOBILENET).state_dict()
    del weights["conv_stem.weight"]
    weights["bn1.weight"] = torch.ones(3)
    torch.save(weights, tmp_path / f"{MOBILENET}.pth")
    _, report = start_model("dcct-micro", start_weights=tmp_path)
    assert report.missing == ("cnn.conv_stem.weight", "cnn.bn1.weight")


def test_weights_for_another_normalisation_see_the_same_image() -> None:
    # ViT's published weights want (p - 0.5) / 0.5; the models here feed ImageNet's mean and deviation.
    torch.manual_seed(0)
    published = timm.create_model("vit_tiny_patch16_224", depth=1, img_size=(32, 16)).eval()
    started = timm.create_model("vit_tiny_patch16_224", depth=1, img_size=(32, 16), num_classes=0).eval()
    pixels = torch.rand(2, 3, 32, 16)
    mean = torch.tensor(start_weights.IMAGENET_MEAN)[:, None, None]
    std = torch.tensor(start_weights.IMAGENET_STD)[:, None, None]
    part = timm_part(started, "vit_tiny_patch16_224")
    taken = start_weights._renormalised(part.published[0], published.state_dict())
    started.load_state_dict(taken, strict=False)
    with torch.inference_mode():
        expected = published.forward_features((pixels - 0.5) / 0.5)
        torch.testing.assert_close(started.forward_features((pixels - mean) / std), expected, atol=1e-4, rtol=1e-4)


def test_weights_that_fit_nothing_are_refused(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.ones(2)}, tmp_path / "other.pth")
    for source in (tmp_path / "other.pth", tmp_path):
        with pytest.raises(WeightsError, match=r"nothing in .* fits"):
            start_model("dcct-micro", start_weights=source)
    with pytest.raises(WeightsError, match="no such file"):
        start_model("dcct-micro", start_weights=tmp_path / "absent.pth")


def test_imagenet_offline_keeps_the_seeded_weights_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(start_weights, "hub_is_online", lambda: bool(asked.append(1)))
    model, report = start_model("dcct-compact", start_weights="imagenet", seed=3)
    assert report.source == "random"
    assert len(report.notes) == 2
    assert len(asked) == 1
    token = "transformer.net.cls_token"
    assert torch.equal(model.state_dict()[token], build_model("dcct-compact", seed=3).state_dict()[token])


def test_a_download_that_fails_keeps_the_seeded_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*_: object, **__: object) -> str:
        raise TimeoutError("the hub went away")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", lambda *_, **__: None)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(start_weights, "hub_is_online", lambda: True)
    _, report = start_model("dcct-compact", start_weights="imagenet")
    assert (report.source, report.matched, len(report.notes)) == ("random", 0, 2)


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
def hub(body: bytes | None, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
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


@pytest.mark.usefixtures("empty_cache")
def test_a_hub_that_fails_is_asked_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    model = build_model("dcct-compact")
    with hub(None, monkeypatch) as asked:
        began_s = time.monotonic()
        report = apply_start_weights(model.start_parts(), "imagenet")
        assert time.monotonic() - began_s < 5
    assert asked == ["HEAD"]
    assert report.source == "random"
    assert len(report.notes) == 2
    assert all("no weights found (not in the cache, and the hub failed), kept random" in note for note in report.notes)
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

    parts = build_model("dcct-compact").start_parts()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        threads = [threading.Thread(target=take, args=(server,)), threading.Thread(target=drip)]
        for thread in threads:
            thread.start()
        point_to(f"http://127.0.0.1:{server.getsockname()[1]}", monkeypatch)
        began_s = time.monotonic()
        report = apply_start_weights(parts, "imagenet")
        assert time.monotonic() - began_s < 5
        over.set()
        server.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
    for connection in taken:
        connection.close()
    assert len(taken) <= 3, "to see whether it is there, for the client's own needs, for one of the two files"
    assert report.source == "random"
    assert all("the hub failed" in note for note in report.notes)
    assert len(report.notes) == 2
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1


@pytest.mark.usefixtures("empty_cache")
def test_a_slow_download_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_weights, "ONLINE_TIMEOUT_S", 0.5)
    monkeypatch.setattr(start_weights, "_FIRST_ANSWER_TIMEOUT_S", 1.5)
    net = timm.create_model(DEIT, depth=1, img_size=(64, 32), num_classes=0)
    weights = save({"cls_token": torch.full((1, 1, 192), 7.0), "head.weight": torch.zeros(100, 1000)})
    with hub(weights, monkeypatch) as asked:
        began_s = time.monotonic()
        report = apply_start_weights({"transformer": timm_part(net, DEIT)}, "imagenet")
        assert time.monotonic() - began_s > 1.9
    assert asked == ["HEAD", "HEAD", "GET"]
    assert (report.source, report.matched, report.notes) == ("imagenet", 1, ())
    assert torch.equal(net.cls_token, torch.full((1, 1, 192), 7.0))


def test_imagenet_comes_from_the_hubs_cache(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "hub"
    repository = cache / f"models--timm--{DEIT}.fb_in1k"
    snapshot = repository / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123")
    (folder / f"{DEIT}.fb_in1k.safetensors").rename(snapshot / "model.safetensors")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(start_weights, "hub_is_online", lambda: pytest.fail("the cache needs no network"))
    net = timm.create_model(DEIT, depth=2, img_size=(64, 32), num_classes=0)
    report = apply_start_weights({"transformer": timm_part(net, DEIT)}, "imagenet")
    assert report.source == "imagenet"
    assert report.missing == ()


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
