"""Packing a data set: all its pictures into one file. What is in a pack says `reid.data.packed`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from shutil import disk_usage
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from reid.data.images import decode
from reid.data.packed import FRAMES, IMAGES, MARKER, NAMES, OFFSETS, TRACKLETS, PackIndex, SplitIndex
from reid.data.reading import Reading
from reid.data.records import DataSet, TrackletRecord
from reid.errors import ImageError, InputError, OutputError
from reid.output_folder import new_folder
from reid.preprocess import Preprocessing
from reid.version import package_version

_IMAGES_AT_ONCE = 256


class PackReport(NamedTuple):
    """What was packed.

    Attributes:
        pictures: how many there are in the pack.
        size_bytes: what they take.
        left_out: names of pictures that are missing or cannot be decoded, with reasons.
        tracklets_left_out: how many had no other pictures.
    """

    pictures: int
    size_bytes: int
    left_out: dict[str, str]
    tracklets_left_out: int


@runtime_checkable
class _FileSource(Protocol):
    """A source of pictures that can hand out image files, as `ImageFiles` does."""

    def encoded(self, frame: str) -> bytes: ...


def pictures_of(reading: Reading) -> tuple[str, ...]:
    """List the names of all pictures of all splits, each once, in the order in which they are packed."""
    return tuple(dict.fromkeys(frame for record in _records(reading) for frame in record.frames))


def check_raw(reading: Reading, out: Path, size_hw: tuple[int, int]) -> int:
    """Tell how much room pixels take, and refuse what does not fit.

    Returns:
        Bytes.

    Raises:
        OutputError: the disk has less left.
    """
    count = len(pictures_of(reading))
    size_bytes = count * size_hw[0] * size_hw[1] * 3
    parent = out.absolute().parent
    while not parent.exists():
        parent = parent.parent
    free_bytes = disk_usage(parent).free
    if size_bytes > free_bytes:
        raise OutputError(
            f"--out {out}: {count:,} pictures of {size_hw[0]}x{size_hw[1]} pixels take {size_bytes / 1e9:,.1f} GB, but "
            f"{free_bytes / 1e9:,.1f} GB are free there; choose another disk or a smaller --raw, or leave --raw out to "
            "pack the image files as they are"
        )
    return size_bytes


def pack(
    reading: Reading,
    out: Path,
    *,
    raw_size_hw: tuple[int, int] | None = None,
    overwrite: bool = False,
    on_images: Callable[[int], None] = lambda _: None,
) -> PackReport:
    """Pack a data set; the folder appears whole or not at all.

    Every picture is decoded once, whatever is kept of it, and what cannot be is left out.

    Args:
        reading: the data set, whose pictures are loose files.
        out: where the pack is to stand.
        raw_size_hw: keep pixels, resized to this height and width; None to keep the image files as they are.
        overwrite: replace a pack that stands there. Nothing else is ever replaced.
        on_images: told how many more images were packed, every now and then.

    Raises:
        InputError: the data set is a pack, or none of its pictures can be read.
        OutputError: something stands there already, the place cannot be written, or there is no room for pixels.
        RunError: writing failed on the way.
    """
    source = reading.data_sets[0].source
    if not isinstance(source, _FileSource):
        raise InputError(f"the pictures of {reading.data_sets[0].name} are no loose files, so they cannot be packed")
    if raw_size_hw is not None:
        check_raw(reading, out, raw_size_hw)
    with new_folder(out, marker=MARKER, what="a pack", overwrite=overwrite) as building:
        lengths, left_out = _write_pictures(pictures_of(reading), source, building / IMAGES, raw_size_hw, on_images)
        if not lengths:
            raise InputError(f"no picture of {reading.data_sets[0].name} can be read: {next(iter(left_out.values()))}")
        np.save(building / OFFSETS, np.cumsum([0, *lengths.values()], dtype=np.int64))
        (building / NAMES).write_text(json.dumps(list(lengths)), encoding="ascii")
        row_of = _write_tracklets(reading, building, {name: index for index, name in enumerate(lengths)})
        size_bytes = sum(lengths.values())
        index = PackIndex(
            vreid_version=package_version(),
            data_set=reading.data_sets[0].name,
            raw_size_hw=raw_size_hw,
            pictures=len(lengths),
            size_bytes=size_bytes,
            data_sets=tuple(_split_index(data_set, row_of) for data_set in reading.data_sets),
            parts={name: _rows(records, row_of) for name, records in reading.parts.items()},
            splits=reading.splits,
            names=reading.names,
            left_out=left_out,
        )
        (building / MARKER).write_text(json.dumps(index.model_dump(mode="json")) + "\n", encoding="ascii")
    return PackReport(len(lengths), size_bytes, left_out, sum(row is None for row in row_of.values()))


def _records(reading: Reading) -> list[TrackletRecord]:
    """List the tracklets of all splits, each once."""
    splits = ((*data_set.train, *data_set.test) for data_set in reading.data_sets)
    return list(dict.fromkeys(chain(*splits, *reading.parts.values())))


def _write_pictures(
    names: Sequence[str],
    source: _FileSource,
    path: Path,
    raw_size_hw: tuple[int, int] | None,
    on_images: Callable[[int], None],
) -> tuple[dict[str, int], dict[str, str]]:
    """Write what can be read into one file, in order; returns its length by name, and reasons for the rest."""
    preprocessing = Preprocessing(raw_size_hw) if raw_size_hw else None

    def content(name: str) -> bytes | ImageError:
        try:
            data = source.encoded(name)
            crop = decode(data, name)
        except ImageError as error:
            return error
        return preprocessing.resize(crop).tobytes() if preprocessing else data

    lengths, left_out = {}, {}
    with path.open("wb") as file, ThreadPoolExecutor() as pool:
        for start in range(0, len(names), _IMAGES_AT_ONCE):
            some = names[start : start + _IMAGES_AT_ONCE]
            for name, data in zip(some, pool.map(content, some), strict=True):
                if isinstance(data, ImageError):
                    left_out[name] = str(data)
                else:
                    file.write(data)
                    lengths[name] = len(data)
            on_images(len(some))
    return lengths, left_out


def _write_tracklets(reading: Reading, folder: Path, index_of: dict[str, int]) -> dict[TrackletRecord, int | None]:
    """Write the tables of tracklets; returns each one's row, None where it has no picture left."""
    rows: dict[TrackletRecord, int | None] = {}
    table: list[tuple[int, int, int]] = []
    frames: list[int] = []
    for record in _records(reading):
        own = [index_of[name] for name in record.frames if name in index_of]
        rows[record] = len(table) if own else None
        if own:
            table.append((record.person_id, record.camera_id, len(own)))
            frames += own
    np.save(folder / TRACKLETS, np.array(table, dtype=np.int64))
    np.save(folder / FRAMES, np.array(frames, dtype=np.int64))
    return rows


def _rows(records: Sequence[TrackletRecord], row_of: dict[TrackletRecord, int | None]) -> tuple[int, ...]:
    return tuple(row for row in (row_of[record] for record in records) if row is not None)


def _split_index(data_set: DataSet, row_of: dict[TrackletRecord, int | None]) -> SplitIndex:
    left = [row for row, record in enumerate(data_set.test) if row_of[record] is not None]
    new_row = {row: new for new, row in enumerate(left)}
    query, gallery = (
        tuple(new_row[row] for row in rows if row in new_row) for rows in (data_set.query, data_set.gallery)
    )
    return SplitIndex(
        train=_rows(data_set.train, row_of), test=_rows(data_set.test, row_of), query=query, gallery=gallery
    )
