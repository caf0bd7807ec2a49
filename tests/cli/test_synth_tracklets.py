"""`vreid synth tracklets` as it is typed: what it teaches, what it writes, and what becomes of bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from reid.data.mars_layout import read_tables
from reid.data.synthetic.tracklets import RenderedCrops, SyntheticTracklets
from tests.cli.conftest import Refused, Vreid

SMALL = ["--people", 4, "--cameras", 2, "--tracklets", "1-1", "--frames", "2-3", "--size", "64x32"]


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_teaches(vreid: Vreid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert "tracklets" in vreid("synth").stdout
    page = vreid("synth", "tracklets", "--help")
    assert page.code == 0
    for taught in ("vreid synth tracklets --out made-up", "The people are made up", "MARS", "Exit codes"):
        assert taught in page.stdout


def test_what_is_written_and_what_is_said(vreid: Vreid, here: Path) -> None:
    outcome = vreid("synth", "tracklets", "--out", "out", *SMALL, "--seed", 7)
    assert (outcome.code, outcome.stderr) == (0, "")
    data = SyntheticTracklets(people=4, cameras=2, tracklets=(1, 1), frames=(2, 3), seed=7).data_set()
    assert read_tables(here / "out") == (data.train, data.test, data.query)
    images = sorted((here / "out").rglob("*.jpg"))
    assert len(images) == sum(len(record.frames) for record in (*data.train, *data.test))
    for path in images:
        with Image.open(path) as image:
            assert (image.width, image.height, image.mode) == (32, 64, "RGB")
    lines = [line.split() for line in outcome.stdout.splitlines()]
    train = sum(len(record.frames) for record in data.train)
    assert ["train", "2", "4", str(train)] in lines
    assert lines[0] == ["made-up", "people", "people", "tracklets", "images"]
    assert lines[3][-3:-1] == ["2", "4"]  # queries
    assert [lines[4][:3], lines[5][:3]] == [["distractors", "-", "2"], ["junk", "-", "0"]]
    assert outcome.stdout.splitlines()[-1].endswith("in out")
    about = json.loads((here / "out" / "tracklets.json").read_text())
    assert about.pop("vreid_version")
    assert about == {
        "format": "vreid-tracklets/1",
        "made_up": True,
        "people": 4,
        "test_people": None,
        "people_per_site": None,
        "cameras": 2,
        "tracklets": [1, 1],
        "frames": [2, 3],
        "seed": 7,
        "size_hw": [64, 32],
        "device": "cpu",
    }


def test_the_same_bytes_again(vreid: Vreid, here: Path) -> None:
    for out, seed in (("one", 1), ("again", 1), ("other", 2)):
        assert vreid("synth", "tracklets", "--out", out, *SMALL, "--seed", seed).code == 0
    assert files(here / "one") == files(here / "again")
    assert files(here / "one") != files(here / "other")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing option '--out'"),
        (["--out", "new", "--people", "1"], "--people"),
        (["--out", "new", "--people", "10000"], "--people"),
        (["--out", "new", "--people", "few"], "--people"),
        (["--out", "new", "--cameras", "1"], "--cameras"),
        (["--out", "new", "--cameras", "10"], "--cameras"),
        (["--out", "new", "--seed", "-1"], "--seed"),
        (["--out", "new", "--seed", str(2**63)], "seed: from 0"),
        (["--out", "new", "--tracklets", "0-4"], "--tracklets takes numbers from 1 to 99, not 0-4"),
        (["--out", "new", "--frames", "10"], "--frames takes two numbers, such as 10-60, not '10'"),
        (["--out", "new", "--frames", "60-10"], "frames: the fewest and the most, at least 1, not 60 to 10"),
        (["--out", "new", "--frames", "10-1000"], "--frames takes numbers from 1 to 999"),
        (["--out", "new", "--size", "big"], "--size takes two numbers, such as 256x128"),
        (["--out", "new", "--size", "256x8"], "--size takes numbers from 16 to 1024"),
        (["--out", "new", "--device", "abacus"], "abacus"),
        (["--out", "new", "--device", "cuda:7"], "cuda:7"),
        (["--out", "taken"], "add --overwrite"),
        (["--out", "mine", "--overwrite"], "is not a folder of tracklets"),
        (["--out", "mine/letter/x"], "is not a folder"),
        (["--out", "new", "--foo"], "No such option: --foo"),
    ],
)
def test_bad_input_is_refused_in_one_line_and_nothing_is_written(
    refused: Refused, here: Path, arguments: list[str], message: str
) -> None:
    (here / "taken").mkdir()
    (here / "taken" / "tracklets.json").write_text("{}")
    (here / "mine").mkdir()
    (here / "mine" / "letter").write_text("dear")
    refused(here, message, "synth", "tracklets", *arguments)


def test_ctrl_c_keeps_nothing(vreid: Vreid, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(RenderedCrops, "read", interrupted)
    outcome = vreid("synth", "tracklets", "--out", "out", *SMALL)
    assert (outcome.code, outcome.stderr) == (130, "vreid: stopped; nothing was kept\n")
    assert list(here.iterdir()) == []


def test_a_full_disk_keeps_nothing_and_says_so(vreid: Vreid, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    outcome = vreid("synth", "tracklets", "--out", "out", *SMALL)
    assert outcome.code == 1
    (line,) = outcome.stderr.splitlines()
    assert "could not be written" in line and "No space left on device" in line
    assert list(here.iterdir()) == []
