"""What a stopped training goes on from: one file, whole or as it was before, and never code that is run."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from reid.errors import InputError, RunError
from reid.output_file import whole_file

FORMAT = "vreid-training-state/1"

# What torch raises on files in which bytes are missing or changed.
_DAMAGED = (OSError, RuntimeError, EOFError, LookupError, TypeError, ValueError, AttributeError, pickle.UnpicklingError)


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write a state; the one before is replaced only once the new one is whole and on the disk.

    Args:
        path: where to; its folder must exist.
        state: tensors, numbers, texts, and lists and dicts of them.

    Raises:
        RunError: it cannot be written; the one before is still there.
    """
    try:
        with whole_file(path) as building, building.open("wb") as file:
            torch.save({"format": FORMAT, **state}, file)
    except (OSError, RuntimeError) as error:
        # torch's writer turns a full disk into an error of its own, which says nothing of it.
        first = error if isinstance(error, OSError) else error.__context__
        reason = (str(getattr(first, "strerror", None) or error).splitlines() or ["unknown"])[0]
        raise RunError(f"the training's state cannot be written to {path}: {reason}") from error


def load_state(path: Path) -> dict[str, Any]:
    """Read a state, onto the CPU.

    Raises:
        InputError: there is none, or the file is damaged or something else.
    """
    if not path.is_file():
        raise InputError(f"{path.parent} has no {path.name}: no training to go on with was saved there")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGED as error:
        raise InputError(f"{path} is damaged or not a training's state; start again without --resume") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise InputError(f"{path} is not a training's state that this vreid reads ({FORMAT})")
    return state
