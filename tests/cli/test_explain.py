"""`vreid explain` as it is typed: what it teaches, what it writes, and what becomes of bad input."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from reid.checkpoints import Provenance, save_checkpoint
from reid.models import PRESETS, build_model
from tests.cli.conftest import Vreid

MICROS = [name for name in PRESETS if name.endswith("-micro")]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, and no weights of the user."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "no-hub"))
    monkeypatch.setenv("VREID_WEIGHTS", str(tmp_path / "no-weights"))
    return tmp_path


def write_crops(folder: Path, count: int = 5) -> Path:
    folder.mkdir(parents=True)
    scene = np.random.default_rng(len(folder.name)).integers(0, 256, (6, 3, 3), dtype=np.uint8)
    for number in range(count):
        Image.fromarray(np.kron(scene, np.ones((10 + number, 12, 1), np.uint8))).save(folder / f"{number:03d}.jpg")
    return folder


def micro_checkpoint(path: Path, *, trained: bool) -> Path:
    save_checkpoint(path, build_model("dcct-micro"), Provenance(trained=trained, seed=0))
    return path


class TestHelp:
    def test_the_command_teaches(self, vreid: Vreid, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "120")
        assert "explain" in vreid().stdout
        page = vreid("explain", "--help")
        assert page.code == 0
        for taught in (
            "vreid explain --checkpoint dcct.safetensors --crops my-run/crops/gate/12",
            "Grad-CAM",
            "Deleting the folder deletes them",
            "Exit codes",
        ):
            assert taught in page.stdout


@pytest.mark.parametrize("name", MICROS)
def test_every_model_has_pictures(vreid: Vreid, here: Path, name: str) -> None:
    write_crops(here / "person")
    outcome = vreid("explain", "--checkpoint", f"untrained:{name}", "--crops", "person", "--out", "out")
    assert outcome.code == 0, outcome.stderr
    (warning,) = outcome.stderr.splitlines()
    assert warning.startswith(f"warning: untrained: the network {name} was never trained (its start is random)")
    pictures = sorted(path.name for path in (here / "out").glob("*.png"))
    assert "grad-cam.png" in pictures
    for picture in pictures:
        assert picture in outcome.stdout
        with Image.open(here / "out" / picture) as image:
            image.load()
            assert image.width > 700 and image.height > 200
    assert f"{len(pictures)} picture" in outcome.stdout


def test_a_trained_checkpoint_is_opened_without_a_warning(vreid: Vreid, here: Path) -> None:
    write_crops(here / "person")
    micro_checkpoint(here / "model.safetensors", trained=True)
    outcome = vreid("explain", "--checkpoint", "model.safetensors", "--crops", "person")
    assert (outcome.code, outcome.stderr) == (0, "")
    (out,) = (here / "explain").iterdir()
    assert out.name.startswith("20")
    assert (out / "cca-attention.png").is_file()


def test_several_folders_at_once(vreid: Vreid, here: Path) -> None:
    for name in ("gate/1", "gate/2", "hall/1"):
        write_crops(here / "crops" / name)
    explain = ["explain", "--checkpoint", "untrained:cnn-average-micro", "--out", "out", "--overwrite"]
    for given in (["--crops", "crops"], ["--crops", "crops/gate", "crops/hall/1"]):
        outcome = vreid(*explain, *given)
        assert outcome.code == 0, outcome.stderr
        assert sorted(path.name for path in (here / "out").iterdir() if path.is_dir()) == ["gate-1", "gate-2", "hall-1"]
        assert "*/grad-cam.png" in outcome.stdout
        assert "gate-1, gate-2, hall-1" in outcome.stdout


def test_a_broken_image_is_named_and_left_out(vreid: Vreid, here: Path) -> None:
    (write_crops(here / "person") / "009.jpg").write_text("words")
    micro_checkpoint(here / "model.safetensors", trained=True)
    outcome = vreid("explain", "--checkpoint", "model.safetensors", "--crops", "person", "--out", "out")
    assert outcome.code == 0
    (line,) = outcome.stderr.splitlines()
    assert line.startswith("warning: ") and "009.jpg: not an image" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--crops", "person"], "Missing option '--checkpoint'"),
        (["--checkpoint", "untrained:dcct-micro"], "Missing option '--crops'"),
        (["--checkpoint", "untrained:dcct-micro", "--crops", "missing"], "no folder missing"),
        (["--checkpoint", "untrained:dcct-micro", "--crops", "person", "missing"], "no folder missing"),
        (["--checkpoint", "untrained:dcct-micro", "--crops", "person/000.jpg"], "person/000.jpg is not a folder"),
        (["--checkpoint", "untrained:dcct-micro", "--crops", "empty"], "no images in empty"),
        (["--checkpoint", "untrained:dcct-micro", "--crops", "broken"], "none of the images can be read"),
        (["--checkpoint", "missing.safetensors", "--crops", "person"], "no such file: missing.safetensors"),
        (["--checkpoint", "untrained:dcct-mirco", "--crops", "person"], "there is no model 'dcct-mirco'"),
        (["--checkpoint", "code.pth", "--crops", "person"], "code.pth is a .pth file of PyTorch"),
        (["--checkpoint", "person/000.jpg", "--crops", "person"], "not a .safetensors file"),
        (["--checkpoint", "untrained:dcct-micro", "--crops", "person", "--frames", "9"], "expected 1 to 4"),
        (["--checkpoint", "untrained:dcct-micro", "--crops", "person", "--frames", "all"], "--frames"),
        (["--checkpoint", "untrained:dcct-micro", "--crops", "person", "--device", "cuda:7"], "cuda:7"),
        (["--checkpoint", "untrained:dcct-micro", "--crops", "person", "--device", "abacus"], "abacus"),
        (["--checkpoint", "untrained:dcct-micro", "--crops", "person", "--out", "person"], "not a folder of pictures"),
        (["--checkpoint", "untrained:dcct-micro", "--crops", "person", "--out", "taken"], "add --overwrite"),
        (["--checkpoint", "untrained:dcct-micro", "--crops", "person", "--out", "person/000.jpg/x"], "is not a folder"),
        (["--checkpoint", "untrained:dcct-micro", "--crops", "person", "--out", "x" * 300], "File name too long"),
        (["--checkpoint", "untrained:dcct-micro", "--crops", "person", "--foo"], "No such option: --foo"),
    ],
)
def test_bad_input_is_refused_in_one_line_and_nothing_is_written(
    vreid: Vreid, here: Path, arguments: list[str], message: str
) -> None:
    write_crops(here / "person")
    (here / "empty").mkdir()
    (here / "broken").mkdir()
    (here / "broken" / "a.jpg").write_text("words")
    (here / "code.pth").write_bytes(b"PK")
    (here / "taken").mkdir()
    (here / "taken" / "explain.json").write_text("{}")
    before = sorted(here.rglob("*"))
    outcome = vreid("explain", *arguments)
    assert outcome.code == 2
    (line,) = [line for line in outcome.stderr.splitlines() if line and not line.startswith("warning: ")]
    assert line.startswith("vreid: ")
    assert message in line
    assert outcome.stdout == ""
    assert sorted(here.rglob("*")) == before


def test_ctrl_c_keeps_nothing(vreid: Vreid, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reid.explain import album

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    write_crops(here / "person")
    monkeypatch.setattr(album, "clip_pictures", interrupted)
    outcome = vreid("explain", "--checkpoint", "untrained:dcct-micro", "--crops", "person", "--out", "out")
    assert outcome.code == 130
    assert outcome.stderr.splitlines()[-1] == "vreid: stopped; nothing was kept"
    assert [path.name for path in here.iterdir()] == ["person"]


def test_real_pictures_of_a_person(vreid: Vreid, here: Path, shared_data: Path) -> None:
    """Frames of a real recording, cut by hand to where someone walks."""
    (here / "person").mkdir()
    video = cv2.VideoCapture(str(shared_data / "videos" / "one-by-one.mp4"))
    for number in range(3):
        video.set(cv2.CAP_PROP_POS_FRAMES, 250 + 10 * number)
        whole, frame_bgr = video.read()
        assert whole
        height, width = frame_bgr.shape[:2]
        crop = frame_bgr[height // 4 :, width // 3 : width * 2 // 3]
        assert cv2.imwrite(str(here / "person" / f"{number}.png"), crop)
    video.release()
    outcome = vreid("explain", "--checkpoint", "untrained:dcct-compact", "--crops", "person", "--out", "out")
    assert outcome.code == 0, outcome.stderr
    for name in ("grad-cam", "cca-attention", "hta-gates"):
        with Image.open(here / "out" / f"{name}.png") as image:
            assert image.width == pytest.approx(1412, abs=40)  # eight frames at 128 pixels, label, bar and margins
