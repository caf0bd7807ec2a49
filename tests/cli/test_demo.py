"""`vreid demo` as it is typed, on a smaller scene than it has."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from pipeline import demo as pipeline_demo
from pipeline import synthetic_scene
from reid.data.synthetic.scenes.scene import SceneOptions
from tests.cli.conftest import Vreid


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, no network, no weights, and a small scene."""

    def no_network(*_: Any, **__: Any) -> None:
        raise OSError("network is unreachable")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket, "create_connection", no_network)
    monkeypatch.setenv("VREID_WEIGHTS", str(tmp_path / "no-weights"))
    monkeypatch.setenv("VREID_SCENES", str(tmp_path / "scenes"))
    monkeypatch.setattr(
        pipeline_demo,
        "demo_options",
        lambda seed=0: SceneOptions(cameras=2, people=10, seconds=5.0, fps=3.0, size_hw=(540, 960), seed=seed),
    )
    return tmp_path


def test_the_command_teaches(vreid: Vreid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert "demo" in vreid().stdout
    page = vreid("demo", "--help")
    assert page.code == 0
    for taught in ("no videos of your own and no network", "the ceiling", "deleting the folders", "VREID_SCENES"):
        assert taught in page.stdout


def test_it_makes_runs_and_scores(vreid: Vreid, here: Path) -> None:
    first = vreid("demo", "--out", "run", "--seed", 2)
    assert first.code == 0, first.stderr
    assert "making up 10 people and 2 cameras" in first.stderr
    assert "falling back to OpenCV's HOG people detector" in first.stderr
    header, *rows = first.stdout.splitlines()
    assert header.split() == ["against", "the", "truth", "recall", "precision", "IDF1", "ceiling"]
    assert [row.rsplit(maxsplit=4)[0] for row in rows[:3]] == ["cam1", "cam2", "all cameras"]
    recall, _, idf1, ceiling = map(float, rows[2].split()[-4:])
    assert 0.1 < recall < 1.0 and 0.0 < idf1 <= ceiling
    assert "untrained" not in first.stdout + first.stderr
    (scene,) = (here / "scenes").iterdir()
    assert f"kept: the scene in {scene}, the run in {here / 'run'};" in first.stdout
    assert rows[-1] == f"open {here / 'run' / 'report.html'}"
    assert (here / "run" / "report.html").is_file()

    again = vreid("demo", "--seed", 2, "--detector", "hog", "--weights", "untrained:dcct-compact")
    assert again.code == 0
    assert "making up" not in again.stderr and "falling back" not in again.stderr
    _, *without = again.stdout.splitlines()
    assert [row.split()[:3] for row in without[:2]] == [row.split()[:3] for row in rows[:2]]  # recall and precision
    assert without[2].startswith("all cameras (untrained)")
    assert "a network without training told people apart" in again.stdout
    (run,) = (here / "runs").iterdir()  # without --out a run is named by its time
    assert run.name.startswith("demo-20")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "taken"], "--out taken exists and is not a run"),
        (["--seed", -1], "seed: expected 0 to"),
        (["--seed", "x"], "--seed"),
        (["--detector", "missing.onnx"], "missing.onnx do not exist"),
    ],
)
def test_bad_input_is_refused_in_one_line(vreid: Vreid, here: Path, arguments: list[object], message: str) -> None:
    (here / "taken").mkdir()
    (here / "taken" / "file").touch()
    outcome = vreid("demo", *arguments)
    assert outcome.code == 2
    line = outcome.stderr.splitlines()[-1]
    assert line.startswith("vreid: ")
    assert message in line
    assert outcome.stdout == ""
    assert not (here / "runs").exists()


def test_ctrl_c_while_the_scene_is_made_keeps_nothing(
    vreid: Vreid, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(synthetic_scene, "write_truth", interrupted)
    outcome = vreid("demo", "--out", "run")
    assert outcome.code == 130
    assert outcome.stderr.splitlines()[-1] == "vreid: stopped; nothing was kept"
    assert list((here / "scenes").iterdir()) == []
    assert not (here / "run").exists()
