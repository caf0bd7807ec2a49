"""`vreid run` as it is typed: what it teaches, how cameras are given, and what becomes of bad input."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import av
import pytest
import torch

from cli.main import main
from pipeline import RunDirectory
from reid.config import builtin_text
from tests.cli.conftest import Outcome, Vreid
from tests.pipeline.made_videos import write_video

assert main  # the command that the fixture runs


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def small_video(path: Path) -> Path:
    return write_video(path, range(0, 90_000, 9_000), rate=10)


def only_line(outcome: Outcome) -> str:
    """The single line on standard error that is no warning."""
    (line,) = [line for line in outcome.stderr.splitlines() if line and not line.startswith("warning: ")]
    assert "Traceback" not in outcome.stderr
    return line


class TestHelp:
    def test_the_command_teaches(self, vreid: Vreid, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "120")
        overview = vreid()
        assert overview.code == 0
        assert "Who was where and when" in overview.stdout
        page = vreid("run", "--help")
        assert page.code == 0
        for taught in (
            "vreid run --videos cam1.mp4 cam2.mp4",
            "NAME=SOURCE",
            "Exit codes",
            "--save-video",
            "report.html",
        ):
            assert taught in page.stdout

    def test_show_config_prints_every_key(self, vreid: Vreid) -> None:
        assert vreid("run", "--show-config").stdout == builtin_text("run/default.yaml")

    def test_version(self, vreid: Vreid) -> None:
        assert vreid("--version").stdout.startswith("vreid ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--videos", "a.mp4", "b.mp4"],
        ["--videos", "a.mp4", "--videos", "b.mp4"],
        ["--videos=a.mp4", "b.mp4"],
        ["--videos", "?.mp4"],
        ["--videos", "a=a.mp4", "b=b.mp4"],
    ],
)
def test_every_way_to_give_cameras_gives_the_same(vreid: Vreid, here: Path, arguments: list[str]) -> None:
    for name in ("a", "b"):
        small_video(here / f"{name}.mp4")
    outcome = vreid("run", *arguments, "--detector", "hog", "--out", "run")
    assert outcome.code == 0, outcome.stderr
    run = RunDirectory(here / "run")
    assert [camera["camera_id"] for camera in run.manifest["cameras"]] == ["a", "b"]
    assert run.manifest["counts"]["frames"] == 20
    assert "people" in outcome.stdout
    assert "open " in outcome.stdout
    assert "people are found by hog (comes with OpenCV)" in outcome.stderr
    assert "people are told apart by dcct-compact (comes with vreid)" in outcome.stderr
    assert "untrained" not in outcome.stderr


def test_flags_go_before_the_file(vreid: Vreid, here: Path) -> None:
    small_video(here / "a.mp4")
    (here / "site.yaml").write_text(
        "cameras: [{name: gate, source: a.mp4}]\nevery: 5\ndetector: {name: hog, conf: 0.3}\n"
    )
    assert vreid("run", "--config", "site.yaml", "--every", "2", "--out", "run").code == 0
    settings = RunDirectory(here / "run").manifest["config"]
    assert (settings["every"], settings["detector"]["conf"]) == (2, 0.3)
    assert settings["cameras"][0]["name"] == "gate"


def test_start_names_a_camera(vreid: Vreid, here: Path) -> None:
    small_video(here / "a.mp4")
    run = ["run", "--videos", "a.mp4", "--detector", "hog", "--out", "run"]
    assert vreid(*run, "--start", "a=2024-05-01T09:00:00+00:00").code == 0
    camera = RunDirectory(here / "run").manifest["cameras"][0]
    assert camera["start_time"] == "2024-05-01T09:00:00+00:00"
    assert only_line(vreid(*run, "--start", "b=2024-05-01")).endswith("'b' that is not there; cameras: a")
    assert "valid datetime" in only_line(vreid(*run, "--start", "a=yesterday"))


def test_without_out_a_run_is_named_by_its_time(vreid: Vreid, here: Path) -> None:
    small_video(here / "a.mp4")
    assert vreid("run", "--videos", "a.mp4", "--detector", "hog").code == 0
    (run,) = (here / "runs").iterdir()
    assert run.name.startswith("20")


def needs_unpickling(path: Path) -> Path:
    torch.save({"weights": torch.zeros(1), "hook": os.system}, path)
    return path


class TestBadInput:
    """Exit code 2, one line, nothing written."""

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--videos", "missing.mp4"], "missing.mp4: no such file"),
            (["--videos", "no*.mp4"], "no*.mp4"),
            ([], "no camera given"),
            (["--videos", "a.mp4", "--foo"], "No such option: --foo"),
            (["--videos", "a.mp4", "--every", "0"], "'every': input should be greater than or equal to 1"),
            (["--videos", "a.mp4", "--every", "often"], "--every"),
            (["--videos", "a.mp4", "--config", "bad-key.yaml"], "unknown key 'trakcer'; did you mean 'tracker'?"),
            (["--videos", "a.mp4", "--config", "missing.yaml"], "missing.yaml"),
            (["--videos", "a.mp4", "--out", "taken"], "--out taken exists and is not a run"),
            (["--videos", "a.mp4", "--out", "a.mp4/run"], "a.mp4 is not a folder"),
            (["--videos", "a.mp4", "--out", "/proc/run"], "/proc/run"),
            (["--videos", "a.mp4", "--weights", "missing.safetensors"], "missing.safetensors"),
            (["--videos", "a.mp4", "--weights", "a.mp4"], "a.mp4"),
            (["--videos", "a.mp4", "--weights", "code.pth"], "code.pth"),
            (["--videos", "a.mp4", "--detector", "text.onnx"], "text.onnx cannot be used as detector weights"),
            (["--videos", "a.mp4", "--detector", "missing.onnx"], "missing.onnx do not exist"),
            (["--videos", "a.mp4", "--detector", "yolo26n.pt"], "yolo26n.pt are not on this machine"),
            (["--videos", "a.mp4", "--tracker", "deepsort"], "unknown tracker 'deepsort'"),
            (["--videos", "a.mp4", "--device", "cuda:7"], "cuda:7"),
            (["--videos", "a.mp4", "--device", "abacus"], "abacus"),
            (["--videos", "a=a.mp4", "a=b.mp4"], "'a'"),
            (["--videos", "empty.mp4"], "no camera can be used: empty.mp4"),
            (["--videos", "a.mp4", "--out", "x" * 300], "File name too long"),
            (["--videos", "x" * 300], "x: "),
            (["--config", "bad-name.yaml"], "north/gate"),
        ],
    )
    def test_is_refused_in_one_line(
        self, vreid: Vreid, here: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
    ) -> None:
        monkeypatch.setattr(socket, "create_connection", _no_network)
        monkeypatch.setenv("VREID_WEIGHTS", str(here / "weights"))
        small_video(here / "a.mp4")
        (here / "b.mp4").write_bytes((here / "a.mp4").read_bytes())
        (here / "empty.mp4").touch()
        (here / "taken").mkdir()
        (here / "taken" / "file").touch()
        (here / "bad-key.yaml").write_text("trakcer: {name: bytetrack}\n")
        (here / "bad-name.yaml").write_text("cameras: [{name: north/gate, source: a.mp4}]\n")
        (here / "text.onnx").write_text("not a network")
        needs_unpickling(here / "code.pth")
        before = sorted(path.name for path in here.iterdir())
        defaults: list[str] = [] if "--detector" in arguments else ["--detector", "hog"]
        defaults += [] if "--out" in arguments else ["--out", "run"]
        outcome = vreid("run", *arguments, *defaults)
        assert outcome.code == 2
        line = only_line(outcome)
        assert line.startswith("vreid: ")
        assert message in line
        assert outcome.stdout == ""
        assert sorted(path.name for path in here.iterdir()) == before

    def test_an_existing_run_stays(self, vreid: Vreid, here: Path) -> None:
        small_video(here / "a.mp4")
        run = ["run", "--videos", "a.mp4", "--detector", "hog", "--out", "run"]
        assert vreid(*run).code == 0
        refused = vreid(*run)
        assert (refused.code, "--overwrite" in only_line(refused)) == (2, True)
        assert vreid(*run, "--overwrite").code == 0


def _no_network(*_: Any, **__: Any) -> None:
    raise OSError("network is unreachable")


def cut_at(source: Path, target: Path, share: float) -> None:
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])


def flip_bytes(source: Path, target: Path) -> None:
    data = bytearray(source.read_bytes())
    middle = len(data) // 2
    for offset in range(middle, middle + 20_000, 100):
        data[offset] ^= 0xFF
    target.write_bytes(data)


def without_video(target: Path) -> None:
    import numpy as np

    with av.open(str(target), "w") as container:
        stream = container.add_stream("aac", rate=16_000)
        for _ in range(20):
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            sound.rate = 16_000
            container.mux(stream.encode(sound))
        container.mux(stream.encode(None))


def test_damaged_cameras_are_named_and_the_good_one_finishes(vreid: Vreid, here: Path, shared_data: Path) -> None:
    """The five kinds of damage at once, beside a good camera: exit code 3 and everyone accounted for."""
    source = shared_data / "videos" / "one-by-one.mp4"
    good = here / "good.mp4"
    good.write_bytes(source.read_bytes())
    cut_at(source, here / "truncated.mp4", 0.6)
    flip_bytes(source, here / "flipped.mp4")
    (here / "empty.mp4").touch()
    (here / "text.mp4").write_text("words, not frames\n" * 500)
    without_video(here / "sound.mp4")
    outcome = vreid(
        "run", "--videos", "*.mp4", "--detector", shared_data / "weights" / "yolo11n_int8_openvino_model",
        "--every", "20", "--out", "run",
    )  # fmt: skip
    assert outcome.code == 3
    run = RunDirectory(here / "run")
    health = {camera["camera_id"]: camera["health"] for camera in run.manifest["cameras"]}
    assert {name: record["status"] for name, record in health.items()} == {
        "good": "ok",
        "truncated": "failed" if _index_at_end(source) else "damaged",
        "flipped": "damaged",
        "empty": "failed",
        "text": "failed",
        "sound": "failed",
    }
    assert health["good"]["frames_decoded"] == 1394
    flipped = health["flipped"]
    assert flipped["frames_decoded"] + flipped["frames_skipped"] + flipped["frames_corrupt"] == 1394
    assert flipped["frames_decoded"] < 1394
    for name, record in health.items():
        if name != "good":
            assert record["last_error"]
            assert f"camera {name} " in outcome.stderr


def _index_at_end(path: Path) -> bool:
    data = path.read_bytes()
    return data.index(b"moov") > data.index(b"mdat")


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_what_was_seen(here: Path, shared_data: Path, signal_number: int) -> None:
    """A real signal to a real process: exit code 130, a readable run marked partial."""
    root = Path(__file__).resolve().parents[2]
    weights = shared_data / "weights" / "yolo11n_int8_openvino_model"
    command = [sys.executable, "-m", "cli", "run", "--videos", str(shared_data / "videos" / "one-by-one.mp4")]
    command += ["--detector", str(weights), "--out", str(here / "run")]
    environment = {**os.environ, "PYTHONPATH": str(root)}

    def heed_signals() -> None:  # a background job starts with some of them ignored, which the command respects
        signal.signal(signal_number, signal.SIG_DFL)

    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, preexec_fn=heed_signals
    ) as process:
        deadline_s = time.monotonic() + 60
        while not list(here.glob(".run.unfinished-*/.one-by-one.boxes")) and time.monotonic() < deadline_s:
            time.sleep(0.1)
        time.sleep(2)
        process.send_signal(signal_number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors.decode()
    run = RunDirectory(here / "run")
    assert (run.manifest["status"], run.manifest["stopped_by"]) == ("partial", "user")
    assert 0 < run.manifest["counts"]["frames"] < 1394
    assert run.report.is_file()
    assert [path.name for path in here.iterdir()] == ["run"]
