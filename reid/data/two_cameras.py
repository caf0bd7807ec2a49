"""Data sets of people who are seen once by each of two cameras: what iLIDS-VID and PRID-2011 have in common.

    <first camera>/<person>/<image>    <second camera>/<person>/<image>

Half of the people train. The others are searched for: the first camera's tracklets are the queries, the second's the
gallery.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reid.data.images import ImageFiles
from reid.data.listing import entries, is_image
from reid.data.records import DataSet, TrackletRecord
from reid.data.splits import Splits, draw_splits, read_matlab_splits, read_splits

NUM_SPLITS = 10


@dataclass(frozen=True)
class Cameras:
    """What lies in the folders of both cameras.

    Attributes:
        root: where paths begin.
        folders: of the two cameras, below the root.
        tracklets: for each camera, by the name of the person's folder; those without images are left out.
        missing: people whose folder holds no image.
        extra: what is no person's folder or no image.
    """

    root: Path
    folders: tuple[str, str]
    tracklets: tuple[Mapping[str, TrackletRecord], Mapping[str, TrackletRecord]]
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def in_both(self) -> list[str]:
        """Those whom both cameras see."""
        first, second = self.tracklets
        return [person for person in first if person in second]

    def of(self, people: Sequence[str]) -> tuple[TrackletRecord, ...]:
        """The tracklets of some people in both cameras, person after person."""
        return tuple(tracklets[person] for person in people for tracklets in self.tracklets)

    def data_set(self, name: str, train: Sequence[str], test: Sequence[str]) -> DataSet:
        """Make a split."""
        rows = range(2 * len(test))
        return DataSet(name, self.of(train), self.of(test), tuple(rows[0::2]), tuple(rows[1::2]), ImageFiles(self.root))


def read_cameras(root: Path, folders: tuple[str, str], person: re.Pattern[str]) -> Cameras:
    """List both cameras.

    Args:
        root: where paths begin.
        folders: of the two cameras, below it.
        person: what people's folders are called; its group is the person's number.

    Raises:
        InputError: a folder cannot be read.
    """
    tracklets: tuple[dict[str, TrackletRecord], dict[str, TrackletRecord]] = ({}, {})
    missing, extra = [], []
    for camera_id, (folder, found) in enumerate(zip(folders, tracklets, strict=True), 1):
        names, files = entries(root / folder)
        extra += [f"{folder}/{name}" for name in files]
        for name in names:
            match = person.fullmatch(name)
            if match is None or int(match[1]) < 1:
                extra.append(f"{folder}/{name}")
                continue
            inner, files = entries(root / folder / name)
            images = [file for file in files if is_image(file)]
            extra += [f"{folder}/{name}/{other}" for other in (*inner, *(file for file in files if file not in images))]
            if images:
                frames = tuple(f"{folder}/{name}/{image}" for image in images)
                found[name] = TrackletRecord(int(match[1]), camera_id, frames)
            else:
                missing.append(f"{folder}/{name} (no images)")
    return Cameras(root, folders, tracklets, tuple(missing), tuple(extra))


def find_splits(root: Path, files: Sequence[str], people: Sequence[str], title: str) -> Splits:
    """Read the standard splits, or draw ten where no file with them is found.

    Args:
        root: where to look.
        files: what they may be called, below the root or beside it, best first; `.mat` or JSON.
        people: all that can be used, sorted.
        title: the data set's, for what they were drawn from.

    Raises:
        InputError: a file is damaged or does not fit the people.
    """
    for file in files:
        path = root / file
        if path.is_file():
            return (read_matlab_splits if path.suffix == ".mat" else read_splits)(path, people)
    return draw_splits(people, f"the {len(people)} people of {title}", count=NUM_SPLITS)
