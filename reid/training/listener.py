"""What hears of a training's progress."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Stopped(Exception):  # noqa: N818 (nothing went wrong)
    """The listener wants to stop, and there is nothing to save: all that is worth it was saved before."""


class TrainingListener:
    """What hears of a training's progress; does nothing by itself."""

    def on_begin(self, about: Mapping[str, Any]) -> None:
        """What is trained on what: the folder's index."""

    def on_note(self, text: str) -> None:
        """Something that the user should know."""

    def on_batch(self, epoch: int, done: int, batches: int, record: Mapping[str, Any]) -> None:
        """An epoch (from 0) has come this far; the record is the epoch's so far."""

    def on_rendered(self, done: int, images: int) -> None:
        """So many more images of made-up people were rendered, of so many in all."""

    def on_look(self, what: str, done: int, tracklets: int) -> None:
        """So many more of a set's tracklets were embedded to score it."""

    def on_epoch(self, record: Mapping[str, Any]) -> None:
        """An epoch is over; the record is its line in the log."""

    def should_stop(self) -> bool:
        """Whether to save and leave after this batch, or at once where there is nothing to save."""
        return False


def stop_if_asked(listener: TrainingListener) -> None:
    """Leave where there is nothing to save.

    Raises:
        Stopped: the listener wants to.
    """
    if listener.should_stop():
        raise Stopped
