"""A data set packed into a few files: all its pictures in one, so that a slow or networked disk reads it in one go.

    pack.json       what the pack is of: data set, splits, how many pictures there are, which were left out and why
    images.bin      the pictures, tracklet after tracklet: the image files as they are, or pixels of one size
    offsets.npy     (M + 1,) int64, where each of the M pictures begins in it, and where the last one ends
    names.json      the M pictures' names
    tracklets.npy   (N, 3) int64: person, camera and number of pictures of each tracklet
    frames.npy      int64: which pictures are each tracklet's, tracklet after tracklet

A pack holds all splits of a data set. Read again, it yields the same tracklets with the same names of pictures. How
it is made says `reid.data.packing`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from reid.config import Settings
from reid.data.images import decode
from reid.data.reading import Names, Reading
from reid.data.records import DataSet, TrackletRecord
from reid.data.splits import Splits
from reid.errors import ImageError, InputError
from reid.preprocess import Crop

MARKER = "pack.json"
IMAGES, OFFSETS, NAMES = "images.bin", "offsets.npy", "names.json"
TRACKLETS, FRAMES = "tracklets.npy", "frames.npy"


class SplitIndex(Settings):
    """One split: rows of the table of tracklets, and rows of `test` among those."""

    train: tuple[int, ...]
    test: tuple[int, ...]
    query: tuple[int, ...]
    gallery: tuple[int, ...]


class PackIndex(Settings):
    """What `pack.json` says.

    Attributes:
        format: of the pack.
        vreid_version: that made it.
        data_set: its name on the command line.
        raw_size_hw: height and width of pixels; None where the pictures are image files.
        pictures: M.
        size_bytes: of `images.bin`.
        data_sets: the splits.
        parts: what is counted, as in `Reading`: rows of the table of tracklets.
        splits: as in `Reading`.
        names: as in `Reading`.
        left_out: names of pictures that could not be read, with reasons.
    """

    format: Literal["vreid-pack/1"] = "vreid-pack/1"
    vreid_version: str
    data_set: str
    raw_size_hw: tuple[int, int] | None
    pictures: int
    size_bytes: int
    data_sets: tuple[SplitIndex, ...]
    parts: dict[str, tuple[int, ...]]
    splits: Splits | None
    names: Names | None
    left_out: dict[str, str]


def is_pack(path: Path) -> bool:
    """Whether a folder says that it is a pack."""
    return (path / MARKER).is_file()


def load_packed(path: Path) -> list[DataSet]:
    """Open a pack: its data set, one a split; as `read_pack` otherwise."""
    return list(read_pack(path).data_sets)


def read_pack(path: Path) -> Reading:
    """Open a pack. Pictures are read when they are asked for.

    Args:
        path: its folder.

    Returns:
        What was packed, without `folder`, and without what was missing or extra then.

    Raises:
        InputError: it is no pack, not whole, damaged, or of another version of vreid.
    """
    index = _read_index(path)
    images = path / IMAGES
    try:
        found_bytes = images.stat().st_size
    except OSError as error:
        raise InputError(f"the pack {path} is damaged: {IMAGES}: {error.strerror}; pack the data set anew") from error
    if found_bytes != index.size_bytes:
        raise InputError(
            f"the pack {path} is damaged: {IMAGES} has {found_bytes:,} bytes, expected {index.size_bytes:,}; "
            "copy it or pack the data set anew"
        )
    try:
        names = json.loads((path / NAMES).read_text(encoding="ascii"))
        offsets = np.load(path / OFFSETS)
        if (len(names), len(offsets), int(offsets[-1])) != (index.pictures, index.pictures + 1, index.size_bytes):
            raise ValueError("its tables are of different lengths")
        source = PackedImages(images, names, offsets, index.raw_size_hw)
        records = _read_tracklets(path, names)
        data_sets = tuple(_data_set(index.data_set, split, records, source) for split in index.data_sets)
        parts = {name: tuple(records[row] for row in rows) for name, rows in index.parts.items()}
    except (OSError, EOFError, ValueError, IndexError, TypeError) as error:
        reason = f"{Path(error.filename).name}: {error.strerror}" if isinstance(error, FileNotFoundError) else error
        raise InputError(f"the pack {path} is damaged: {reason}; pack the data set anew") from error
    remark = (f"{len(index.left_out):,} images could not be read when it was packed.",) if index.left_out else ()
    return Reading(data_sets, parts, None, splits=index.splits, names=index.names, remarks=remark)


class PackedImages:
    """The pictures of a pack: a `CropSource`, in threads and in processes of any kind.

    The file is opened for every call, so that there is nothing to share or to close.

    Args:
        path: the file with the pictures.
        names: M names.
        offsets: (M + 1,) int64, as in `offsets.npy`.
        raw_size_hw: height and width of pixels; None for image files.
    """

    def __init__(
        self, path: Path, names: Sequence[str], offsets: NDArray[np.int64], raw_size_hw: tuple[int, int] | None
    ) -> None:
        self._path = path
        self._index_of = {name: index for index, name in enumerate(names)}
        self._offsets = offsets
        self._raw_size_hw = raw_size_hw

    def read(self, frames: Sequence[str]) -> list[Crop]:
        """Read pictures, and decode those that are image files.

        Args:
            frames: names of any tracklets and in any order.

        Returns:
            For each (height, width, 3) uint8, RGB.

        Raises:
            ImageError: the first that the pack does not have or that cannot be decoded any more.
        """
        crops = []
        try:
            with self._path.open("rb", buffering=0) as file:
                for frame in frames:
                    index = self._index_of.get(frame)
                    if index is None:
                        raise ImageError(f"{frame}: not in {self._path}")
                    start, end = self._offsets[index : index + 2].tolist()
                    file.seek(start)
                    data = file.read(end - start)
                    if len(data) != end - start:
                        raise ImageError(f"{frame}: {self._path} ends before it")
                    crops.append(self._pixels(data, frame))
        except OSError as error:
            raise ImageError(f"{frames[0]}: {error.strerror} ({self._path})") from error
        return crops

    def stamp(self, frames: Sequence[str]) -> list[list[object]]:
        """Tell pictures from what they were before the pack changed: their names, and the pack's size and time."""
        try:
            status = self._path.stat()
        except OSError:
            return [[frame] for frame in frames]
        return [[frame, "pack", status.st_size, status.st_mtime_ns] for frame in frames]

    def _pixels(self, data: bytes, name: str) -> Crop:
        if self._raw_size_hw is None:
            return decode(data, f"{name} in {self._path}")
        return np.frombuffer(data, np.uint8).reshape(*self._raw_size_hw, 3)


