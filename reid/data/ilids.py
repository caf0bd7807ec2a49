"""iLIDS-VID: 300 people, once in each of two cameras of an airport.

    i-LIDS-VID/sequences/cam1/person001/cam1_person001_00317.png    i-LIDS-VID/sequences/cam2/...
    train-test people splits/train_test_splits_ilidsvid.mat         the ten standard splits
    splits.json                                                     the same, as common toolkits write them

Source: Wang et al. 2014, Person re-identification by video ranking.
"""

from __future__ import annotations

import re
from pathlib import Path

from reid.data.reading import Published, Reading
from reid.data.two_cameras import find_splits, read_cameras
from reid.errors import InputError

NAME = "ilids"
TITLE = "iLIDS-VID"
LAYOUTS = tuple(
    (f"{above}sequences/cam1", f"{above}sequences/cam2") for above in ("i-LIDS-VID/", "", "i-LIDS-VID/i-LIDS-VID/")
)
PART = "in both cameras"
PUBLISHED = {PART: Published(300, 600, None)}

_PERSON = re.compile(r"person_?(\d+)")
_SPLIT_FILES = (
    "train-test people splits/train_test_splits_ilidsvid.mat",
    "train_test_splits_ilidsvid.mat",
    "i-LIDS-VID/train-test people splits/train_test_splits_ilidsvid.mat",
    "splits.json",
    "i-LIDS-VID/splits.json",
    "../train-test people splits/train_test_splits_ilidsvid.mat",
)


def read_ilids(root: Path) -> Reading:
    """Read all ten splits.

    Args:
        root: the folder with i-LIDS-VID and the folder of splits, or the first of these.

    Raises:
        InputError: nobody is seen by both cameras, or the file of splits is damaged or does not fit.
    """
    folders = next(layout for layout in LAYOUTS if all((root / folder).is_dir() for folder in layout))
    cameras = read_cameras(root, folders, _PERSON)
    people = cameras.in_both
    if len(people) < 2:
        raise InputError(f"{root}: {len(people)} people with images in both {folders[0]} and {folders[1]}")
    alone = [
        f"{folder}/{person} (is in the other camera)"
        for folder, own, other in zip(folders, cameras.tracklets, cameras.tracklets[::-1], strict=True)
        for person in other
        if person not in own
    ]
    splits = find_splits(root, _SPLIT_FILES, people, TITLE)
    return Reading(
        tuple(cameras.data_set(NAME, *split) for split in splits.splits),
        {PART: cameras.of(people)},
        root,
        splits=splits,
        missing=(*cameras.missing, *alone),
        extra=cameras.extra,
    )
