"""What a training shows while it runs, in terminals of some widths and in logs."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from cli import output, training_progress
from cli.training_progress import PlainTrainingProgress, TerminalTrainingProgress, beginning, epoch_line
from reid.start_weights import StartReport

ABOUT = {
    "model": "dcct",
    "parameters": 2.5e6,
    "data_set": {"name": "mars"},
    "people": 594,
    "tracklets": 7900,
    "epochs": 50,
    "epochs_done": 3,
    "device": "cpu",
    "processes": 2,
    "held_out_people": 31,
    "start": StartReport("imagenet", notes=("hta: nothing is published for it",)),
}
STAGES = ("base_cnn", "base_transformer", "complementary_cnn", "complementary_transformer", "final")
RECORD: dict[str, Any] = {
    "epoch": 4,
    "lr": 0.001,
    "loss": 12.5,
    "terms": {f"{kind}/{stage}": value for kind, value in (("ce", 2.0), ("triplet", 0.5)) for stage in STAGES}
    | {"aux/logit_distillation": 0.25},
    "clips_per_s": 81.5,
    "seconds": 20.0,
    "held_out": {"map": 0.5, "r1": 0.25},
}


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Console]:
    def open_terminal(width: int) -> Console:
        console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
        for module in (output, training_progress):
            monkeypatch.setattr(module, "stderr", console)
        return console

    return open_terminal


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_bars_are_whole_however_many_terms_there_are(terminal: Callable[[int], Console], width: int) -> None:
    console = terminal(width)
    with TerminalTrainingProgress(threading.Event()) as progress:
        progress.on_begin(ABOUT)
        progress.on_batch(3, 5, 10, RECORD)
        progress._progress.refresh()
        said = shown(console)
    assert "training ━" in said
    line = next(line for line in reversed(said.splitlines()) if "lr 0.001" in line).strip()
    assert line.startswith("epoch 4  ━")
    assert " 5/10 " in line
    assert len(line) <= width
    assert ("ce 10" in line) == (width == 120)


def test_bars_come_and_go_with_what_is_done(terminal: Callable[[int], Console]) -> None:
    console = terminal(100)
    stop = threading.Event()
    with TerminalTrainingProgress(stop) as progress:
        progress.on_rendered(50, 100)
        progress.on_begin(ABOUT)
        assert [task.description for task in progress._progress.tasks] == ["training"]
        progress.on_batch(3, 10, 10, RECORD)
        assert progress._progress.tasks[0].completed == 4
        progress.on_look("held-out people", 20, 30)
        assert [(task.description, task.completed) for task in progress._progress.tasks[1:]] == [
            ("held-out people", 20)
        ]
        progress.on_look("held-out people", 10, 30)
        progress.on_epoch(RECORD)
        assert [task.description for task in progress._progress.tasks] == ["training"]
        assert not progress.should_stop()
        stop.set()
        assert progress.should_stop()
    assert "epoch 4 of 50: loss 12.500 (ce 10, triplet 2.5, logit_distillation 0.25)" in shown(console)


def test_a_log_gets_a_line_now_and_then(terminal: Callable[[int], Console]) -> None:
    console = terminal(100)
    with PlainTrainingProgress(threading.Event(), interval_s=0) as progress:
        progress.on_begin(ABOUT)
        progress.on_batch(3, 5, 10, RECORD)
        progress.on_look("test set", 20, 30)
        progress.on_look("test set", 10, 30)
        progress.on_look("test set", 20, 30)
    said = shown(console).splitlines()[-3:]
    assert said[0] == "epoch 4 of 50: batch 5 of 10, loss 12.500, 81.5 clips/s, 20 s left in it"
    assert said[1:] == ["test set: 20 of 30"] * 2
    with PlainTrainingProgress(threading.Event()) as progress:
        progress.on_batch(3, 5, 10, RECORD)
    assert len(shown(console).splitlines()) == len(beginning(ABOUT)) + 3, "no line before its time"


def test_words_for_a_beginning_and_an_epoch() -> None:
    lines = beginning(ABOUT)
    assert lines[0] == (
        "dcct (2.5 M parameters with classifiers) on mars: 594 people, 7900 tracklets; 50 epochs on cpu, 2 processes"
    )
    assert lines[1].startswith("31 more people are held out")
    assert lines[2:] == ["start weights: imagenet", "  hta: nothing is published for it", "going on after epoch 3"]
    assert epoch_line(RECORD, 50).endswith(", 81.5 clips/s; held-out people: mAP 50.0%, R1 25.0%")
    assert "held-out" not in epoch_line(RECORD | {"held_out": None}, 50)
