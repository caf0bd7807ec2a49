"""State dicts that others made: read as plain tensors or refused."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from reid.errors import WeightsError

# Keys under which training scripts file the weights beside their optimiser's state.
_WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model")


def load_foreign_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Read weights from a file that this project did not write.

    Args:
        path: a `.safetensors` file, or one that `torch.save` wrote (`.pth`, `.pt`, `.pyth`, ...).

    Returns:
        name -> tensor on the CPU, without the `module.` that data-parallel training puts in front.

    Raises:
        WeightsError: the file is missing or damaged, holds no state dict, or holds objects that only unpickling
            could restore: that would run code from the file, so it is refused.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"weights: no such file: {path}")
    content: Any
    try:
        if path.suffix == ".safetensors":
            content = load_file(path)
        else:
            with warnings.catch_warnings():
                # A plain pickle is refused below; that torch may not know its dialect adds nothing.
                warnings.filterwarnings("ignore", message="Detected pickle protocol")
                content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"weights: {path} is refused: it holds more than tensors, so that opening it would run code from it, "
            "or it is damaged"
        ) from error
    except Exception as error:  # damage reaches any part of the readers, and each has its own way to fail
        raise WeightsError(f"weights: {path} is damaged or no weights file: {_one_line(error)}") from error
    return _state_dict_in(content, path)


def _state_dict_in(content: Any, path: Path) -> dict[str, Tensor]:
    """Find the mapping of names to tensors in what a file held."""
    for key in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping):
        raise WeightsError(f"weights: {path} holds a {type(content).__name__}, not a state dict")
    state = {str(key).removeprefix("module."): value for key, value in content.items() if isinstance(value, Tensor)}
    if not state:
        raise WeightsError(f"weights: {path} holds no tensors by name")
    return state


def _one_line(error: Exception) -> str:
    """Return the first line of another library's message."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
