"""The log of a training: on the disk line by line, and right after every kind of interruption."""

from __future__ import annotations

import builtins
import json
import logging
import os
from pathlib import Path
from typing import Any

import cv2
import pytest

import reid.figures
import reid.run_log
from reid.errors import OutputError, RunError
from reid.run_log import RunLog


def record(epoch: int, loss: float = 1.5) -> dict[str, Any]:
    looked = {"map": 0.1 * epoch, "r1": 0.15 * epoch, "r5": 0.2 * epoch}
    return {
        "epoch": epoch,
        "step": 300 * epoch,
        "lr": 1e-3,
        "loss": loss,
        "terms": {"ce/final": loss - 0.5, "triplet/final": 0.5},
        "clips_per_s": 40.0,
        "seconds": 20.0,
        "broken": 0,
        "held_out": looked if epoch % 2 == 0 else None,
    }


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "epochs.jsonl").read_text().splitlines()]


def scalars(folder: Path) -> dict[str, list[tuple[int, Any]]]:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    return {
        tag: [(each.step, pytest.approx(each.value, rel=1e-6)) for each in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_each_epoch_leaves_a_line_scalars_and_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reid.run_log, "_DRAW_EVERY_S", 0.0)
    log = RunLog(tmp_path)
    for epoch in (1, 2):
        log.epoch(record(epoch))
        # All is there while the training goes on.
        assert lines(tmp_path) == [record(each) for each in range(1, epoch + 1)]
        assert scalars(tmp_path)["loss"] == [(300 * each, 1.5) for each in range(1, epoch + 1)]
        picture = cv2.imread(str(tmp_path / "curves.png"))
        assert picture is not None
        assert picture.shape == (1000, 1500, 3)
        (tmp_path / "curves.png").unlink()
    log.close()
    found = scalars(tmp_path)
    assert set(found) == {"loss", "lr", "clips_per_s", "terms/ce/final", "terms/triplet/final"} | {
        f"held_out/{name}" for name in ("map", "r1", "r5")
    }
    assert found["held_out/map"] == [(600, 0.2)]
    assert found["terms/ce/final"] == [(300, 1.0), (600, 1.0)]


def test_short_epochs_are_drawn_now_and_then_and_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(reid.run_log, "draw_curves", lambda records, path: drawn.append(len(records)))
    log = RunLog(tmp_path)
    for epoch in (1, 2, 3):
        log.epoch(record(epoch))
    assert drawn == [1]
    log.close()
    log.close()
    assert drawn == [1, 3]


def test_going_on_forgets_what_came_after_the_saved_state(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    for epoch in (1, 2, 3):
        log.epoch(record(epoch, loss=9))
    log.close()
    log = RunLog(tmp_path, resume_after=2)
    assert lines(tmp_path) == [record(1, 9), record(2, 9)]
    for epoch in (3, 4):
        log.epoch(record(epoch, loss=3))
    log.close()
    assert lines(tmp_path) == [record(1, 9), record(2, 9), record(3, 3), record(4, 3)]
    assert scalars(tmp_path)["loss"] == [(300, 9), (600, 9), (900, 3), (1200, 3)]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["curves.png", "epochs.jsonl", "tensorboard"]


def test_a_line_that_a_sudden_end_cut_off_goes(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    log.epoch(record(1))
    log.close()
    with (tmp_path / "epochs.jsonl").open("a") as file:
        file.write(json.dumps(record(2))[:40])
    RunLog(tmp_path, resume_after=1).close()
    assert lines(tmp_path) == [record(1)]


def test_a_new_training_in_an_old_folder_starts_from_nothing(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    for epoch in (1, 2):
        log.epoch(record(epoch, loss=9))
    log.close()
    (tmp_path / "tensorboard" / "notes.txt").write_text("not ours")
    log = RunLog(tmp_path)
    assert lines(tmp_path) == []
    assert not (tmp_path / "curves.png").exists()
    log.epoch(record(1, loss=3))
    log.close()
    assert scalars(tmp_path)["loss"] == [(300, 3)]
    assert (tmp_path / "tensorboard" / "notes.txt").exists()


def test_the_line_is_forced_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = RunLog(tmp_path)
    synced = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(os.fstat(number).st_size))
    log.epoch(record(1))
    log.close()
    assert synced[0] == (tmp_path / "epochs.jsonl").stat().st_size


def test_a_log_that_cannot_be_written_ends_the_training_with_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"the log .*epochs\.jsonl cannot be written: No such file"):
        RunLog(tmp_path / "no folder")
    log = RunLog(tmp_path)
    (tmp_path / "epochs.jsonl").unlink()
    (tmp_path / "epochs.jsonl").mkdir()
    with pytest.raises(RunError, match="cannot be written: Is a directory"):
        log.epoch(record(1))
    log.close()


def test_a_picture_that_cannot_be_written_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OutputError("cannot write curves.png: No space left on device")

    monkeypatch.setattr(reid.run_log, "draw_curves", full)
    log = RunLog(tmp_path)
    with caplog.at_level(logging.WARNING, "reid"):
        for epoch in (1, 2, 3):
            log.epoch(record(epoch))
    log.close()
    assert [line.getMessage() for line in caplog.records] == [
        "no more learning curves: cannot write curves.png: No space left on device"
    ]
    assert len(lines(tmp_path)) == 3


def test_without_tensorboard_and_matplotlib_the_lines_remain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    really_import = builtins.__import__

    def importing(name: str, *rest: Any) -> Any:
        if name.split(".")[0] in ("matplotlib", "tensorboard") or name == "torch.utils.tensorboard":
            raise ImportError(name)
        return really_import(name, *rest)

    reid.figures._figure_type.cache_clear()
    monkeypatch.setattr(builtins, "__import__", importing)
    with caplog.at_level(logging.INFO, "reid"):
        log = RunLog(tmp_path)
        for epoch in (1, 2):
            log.epoch(record(epoch))
        log.close()
    monkeypatch.undo()
    reid.figures._figure_type.cache_clear()
    assert [each.name for each in tmp_path.iterdir()] == ["epochs.jsonl"]
    assert len(lines(tmp_path)) == 2
    assert ["tensorboard" in line.getMessage() for line in caplog.records] == [True, False]
    assert "matplotlib is not installed" in caplog.records[1].getMessage()
