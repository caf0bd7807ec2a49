"""Whole trainings of a micro model on a few made-up people: what they leave, and that stopping changes nothing."""

from __future__ import annotations

import json
import os
import shutil
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
from reid.data.synthetic.kept import VARIABLE
from reid.errors import InputError, OutputError, RunError
from reid.metrics import RankingScores
from reid.training import Recipe, TrainingListener, load_recipe, loop, resume, session, train
from reid.training.folder import TrainingFolder
from reid.training.optimisers import FACTOR
from reid.training.state import load_state, save_state

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


class Killed(Exception):  # noqa: N818 (as a signal, not an error)
    pass


class Dies(StopsAfter):
    """Ends the training after so many batches as a kill does: nothing more is saved."""

    def should_stop(self) -> bool:
        if super().should_stop():
            raise Killed
        return False


class StopsInTheTest(TrainingListener):
    """Stops as soon as tracklets of the test set are embedded."""

    stops = False

    def on_look(self, what: str, done: int, tracklets: int) -> None:
        self.stops = what == "test set"

    def should_stop(self) -> bool:
        return self.stops


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


def test_a_training_learns_and_keeps_what_was_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maps = iter((0.3, 0.5, 0.4))  # as if the second look was the best
    monkeypatch.setattr(
        loop,
        "evaluate_data_set",
        lambda *_, variants, **__: {
            variants[0]: RankingScores(next(maps), (0.0,) * 50, mean_inp=0.0, queries=9, without_match=0)
        },
    )
    listener = Remembers()
    folder = tmp_path / "run"
    judgement = train(smoke(epochs=8, evaluate_every=3), "synthetic", None, folder, listener=listener)
    assert judgement is not None
    assert (judgement.checkpoint.name, judgement.epochs) == ("best.safetensors", 6)
    assert load_checkpoint(folder / "last.safetensors").metadata.provenance.epochs == 8
    assert [record["epoch"] for record in listener.epochs if record["held_out"]] == [3, 6, 8]
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
    "save_minutes": 1e-9,
    "evaluate_every": 2,
    "single_frames": 0.5,
    "optimiser.lr_factors": {"transformer": 0.5},
    "half": True,
}


@pytest.mark.parametrize(("values", "stops"), [({}, (1, 4)), ({"workers": 1}, (3,))], ids=["plain", "workers"])
def test_a_stopped_training_ends_as_if_it_had_not_been(
    tmp_path: Path, uninterrupted: Path, values: dict[str, Any], stops: tuple[int, ...]
) -> None:
    recipe, folder = smoke(**values), tmp_path / "run"
    assert train(recipe, "synthetic", None, folder, listener=StopsAfter(stops[0])) is None
    for batches in stops[1:]:
        assert resume(folder, listener=StopsAfter(batches)) is None
    torch.manual_seed(99)  # what the process drew before must not matter
    assert resume(folder) is not None
    assert_same(uninterrupted, folder)


def test_a_training_with_everything_goes_on_from_what_it_saves_within_an_epoch(tmp_path: Path) -> None:
    recipe = load_recipe("synthetic", "dcct-micro", config="smoke", values=EVERYTHING)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(recipe, "synthetic", None, whole)
    with pytest.raises(Killed):
        train(recipe, "synthetic", None, parts, listener=Dies(4))
    assert 0 < load_state(parts / "state.pt")["progress"]["batch"] < 4, "in the middle of an epoch"
    assert resume(parts) is not None
    assert_same(whole, parts)


def test_a_state_from_before_parts_had_rates_of_their_own_goes_on(tmp_path: Path, uninterrupted: Path) -> None:
    folder = tmp_path / "run"
    assert train(smoke(), "synthetic", None, folder, listener=StopsAfter(4)) is None
    state = load_state(folder / "state.pt")
    for group in state["optimisers"][0]["param_groups"]:
        del group[FACTOR]
    save_state(folder / "state.pt", {key: value for key, value in state.items() if key != "format"})
    assert resume(folder) is not None
    assert_same(uninterrupted, folder)


def test_a_finished_training_can_be_judged_again_and_that_stopped_too(tmp_path: Path, uninterrupted: Path) -> None:
    folder = shutil.copytree(uninterrupted, tmp_path / "run")
    (folder / "result.json").unlink()
    assert resume(folder, listener=StopsInTheTest()) is None
    assert not (folder / "result.json").exists()
    assert resume(folder) is not None
    assert (folder / "result.json").read_text() == (uninterrupted / "result.json").read_text()


def test_stopped_before_it_begins_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "kept"))
    assert train(smoke(), "synthetic", None, tmp_path / "run", listener=StopsAfter(1)) is None
    assert not (tmp_path / "run").exists()
    assert not list((tmp_path / "kept").iterdir())


def test_without_the_best_checkpoint_it_goes_on_with_the_next(tmp_path: Path, uninterrupted: Path) -> None:
    folder = shutil.copytree(uninterrupted, tmp_path / "run")
    (folder / "best.safetensors").unlink()
    listener = Remembers()
    judgement = resume(folder, listener=listener)
    assert ["best.safetensors is gone" in note for note in listener.notes] == [True]
    assert judgement is not None
    assert judgement.checkpoint.name == "last.safetensors"
    recipe = folder / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("epochs: 2", "epochs: 3"))
    judgement = resume(folder, listener=listener)
    assert judgement is not None
    assert (judgement.checkpoint.name, judgement.epochs) == ("best.safetensors", 3)


