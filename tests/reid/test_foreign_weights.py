"""Other people's weights: read as tensors or refused."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from reid.errors import WeightsError
from reid.foreign_weights import load_foreign_state_dict

TENSORS = {"layer.weight": torch.arange(6.0).view(2, 3), "layer.bias": torch.ones(2)}


class Trap:
    """Runs code when unpickled: makes the folder `sprung`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("name", ["weights.pth", "weights.pt", "weights.bin", "weights.pyth"])
def test_torch_files_load(tmp_path: Path, name: str) -> None:
    torch.save(TENSORS, tmp_path / name)
    torch.testing.assert_close(load_foreign_state_dict(tmp_path / name), TENSORS)


def test_safetensors_load(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "weights.safetensors")
    torch.testing.assert_close(load_foreign_state_dict(tmp_path / "weights.safetensors"), TENSORS)


@pytest.mark.parametrize("key", ["state_dict", "model", "model_state", "model_state_dict"])
def test_training_files_are_unwrapped(tmp_path: Path, key: str) -> None:
    wrapped = {f"module.{name}": value for name, value in TENSORS.items()}
    torch.save({key: wrapped, "epoch": 3}, tmp_path / "weights.pth")
    torch.testing.assert_close(load_foreign_state_dict(tmp_path / "weights.pth"), TENSORS)


def test_a_file_that_would_run_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    torch.save({"layer.weight": torch.ones(2), "extra": Trap(sprung)}, tmp_path / "zip.pth")
    (tmp_path / "plain.bin").write_bytes(pickle.dumps(Trap(sprung)))
    for name in ("zip.pth", "plain.bin"):
        with pytest.raises(WeightsError, match="refused: it holds more than tensors"):
            load_foreign_state_dict(tmp_path / name)
    assert not sprung.exists()


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights at all", b"PK\x03\x04cut"])
def test_damaged_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match="damaged"):
        load_foreign_state_dict(tmp_path / name)


def written(path: Path, *, zipped: bool) -> bytes:
    """Return what `torch.save` writes, in the format of today or in that of before PyTorch 1.6."""
    torch.save(TENSORS, path, _use_new_zipfile_serialization=zipped)
    return path.read_bytes()


@pytest.mark.parametrize("zipped", [False, True])
def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path, zipped: bool) -> None:
    whole = written(tmp_path / "whole.pth", zipped=zipped)
    for kept in range(0, len(whole), len(whole) // 80):
        (tmp_path / "cut.pth").write_bytes(whole[:kept])
        with pytest.raises(WeightsError, match="damaged"):
            load_foreign_state_dict(tmp_path / "cut.pth")


@pytest.mark.parametrize("zipped", [False, True])
def test_flipped_bits_are_read_or_refused(tmp_path: Path, zipped: bool) -> None:
    whole = written(tmp_path / "whole.pth", zipped=zipped)
    random = np.random.default_rng(0)
    causes = set()
    for _ in range(150):
        damaged = np.frombuffer(whole, np.uint8).copy()
        damaged[random.integers(len(whole), size=3)] ^= random.integers(1, 256, size=3, dtype=np.uint8)
        (tmp_path / "flipped.pth").write_bytes(damaged.tobytes())
        try:  # in a tensor's values nobody can tell
            load_foreign_state_dict(tmp_path / "flipped.pth")
        except WeightsError as error:
            causes.add(type(error.__cause__))
    assert len(causes) > 3


@pytest.mark.parametrize(("content", "message"), [([1, 2], "holds a list"), ({"epoch": 3}, "no tensors by name")])
def test_files_without_a_state_dict_are_refused(tmp_path: Path, content: object, message: str) -> None:
    torch.save(content, tmp_path / "weights.pth")
    with pytest.raises(WeightsError, match=message):
        load_foreign_state_dict(tmp_path / "weights.pth")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        load_foreign_state_dict(tmp_path / "absent.pth")
