"""Whole trainings of a micro model on a few made-up people: what they leave, and that stopping changes nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from reid.checkpoints import load_checkpoint
from reid.errors import InputError, OutputError, RunError
from reid.training import Recipe, TrainingListener, load_recipe, resume, train
from reid.training.folder import TrainingFolder

ROOT = Path(__file__).resolve().parents[3]


def smoke(**values: Any) -> Recipe:
    keys = {key.replace("__", "."): value for key, value in values.items()}
    return load_recipe("synthetic", "dcct-micro", config="smoke", values=keys)


class StopsAfter(TrainingListener):
    """Stops after so many batches."""

    def __init__(self, batches: int) -> None:
        self.left = batches

    def should_stop(self) -> bool:
        self.left -= 1
        return self.left <= 0


class Remembers(TrainingListener):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.epochs: list[Mapping[str, Any]] = []
        self.about: Mapping[str, Any] = {}

    def on_begin(self, about: Mapping[str, Any]) -> None:
        self.about = about

    def on_note(self, text: str) -> None:
        self.notes.append(text)

    def on_epoch(self, record: Mapping[str, Any]) -> None:
        self.epochs.append(record)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "last.safetensors")


def assert_same(folder: Path, other: Path) -> None:
    ours, theirs = weights(folder), weights(other)
    assert ours.keys() == theirs.keys()
    different = [key for key in ours if not torch.equal(ours[key], theirs[key])]
    assert not different, f"{len(different)} tensors differ, {different[:3]}"
    logs = [[json.loads(line) for line in (at / "epochs.jsonl").read_text().splitlines()] for at in (folder, other)]
    for ours_epoch, theirs_epoch in zip(*logs, strict=True):
        for key in ("epoch", "step", "lr", "loss", "terms", "held_out"):
            assert ours_epoch[key] == theirs_epoch[key]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training") / "run"
    assert train(smoke(), "synthetic", None, folder) is not None
    return folder


def test_what_a_training_leaves(uninterrupted: Path) -> None:
    names = {entry.name for entry in uninterrupted.iterdir()}
    assert names == {
        "training.json",
        "recipe.yaml",
        "state.pt",
        "last.safetensors",
        "best.safetensors",
        "result.json",
        "epochs.jsonl",
        "curves.png",
        "calibration.png",
        "tensorboard",
    }
    result = json.loads((uninterrupted / "result.json").read_text())
    assert set(result["scores"]) == set(load_checkpoint(uninterrupted / "best.safetensors").model.variant_widths)
    assert 0 < result["chance_map"] < 0.5
    assert 0 < result["scores"]["final"]["map"] <= 1
    index = json.loads((uninterrupted / "training.json").read_text())
    assert index["data_set"]["train"]["people"] == 12
    assert len(index["data_set"]["fingerprint"]) == 64
    assert torch.__version__.startswith(index["versions"]["torch"])
    for name in ("last", "best"):
        metadata = load_checkpoint(uninterrupted / f"{name}.safetensors").metadata
        assert metadata.provenance.trained
        assert metadata.provenance.dataset == "synthetic"
        assert metadata.calibration is not None
        assert (metadata.calibration.variant, metadata.calibration.policy) == ("final", "even")


def test_a_training_learns(tmp_path: Path) -> None:
    listener = Remembers()
    train(smoke(epochs=12, evaluate_every=12), "synthetic", None, tmp_path / "run", listener=listener)
    losses = [record["loss"] for record in listener.epochs]
    assert losses[-1] < 0.8 * losses[0]
    assert listener.about["people"] == 8
    assert not listener.notes


# 4 and 9 batches make the first epochs; the losses with memories of their own, the average and the workers are in it.
EVERYTHING = {
    "ema": 0.9,
    "accumulate": 2,
    "clip_norm": 5.0,
    "losses.weights": {"ce": 1, "triplet": 1, "oim": 0.5, "centre": 0.001, "cosine": 1, "supcon": 1, "aux": 0.1},
    "losses.oim": {"queue": 16},
    "schedule": {"kind": "cosine", "warm_up_epochs": 1},
}


@pytest.mark.parametrize(
    ("values", "stops"), [({}, (1, 4)), (EVERYTHING, (2,)), ({"workers": 1}, (3,))], ids=["plain", "all", "workers"]
)
def test_a_stopped_training_ends_as_if_it_had_not_been(
    tmp_path: Path, uninterrupted: Path, values: dict[str, Any], stops: tuple[int, ...]
) -> None:
    recipe = load_recipe("synthetic", "dcct-micro", config="smoke", values=values)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    if values == {} or values == {"workers": 1}:
        whole = uninterrupted
    else:
        train(recipe, "synthetic", None, whole)
    assert train(recipe, "synthetic", None, parts, listener=StopsAfter(stops[0])) is None
    for batches in stops[1:]:
        assert resume(parts, listener=StopsAfter(batches)) is None
    torch.manual_seed(99)  # what the process drew before must not matter
    assert resume(parts) is not None
    assert_same(whole, parts)


def test_a_finished_training_can_be_judged_again(uninterrupted: Path) -> None:
    before = (uninterrupted / "result.json").read_text()
    (uninterrupted / "result.json").unlink()
    assert resume(uninterrupted) is not None
    assert (uninterrupted / "result.json").read_text() == before


def test_a_killed_training_ends_as_if_it_had_not_been(tmp_path: Path, uninterrupted: Path) -> None:
    """kill -9 in the middle of an epoch: nothing can be cleaned up."""
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "cli", "train", "synthetic", "--config", "smoke", "--out", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)
    log = folder / "epochs.jsonl"
    deadline_s = time.monotonic() + 60
    while not (log.exists() and log.read_text().count("\n") == 1) and process.poll() is None:
        assert time.monotonic() < deadline_s
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it was over before it was killed"
    assert not (folder / "result.json").exists()
    assert resume(folder) is not None
    assert_same(uninterrupted, folder)


def test_without_held_out_people_there_is_no_best_and_no_threshold(tmp_path: Path) -> None:
    judgement = train(smoke(held_out_people=0, epochs=1), "synthetic", None, tmp_path / "run")
    assert judgement is not None
    assert judgement.measured is None
    assert judgement.checkpoint.name == "last.safetensors"
    assert not (tmp_path / "run" / "best.safetensors").exists()
    assert load_checkpoint(tmp_path / "run" / "last.safetensors").metadata.calibration is None


def test_bfloat16_trains_too(tmp_path: Path) -> None:
    assert train(smoke(precision="bfloat16", epochs=1), "synthetic", None, tmp_path / "run") is not None


def test_a_loss_that_is_not_finite_stops_it_and_shows_the_terms(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"the loss is (nan|inf).*ce/final"):
        train(smoke(optimiser__lr=1e30, optimiser__name="sgd", epochs=3), "synthetic", None, tmp_path / "run")


def test_a_full_disk_leaves_the_state_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uninterrupted: Path
) -> None:
    folder = tmp_path / "run"
    real, syncs = os.fsync, 0

    def full_in_the_second_epoch(descriptor: int) -> None:
        nonlocal syncs
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == "state.pt":
            syncs += 1
            if syncs == 2:
                raise OSError(28, os.strerror(28))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full_in_the_second_epoch)
    with pytest.raises(RunError, match=r"No space left on device.*vreid train --resume"):
        train(smoke(), "synthetic", None, folder)
    monkeypatch.undo()
    assert resume(folder) is not None
    assert_same(uninterrupted, folder)


def test_start_from_a_checkpoint_of_ones_own(tmp_path: Path, uninterrupted: Path) -> None:
    start = uninterrupted / "best.safetensors"
    listener = Remembers()
    train(smoke(start_weights=str(start), epochs=1), "synthetic", None, tmp_path / "run", listener=listener)
    assert listener.about["start"].source == str(start)
    provenance = load_checkpoint(tmp_path / "run" / "last.safetensors").metadata.provenance
    assert provenance.start_weights == str(start)


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path, uninterrupted: Path) -> None:
    recipe = load_recipe(
        "synthetic", "stca-micro", config="smoke", values={"start_weights": str(uninterrupted / "best.safetensors")}
    )
    with pytest.raises(InputError, match="checkpoint of dcct-micro, not of this stca-micro"):
        train(recipe, "synthetic", None, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_places_that_are_taken_are_left_alone(tmp_path: Path, uninterrupted: Path) -> None:
    with pytest.raises(OutputError, match="already holds a training"):
        train(smoke(), "synthetic", None, uninterrupted)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists and is not a training"):
        train(smoke(), "synthetic", None, tmp_path, overwrite=True)


def test_no_training_to_go_on_with(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no training of vreid"):
        resume(tmp_path)


def test_another_data_set_than_it_was_is_refused(tmp_path: Path, uninterrupted: Path) -> None:
    folder = TrainingFolder(uninterrupted)
    index = folder.read_index()
    copy = TrainingFolder(tmp_path / "copy")
    copy.create()
    copy.recipe.write_text(folder.recipe.read_text())
    index["data_set"]["fingerprint"] = "0" * 64
    copy.write_index({key: value for key, value in index.items() if key != "format"})
    with pytest.raises(InputError, match="another data set"):
        resume(copy.path)


def test_a_state_of_another_recipe_is_refused(tmp_path: Path, uninterrupted: Path) -> None:
    folder, copy = TrainingFolder(uninterrupted), TrainingFolder(tmp_path / "copy")
    copy.create()
    copy.recipe.write_text(folder.recipe.read_text().replace("held_out_people: 4", "held_out_people: 2"))
    copy.write_index({key: value for key, value in folder.read_index().items() if key != "format"})
    copy.state.write_bytes(folder.state.read_bytes())
    with pytest.raises(InputError, match="does not fit its recipe"):
        resume(copy.path)
