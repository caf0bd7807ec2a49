"""`vreid synth scene` as it is typed: what it teaches, what it writes, and what becomes of bad input."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import RunDirectory, synthetic_scene
from tests.cli.conftest import Refused, Vreid

SMALL = ["--cameras", 2, "--people", 5, "--seconds", 2, "--fps", 4, "--size", "320x180", "--seed", 3]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_teaches(vreid: Vreid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert "synth" in vreid().stdout
    group = vreid("synth")
    assert group.code == 0
    assert "scene" in group.stdout
    page = vreid("synth", "scene", "--help")
    assert page.code == 0
    for taught in (
        "vreid synth scene --out scene --cameras 2 --people 12 --seconds 30",
        "vreid run --config scene/site.yaml --out run",
        "vreid evaluate run --truth scene",
        "The same numbers make the same",
        "Exit codes",
        "--seed",
    ):
        assert taught in page.stdout


def test_a_scene_can_be_run_and_scored_from_anywhere(vreid: Vreid, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = vreid("synth", "scene", "--out", "site/scene", *SMALL)
    assert (made.code, made.stderr) == (0, "")
    lines = made.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:3]] == [["camera", "frames"], ["cam1", "8"], ["cam2", "8"]]
    assert "of them seen by several cameras" in lines[3]
    assert (
        lines[4] == "next: vreid run --config site/scene/site.yaml --out run && vreid evaluate run --truth site/scene"
    )

    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    run = vreid("run", "--config", "../site/scene/site.yaml", "--detector", "hog", "--out", "run")
    assert run.code == 0, run.stderr
    cameras = RunDirectory(Path("run")).manifest["cameras"]
    assert [(camera["camera_id"], camera["health"]["frames_decoded"]) for camera in cameras] == [
        ("cam1", 8),
        ("cam2", 8),
    ]
    scores = vreid("evaluate", "run", "--truth", "../site/scene")
    assert scores.code == 0, scores.stderr
    assert "all cameras" in scores.stdout


def test_what_stands_there_is_only_replaced_when_told_to(vreid: Vreid, here: Path) -> None:
    scene = ["synth", "scene", "--out", "scene", *SMALL]
    assert vreid(*scene).code == 0
    refused = vreid(*scene)
    assert refused.code == 2
    assert "already holds a scene; choose another place or add --overwrite" in refused.stderr
    assert vreid(*scene, "--overwrite").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--people", 0], "people: expected 1 to 1,000, got 0"),
        (["--cameras", 0], "cameras: expected 1 to 32, got 0"),
        (["--seconds", 0], "seconds: expected 1 to 86,400, got 0.0"),
        (["--seconds", "inf"], "seconds: expected 1 to 86,400, got inf"),
        (["--fps", 0], "fps: expected 1 to 60, got 0.0"),
        (["--fps", "fast"], "--fps"),
        (["--seed", -1], "seed: expected 0 to"),
        (["--size", "10x10"], "size: expected even numbers from 160x120 to 3840x2160"),
        (["--size", "961x540"], "got 961x540"),
        (["--size", "big"], "--size takes two numbers, such as 960x540, not 'big'"),
        (["--size", "9" * 50 + "x9"], "--size takes two numbers"),
        (["--device", "abacus"], "abacus"),
        (["--device", "cuda:7"], "cuda:7"),
        (["--out", "taken"], "--out taken exists and is not a scene of vreid"),
        (["--out", "taken/file/x"], "is not a folder"),
        (["--foo"], "No such option: --foo"),
    ],
)
def test_bad_input_is_refused_in_one_line_and_nothing_is_written(
    refused: Refused, here: Path, arguments: list[object], message: str
) -> None:
    (here / "taken").mkdir()
    (here / "taken" / "file").touch()
    defaults: list[object] = [] if "--out" in arguments else ["--out", "scene"]
    refused(here, message, "synth", "scene", *arguments, *defaults)


def test_out_is_needed(vreid: Vreid, here: Path) -> None:
    outcome = vreid("synth", "scene")
    assert (outcome.code, "Missing option '--out'" in outcome.stderr) == (2, True)


def test_ctrl_c_keeps_nothing(vreid: Vreid, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(synthetic_scene, "write_truth", interrupted)
    outcome = vreid("synth", "scene", "--out", "scene", *SMALL)
    assert outcome.code == 130
    assert outcome.stderr.splitlines() == ["vreid: stopped; nothing was kept"]
    assert list(here.iterdir()) == []
