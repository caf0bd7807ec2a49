"""Start weights from files, folders and the hub; what happens without any."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from reid import start_weights
from reid.errors import WeightsError
from reid.models import build_model, start_model
from reid.start_weights import StartPart, StartReport, apply_start_weights, hub_is_online

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
    part = StartPart("vit_tiny_patch16_224", started)
    taken = start_weights._renormalised(part.module, published.state_dict())
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


def test_a_download_that_fails_keeps_the_seeded_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import LocalEntryNotFoundError

    def download(repository: str, filename: str, *, local_files_only: bool = False, **_: object) -> str:
        raise LocalEntryNotFoundError("not cached") if local_files_only else TimeoutError("the hub went away")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    monkeypatch.setattr(start_weights, "hub_is_online", lambda: True)
    _, report = start_model("dcct-compact", start_weights="imagenet")
    assert (report.source, report.matched, len(report.notes)) == ("random", 0, 2)


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
    report = apply_start_weights({"transformer": StartPart(DEIT, net)}, "imagenet")
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
