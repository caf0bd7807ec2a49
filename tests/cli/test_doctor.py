"""`vreid doctor` as a user types it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from reid.checkpoints import Provenance, save_checkpoint
from reid.models import build_model
from tests.cli.conftest import Vreid


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in and an empty home; nobody answers on any network."""
    for variable in ("VREID_DATA", "VREID_EMBEDDINGS", "VREID_TRACKLETS", "VREID_SCENES"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("pipeline.detection.can_connect", lambda *_: False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(text: str) -> dict[str, str]:
    """What is found, by topic."""
    found = {}
    for line in text.splitlines():
        mark, _, rest = line.partition("  ")
        if mark in ("+", "!", "x"):
            topic, _, what = rest.partition("  ")
            found[topic] = f"{mark} {what.strip()}"
    return found


def test_it_says_what_a_run_would_take(vreid: Vreid) -> None:
    outcome = vreid("doctor")
    assert outcome.code == 0
    assert outcome.stderr == ""
    found = lines(outcome.stdout)
    assert found["telling apart"].startswith("+ dcct-compact: comes with vreid; linked from a similarity of")
    assert found["finding people"] == "! HOG of OpenCV: yolo26n.pt is not here and cannot be fetched"
    assert "copy yolo26n.pt into" in outcome.stdout
    assert found["your weights"].startswith("+ none in")
    assert outcome.stdout.splitlines()[-1] == "vreid run works here"


def test_it_lists_what_the_user_keeps(vreid: Vreid, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = here / "weights"
    weights.mkdir()
    monkeypatch.setenv("VREID_WEIGHTS", str(weights))
    monkeypatch.setenv("VREID_DATA", str(here / "data"))
    monkeypatch.setenv("VREID_EMBEDDINGS", str(here / "vectors"))
    (weights / "yolo26n.onnx").write_bytes(b"not looked into")
    (here / "vectors").mkdir()
    (here / "vectors" / "some.npz").write_bytes(b"x" * 2000)
    save_checkpoint(
        weights / "mine.safetensors", build_model("dcct-micro"), Provenance(trained=True, seed=0, dataset="mars")
    )
    outcome = vreid("doctor")
    found = lines(outcome.stdout)
    assert found["your weights"] == f"+ mine.safetensors (dcct-micro, not calibrated), yolo26n.onnx in {weights}"
    assert found["data sets"].startswith("! VREID_DATA names")
    assert outcome.code == 0
    assert found["kept for later"].startswith("+ 2.0 kB of benchmarks' vectors, which can recognise people in")


def test_a_run_that_would_fail_has_another_exit_code(vreid: Vreid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reid.named_weights.shipped_checkpoint", lambda: Path("gone.safetensors"))
    outcome = vreid("doctor")
    assert outcome.code == 2
    assert lines(outcome.stdout)["telling apart"] == "x checkpoint: no such file: gone.safetensors"
    assert outcome.stdout.splitlines()[-1] == "vreid run would not work here: see the lines marked with an x"


def test_weights_that_cannot_be_opened_are_found_out(vreid: Vreid, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VREID_WEIGHTS", str(here))
    (here / "yolo26n.pt").write_bytes(b"no weights")
    outcome = vreid("doctor")
    assert outcome.code == 2
    assert "yolo26n.pt" in lines(outcome.stdout)["finding people"]
    assert lines(outcome.stdout)["finding people"].startswith("x ")


def test_weights_that_a_run_would_fetch_are_not_fetched(
    vreid: Vreid, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.detection.can_connect", lambda *_: True)
    outcome = vreid("doctor")
    assert outcome.code == 0
    assert lines(outcome.stdout)["finding people"].startswith("+ YOLO: yolo26n.pt is fetched by the first run")
    assert not (here / "home").exists()


def test_a_missing_package_is_named(here: Path) -> None:
    code = "import sys; sys.modules['faiss'] = None; from cli.main import main; sys.argv = ['vreid', 'doctor']; main()"
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert outcome.returncode == 2
    assert outcome.stderr.startswith("vreid: vreid run would not work here: ")
    assert "faiss" in outcome.stderr
    assert "Traceback" not in outcome.stderr