def _read_index(path: Path) -> PackIndex:
    try:
        content: Any = json.loads((path / MARKER).read_text(encoding="ascii"))
        return PackIndex.model_validate(content)
    except OSError as error:
        raise InputError(f"{path} is no pack: {MARKER}: {error.strerror}") from error
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        raise InputError(
            f"{path / MARKER} is damaged or of another version of vreid: {where}: {problem['msg']}"
        ) from error
    except ValueError as error:
        raise InputError(f"{path / MARKER} is damaged or no pack of vreid: it is not JSON") from error


def _read_tracklets(path: Path, names: Sequence[str]) -> list[TrackletRecord]:
    """Read the tables of tracklets."""
    table, frames = np.load(path / TRACKLETS), np.load(path / FRAMES)
    if table.ndim != 2 or table.shape[1] != 3 or int(table[:, 2].sum()) != len(frames) or int(frames.min()) < 0:
        raise ValueError("its tables of tracklets do not belong together")
    own: Iterator[str] = (names[index] for index in frames.tolist())
    return [
        TrackletRecord(person_id, camera_id, tuple(next(own) for _ in range(count)))
        for person_id, camera_id, count in table.tolist()
    ]


def _data_set(name: str, split: SplitIndex, records: Sequence[TrackletRecord], source: PackedImages) -> DataSet:
    train, test = (tuple(records[row] for row in rows) for rows in (split.train, split.test))
    return DataSet(name, train, test, split.query, split.gallery, source)
