"""Folders of data sets in their makers' own formats, with small pictures in them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import scipy.io

from reid.data.mars_layout import FrameName, read_tracks, write_mars
from reid.data.records import DISTRACTOR_ID, JUNK_ID, DataSet, TrackletRecord
from reid.preprocess import Crop

MARS_TABLES = ("tracks_train_info.mat", "tracks_test_info.mat", "query_IDX.mat")
DUKE_NAMES = ("{person:04d}_C{camera}_F{frame:04d}_X{video}.jpg", "{person:04d}C{camera}F{frame:04d}X{video}.jpg")


def picture(path: Path, colour: int = 100) -> None:
    """Write a tiny picture of one grey, in the format that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _, data = cv2.imencode(path.suffix, np.full((8, 4, 3), colour, np.uint8))
    path.write_bytes(data.tobytes())


class Plain:
    """A picture of one colour for each of MARS's names: its numbers."""

    def read(self, frames: Sequence[str]) -> list[Crop]:
        return [np.full((8, 4, 3), np.array(FrameName.parse(frame)[1:]) % 12, np.uint8) * 20 for frame in frames]


def mars_tracklet(part: str, person_id: int, camera_id: int, number: int, length: int) -> TrackletRecord:
    names = (FrameName(person_id, camera_id, number, frame) for frame in range(1, 1 + length))
    return TrackletRecord(person_id, camera_id, tuple(name.path(part) for name in names))


def small_mars() -> DataSet:
    """Two people to train with; a query whose match is in the gallery and two whose matches are queries."""
    train = tuple(mars_tracklet("train", person, camera, camera, 3) for person in (1, 3) for camera in (1, 2))
    test = (
        mars_tracklet("test", JUNK_ID, 2, 1, 2),
        mars_tracklet("test", DISTRACTOR_ID, 1, 7, 2),
        mars_tracklet("test", 2, 1, 1, 2),
        mars_tracklet("test", 2, 3, 2, 4),
        mars_tracklet("test", 4, 1, 1, 2),
        mars_tracklet("test", 4, 2, 2, 2),
    )
    return DataSet("mars", train, test, (2, 4, 5), tuple(range(6)), Plain())


def make_mars(root: Path, data_set: DataSet | None = None) -> Path:
    """Write MARS's folder, without the file by which made-up people are known."""
    write_mars(data_set or small_mars(), root, {})
    (root / "tracklets.json").unlink()
    return root


def make_mars_tables(root: Path, shared_data: Path) -> Path:
    """Copy the real tables and make lists of names that fit them; the folders of images stay empty."""
    (root / "info").mkdir(parents=True)
    for file in MARS_TABLES:
        shutil.copy(shared_data / "mars-info" / file, root / "info" / file)
    for part in ("train", "test"):
        (root / f"bbox_{part}").mkdir()
        lines = []
        for number, (first, last, person, camera) in enumerate(read_tracks(root / "info", part).tolist()):
            prefix = FrameName(person, camera, 1 + number % 9_999, 1).path(part).rpartition("/")[2][:-7]
            lines += [f"{prefix}{frame:03d}.jpg\n" for frame in range(1, last - first + 2)]
        (root / "info" / f"{part}_name.txt").write_text("".join(lines), encoding="ascii")
    return root


def make_synthetic(root: Path) -> Path:
    write_mars(small_mars(), root, {"made_up": True})
    return root


def make_duke(root: Path, *, names: str = DUKE_NAMES[0], copies: bool = True) -> Path:
    """Two people to train with, two to search for, one that nobody searches for; each tracklet has three pictures."""

    def tracklet(part: str, person: int, number: int, camera: int) -> None:
        for frame in (1, 2, 3):
            name = names.format(person=person, camera=camera, frame=frame, video=30_000 + 12 * frame)
            picture(root / part / f"{person:04d}" / f"{number:04d}" / name)

    for person in (1, 5):
        tracklet("train", person, 1, 1)
        tracklet("train", person, 2, 6)
    for person in (2, 7):
        tracklet("query", person, 1, 2)
        tracklet("gallery", person, 2, 5)
        if copies:
            tracklet("gallery", person, 1, 2)
    tracklet("gallery", 9, 1, 3)
    return root


def make_ilids(root: Path, people: Sequence[int] = (1, 2, 4, 319), *, splits: bool = True) -> Path:
    """Two or three pictures a person; the standard splits put the first half of each row into the test."""
    for camera in (1, 2):
        for person in people:
            for frame in range(99, 100 + camera):
                name = f"cam{camera}_person{person:03d}_{frame:05d}.png"
                picture(root / "i-LIDS-VID" / "sequences" / f"cam{camera}" / f"person{person:03d}" / name)
    if splits:
        folder = root / "train-test people splits"
        folder.mkdir()
        table = np.array([np.roll(np.arange(1, 1 + len(people)), shift) for shift in range(10)], np.float64)
        scipy.io.savemat(str(folder / "train_test_splits_ilidsvid.mat"), {"ls_set": table})
    return root


def make_prid(root: Path, length_of: Callable[[int], int] = lambda _: 27, people: int = 6) -> Path:
    """People 1, 2, ... in both cameras, and one in each beyond those whose numbers mean the same."""
    for camera in "ab":
        for person in (*range(1, 1 + people), 201):
            folder = root / "prid_2011" / "multi_shot" / f"cam_{camera}" / f"person_{person:04d}"
            picture(folder / "0001.png")
            for frame in range(2, 1 + length_of(person)):
                shutil.copy(folder / "0001.png", folder / f"{frame:04d}.png")
    return root


def make_own(root: Path, people: Sequence[str] = ("anna", "ben", "eve", "Zoe"), *, part: str = "") -> Path:
    """Two cameras, two tracklets of two pictures in each."""
    for person in people:
        for camera in ("gate", "hall"):
            for tracklet in ("9", "10"):
                for image in ("2.jpg", "10.jpg"):
                    picture(root / part / person / camera / tracklet / image)
    return root


MAKERS: dict[str, Callable[[Path], Path]] = {
    "mars": make_mars,
    "dukemtmc": make_duke,
    "ilids": make_ilids,
    "prid": make_prid,
    "synthetic": make_synthetic,
    "folder": make_own,
}
