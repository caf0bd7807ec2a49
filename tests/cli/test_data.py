"""`vreid data check` as it is typed: what it teaches, prints and exits with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Vreid
from tests.reid.data.makers import MAKERS, make_ilids, make_mars, make_own, make_prid, picture


@pytest.fixture(autouse=True)
def no_folder_of_data_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VREID_DATA", raising=False)


def test_the_commands_teach(vreid: Vreid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert "check" in vreid("data").stdout
    page = vreid("data", "check", "--help")
    assert page.code == 0
    text = " ".join(page.stdout.split())
    for taught in (
        "vreid data check mars --root /data/mars",
        "withdrawn by its makers",
        "VREID_DATA",
        "person/camera/tracklet/image.jpg",
        "CSV file with columns image",
        "Exit codes: 0",
        *MAKERS,
    ):
        assert taught in text, taught


def test_ones_own_that_are_whole(vreid: Vreid, tmp_path: Path) -> None:
    outcome = vreid("data", "check", "folder", "--root", make_own(tmp_path / "mine"), "--images")
    assert (outcome.code, outcome.stderr) == (0, "")
    lines = [line.split() for line in outcome.stdout.splitlines()]
    assert outcome.stdout.startswith(f"a folder of one's own tracklets in {tmp_path / 'mine'}\n")
    assert ["people", "tracklets", "images"] in lines  # nothing was published
    assert ["train", "2", "8", "16"] in lines and ["queries", "2", "4", "8"] in lines
    assert "32 of 32 images were decoded." in outcome.stdout
    assert outcome.stdout.endswith("\nNothing is missing.\n")


def test_counts_stand_beside_the_published_ones(vreid: Vreid, tmp_path: Path) -> None:
    outcome = vreid("data", "check", "mars", "--root", make_mars(tmp_path / "set"))
    assert (outcome.code, outcome.stderr) == (3, "")
    lines = [line.split() for line in outcome.stdout.splitlines()]
    assert ["people", "published", "tracklets", "published", "images", "published"] in lines
    assert ["train", "2", "625", "4", "8,298", "12", "509,914"] in lines
    assert ["junk", "0", "0", "1", "870", "2", "23,380"] in lines
    assert "missing" not in outcome.stdout
    assert "It can be used, but it is not whole or not as published. MARS is had from its makers" in outcome.stdout


def test_the_first_names_and_how_many_more(vreid: Vreid, tmp_path: Path) -> None:
    root = make_mars(tmp_path / "set")
    images = sorted((root / "bbox_train" / "0001").iterdir()) + sorted((root / "bbox_train" / "0003").iterdir())[:3]
    for image in images:
        image.unlink()
    picture(root / "bbox_test" / "0002" / "0002C1T0001F009.jpg")
    (root / "bbox_test" / "0004" / "0004C1T0001F001.jpg").write_bytes(b"")
    outcome = vreid("data", "check", "mars", "--root", root, "--images")
    assert outcome.code == 3
    lines = outcome.stdout.splitlines()
    start = lines.index("missing: 4 (9 images in all)")
    assert lines[start + 1] == "  bbox_train/0001 (all 6 images)"
    assert lines[start + 2] == "  bbox_train/0003/0003C1T0001F001.jpg"
    assert lines[lines.index("extra: 1") + 1] == "  bbox_test/0002/0002C1T0001F009.jpg"
    assert "0004C1T0001F001.jpg: the file is empty" in lines[lines.index("unreadable: 1") + 1]
    assert "16 of 17 images were decoded." in lines


def test_long_lists_are_cut(vreid: Vreid, tmp_path: Path) -> None:
    root = make_own(tmp_path / "mine")
    for number in range(1_234):
        (root / "anna" / "gate" / "9" / f"note{number}.txt").write_text("")
    outcome = vreid("data", "check", "folder", "--root", root)
    lines = outcome.stdout.splitlines()
    start = lines.index("extra: 1,234")
    assert lines[start + 1] == "  anna/gate/9/note0.txt" and lines[start + 5] == "  anna/gate/9/note4.txt"
    assert lines[start + 6] == "  and 1,229 more"
    assert lines[-1].startswith("It can be used, but look at what is named above. One's own tracklets lie in")
    assert outcome.code == 3


def test_a_half_without_images_cannot_be_used(vreid: Vreid, tmp_path: Path) -> None:
    root = make_mars(tmp_path / "set")
    for folder in (root / "bbox_test").iterdir():
        shutil.rmtree(folder)
    outcome = vreid("data", "check", "mars", "--root", root)
    assert outcome.code == 2
    assert "It cannot be used: no image of a whole half of it is there and readable. MARS is had from" in outcome.stdout


def test_the_folder_of_all_data_sets(vreid: Vreid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_ilids(tmp_path / "ilids-vid")
    monkeypatch.setenv("VREID_DATA", str(tmp_path))
    outcome = vreid("data", "check", "ilids")
    assert outcome.code == 3
    assert f"iLIDS-VID in {tmp_path / 'ilids-vid'}" in outcome.stdout
    assert ["in", "both", "cameras", "4", "300", "8", "600", "20", "-"] in [
        line.split() for line in outcome.stdout.splitlines()
    ]
    assert "Who trains and who tests: 10 splits of train_test_splits_ilidsvid.mat." in outcome.stdout


def test_the_table_fits_a_terminal(vreid: Vreid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    root = make_prid(tmp_path)
    for name in ("mars", "prid"):
        outcome = vreid("data", "check", name, "--root", root if name == "prid" else make_mars(tmp_path / "mars"))
        assert "…" not in outcome.stdout and outcome.stdout.count("published") >= 3


def test_names_that_the_terminal_has_no_letters_for(tmp_path: Path) -> None:
    root = make_own(tmp_path / "mine")
    (root / "anna" / "陈").mkdir()
    (root / "anna" / "陈" / "notes.txt").write_text("")
    outcome = subprocess.run(
        [sys.executable, "-m", "cli", "data", "check", "folder", "--root", root],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (outcome.returncode, outcome.stderr) == (3, "")
    assert "\n  anna/\\u9648/notes.txt\n" in outcome.stdout


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "mars",
            "vreid: where is MARS? Name it with --root, or the folder of all data sets in the environment variable",
        ),
        ("market", "vreid: no data set is called 'market'; there are mars,"),
    ],
)
def test_what_is_not_given(vreid: Vreid, name: str, message: str) -> None:
    outcome = vreid("data", "check", name)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith(message) and outcome.stderr.count("\n") == 1


def test_wrong_and_half_and_no_data_sets_are_one_line(vreid: Vreid, tmp_path: Path) -> None:
    root = make_ilids(tmp_path / "set")
    wrong = vreid("data", "check", "mars", "--root", root)
    shutil.rmtree(root / "i-LIDS-VID" / "sequences" / "cam2")
    half = vreid("data", "check", "ilids", "--root", root)
    none = vreid("data", "check", "dukemtmc", "--root", tmp_path / "nowhere")
    for outcome, message in (
        (wrong, "is not MARS but looks like iLIDS-VID, which is called ilids here."),
        (half, "holds only a part of iLIDS-VID: i-LIDS-VID/sequences/cam1, but not i-LIDS-VID/sequences/cam2."),
        (none, "nowhere does not exist; expected the folder of DukeMTMC-VideoReID, which holds train, query, gallery."),
    ):
        assert (outcome.code, outcome.stdout) == (2, "")
        assert outcome.stderr.count("\n") == 1 and message in outcome.stderr


def test_a_stop_is_said(vreid: Vreid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reid.data.checking.read_usable", stop)
    outcome = vreid("data", "check", "folder", "--root", make_own(tmp_path / "mine"), "--images")
    assert (outcome.code, outcome.stdout) == (130, "")
    assert "stopped" in outcome.stderr
