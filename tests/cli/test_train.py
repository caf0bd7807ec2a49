"""`vreid train` as it is typed: recipes, messages, exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reid.data.synthetic.kept import VARIABLE
from tests.cli.conftest import Vreid

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def kept_people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(tmp_path_factory.mktemp("tracklets")))
        yield


def train_smoke(vreid: Vreid, *args: object) -> tuple[int, str, str]:
    return vreid("train", "synthetic", "--config", "smoke", *args)


def test_the_command_teaches(vreid: Vreid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    page = vreid("train", "--help")
    assert page.code == 0
    for taught in ("vreid train mars", "--resume", "torchrun", "Exit codes", "no pictures of", "hold a few people"):
        assert taught in page.stdout


def test_recipes_are_listed_and_shown(vreid: Vreid) -> None:
    assert "dcct_mars_release" in vreid("train", "--list").stdout.splitlines()
    shown = vreid("train", "mars", "--set", "optimiser.lr=0.5", "--show-recipe")
    assert shown.code == 0
    assert "model: dcct\n" in shown.stdout
    assert "lr: 0.5" in shown.stdout
    assert "model: dcct-512\n" in vreid("train", "mars", "--config", "dcct_mars_release", "--show-recipe").stdout


def test_from_nothing_to_a_checkpoint(vreid: Vreid, tmp_path: Path) -> None:
    out = tmp_path / "run"
    outcome = train_smoke(vreid, "--out", out, "--model", "stca-micro", "--set", "expected_map=0.99")
    assert outcome.code == 0
    for said in ("stca-micro", "8 people", "4 more people are held out", "epoch 2 of 2", "held-out people: mAP"):
        assert said in outcome.stderr
    for said in ("colour histogram", "by chance", "final (for vreid run)", "NOT reached", "match threshold", str(out)):
        assert said in outcome.stdout
    assert json.loads((out / "result.json").read_text())["expected_map"] == 0.99
    again = train_smoke(vreid, "--out", out)
    assert (again.code, "already holds a training" in again.stderr) == (2, True)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), "which data set?"),
        (("maars",), "no data set is called 'maars'"),
        (("mars",), "VREID_DATA"),
        (("mars", "--root", "nowhere"), "nowhere does not exist"),
        (("mars", "--root", "."), "MARS"),
        (("mars", "--model", "dctt"), "did you mean 'dcct'"),
        (("mars", "--config", "dcct_marz"), "did you mean 'dcct_mars'"),
        (("mars", "--config", "mine.yaml"), "cannot read the configuration"),
        (("mars", "--set", "optimizer.lr=1"), "did you mean 'optimiser'"),
        (("mars", "--set", "epochs"), "--set takes NAME=VALUE"),
        (("mars", "--set", "epochs=many"), "'epochs'"),
        (("mars", "--set", "model=stca"), "use --model"),
        (("mars", "--set", "augmentation=[1"), "not a value as YAML writes it"),
        (("mars", "--device", "cuda:9"), "cuda:9"),
        (("--resume", "."), "holds no training"),
        (("mars", "--resume", "."), "leave out DATASET"),
        (("--resume", ".", "--overwrite", "--show-recipe"), "leave out --overwrite, --show-recipe"),
        (("synthetic", "--config", "smoke", "--set", "split=3"), "synthetic has no splits"),
        (("synthetic", "--config", "smoke", "--set", "batch.people=50"), "50"),
        (("synthetic", "--config", "smoke", "--set", "held_out_people=11"), "held_out_people"),
        (("synthetic", "--config", "smoke", "--set", "start_weights=lost.pth"), "lost.pth"),
        (("synthetic", "--config", "smoke", "--set", "losses.weights={ce: 1, trplet: 1}"), "trplet"),
        (("synthetic", "--config", "smoke", "--set", "model_settings.widht=3"), "widht"),
        (
            ("synthetic", "--config", "smoke", "--model", "stca-micro", "--set", "losses.weights.aux=1"),
            "loss of its own",
        ),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    vreid: Vreid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VREID_DATA", raising=False)
    outcome = vreid("train", *args)
    assert outcome.code == 2
    assert message in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert len(outcome.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_ctrl_c_keeps_the_state_and_resume_goes_on(tmp_path: Path, vreid: Vreid) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "cli", "train", "synthetic", "--config", "smoke", "--set", "epochs=300"]
    process = subprocess.Popen(
        [*command, "--out", str(out)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # jobs in the background ignore it
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline_s = time.monotonic() + 60
    while not (out / "state.pt").exists():
        assert time.monotonic() < deadline_s
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the state is being saved" in printed
    assert f"vreid train --resume {out} goes on" in printed
    assert "Traceback" not in printed
    assert not (out / "result.json").exists()
    done = len((out / "epochs.jsonl").read_text().splitlines())
    recipe = out / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("epochs: 300", f"epochs: {done + 1}"))
    assert vreid("train", "--resume", out).code == 0
    assert len((out / "epochs.jsonl").read_text().splitlines()) == done + 1


def test_what_was_stopped_before_it_began_is_not_gone_on_with(
    tmp_path: Path, vreid: Vreid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reid.training.train", lambda *_, **__: None)
    outcome = train_smoke(vreid, "--out", tmp_path / "run")
    assert (outcome.code, outcome.stderr) == (130, "vreid: stopped; it had not begun yet\n")


def test_a_broken_picture_is_named_and_skipped(tmp_path: Path, vreid: Vreid) -> None:
    made_up = tmp_path / "people"
    small = ("--people", 24, "--cameras", 3, "--tracklets", "1-2", "--frames", "2-3", "--size", "64x32")
    assert vreid("synth", "tracklets", "--out", made_up, *small).code == 0
    victims = sorted((made_up / "bbox_train").rglob("*.jpg"))[::3]
    for victim in victims:
        victim.write_bytes(victim.read_bytes()[:300])
    outcome = train_smoke(vreid, "--root", made_up, "--out", tmp_path / "run")
    assert outcome.code == 0
    warned = re.findall(r"^warning: .*/(\S+\.jpg): .*; another picture stands in$", outcome.stderr, re.M)
    assert warned
    assert {*warned} <= {victim.name for victim in victims}
    assert len({*warned}) == len(warned)
    lines = (tmp_path / "run" / "epochs.jsonl").read_text().splitlines()
    assert 0 < json.loads(lines[-1])["broken"] <= len(victims)


def test_start_weights_that_cannot_be_had_are_not_passed_over(
    tmp_path: Path, vreid: Vreid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recipe that asks for ImageNet's weights must not train for days from random ones."""
    monkeypatch.setenv("VREID_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("reid.hub.can_connect", lambda *_, **__: False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    outcome = train_smoke(vreid, "--model", "cnn-average", "--set", "start_weights=imagenet", "--out", tmp_path / "run")
    assert outcome.code == 2
    assert "resnet50" in outcome.stderr
    assert "--set start_weights=null" in outcome.stderr
    assert not (tmp_path / "run").exists()


def test_half_a_data_set_is_refused(tmp_path: Path, vreid: Vreid) -> None:
    made_up = tmp_path / "people"
    vreid("synth", "tracklets", "--out", made_up, "--people", 4, "--frames", "2-2", "--size", "64x32")
    (made_up / "info" / "tracks_test_info.mat").unlink()
    outcome = train_smoke(vreid, "--root", made_up, "--out", tmp_path / "run")
    assert outcome.code == 2
    assert "tracks_test_info.mat" in outcome.stderr
    assert not (tmp_path / "run").exists()
