"""PRID-2011, multi-shot: two cameras over a street; the first 200 people of each are the same ones.

    multi_shot/cam_a/person_0001/0001.png    multi_shot/cam_b/person_0001/0001.png
    splits_prid2011.json                     ten splits, as common toolkits have them
    train_test_splits_prid.mat               ten splits, as they come with iLIDS-VID

From person 201 on, equal numbers are different people in the two cameras; they are not used. Of the 200, the 178 are
used who have 27 frames or more in both cameras.

Source: Hirzer et al. 2011, Person re-identification by descriptive and discriminative classification; Wang et al. 2014,
Person re-identification by video ranking, for the halves.
"""

from __future__ import annotations

import re
from pathlib import Path

from reid.data.reading import Published, Reading
from reid.data.two_cameras import find_splits, read_cameras
from reid.errors import InputError

NAME = "prid"
TITLE = "PRID-2011"
LAYOUTS = tuple((f"{above}multi_shot/cam_a", f"{above}multi_shot/cam_b") for above in ("prid_2011/", "", "prid2011/"))
NUM_IN_BOTH = 200
# "More than 27" in papers; with 27 itself it is that the people are those of the published splits, 178.
LEAST_FRAMES = 27
IN_BOTH = "in both cameras"
USED = f"  {LEAST_FRAMES} frames or more"
PUBLISHED = {IN_BOTH: Published(NUM_IN_BOTH, 2 * NUM_IN_BOTH, None), USED: Published(178, 356, None)}

_PERSON = re.compile(r"person_(\d+)")
_SPLIT_FILES = (
    "splits_prid2011.json",
    "info/splits_prid2011.json",
    "splits.json",
    "train_test_splits_prid.mat",
    "train-test people splits/train_test_splits_prid.mat",
    "../splits_prid2011.json",
    "../train_test_splits_prid.mat",
)


def read_prid(root: Path) -> Reading:
    """Read all ten splits.

    Args:
        root: the folder with multi_shot, or the one above it.

    Raises:
        InputError: nobody is seen long enough by both cameras, or the file of splits is damaged or does not fit.
    """
    folders = next(layout for layout in LAYOUTS if all((root / folder).is_dir() for folder in layout))
    cameras = read_cameras(root, folders, _PERSON)
    first, second = cameras.tracklets
    both = [person for person in cameras.in_both if first[person].person_id <= NUM_IN_BOTH]
    used = [person for person in both if min(len(first[person].frames), len(second[person].frames)) >= LEAST_FRAMES]
    if len(used) < 2:
        raise InputError(
            f"{root}: {len(used)} people with {LEAST_FRAMES} images or more in both {folders[0]} and {folders[1]}"
        )
    missing = [
        f"{folder}/person_{number:04d}"
        for folder, tracklets in zip(folders, cameras.tracklets, strict=True)
        for number in sorted(set(range(1, NUM_IN_BOTH + 1)) - {each.person_id for each in tracklets.values()})
    ]
    splits = find_splits(root, _SPLIT_FILES, used, TITLE)
    return Reading(
        tuple(cameras.data_set(NAME, *split) for split in splits.splits),
        {IN_BOTH: cameras.of(both), USED: cameras.of(used)},
        root,
        splits=splits,
        missing=tuple(missing),
        extra=cameras.extra,
    )
