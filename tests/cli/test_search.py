"""`vreid search` on real video: a picture, a clip and a stay find the person; what cannot be is asked back."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from pipeline import RunConfig, run_pipeline
from tests.cli.conftest import Refused, Vreid

FRAME = 330  # of the man with the cap, who is there from frame 232 to 446


@pytest.fixture(scope="module")
def shared_run(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first two people of the video."""
    path = tmp_path_factory.mktemp("search") / "run"
    config = RunConfig.model_validate(
        {
            "cameras": [{"source": str(shared_data / "videos" / "one-by-one.mp4")}],
            "detector": {"name": str(shared_data / "weights" / "yolo11n_int8_openvino_model")},
            "duration_s": 36,
            "every": 5,
        }
    )
    run = run_pipeline(config, path)
    assert [(row.track_id, row.identity_id) for row in run.tracklets] == [(1, 1), (2, 2)]
    return path


@pytest.fixture(scope="module")
def frame(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    capture = cv2.VideoCapture(str(shared_data / "videos" / "one-by-one.mp4"))
    capture.set(cv2.CAP_PROP_POS_FRAMES, FRAME)
    path = tmp_path_factory.mktemp("frame") / "frame.png"
    cv2.imwrite(str(path), capture.read()[1])
    return path


def test_a_picture_finds_that_persons_stay_first(vreid: Vreid, shared_run: Path, frame: Path, tmp_path: Path) -> None:
    page = tmp_path / "pages" / "found.html"
    answer = vreid("search", shared_run, "--image", frame, "--out", page)
    assert answer.code == 0, answer.stderr
    lines = answer.stdout.splitlines()
    assert lines[1].split()[1:4] == ["alike", "2", "one-by-one"]
    assert "alike" not in lines[2]
    assert "1 of 2 stays may show this person" in answer.stdout
    assert "1 stay may show this person" in page.read_text(encoding="utf-8")
    assert sorted(path.name for path in page.parent.iterdir()) == ["found.html"]


def test_a_box_a_clip_and_a_stay(
    vreid: Vreid, shared_run: Path, frame: Path, shared_data: Path, tmp_path: Path
) -> None:
    boxed = vreid("search", shared_run, "--image", frame, "--box", "390,24,146,357", "--out", tmp_path / "a.html")
    assert boxed.stdout.splitlines()[1].split()[1:3] == ["alike", "2"]
    clip = tmp_path / "clip.mp4"
    capture = cv2.VideoCapture(str(shared_data / "videos" / "one-by-one.mp4"))
    capture.set(cv2.CAP_PROP_POS_FRAMES, 240)
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (768, 432))
    for _ in range(30):
        writer.write(capture.read()[1])
    writer.release()
    found = vreid("search", shared_run, "--video", clip, "--out", tmp_path / "b.html")
    assert found.stdout.splitlines()[1].split()[1:3] == ["alike", "2"], found.stderr
    answer = vreid("search", shared_run, "--video", clip, "--person", 7, "--out", tmp_path / "no.html")
    assert answer.code == 2
    assert "there is no person 7" in answer.stderr.splitlines()[-1]
    assert not (tmp_path / "no.html").exists()
    stay = vreid("search", shared_run, "--tracklet", "one-by-one/2", "--out", tmp_path / "c.html")
    assert "0 of 1 stays may show this person" in stay.stdout


def test_a_picture_of_nobody_or_of_several_is_asked_back(
    refused: Refused, shared_run: Path, frame: Path, tmp_path: Path
) -> None:
    picture = cv2.imread(str(frame))
    cv2.imwrite(str(tmp_path / "two.png"), cv2.hconcat([picture, picture]))
    cv2.imwrite(str(tmp_path / "none.png"), picture[:, :200])
    (tmp_path / "text.png").write_text("no picture")
    search = ("search", shared_run, "--out", tmp_path / "page.html", "--image")
    refused(tmp_path, "2 people were found", *search, tmp_path / "two.png")
    refused(tmp_path, "--box whole if they fill it", *search, tmp_path / "none.png")
    refused(tmp_path, "is no picture that can be read", *search, tmp_path / "text.png")
    refused(tmp_path, "does not exist", *search, tmp_path / "nope.png")
    refused(tmp_path, "nothing of 9000,0,5,5 lies in", *search, frame, "--box", "9000,0,5,5")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "pass one of --image, --video and --tracklet"),
        (["--tracklet", "gate/1", "--image", "a.png"], "pass one of"),
        (["--tracklet", "gate"], "is not CAMERA/TRACK"),
        (["--tracklet", "gate/1", "--box", "whole"], "--box goes with --image"),
        (["--tracklet", "gate/1", "--person", "1"], "--person goes with --video"),
        (["--tracklet", "gate/1", "--far", "1"], "--far: must lie between 0 and 1"),
        (["--tracklet", "gate/1", "--top", "0"], "top"),
        (["--tracklet", "gate/1", "--out", "."], "is a folder; name a file"),
    ],
)
def test_bad_flags_are_one_clear_line(
    refused: Refused, shared_run: Path, tmp_path: Path, flags: list[str], message: str
) -> None:
    refused(tmp_path, message, "search", shared_run, *flags)


def test_a_page_that_stands_there_is_kept(refused: Refused, shared_run: Path, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("mine")
    refused(
        tmp_path, "add --overwrite", "search", shared_run, "--tracklet", "one-by-one/1", "--out", tmp_path / "page.html"
    )
    assert (tmp_path / "page.html").read_text() == "mine"
