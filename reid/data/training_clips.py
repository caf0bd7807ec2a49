"""Clips for training: which frames stand for a tracklet, read and changed by workers while the model works.

Everything random about a clip comes from a key of four numbers: the training's seed, the epoch, the batch in it, and
the clip's place in that batch over all processes. So neither the number of workers or processes, nor stopping in the
middle of an epoch and going on from there, changes a pixel.
"""

from __future__ import annotations

import signal
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from reid.data.augmentation import Augmentation, augment
from reid.data.images import read_usable
from reid.data.records import CropSource, TrackletRecord
from reid.data.sampler import BatchSettings, share_of
from reid.errors import ImageError, RunError, VreidError
from reid.preprocess import Crop, Preprocessing


def restricted_random_indices(num_frames: int, clip_length: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Pick one frame at random from each of `clip_length` equal chunks of a tracklet.

    Chunk i of T is [i n / T, (i + 1) n / T), in whole numbers; one that holds no frame stands for the frame it lies in.

    Args:
        num_frames: n, frames in the tracklet, >= 1.
        clip_length: T, frames in the clip, >= 1.
        rng: the clip's generator.

    Returns:
        (T,) int64 indices in [0, num_frames), non-decreasing. A tracklet shorter than T repeats frames.

    Raises:
        ValueError: num_frames or clip_length is below 1.

    Source: restricted random sampling, Li et al. 2018, Diversity regularized spatiotemporal attention.
    """
    if num_frames < 1 or clip_length < 1:
        raise ValueError(f"a tracklet of {num_frames} frames has no clip of {clip_length}")
    bounds = np.arange(clip_length + 1, dtype=np.int64) * num_frames // clip_length
    return rng.integers(bounds[:-1], np.maximum(bounds[1:], bounds[:-1] + 1))


class Place(NamedTuple):
    """Where a clip stands in the training, from which everything random about it follows.

    Attributes:
        epoch: counted from 0.
        batch: in the epoch, counted from 0.
        slot: in the batch of all processes, counted from 0.
        row: of the records: which tracklet.
    """

    epoch: int
    batch: int
    slot: int
    row: int


class Clip(NamedTuple):
    """A clip as it was read.

    Attributes:
        row: of the records: which tracklet its frames are of.
        crops: T crops of any sizes.
        broken: names of pictures that could not be read, with reasons.
    """

    row: int
    crops: list[Crop]
    broken: dict[str, str]


@dataclass
class ClipBatch:
    """What a training step works on.

    Attributes:
        frames: (B, T, H, W, 3) uint8, RGB.
        labels: (B,) int64.
        rows: which tracklets; another one of the same person where a tracklet has no readable picture.
        broken: names of pictures that could not be read and were replaced, with reasons.
    """

    frames: Tensor
    labels: Tensor
    rows: tuple[int, ...]
    broken: dict[str, str]


class _Loaded(NamedTuple):
    """A batch on its way from a worker."""

    frames: Tensor
    rows: tuple[int, ...]
    broken: dict[str, str]


class TrainingClips(Dataset["_Loaded"]):
    """The training set as clips, each a function of its `Place`.

    A picture that cannot be read is replaced by the nearest one of its tracklet that can (the earlier of two); a
    tracklet without any by another of the same person, in an order that the clip's generator draws.

    Args:
        records: N tracklets of people.
        labels: for each the class that the model is to learn, >= 0; the same for a person's tracklets.
        source: where the pictures come from; workers get a copy of it.
        clip_length: T.
        preprocessing: the model's.
        augmentation: how clips are changed.
        seed: of the training.
    """

    def __init__(
        self,
        records: Sequence[TrackletRecord],
        labels: Sequence[int],
        source: CropSource,
        clip_length: int,
        preprocessing: Preprocessing,
        augmentation: Augmentation,
        seed: int,
    ) -> None:
        if len(labels) != len(records):
            raise ValueError(f"{len(records)} tracklets have {len(labels)} labels")
        self._records = records
        self._source = source
        self._clip_length = clip_length
        self._preprocessing = preprocessing
        self._augmentation = augmentation
        self._seed = seed
        self._rows_of: dict[int, list[int]] = defaultdict(list)
        for row, record in enumerate(records):
            self._rows_of[record.person_id].append(row)
        self.labels = torch.tensor(labels, dtype=torch.int64)  # (N,)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, place: Place) -> _Loaded:
        return self.__getitems__([place])

    def __getitems__(self, places: Sequence[Place]) -> _Loaded:
        """Make a batch; what torch's loader calls, in a worker or not.

        Raises:
            ImageError: none of a person's pictures can be read.
        """
        frames = _empty_frames((len(places), self._clip_length, *self._preprocessing.size_hw, 3))
        rows, broken = [], {}
        for place, out in zip(places, frames.numpy(), strict=True):
            rng = np.random.default_rng([self._seed, place.epoch, place.batch, place.slot])
            clip = self._read(place.row, rng)
            augment(clip.crops, self._preprocessing, self._augmentation, rng, out)
            rows.append(clip.row)
            broken.update(clip.broken)
        return _Loaded(frames, tuple(rows), broken)

    def _read(self, row: int, rng: np.random.Generator) -> Clip:
        """Read a clip of a tracklet, or of another one of the same person."""
        broken: dict[str, str] = {}
        clip = self._read_tracklet(row, rng, broken)
        if clip is not None:
            return clip
        person = self._records[row].person_id
        for other in rng.permutation([each for each in self._rows_of[person] if each != row]).tolist():
            clip = self._read_tracklet(other, rng, broken)
            if clip is not None:
                return clip
        reason = next(iter(broken.values()))
        raise ImageError(f"{reason}; nor can any other picture of person {person} be read, so it cannot be trained on")

    def _read_tracklet(self, row: int, rng: np.random.Generator, broken: dict[str, str]) -> Clip | None:
        """Read a clip of this tracklet; None where it has no picture. What is broken is added to `broken`."""
        names = self._records[row].frames
        indices = restricted_random_indices(len(names), self._clip_length, rng).tolist()
        usable, unusable = read_usable(self._source, [names[index] for index in indices])
        broken.update(unusable)
        crops = []
        for index in indices:
            for near in sorted(range(len(names)), key=lambda other: abs(other - index)) if unusable else (index,):
                name = names[near]
                if name not in usable and name not in broken:
                    more, unusable = read_usable(self._source, [name])
                    usable.update(more)
                    broken.update(unusable)
                if name in usable:
                    crops.append(usable[name])
                    break
            else:
                return None
        return Clip(row, crops, broken)


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
        share_of([], rank, world_size, settings)
        self._labels = clips.labels
        self._plan = _Plan(lambda batch: share_of(batch, rank, world_size, settings), rank, batches)
        with _no_advice():
            self._loader: DataLoader[Any] | None = DataLoader(
                _NoErrors(clips),
                batch_sampler=self._plan,
                num_workers=workers,
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
            ImageError: none of a person's pictures can be read.
            RunError: a worker died.
        """
        if self._loader is None:
            raise ValueError("the loader is closed")
        self._plan.begin(epoch, start)
        with _no_advice():
            self._running = iter(self._loader)
        turn = self._turn = self._turn + 1
        while turn == self._turn:
            loaded = _next(self._running)
            if loaded is None:
                return
            yield ClipBatch(loaded.frames, self._labels[list(loaded.rows)], loaded.rows, loaded.broken)

    def close(self) -> None:
        """End the workers; an epoch that is being read ends too."""
        self._turn += 1
        # They would end with the loader, but not while an exception on its way holds on to it.
        getattr(self._running, "_shutdown_workers", int)()
        self._running, self._loader = iter(()), None


class _Plan(Sampler[list[Place]]):
    """Says which clips make the batches of the epoch that was begun last."""

    def __init__(
        self, share: Callable[[list[int]], list[int]], rank: int, batches: Callable[[int], list[list[int]]]
    ) -> None:
        self._share = share
        self._rank = rank
        self._batches = batches
        self._epoch = self._start = 0

    def begin(self, epoch: int, start: int) -> None:
        self._epoch, self._start = epoch, start

    def __iter__(self) -> Iterator[list[Place]]:
        for number, batch in enumerate(self._batches(self._epoch)):
            if number >= self._start:
                rows = self._share(batch)
                first_slot = self._rank * len(rows)
                yield [Place(self._epoch, number, first_slot + at, row) for at, row in enumerate(rows)]


class _NoErrors(Dataset[Any]):
    """Hands errors out as results: raised in a worker, they would come with its traceback as their message."""

    def __init__(self, clips: TrainingClips) -> None:
        self._clips = clips

    def __getitems__(self, places: Sequence[Place]) -> _Loaded | VreidError:
        try:
            return self._clips.__getitems__(places)
        except VreidError as error:
            return error

    def __getitem__(self, place: Place) -> _Loaded | VreidError:
        return self.__getitems__([place])


def _next(running: Iterator[Any]) -> _Loaded | None:
    """Wait for a batch; None after the last.

    Raises:
        VreidError: what went wrong in a worker.
        RunError: a worker died.
    """
    try:
        loaded: _Loaded | VreidError | None = next(running, None)
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker"):
            raise
        raise RunError(
            "a worker that reads training pictures died, as happens when memory or shared memory (/dev/shm) runs out; "
            "use fewer workers, or give the machine or container more"
        ) from error
    if isinstance(loaded, VreidError):
        raise loaded
    return loaded


@contextmanager
def _no_advice() -> Iterator[None]:
    """Keep two warnings from the user, who can do nothing about them."""
    with warnings.catch_warnings():
        # As many workers as there are cores are too few for a slow disk: how many is for the user to say.
        warnings.filterwarnings("ignore", message="This DataLoader will create", category=UserWarning)
        # Python warns of forks beside threads, from 3.12 on. These workers run none of torch's parallel code.
        warnings.filterwarnings("ignore", message=".*multi-threaded, use of fork", category=DeprecationWarning)
        yield


def _empty_frames(shape: tuple[int, ...]) -> Tensor:
    """Make room for frames; in a worker where the main process can see it, so that nothing has to be copied."""
    if get_worker_info() is None:
        return torch.empty(shape, dtype=torch.uint8)
    storage = torch.UntypedStorage._new_shared(int(np.prod(shape)))  # type: ignore[no-untyped-call]
    return torch.empty(0, dtype=torch.uint8).set_(storage).view(shape)


def _as_it_is(loaded: Any) -> Any:
    return loaded


def _prepare_worker(_: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The worker's own errors take another way. Here come those of handing a batch over while the main process leaves.
    sys.excepthook = lambda *_: None
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
