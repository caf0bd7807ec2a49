"""Batches of clips for training, made by workers while the model works on those before."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from reid.data.clip_reading import ClipBatch, Place, TrainingClips, restricted_random_indices
from reid.data.sampler import BatchSettings, share_of
from reid.data.shared_rooms import SharedRooms
from reid.errors import RunError, VreidError

__all__ = ["ClipBatch", "ClipLoader", "Place", "TrainingClips", "restricted_random_indices"]

_AHEAD = 2  # batches that each worker makes before they are asked for


class ClipLoader:
    """Batches of clips, epoch after epoch, made by the same workers.

    Workers ignore Ctrl-C, which is the main process's to answer, and end when it does. Close the loader when done.

    Args:
        clips: the training set.
        batches: an epoch -> its batches over all processes, such as `pk_batches` makes.
        workers: processes that read and decode; 0 to do it in this one, when a batch is asked for.
        rank: which of several training processes this is.
        world_size: how many there are.
        settings: what a batch is made of.

    Raises:
        ConfigError: a batch cannot be shared out among the processes.
    """

    def __init__(
        self,
        clips: TrainingClips,
        batches: Callable[[int], list[list[int]]],
        *,
        workers: int,
        rank: int = 0,
        world_size: int = 1,
        settings: BatchSettings,
    ) -> None:
        batch_size = len(share_of([0] * settings.people * settings.tracklets, rank, world_size, settings))
        self._labels = clips.labels
        # torch orders the next batch before it hands the last one out: one more than are made ahead.
        self._rooms = SharedRooms(workers * _AHEAD + 1, clips.shape(batch_size))
        self._plan = _Plan(lambda batch: share_of(batch, rank, world_size, settings), rank, batches, self._rooms)
        with _no_advice():
            self._loader: DataLoader[Any] | None = DataLoader(
                _Worker(clips, self._rooms),
                batch_sampler=cast(Any, self._plan),  # any iterable will do
                num_workers=workers,
                prefetch_factor=_AHEAD if workers else None,
                collate_fn=_as_it_is,
                worker_init_fn=_prepare_worker,
                persistent_workers=workers > 0,
                # torch draws a number an epoch from it; out of the global one it would change what the model draws.
                generator=torch.Generator(),
            )
        self._running: Iterator[Any] = iter(())
        self._turn = 0

    def epoch(self, epoch: int, start: int = 0) -> Iterator[ClipBatch]:
        """Yield this process's share of an epoch's batches.

        An epoch that is not read to its end is given up when the next one begins.

        Args:
            epoch: counted from 0.
            start: the first batch, counted from 0: how many were done when the training stopped.

        Raises:
            ImageError: neither a person's pictures nor those of others can be read.
            RunError: a worker died.
        """
        if self._loader is None:
            raise ValueError("the loader is closed")
        self._plan.begin(epoch, start)
        with _no_advice(), _ctrl_c_waits():
            self._running = iter(self._loader)
        turn = self._turn = self._turn + 1
        while turn == self._turn:
            made = _next(self._running)
            if made is None:
                return
            frames = self._rooms.hand_out(made.room, len(made.rows))
            yield ClipBatch(frames, self._labels[list(made.rows)], made.rows, made.broken)

    def close(self) -> None:
        """End the workers; an epoch that is being read ends too."""
        self._turn += 1
        # They would end with the loader, but not while an exception on its way holds on to it.
        getattr(self._running, "_shutdown_workers", int)()
        self._running, self._loader = iter(()), None


class _Order(NamedTuple):
    """What a worker is to do: which clips to make, and where to put them."""

    room: int
    places: list[Place]


class _Made(NamedTuple):
    """What a worker says when it has done so; `rows` and `broken` as in `ClipBatch`."""

    room: int
    rows: tuple[int, ...]
    broken: dict[str, str]


class _Plan:
    """Orders the batches of the epoch that was begun last."""

    def __init__(
        self,
        share: Callable[[list[int]], list[int]],
        rank: int,
        batches: Callable[[int], list[list[int]]],
        rooms: SharedRooms,
    ) -> None:
        self._share = share
        self._rank = rank
        self._batches = batches
        self._rooms = rooms
        self._epoch = self._start = 0

    def begin(self, epoch: int, start: int) -> None:
        self._epoch, self._start = epoch, start

    def __iter__(self) -> Iterator[_Order]:
        self._rooms.forget_orders()  # torch has let the workers finish what an epoch that was given up had ordered
        for number, batch in enumerate(self._batches(self._epoch)):
            if number >= self._start:
                rows = self._share(batch)
                first_slot = self._rank * len(rows)
                places = [Place(self._epoch, number, first_slot + at, row) for at, row in enumerate(rows)]
                yield _Order(self._rooms.take(), places)


class _Worker(Dataset[Any]):
    """Does what it is ordered; what torch's loader takes for a dataset, in a worker or in the main process.

    It hands errors out as results: raised in a worker, they would come with its traceback as their message.
    """

    def __init__(self, clips: TrainingClips, rooms: SharedRooms) -> None:
        self._clips = clips
        self._rooms = rooms

    def __getitems__(self, order: _Order) -> _Made | VreidError:
        try:
            rows, broken = self._clips.fill(self._rooms[order.room][: len(order.places)], order.places)
        except VreidError as error:
            return error
        return _Made(order.room, rows, broken)


def _next(running: Iterator[Any]) -> _Made | None:
    """Wait for a batch; None after the last.

    Raises:
        VreidError: what went wrong in a worker.
        RunError: a worker died.
    """
    try:
        made: _Made | VreidError | None = next(running, None)
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker"):
            raise
        raise RunError(
            "a worker that reads training pictures died, as happens when memory runs out; "
            "use fewer workers, or give the machine or container more"
        ) from error
    if isinstance(made, VreidError):
        raise made
    return made


@contextmanager
def _no_advice() -> Iterator[None]:
    """Keep two warnings from the user, who can do nothing about them."""
    with warnings.catch_warnings():
        # As many workers as there are cores are too few for a slow disk: how many is for the user to say.
        warnings.filterwarnings("ignore", message="This DataLoader will create", category=UserWarning)
        # Python warns of forks beside threads, from 3.12 on. These workers run none of torch's parallel code.
        warnings.filterwarnings("ignore", message=".*multi-threaded, use of fork", category=DeprecationWarning)
        yield


@contextmanager
def _ctrl_c_waits() -> Iterator[None]:
    """Hold Ctrl-C back while workers begin, each until it ignores it; it then reaches this process."""
    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _as_it_is(loaded: Any) -> Any:
    return loaded


def _prepare_worker(_: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
