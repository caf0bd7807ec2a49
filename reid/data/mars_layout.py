"""MARS's folder: how its files are named, and how a data set is written into one.

    bbox_train/<person>/<image>.jpg    bbox_test/<person>/<image>.jpg
    info/train_name.txt                info/test_name.txt            every image's name, tracklet after tracklet
    info/tracks_train_info.mat         info/tracks_test_info.mat     a row a tracklet: which of those names are its own
    info/query_IDX.mat                                               which rows of the test table are queries
    tracklets.json                                                   only in a folder that vreid wrote: what it is

Source: Zheng et al. 2016, MARS: a video benchmark for large-scale person re-identification, and the files themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import scipy.io
from numpy.typing import NDArray

from reid.data.records import JUNK_ID, DataSet, TrackletRecord
from reid.errors import ConfigError, InputError
from reid.output_folder import new_folder
from reid.preprocess import Crop
from reid.version import package_version

FORMAT = "vreid-tracklets/1"
INDEX = "tracklets.json"  # by which a folder is known as one that vreid wrote
PARTS = ("train", "test")
JPEG_QUALITY = 95

_NAME = re.compile(r"(\d{4,}|00-1)C(\d+)T(\d{4,})F(\d{3,})\.jpg")
_IMAGES_AT_ONCE = 128
# SciPy would write the date here, and the same data set would never be the same bytes again.
_MAT_TITLE = b"MATLAB 5.0 MAT-file, written by vreid".ljust(116)


class FrameName(NamedTuple):
    """An image's name, which says whose it is. Numbers beyond `ROOM` make names that MARS cannot have.

    Attributes:
        person_id: as in `reid.data.records`.
        camera_id: counted from 1.
        tracklet: counted from 1 through all tracklets of one person id.
        frame: counted from 1 in each tracklet.
    """

    person_id: int
    camera_id: int
    tracklet: int
    frame: int

    @staticmethod
    def parse(path: str) -> FrameName:
        """Read the last part of a path.

        Raises:
            InputError: it is not such a name.
        """
        name = path.rpartition("/")[2]
        match = _NAME.fullmatch(name)
        if match is None:
            raise InputError(f"{name} is not an image's name of MARS, as 0065C1T0002F016.jpg is")
        person, *numbers = match.groups()
        return FrameName(JUNK_ID if person == "00-1" else int(person), *map(int, numbers))

    def path(self, part: str) -> str:
        """Where the image lies in the folder, with slashes.

        Args:
            part: "train" or "test".
        """
        name = f"{_prefix(self.person_id, self.camera_id)}T{self.tracklet:04d}F{self.frame:03d}.jpg"
        return _image_path(part, name)


ROOM = FrameName(person_id=9_999, camera_id=9, tracklet=9_999, frame=999)


class Tables(NamedTuple):
    """What the files in `info` say.

    Attributes:
        train: tracklets with paths of images below the folder, in the order of the table.
        test: the same.
        query: rows of `test`.
    """

    train: tuple[TrackletRecord, ...]
    test: tuple[TrackletRecord, ...]
    query: tuple[int, ...]


def read_tables(folder: Path) -> Tables:
    """Read the name lists and tables; images are not looked at.

    Args:
        folder: the one that `info` is in.

    Raises:
        InputError: a file is missing or is not what MARS has under that name, or they contradict each other.
    """
    info = folder / "info"
    train, test = (_tracklets(read_tracks(info, part), _names(info / f"{part}_name.txt"), part) for part in PARTS)
    query = read_query(info)
    if query and not (min(query) >= 0 and max(query) < len(test)):
        raise InputError(f"{info / 'query_IDX.mat'} points beyond the {len(test)} tracklets of the test set")
    return Tables(train, test, query)


def read_tracks(info: Path, part: str) -> NDArray[np.int32]:
    """Read a table of tracklets.

    Args:
        info: MARS's folder of tables.
        part: "train" or "test".

    Returns:
        (N, 4): first and last line in the list of names, counted from 1 and both inclusive, person and camera.

    Raises:
        InputError: the file is missing or holds something else.
    """
    path, variable = info / f"tracks_{part}_info.mat", f"track_{part}_info"
    table = load_matrix(path, variable)
    if table.ndim != 2 or table.shape[1] != 4:
        raise InputError(f"{path}: {variable} is of shape {table.shape}, expected four columns")
    return table.astype(np.int32)


def read_query(info: Path) -> tuple[int, ...]:
    """Read which rows of the test table are queries, counted from 0.

    Raises:
        InputError: the file is missing or holds something else.
    """
    return tuple(int(number) - 1 for number in load_matrix(info / "query_IDX.mat", "query_IDX").ravel())


def write_mars(
    data_set: DataSet,
    out: Path,
    about: dict[str, Any],
    *,
    overwrite: bool = False,
    quality: int = JPEG_QUALITY,
    on_images: Callable[[int], None] = lambda _: None,
) -> None:
    """Write a data set; the folder appears whole or not at all.

    The same records and pictures make the same bytes.

    Args:
        data_set: its pictures' names are paths as `FrameName.path` makes them.
        out: where the folder is to stand.
        about: what `INDEX` says beside its format and version: what the data set is and where it comes from.
        overwrite: replace such a folder that stands there. Nothing else is ever replaced.
        quality: of the JPEG files, 0 to 100.
        on_images: told how many more images were written, after every hundred or so.

    Raises:
        ConfigError: a number has more digits than MARS's names have room for.
        OutputError: something stands there already, or the place cannot be written.
        RunError: writing failed on the way.
    """
    _check_room(data_set)
    with new_folder(out, marker=INDEX, what="a folder of tracklets", overwrite=overwrite) as building:
        _write_images(data_set, building, quality, on_images)
        _write_tables(data_set, building)
        index = {"format": FORMAT, "vreid_version": package_version(), **about}
        (building / INDEX).write_text(json.dumps(index, indent=2, allow_nan=False) + "\n", encoding="ascii")


def _check_room(data_set: DataSet) -> None:
    for tracklet in data_set.train + data_set.test:
        last = FrameName.parse(tracklet.frames[-1])
        for what, number, most in zip(FrameName._fields, last, ROOM, strict=True):
            if number > most:
                raise ConfigError(f"MARS's image names have room for a {what} up to {most}, not for {number}")


def _write_images(data_set: DataSet, folder: Path, quality: int, on_images: Callable[[int], None]) -> None:
    frames = [frame for tracklet in data_set.train + data_set.test for frame in tracklet.frames]
    for parent in dict.fromkeys(frame.rpartition("/")[0] for frame in frames):
        (folder / parent).mkdir(parents=True)

    def write(frame: str, crop: Crop) -> None:
        (folder / frame).write_bytes(_jpeg(crop, quality))

    with ThreadPoolExecutor() as pool:
        for start in range(0, len(frames), _IMAGES_AT_ONCE):
            some = frames[start : start + _IMAGES_AT_ONCE]
            list(pool.map(write, some, data_set.source.read(some)))
            on_images(len(some))


def _write_tables(data_set: DataSet, folder: Path) -> None:
    info = folder / "info"
    info.mkdir()
    for part, tracklets in (("train", data_set.train), ("test", data_set.test)):
        names = [frame.rpartition("/")[2] for tracklet in tracklets for frame in tracklet.frames]
        (info / f"{part}_name.txt").write_text("".join(f"{name}\n" for name in names), encoding="ascii", newline="\n")
        _save(info / f"tracks_{part}_info.mat", f"track_{part}_info", _track_table(tracklets))
    query = np.array(data_set.query, dtype=np.int64)[None] + 1  # (1, number of queries)
    fits = len(data_set.test) <= np.iinfo(np.uint16).max
    _save(info / "query_IDX.mat", "query_IDX", query.astype(np.uint16 if fits else np.uint32))


def _track_table(tracklets: Sequence[TrackletRecord]) -> NDArray[np.int32]:
    """Lay tracklets out as `read_tracks` yields them."""
    lengths = np.array([len(tracklet.frames) for tracklet in tracklets], dtype=np.int32)
    last = np.cumsum(lengths, dtype=np.int32)
    people, cameras = (
        np.array(ids, dtype=np.int32)
        for ids in ([each.person_id for each in tracklets], [each.camera_id for each in tracklets])
    )
    return np.stack([last - lengths + 1, last, people, cameras], axis=1)


def _tracklets(table: NDArray[np.int32], names: Sequence[str], part: str) -> tuple[TrackletRecord, ...]:
    records = []
    for row, (first, last, person_id, camera_id) in enumerate(table.tolist(), 1):
        if not 1 <= first <= last <= len(names):
            raise InputError(f"{part} tracklet {row} has lines {first} to {last} of a list of {len(names)} names")
        own = names[first - 1 : last]
        prefix = _prefix(person_id, camera_id)
        wrong = next((name for name in own if not (name.startswith(prefix) and _NAME.fullmatch(name))), None)
        if wrong is not None:
            expected = f"expected {prefix}T, 4 digits, F, 3 digits, .jpg"
            raise InputError(f"{part} tracklet {row} has an image called {wrong}, {expected}")
        records.append(TrackletRecord(person_id, camera_id, tuple(_image_path(part, name) for name in own)))
    return tuple(records)


def _prefix(person_id: int, camera_id: int) -> str:
    """How the names of a person's images in a camera begin."""
    return f"00-1C{camera_id}" if person_id == JUNK_ID else f"{person_id:04d}C{camera_id}"


