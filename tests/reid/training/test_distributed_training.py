"""A training in two processes, started as a user starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from reid.distributed import World
from reid.models import build_model
from reid.training import TrainingListener, load_recipe, loop, train

ROOT = Path(__file__).resolve().parents[3]
# Nothing is drawn by the network itself, which two processes would draw differently. A transformer, because rounding
# grows by orders of magnitude in small networks with batch normalisation, whose exactness `test_distributed.py` shows.
MODEL = "vit-average-micro"
VALUES = {"model_settings": {"drop_path": 0.0}, "optimiser.name": "sgd", "optimiser.lr": 0.001, "epochs": 1}
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--no-python")
# Each process is told a place of its own, as happens to places that are named by the time.
TRAIN = f"exec {sys.executable} -m cli train synthetic --config=smoke --device=cpu --model={MODEL} --out=$OUT-$RANK"


def test_all_processes_stop_when_the_first_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "broadcast_object", lambda own: not own)  # as if the first one said otherwise
    second = SimpleNamespace(world=World(1, 2, torch.device("cpu")), listener=TrainingListener())
    assert loop.Training._asked_to_stop(second)  # type: ignore[arg-type]
    second.world = World(0, 1, torch.device("cpu"))
    assert not loop.Training._asked_to_stop(second)  # type: ignore[arg-type]


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    alone, together = tmp_path / "alone", tmp_path / "together-0"
    train(load_recipe("synthetic", MODEL, config="smoke", values=VALUES), "synthetic", None, alone)
    values = [f"--set={key}={json.dumps(value)}" for key, value in VALUES.items()]
    finished = subprocess.run(
        [*TORCHRUN, "sh", "-c", f'{TRAIN} "$@"', "sh", *values],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OUT": str(tmp_path / "together")},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("by chance") == 1, "one of the two speaks"
    assert not (tmp_path / "together-1").exists(), "and that one writes"
    ours, theirs = load_file(alone / "last.safetensors"), load_file(together / "last.safetensors")
    assert ours.keys() == theirs.keys()
    start = build_model(MODEL, seed=0).embedding_state()
    moved, apart = (
        torch.cat([(left[key] - right[key]).double().ravel() for key in ours])
        for left, right in ((ours, start), (ours, theirs))
    )
    assert apart.norm() < 1e-4 * moved.norm()
    records = [json.loads((at / "epochs.jsonl").read_text()) for at in (alone, together)]
    assert records[1]["loss"] == pytest.approx(records[0]["loss"], rel=1e-5)
    results = [json.loads((at / "result.json").read_text()) for at in (alone, together)]
    for variant, scores in results[0]["scores"].items():
        assert results[1]["scores"][variant]["map"] == pytest.approx(scores["map"], abs=1e-3)
    index = json.loads((together / "training.json").read_text())
    assert index["processes"] == 2
