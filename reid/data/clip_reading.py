"""Clips for training: which frames stand for a tracklet, read and changed.

Everything random about a clip comes from a key of four numbers: the training's seed, the epoch, the batch in it, and
the clip's place in that batch over all processes. So neither the number of workers or processes, nor stopping in the
middle of an epoch and going on from there, changes a pixel.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from reid.data.augmentation import Augmentation, augment
from reid.data.images import read_usable
from reid.data.records import CropSource, TrackletRecord
from reid.errors import ImageError
from reid.preprocess import Crop, Preprocessing

_PEOPLE_TRIED = 8  # where nobody's pictures can be read, the disk is gone


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
        rows: which tracklets; another one, if need be of another person, where one has no readable picture.
        broken: names of pictures that could not be read and were replaced, with reasons.
    """

    frames: Tensor
    labels: Tensor
    rows: tuple[int, ...]
    broken: dict[str, str]


class TrainingClips(Dataset[ClipBatch]):
    """The training set as clips, each a function of its `Place`.

    A picture that cannot be read is replaced by the nearest one of its tracklet that can (the earlier of two); a
    tracklet without any by another of the same person, in an order that the clip's generator draws; a person without
    any by the next one, so that all clips of a batch that were to show one person still do.

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

    def shape(self, count: int) -> tuple[int, int, int, int, int]:
        """Tell what the frames of `count` clips take: (count, T, H, W, 3)."""
        return (count, self._clip_length, *self._preprocessing.size_hw, 3)

    def __getitem__(self, place: Place) -> ClipBatch:
        """Make one clip, as a batch.

        Raises:
            ImageError: neither the person's pictures nor those of others can be read.
        """
        frames = torch.empty(self.shape(1), dtype=torch.uint8)
        rows, broken = self.fill(frames.numpy(), [place])
        return ClipBatch(frames, self.labels[list(rows)], rows, broken)

    def fill(self, out: NDArray[np.uint8], places: Sequence[Place]) -> tuple[tuple[int, ...], dict[str, str]]:
        """Make clips in room that is there.

        Args:
            out: (B, T, H, W, 3) uint8, which is written.
            places: B of them.

        Returns:
            `rows` and `broken` as in `ClipBatch`.

        Raises:
            ImageError: neither a person's pictures nor those of others can be read.
        """
        rows, broken = [], {}
        for place, clip_out in zip(places, out, strict=True):
            rng = np.random.default_rng([self._seed, place.epoch, place.batch, place.slot])
            clip = self._read(place.row, rng)
            augment(clip.crops, self._preprocessing, self._augmentation, rng, clip_out)
            rows.append(clip.row)
            broken.update(clip.broken)
        return tuple(rows), broken

    def _read(self, row: int, rng: np.random.Generator) -> Clip:
        """Read a clip of a tracklet, or of another one of the same person, or of one of the people after that."""
        broken: dict[str, str] = {}
        clip = self._read_tracklet(row, rng, broken)
        if clip is not None:
            return clip
        people = list(self._rows_of)
        first = people.index(self._records[row].person_id)
        for person in (people[(first + ahead) % len(people)] for ahead in range(min(_PEOPLE_TRIED, len(people)))):
            for other in rng.permutation([each for each in self._rows_of[person] if each != row]).tolist():
                clip = self._read_tracklet(other, rng, broken)
                if clip is not None:
                    return clip
        reason = next(iter(broken.values()))
        raise ImageError(f"{reason}; nor can any other picture of that person and of {_PEOPLE_TRIED - 1} more be read")

    def _read_tracklet(self, row: int, rng: np.random.Generator, broken: dict[str, str]) -> Clip | None:
        """Read a clip of this tracklet; None where it has no picture. What is broken is added to `broken`."""
        names = self._records[row].frames
        indices = restricted_random_indices(len(names), self._clip_length, rng).tolist()
        usable, unusable = read_usable(self._source, [names[index] for index in indices])
        broken.update(unusable)
        crops = []
        for index in indices:
            picked = names[index]
            nearest = (picked,) if picked in usable else _by_nearness(names, index)
            crop = next(self._readable(nearest, usable, broken), None)
            if crop is None:
                return None
            crops.append(crop)
        return Clip(row, crops, broken)

    def _readable(self, names: Sequence[str], usable: dict[str, Crop], broken: dict[str, str]) -> Iterator[Crop]:
        """Yield the pictures that can be read, reading those that nobody has tried yet."""
        for name in names:
            if name not in usable and name not in broken:
                found, unusable = read_usable(self._source, [name])
                usable.update(found)
                broken.update(unusable)
            if name in usable:
                yield usable[name]


def _by_nearness(names: Sequence[str], index: int) -> list[str]:
    """List a tracklet's pictures by their distance to one of them, the earlier of two first."""
    return [names[other] for other in sorted(range(len(names)), key=lambda other: abs(other - index))]