def _image_path(part: str, name: str) -> str:
    return f"bbox_{part}/{name.partition('C')[0]}/{name}"


def _names(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {getattr(error, 'strerror', None) or 'not a list of names'}") from error


def load_matrix(path: Path, variable: str) -> NDArray[np.integer]:
    """Read a table of whole numbers from a MATLAB file.

    Raises:
        InputError: the file is missing, damaged, or does not have it.
    """
    try:
        content = scipy.io.loadmat(str(path), variable_names=[variable])
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except Exception as error:  # SciPy raises whatever a damaged file makes it stumble over
        raise InputError(f"{path} is damaged or no MATLAB file") from error
    table = content.get(variable)
    if table is not None and np.issubdtype(table.dtype, np.floating):  # MATLAB's numbers unless one asks for others
        whole = table.astype(np.int64)
        table = whole if np.array_equal(whole, table) else None
    if table is None or not np.issubdtype(table.dtype, np.integer):
        raise InputError(f"{path}: no table of whole numbers called {variable} in it")
    return np.asarray(table)


def _save(path: Path, variable: str, table: NDArray[np.integer]) -> None:
    buffer = BytesIO()
    scipy.io.savemat(buffer, {variable: table}, do_compression=True)
    path.write_bytes(_MAT_TITLE + buffer.getvalue()[len(_MAT_TITLE) :])


def _jpeg(crop: Crop, quality: int) -> bytes:
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return encoded.tobytes()
