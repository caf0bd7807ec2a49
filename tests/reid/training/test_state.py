"""A training's state on disk: whole or as before, and never a program."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reid.errors import InputError, RunError
from reid.training.state import load_state, save_state

STATE = {"model": {"weight": torch.arange(6.0).view(2, 3)}, "progress": {"epoch": 3, "best": None, "sums": {}}}


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    save_state(path, {"model": {}, "progress": {}})
    save_state(path, STATE)
    state = load_state(path)
    assert torch.equal(state["model"]["weight"], STATE["model"]["weight"])
    assert state["progress"] == STATE["progress"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.pt"]


def test_a_full_disk_leaves_the_state_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.pt"
    save_state(path, STATE)

    def full(*_: Any) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="No space left on device"):
        save_state(path, {"model": {}, "progress": {"epoch": 4}})
    monkeypatch.undo()
    assert load_state(path)["progress"]["epoch"] == 3
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.pt"]


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """/dev/full answers every write as a full disk does, which torch's writer turns into an error of its own."""
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    original = Path.open

    def on_full_disk(self: Path, *args: Any, **options: Any) -> Any:
        return original(Path("/dev/full") if self.name == "state.pt" else self, *args, **options)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(RunError, match=r"cannot be written.*No space left"):
        patch.setattr(Path, "open", on_full_disk)
        save_state(tmp_path / "state.pt", STATE)


def test_a_missing_state_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no state\.pt: no training to go on with"):
        load_state(tmp_path / "state.pt")


@pytest.mark.parametrize("content", [b"", b"no state", b"PK\x03\x04 cut off"])
def test_damage_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.pt"
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged or not a training's state"):
        load_state(path)


def test_a_state_that_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    save_state(path, STATE)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="damaged"):
        load_state(path)


def test_bytes_that_changed(tmp_path: Path) -> None:
    """Whatever they make of it, it is read or refused in one line."""
    path = tmp_path / "state.pt"
    save_state(path, STATE)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            load_state(path)
        except InputError:
            refused += 1
    assert refused > 30


def test_another_file_of_torch_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    torch.save({"epoch": 1}, path)
    with pytest.raises(InputError, match="vreid-training-state/1"):
        load_state(path)


class Harmful:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch harmed",)


def test_nothing_in_a_state_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "state.pt"
    torch.save(Harmful(), path)
    with pytest.raises(InputError, match="damaged or not"):
        load_state(path)
    path.write_bytes(pickle.dumps(Harmful(), protocol=2))
    with pytest.raises(InputError, match="damaged or not"):
        load_state(path)
    assert not (tmp_path / "harmed").exists()
