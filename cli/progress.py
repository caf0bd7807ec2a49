"""A run's progress: a bar for each camera in a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from cli.output import say, stderr, warn
from pipeline import RunListener
from pipeline.sources import CameraHealth

_PLAIN_EVERY_S = 10.0


class TerminalProgress(RunListener):
    """Bars with rate and time left; use as a context manager.

    Args:
        every: only every N-th frame is analysed.
    """

    def __init__(self, every: int) -> None:
        self._every = every
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", style="dim"),
            TimeRemainingColumn(),
            console=stderr,
        )
        self._tasks: dict[str, TaskID] = {}
        self._started_s: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def on_warning(self, text: str) -> None:
        warn(text)

    def on_choice(self, text: str) -> None:
        say(text)

    def on_cameras(self, camera_ids: Sequence[str], frames_expected: Sequence[int | None]) -> None:
        for camera_id, expected in zip(camera_ids, frames_expected, strict=True):
            self._tasks[camera_id] = self._progress.add_task(camera_id, total=expected, note="")

    def on_frame(self, camera_id: str, frame_index: int, time_s: float, tracklets: int) -> None:
        now_s = time.monotonic()
        started_s = self._started_s.setdefault(camera_id, now_s)
        rate = (frame_index + 1) / (now_s - started_s) if now_s > started_s else 0.0
        note = f"{rate:.0f} frames/s, {tracklets} stays"
        self._progress.update(self._tasks[camera_id], completed=frame_index + 1, note=note)

    def on_camera_end(self, camera_id: str, health: CameraHealth) -> None:
        task = self._tasks[camera_id]
        done = self._progress.tasks[self._progress.task_ids.index(task)].completed
        if health.status == "ok" and done:  # --every leaves the last frames out
            self._progress.update(task, completed=max(done, health.frames_decoded))

    def on_stage(self, name: str) -> None:
        if name in ("association", "report"):
            self._progress.console.print(f"{name} ...", style="dim")

    def on_video_frame(self, camera_id: str, frames_done: int, frames_total: int) -> None:
        key = f"{camera_id} video"
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(key, total=frames_total, note="")
        self._progress.update(self._tasks[key], completed=frames_done)


class PlainProgress(RunListener):
    """A line for each camera every ten seconds: for logs and pipes.

    Args:
        interval_s: seconds between two lines of one camera.
    """

    def __init__(self, interval_s: float = _PLAIN_EVERY_S) -> None:
        self._interval_s = interval_s
        self._expected: dict[str, int | None] = {}
        self._started_s = self._said_s = time.monotonic()
        self._frames: dict[str, int] = {}
        self._done: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing stays open."""

    def on_warning(self, text: str) -> None:
        warn(text)

    def on_choice(self, text: str) -> None:
        say(text)

    def on_cameras(self, camera_ids: Sequence[str], frames_expected: Sequence[int | None]) -> None:
        self._expected = dict(zip(camera_ids, frames_expected, strict=True))
        self._started_s = self._said_s = time.monotonic()

    def on_frame(self, camera_id: str, frame_index: int, time_s: float, tracklets: int) -> None:
        self._done[camera_id] = frame_index + 1
        self._frames[camera_id] = self._frames.get(camera_id, 0) + 1
        now_s = time.monotonic()
        if now_s - self._said_s >= self._interval_s:
            self._said_s = now_s
            for name in self._done:
                if self._done[name] != self._expected.get(name):
                    self._say(name, now_s)

    def on_camera_end(self, camera_id: str, health: CameraHealth) -> None:
        stderr.print(f"{camera_id}: {health.status}, {health.frames_decoded} frames decoded", soft_wrap=True)

    def on_stage(self, name: str) -> None:
        stderr.print(f"{name} ...", soft_wrap=True)

    def _say(self, camera_id: str, now_s: float) -> None:
        done, expected = self._done[camera_id], self._expected.get(camera_id)
        rate = self._frames[camera_id] / (now_s - self._started_s)
        text = f"{camera_id}: frame {done}"
        if expected:
            left_s = (expected - done) / done * (now_s - self._started_s)
            text += f" of {expected} ({done / expected:.0%}), about {left_s:.0f} s left"
        stderr.print(f"{text}, {rate:.1f} frames/s", soft_wrap=True)


def progress_for_this_terminal(every: int) -> TerminalProgress | PlainProgress:
    """Choose bars for a terminal and lines for everything else."""
    return TerminalProgress(every) if stderr.is_terminal else PlainProgress()
