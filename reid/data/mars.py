"""MARS, and folders of made-up tracklets in MARS's layout.

Everything about who is where stands in tables, so nothing but these is read here; whether the images that they name lie
in their folders is found out by `reid.data.checking`.

Source: Zheng et al. 2016, MARS: a video benchmark for large-scale person re-identification.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reid.data.images import ImageFiles
from reid.data.mars_layout import FORMAT, INDEX, read_tables
from reid.data.reading import Published, Reading, standard_parts
from reid.data.records import DataSet
from reid.errors import InputError

TABLES = (
    "info/train_name.txt",
    "info/test_name.txt",
    "info/tracks_train_info.mat",
    "info/tracks_test_info.mat",
    "info/query_IDX.mat",
)
IMAGE_FOLDERS = ("bbox_train", "bbox_test")

# Numbers of images other than the whole's are sums over the published tables.
PUBLISHED = {
    "train": Published(625, 8_298, 509_914),
    "test": Published(634, 12_180, 681_089),
    "  queries": Published(626, 1_980, 114_493),
    "  distractors": Published(0, 3_248, 147_743),
    "  junk": Published(0, 870, 23_380),
}


def read_mars(root: Path) -> Reading:
    """Read MARS.

    Queries are part of the gallery: 140 of the 1,980 have their only other tracklets among the queries.

    Args:
        root: the folder with bbox_train, bbox_test and info.

    Raises:
        InputError: a table is missing, damaged, or contradicts another.
    """
    return _reading("mars", root)


def read_synthetic(root: Path) -> Reading:
    """Read a folder that `vreid synth tracklets` wrote.

    Raises:
        InputError: it is of a version that is not understood, or a table is missing, damaged, or contradicts another.
    """
    path = root / INDEX
    try:
        about: Any = json.loads(path.read_text(encoding="ascii"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is damaged") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise InputError(f"{path} is not of format {FORMAT}, which is all that this version of vreid reads")
    return _reading("synthetic", root)


def _reading(name: str, root: Path) -> Reading:
    train, test, query = read_tables(root)
    try:
        data_set = DataSet(name, train, test, query, tuple(range(len(test))), ImageFiles(root))
    except ValueError as error:
        raise InputError(f"the tables in {root / 'info'} are damaged: {error}") from error
    return Reading((data_set,), standard_parts(data_set), root, from_lists=True, image_folders=IMAGE_FOLDERS)
