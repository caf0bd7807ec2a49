"""A training's progress: a bar for the epoch in a terminal, a line an epoch anywhere else."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column

from cli.output import stderr, warn
from reid.training import TrainingListener

_PLAIN_EVERY_S = 30.0
_BAR_WIDTH = 20
_RATE_OVER_S = 600.0  # looks at held-out people come in between


class _Progress(TrainingListener):
    """What both kinds share.

    Args:
        stop: set to save and leave.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._epochs = 0

    def on_begin(self, about: Mapping[str, Any]) -> None:
        self._epochs = about["epochs"]
        for line in beginning(about):
            stderr.print(line, soft_wrap=True)

    def on_note(self, text: str) -> None:
        warn(text)

    def on_epoch(self, record: Mapping[str, Any]) -> None:
        stderr.print(epoch_line(record, self._epochs), soft_wrap=True)

    def should_stop(self) -> bool:
        return self._stop.is_set()


class TerminalTrainingProgress(_Progress):
    """One bar for what is being done now, one for the whole training; a line stays for each epoch.

    Use as a context manager.
    """

    def __init__(self, stop: threading.Event) -> None:
        super().__init__(stop)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=_BAR_WIDTH),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            # Takes the room that the others leave it, and is cut off where that ends.
            TextColumn("{task.fields[note]}", style="dim", table_column=Column(ratio=1, no_wrap=True)),
            console=stderr,
            transient=True,
            expand=True,
            speed_estimate_period=_RATE_OVER_S,
        )
        self._whole: TaskID | None = None
        self._now: TaskID | None = None
        self._now_is = ""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def on_begin(self, about: Mapping[str, Any]) -> None:
        super().on_begin(about)
        self._end_now()
        self._whole = self._progress.add_task(
            "training", total=about["epochs"], completed=about["epochs_done"], note=""
        )

    def on_batch(self, epoch: int, done: int, batches: int, record: Mapping[str, Any]) -> None:
        note = f"lr {record['lr']:.2g}, {record['clips_per_s']:.1f} clips/s, {loss_line(record)}"
        self._show(f"epoch {epoch + 1}", batches, done, note)
        if self._whole is not None:
            self._progress.update(self._whole, completed=epoch + done / batches)

    def on_rendered(self, done: int, images: int) -> None:
        self._advance("making up images", images, done)

    def on_look(self, what: str, done: int, tracklets: int) -> None:
        self._advance(what, tracklets, done)

    def on_epoch(self, record: Mapping[str, Any]) -> None:
        self._end_now()
        super().on_epoch(record)

    def _advance(self, what: str, total: int, steps: int) -> None:
        self._show(what, total, None, "")
        if self._now is not None:
            self._progress.advance(self._now, steps)
            if self._progress.tasks[self._progress.task_ids.index(self._now)].finished:
                self._end_now()

    def _show(self, what: str, total: int, done: int | None, note: str) -> None:
        if self._now is None or self._now_is != what:
            self._end_now()
            self._now, self._now_is = self._progress.add_task(what, total=total, note=note), what
        self._progress.update(self._now, completed=done, note=note)

    def _end_now(self) -> None:
        if self._now is not None:
            self._progress.remove_task(self._now)
        self._now = None


class PlainTrainingProgress(_Progress):
    """A line an epoch, and one every half a minute in long epochs: for logs and pipes.

    Args:
        stop: set to save and leave.
        interval_s: seconds between two lines of one epoch.
    """

    def __init__(self, stop: threading.Event, interval_s: float = _PLAIN_EVERY_S) -> None:
        super().__init__(stop)
        self._interval_s = interval_s
        self._said_s = time.monotonic()
        self._done: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing stays open."""

    def on_batch(self, epoch: int, done: int, batches: int, record: Mapping[str, Any]) -> None:
        left_s = record["seconds"] / done * (batches - done)
        self._say(
            f"epoch {epoch + 1} of {self._epochs}: batch {done} of {batches}, loss {record['loss']:.3f}, "
            f"{record['clips_per_s']:.1f} clips/s, {left_s:.0f} s left in it"
        )

    def on_rendered(self, done: int, images: int) -> None:
        self._count("making up images", done, images)

    def on_look(self, what: str, done: int, tracklets: int) -> None:
        self._count(what, done, tracklets)

    def _count(self, what: str, steps: int, total: int) -> None:
        self._done[what] = self._done.get(what, 0) + steps
        if self._done[what] >= total:
            del self._done[what]
        else:
            self._say(f"{what}: {self._done[what]} of {total}")

    def _say(self, text: str) -> None:
        now_s = time.monotonic()
        if now_s - self._said_s >= self._interval_s:
            self._said_s = now_s
            stderr.print(text, soft_wrap=True)


class Silence(TrainingListener):
    """Says nothing: for all but the first of several processes. It stops when the first one does."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing stays open."""


def beginning(about: Mapping[str, Any]) -> list[str]:
    """Say what is trained on what."""
    data_set, start = about["data_set"], about["start"]
    lines = [
        f"{about['model']} ({about['parameters'] / 1e6:.1f} M parameters with classifiers) on {data_set['name']}: "
        f"{about['people']} people, {about['tracklets']} tracklets; {about['epochs']} epochs on {about['device']}"
        + (f", {about['processes']} processes" if about["processes"] > 1 else "")
    ]
    if about["held_out_people"]:
        lines.append(
            f"{about['held_out_people']} more people are held out: they choose the best checkpoint and calibrate the "
            "match threshold (--set held_out_people=0 trains on everybody, keeps the last checkpoint and "
            "calibrates nothing)"
        )
    lines.append(f"start weights: {start.source}")
    lines += [f"  {name}: {part}" for name, part in start.parts.items()]
    lines += [f"  {note}" for note in start.notes]
    if about["epochs_done"]:
        lines.append(f"going on after epoch {about['epochs_done']}")
    return lines


def loss_line(record: Mapping[str, Any]) -> str:
    """Say the loss and its terms: of each kind one, the sum over the stages; the log has every one."""
    kinds: dict[str, float] = {}
    for name, value in record["terms"].items():
        kind, _, rest = name.partition("/")
        kind = rest if kind == "aux" else kind
        kinds[kind] = kinds.get(kind, 0.0) + value
    return f"loss {record['loss']:.3f} ({', '.join(f'{kind} {value:.3g}' for kind, value in kinds.items())})"


def epoch_line(record: Mapping[str, Any], epochs: int) -> str:
    """Say how an epoch went."""
    line = f"epoch {record['epoch']} of {epochs}: {loss_line(record)}, {record['clips_per_s']:.1f} clips/s"
    if record["held_out"]:
        line += f"; held-out people: mAP {record['held_out']['map']:.1%}, R1 {record['held_out']['r1']:.1%}"
    return line


def training_progress(stop: threading.Event) -> TerminalTrainingProgress | PlainTrainingProgress:
    """Choose bars for a terminal and lines for everything else."""
    return TerminalTrainingProgress(stop) if stderr.is_terminal else PlainTrainingProgress(stop)
