"""What a training leaves behind of every epoch: a line of JSON, scalars for TensorBoard, and curves as a picture."""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path
from typing import Any

from reid.curves import draw_curves
from reid.errors import OutputError, RunError
from reid.output_file import whole_file

LINES = "epochs.jsonl"
CURVES = "curves.png"
TENSORBOARD = "tensorboard"

# Drawing takes a third of a second, some epochs hardly more.
_DRAW_EVERY_S = 10.0

_LOG = logging.getLogger(__name__)


class RunLog:
    """The log of one training, in its folder. Only one process writes it.

    A record says of an epoch: "epoch" (counted from 1) and "step" (of the optimiser, so far); "lr"; "loss" and "terms",
    name -> value, means over the epoch; "clips_per_s", "seconds", "broken"; and "held_out", which is None or has "map",
    "r1" and "r5".

    Args:
        folder: must exist.
        resume_after: how many epochs are done. What was written of later ones goes; at 0 everything of an older
            training does.

    Raises:
        RunError: the log cannot be read or written.
    """

    def __init__(self, folder: Path, *, resume_after: int = 0) -> None:
        self._folder = folder
        self._draws = self._is_drawn = True
        self._drawn_s = -_DRAW_EVERY_S
        path = folder / LINES
        try:
            self._records = _read(path) if resume_after else []
            self._records = [record for record in self._records if record["epoch"] <= resume_after]
            with whole_file(path) as place:
                place.write_text("".join(map(_line, self._records)), encoding="utf-8")
            if not resume_after:
                (folder / CURVES).unlink(missing_ok=True)
                for events in (folder / TENSORBOARD).glob("events.out.tfevents.*"):
                    events.unlink()
            next_step = self._records[-1]["step"] + 1 if self._records else None
            self._board = _open_board(folder / TENSORBOARD, next_step)
        except OSError as error:
            raise RunError(f"the log {path} cannot be written: {error.strerror}") from error

    def epoch(self, record: dict[str, Any]) -> None:
        """Add an epoch. When this returns, its line is on the disk.

        Args:
            record: as above; its numbers are finite.

        Raises:
            RunError: the line cannot be written. A picture that cannot is logged, once.
        """
        path = self._folder / LINES
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(_line(record))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RunError(f"the log {path} cannot be written: {error.strerror}") from error
        self._records.append(record)
        self._is_drawn = False
        if self._board is not None:
            for name, value in _scalars(record).items():
                self._board.add_scalar(name, value, record["step"])
            self._board.flush()
        if time.monotonic() - self._drawn_s >= _DRAW_EVERY_S:
            self._draw()

    def close(self) -> None:
        """Draw what was not drawn yet, and let TensorBoard's file go."""
        if not self._is_drawn:
            self._draw()
        if self._board is not None:
            self._board.close()

    def _draw(self) -> None:
        if not self._draws:
            return
        self._is_drawn, self._drawn_s = True, time.monotonic()
        try:
            draw_curves(self._records, self._folder / CURVES)
        except OutputError as error:
            self._draws = False
            _LOG.warning("no more learning curves: %s", error)


def _read(path: Path) -> list[dict[str, Any]]:
    """Read the lines up to one that a sudden end cut off."""
    records: list[dict[str, Any]] = []
    if not path.exists():
        return records
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            break
    return records


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, allow_nan=False) + "\n"


def _open_board(folder: Path, next_step: int | None) -> Any:
    """Return TensorBoard's writer, or None where it is not installed.

    Readers of the folder forget what earlier runs wrote of `next_step` and later, so that no step is there twice.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        _LOG.info("tensorboard is not installed: its scalars are not written (pip install tensorboard)")
        return None
    return SummaryWriter(str(folder), purge_step=next_step)


def _scalars(record: dict[str, Any]) -> dict[str, float]:
    scalars = {name: record[name] for name in ("loss", "lr", "clips_per_s")}
    scalars |= {f"terms/{name}": value for name, value in record["terms"].items()}
    scalars |= {f"held_out/{name}": value for name, value in (record["held_out"] or {}).items()}
    return scalars