HOLDS = """
import fcntl, sys
file = open(sys.argv[1], "r+b")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. \nmore"), "worker .pid 7. is killed"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried\nmore"), "CUDA out of memory"),
        (MemoryError(), "memory ran out"),
        (OSError(5, os.strerror(5)), "Input/output error"),
    ],
)
def test_what_breaks_a_training_off_is_one_line(
    tmp_path: Path, uninterrupted: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise error

    folder = shutil.copytree(uninterrupted, tmp_path / "run")
    monkeypatch.setattr(session, "judge", fails)
    with pytest.raises(RunError, match=rf"^.*{message}.*; vreid train --resume {folder} goes on.*$") as raised:
        resume(folder)
    assert "\n" not in str(raised.value)


def test_two_processes_do_not_train_in_one_folder(tmp_path: Path, uninterrupted: Path) -> None:
    folder = shutil.copytree(uninterrupted, tmp_path / "run")
    left = folder / ".state.pt.killed"
    left.mkdir()
    before = {path.name for path in folder.iterdir()}
    command = [sys.executable, "-c", HOLDS, str(folder / "training.json")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(OutputError, match="another process is training in"):
            resume(folder)
        with pytest.raises(OutputError, match="another process is training in"):
            train(smoke(), "synthetic", None, folder, overwrite=True)
        assert {path.name for path in folder.iterdir()} == before
        other.kill()
    with TrainingFolder(folder).held():
        assert not left.exists(), "what a killed process left half written"


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


def test_without_held_out_people_there_is_no_best_and_no_threshold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In bfloat16, and as if another process had met a broken picture."""
    monkeypatch.setattr(loop, "gather_objects", lambda own: [own, {"lost.jpg": "lost.jpg: cut off"}])
    recipe, listener = smoke(held_out_people=0, epochs=1, precision="bfloat16"), Remembers()
    judgement = train(recipe, "synthetic", None, tmp_path / "run", listener=listener)
    assert listener.notes == ["lost.jpg: cut off; another picture stands in"]
    assert listener.epochs[0]["broken"] == 1
    assert judgement is not None
    assert judgement.measured is None
    assert judgement.checkpoint.name == "last.safetensors"
    assert not (tmp_path / "run" / "best.safetensors").exists()
    assert load_checkpoint(tmp_path / "run" / "last.safetensors").metadata.calibration is None


def test_a_loss_that_is_not_finite_stops_it_and_shows_the_terms(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"epoch \d, batch \d: the loss is (nan|inf).*ce/final.*clip_norm in .*recipe"):
        train(smoke(optimiser__lr=1e30, optimiser__name="sgd", epochs=3), "synthetic", None, tmp_path / "run")


def test_a_gradient_that_is_not_finite_stops_it_before_it_reaches_the_weights(
    tmp_path: Path, uninterrupted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = loop.starting_model

    def spoilt(*given: Any) -> Any:
        model, report = build(*given)
        next(model.parameters()).register_hook(lambda gradient: gradient * torch.inf)
        return model, report

    folder = shutil.copytree(uninterrupted, tmp_path / "run")
    recipe = folder / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("epochs: 2\n", "epochs: 3\n"))
    before = (folder / "state.pt").read_bytes()
    monkeypatch.setattr(loop, "starting_model", spoilt)
    with pytest.raises(RunError, match=r"epoch 3, batch 1: the gradient's norm is (nan|inf); a lower optimiser.lr"):
        resume(folder)
    assert (folder / "state.pt").read_bytes() == before


def test_what_has_no_room_in_memory_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried\nmore")

    monkeypatch.setattr(session, "Training", fails)
    with pytest.raises(RunError, match=r"^CUDA out of memory. Tried$"):
        train(smoke(), "synthetic", None, tmp_path / "run")
    assert not (tmp_path / "run").exists()


# Which write of which file finds the disk full, in a training and in its resumptions from the end of the first epoch.
FULL = (
    ("best.safetensors", 2),
    ("last.safetensors", 1),
    ("state.pt", 1),
    ("last.safetensors", 2),  # with its calibration
    ("result.json", 1),
)


def test_a_full_disk_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uninterrupted: Path
) -> None:
    folder = tmp_path / "run"
    writes: list[str] = []
    full = ("", 0)
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        writes.append(name)
        if (name, writes.count(name)) == full:
            raise OSError(28, os.strerror(28))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    for full in FULL:
        writes.clear()
        with pytest.raises(RunError, match=rf"{full[0]}.*No space left on device.*vreid train --resume {folder} "):
            resume(folder) if folder.exists() else train(smoke(), "synthetic", None, folder)
        assert load_state(folder / "state.pt")["progress"]["epoch"] == (2 if full in FULL[3:] else 1)
        assert all(load_checkpoint(folder / f"{name}.safetensors") for name in ("last", "best"))
        assert not list(folder.glob(".*")), "nothing half written"
    full = ("", 0)
    assert resume(folder) is not None
    assert_same(uninterrupted, folder)
    assert (folder / "result.json").read_text() == (uninterrupted / "result.json").read_text()


def test_start_from_a_checkpoint_of_ones_own(tmp_path: Path, uninterrupted: Path) -> None:
    start = uninterrupted / "best.safetensors"
    listener = Remembers()
    train(smoke(start_weights=str(start), epochs=1), "synthetic", None, tmp_path / "run", listener=listener)
    assert listener.about["start"].source == str(start)
    provenance = load_checkpoint(tmp_path / "run" / "last.safetensors").metadata.provenance
    assert provenance.start_weights == str(start)


def test_what_it_started_from_may_be_gone_when_it_goes_on(tmp_path: Path, uninterrupted: Path) -> None:
    start = shutil.copy(uninterrupted / "best.safetensors", tmp_path / "start.safetensors")
    recipe = smoke(start_weights=str(start), epochs=1)
    assert train(recipe, "synthetic", None, tmp_path / "run", listener=StopsAfter(1)) is None
    start.unlink()
    assert resume(tmp_path / "run") is not None
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
