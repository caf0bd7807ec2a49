"""Only the pictures that are needed of many tracklets, read by threads while the caller works on earlier ones.

Where a needed picture is broken, the nearest readable one of its tracklet stands in; a tracklet without any is left to
the caller. Decoding lets other threads run, so threads are enough.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple, overload

from reid.data.images import read_usable
from reid.data.records import CropSource, TrackletRecord
from reid.preprocess import Crop

_PICTURES_AT_ONCE = 256  # about 25 MB of 256x128 crops; as many such groups are held as there are threads, and one more
_THREADS = min(4, os.cpu_count() or 1)


class PickedCrops(Sequence[Crop]):
    """A tracklet as a sequence of crops, of which only those are at hand that were picked.

    Args:
        length: pictures in the tracklet.
        crops: position to picture.
    """

    def __init__(self, length: int, crops: Mapping[int, Crop]) -> None:
        self._length = length
        self._crops = crops

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Crop: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Crop]: ...
    def __getitem__(self, index: int | slice) -> Crop | Sequence[Crop]:
        if isinstance(index, slice):
            return [self._crops[position] for position in range(*index.indices(self._length))]
        return self._crops[index]


@dataclass
class Group:
    """Some tracklets as read.

    Attributes:
        rows: which of all tracklets they are, ascending.
        tracklets: one for each row; None where no picture can be read.
        broken: names of the pictures that could not be, each with the reason.
    """

    rows: list[int] = field(default_factory=list)
    tracklets: list[PickedCrops | None] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)


class _Wanted(NamedTuple):
    row: int
    frames: tuple[str, ...]
    picked: tuple[int, ...]


def read_ahead(
    records: Sequence[TrackletRecord], rows: Sequence[int], source: CropSource, pick: Callable[[int], Sequence[int]]
) -> Iterator[Group]:
    """Read what is needed of tracklets.

    Args:
        records: all tracklets.
        rows: which of them to read.
        source: of their pictures; several threads ask it at the same time.
        pick: positions of the pictures that are needed of a tracklet of so many.

    Yields:
        The tracklets in the order of `rows`, some at a time. Memory does not depend on how many there are.
    """
    with ThreadPoolExecutor(_THREADS) as pool:
        reading: deque[Future[Group]] = deque()
        try:
            for wanted in _groups(records, rows, pick):
                reading.append(pool.submit(_read, source, wanted))
                if len(reading) > _THREADS:
                    yield reading.popleft().result()
            while reading:
                yield reading.popleft().result()
        finally:
            for unread in reading:
                unread.cancel()


def _groups(
    records: Sequence[TrackletRecord], rows: Sequence[int], pick: Callable[[int], Sequence[int]]
) -> Iterator[list[_Wanted]]:
    """Put tracklets together until they need enough pictures; one alone may need more."""
    group: list[_Wanted] = []
    pictures = 0
    for row in rows:
        frames = records[row].frames
        picked = tuple(dict.fromkeys(pick(len(frames))))
        if group and pictures + len(picked) > _PICTURES_AT_ONCE:
            yield group
            group, pictures = [], 0
        group.append(_Wanted(row, frames, picked))
        pictures += len(picked)
    if group:
        yield group


def _read(source: CropSource, wanted: Sequence[_Wanted]) -> Group:
    """Read a group with one call to the source, and what is broken of it anew."""
    names = dict.fromkeys(each.frames[position] for each in wanted for position in each.picked)
    pictures, broken = read_usable(source, list(names))
    group = Group(broken=dict(broken))
    for each in wanted:
        crops = {}
        for position in each.picked:
            crop = _nearest(source, each.frames, position, pictures, group.broken)
            if crop is None:
                break
            crops[position] = crop
        group.rows.append(each.row)
        group.tracklets.append(PickedCrops(len(each.frames), crops) if crops else None)
    return group


def _nearest(
    source: CropSource, frames: Sequence[str], position: int, pictures: dict[str, Crop], broken: dict[str, str]
) -> Crop | None:
    """Find the readable picture nearest to a position, the earlier of two; None where there is none."""
    if frames[position] in pictures:
        return pictures[frames[position]]
    for candidate in sorted(range(len(frames)), key=lambda other: abs(other - position)):
        name = frames[candidate]
        if name not in pictures and name not in broken:
            read, unusable = read_usable(source, [name])
            pictures.update(read)
            broken.update(unusable)
        if name in pictures:
            return pictures[name]
    return None
