"""`vreid data pack` as it is typed: what it writes and says, and what becomes of bad input."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from reid.data import packing
from reid.data.mars_layout import write_mars
from reid.data.packed import load_packed, read_pack
from reid.data.synthetic.tracklets import SyntheticTracklets
from reid.preprocess import Preprocessing
from tests.cli.conftest import Refused, Vreid

SYNTHETIC = SyntheticTracklets(people=4, cameras=2, tracklets=(1, 1), frames=(2, 3)).data_set(size_hw=(32, 16))
IMAGES = sum(len(record.frames) for record in (*SYNTHETIC.train, *SYNTHETIC.test))


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made-up people in a folder."""
    folder = tmp_path_factory.mktemp("rendered") / "made-up"
    write_mars(SYNTHETIC, folder, {})
    return folder


@pytest.fixture
def here(tmp_path: Path, rendered: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a data set that may be damaged."""
    shutil.copytree(rendered, tmp_path / "made-up")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_teaches(vreid: Vreid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert "pack" in vreid("data").stdout
    page = vreid("data", "pack", "--help")
    assert page.code == 0
    for taught in ("vreid data pack mars --root /data/mars --out mars.pack", "--raw 256x128", "Exit codes"):
        assert taught in page.stdout


def test_a_pack_and_a_pack_of_pixels(vreid: Vreid, here: Path) -> None:
    outcome = vreid("data", "pack", "synthetic", "--root", "made-up", "--out", "files.pack")
    assert (outcome.code, outcome.stderr) == (0, "")
    (line,) = outcome.stdout.splitlines()
    assert line.startswith(f"{IMAGES} images, ") and line.endswith(" in files.pack")
    (files,) = load_packed(here / "files.pack")
    assert (files.train, files.test, files.query) == (SYNTHETIC.train, SYNTHETIC.test, SYNTHETIC.query)

    outcome = vreid("data", "pack", "synthetic", "--root", "made-up", "--out", "raw.pack", "--raw", "16x24")
    assert (outcome.code, outcome.stderr) == (0, "")
    first, second = outcome.stdout.splitlines()
    size = f"{IMAGES * 16 * 24 * 3 / 1000:.1f} kB"
    assert first == f"{IMAGES} images of 16x24 pixels will take {size}"
    assert second == f"{IMAGES} images, {size} in raw.pack"
    (pixels,) = load_packed(here / "raw.pack")
    names = SYNTHETIC.test[-1].frames
    for ours, loose in zip(pixels.source.read(names), files.source.read(names), strict=True):
        np.testing.assert_array_equal(ours, Preprocessing((16, 24)).resize(loose))


def test_a_pack_is_the_data_set(vreid: Vreid, here: Path) -> None:
    assert vreid("data", "pack", "synthetic", "--root", "made-up", "--out", "files.pack").code == 0
    outcome = vreid("data", "pack", "synthetic", "--root", "files.pack", "--out", "again")
    assert outcome.code == 2
    assert "no loose files, so they cannot be packed" in outcome.stderr
    outcome = vreid("data", "check", "synthetic", "--root", "files.pack", "--images")
    assert (outcome.code, outcome.stderr) == (0, "")


def test_broken_images_are_named_counted_and_left_out(vreid: Vreid, here: Path) -> None:
    gone = [name for record in SYNTHETIC.train[:3] for name in record.frames]
    for name in gone:
        (here / "made-up" / name).write_bytes(b"\xff\xd8")
    outcome = vreid("data", "pack", "synthetic", "--root", "made-up", "--out", "files.pack")
    assert outcome.code == 3
    assert outcome.stdout.startswith(f"{IMAGES - len(gone)} images, ")
    *named, last = outcome.stderr.splitlines()
    assert named == [f"warning: {name}: the file was cut off after 2 bytes" for name in gone[:5]]
    assert last == (
        f"warning: {len(gone)} images were left out ({len(gone) - 5} more than named here), "
        "and with them 3 whole tracklets; pack.json lists them all"
    )
    assert read_pack(here / "files.pack").data_sets[0].train == SYNTHETIC.train[3:]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["synthetic", "--root", "made-up"], "Missing option '--out'"),
        (["somewhere", "--root", "made-up", "--out", "new"], "somewhere"),
        (["synthetic", "--root", "none", "--out", "new"], "none does not exist"),
        (["mars", "--root", "made-up", "--out", "new"], "made-up"),
        (
            ["synthetic", "--root", "made-up", "--out", "new", "--raw", "big"],
            "--raw takes two numbers, such as 256x128",
        ),
        (["synthetic", "--root", "made-up", "--out", "new", "--raw", "256x8"], "--raw takes numbers from 16 to 1024"),
        (["synthetic", "--root", "made-up", "--out", "new", "--raw", "1025x16"], "--raw takes numbers from 16 to 1024"),
        (["synthetic", "--root", "made-up", "--out", "taken"], "add --overwrite"),
        (["synthetic", "--root", "made-up", "--out", "mine", "--overwrite"], "is not a pack"),
    ],
)
def test_bad_input_is_refused_in_one_line_and_nothing_is_written(
    refused: Refused, here: Path, arguments: list[str], message: str
) -> None:
    (here / "taken").mkdir()
    (here / "taken" / "pack.json").write_text("{}")
    (here / "mine").mkdir()
    (here / "mine" / "letter").write_text("dear")
    refused(here, message, "data", "pack", *arguments)


def test_no_room_for_pixels(vreid: Vreid, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "disk_usage", lambda _: type("Usage", (), {"free": 10_000})())
    outcome = vreid("data", "pack", "synthetic", "--root", "made-up", "--out", "raw.pack", "--raw", "256x128")
    assert outcome.code == 2
    (line,) = outcome.stderr.splitlines()
    assert "choose another disk or a smaller --raw" in line
    assert outcome.stdout == ""
    assert [path.name for path in here.iterdir()] == ["made-up"]


def test_ctrl_c_keeps_nothing(vreid: Vreid, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cv2, "imdecode", interrupted)
    outcome = vreid("data", "pack", "synthetic", "--root", "made-up", "--out", "files.pack")
    assert (outcome.code, outcome.stderr) == (130, "vreid: stopped; nothing was kept\n")
    assert [path.name for path in here.iterdir()] == ["made-up"]
