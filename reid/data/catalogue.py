"""The data sets by name: how each is recognised, read and had, and how big it was when it was published.

    mars       MARS                     one split
    dukemtmc   DukeMTMC-VideoReID       one split
    ilids      iLIDS-VID                ten splits
    prid       PRID-2011, multi-shot    ten splits
    synthetic  made-up people, as `vreid synth tracklets` writes them
    folder     one's own tracklets, as `reid.data.folder` describes

Each is looked for in the folder that the user names, or below it under the names that are usual for it, so that one
folder may hold them all. Files in a data set's folder are never written.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reid.data import mars
from reid.data.mars_layout import INDEX
from reid.data.reading import Names, Published, Reading
from reid.data.records import DataSet, TrackletRecord
from reid.data.splits import Splits
from reid.errors import ConfigError, InputError

VARIABLE = "VREID_DATA"  # environment variable: the folder with the data sets


@dataclass(frozen=True)
class Entry:
    """A data set that vreid reads.

    Attributes:
        title: its makers' name for it.
        read: reads it from its folder.
        layouts: what has to lie in its folder, in each of the forms in which it is found.
        usual_folders: what its folder is often called.
        not_with: what never lies in its folder, but in that of one that is laid out alike.
        num_splits: how many splits it has.
        published: what its makers say there is of it, by the names of `Reading.parts`; None where nobody does.
        advice: where it is had, as a sentence.
    """

    title: str
    read: Callable[[Path], Reading]
    layouts: tuple[tuple[str, ...], ...]
    usual_folders: tuple[str, ...]
    advice: str
    not_with: str | None = None
    num_splits: int = 1
    published: Mapping[str, Published] | None = None


CATALOGUE: dict[str, Entry] = {
    "mars": Entry(
        title="MARS",
        read=mars.read_mars,
        layouts=((*mars.IMAGE_FOLDERS, *mars.TABLES),),
        usual_folders=("mars", "MARS", "Mars"),
        not_with=INDEX,
        published=mars.PUBLISHED,
        advice="MARS is had from its makers, zheng-lab.cecs.anu.edu.au/Project/project_mars.html (bbox_train.zip, "
        "bbox_test.zip), and the folder info from github.com/liangzheng06/MARS-evaluation.",
    ),
    "synthetic": Entry(
        title="made-up people",
        read=mars.read_synthetic,
        layouts=((INDEX, *mars.IMAGE_FOLDERS, *mars.TABLES),),
        usual_folders=("synthetic",),
        advice="vreid synth tracklets --out FOLDER makes it; nothing is downloaded.",
    ),
}


@dataclass(frozen=True)
class LoadedData:
    """A data set ready for use.

    Attributes:
        data_set: the split that was asked for.
        splits: all of them, where there are several or where it was drawn; to be written beside a result.
        fingerprint: SHA-256 over names and rows, equal where the same tracklets are used in the same way.
        names: what numbers of people and cameras stand for, where that is not the data set's own numbering.
    """

    data_set: DataSet
    splits: Splits | None
    fingerprint: str
    names: Names | None = None


def find_entry(name: str) -> Entry:
    """Look a data set up.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in CATALOGUE:
        raise ConfigError(f"no data set is called {name!r}; there are {', '.join(CATALOGUE)}")
    return CATALOGUE[name]


def find_root(name: str, root: Path | None) -> Path:
    """Find a data set's folder.

    Args:
        name: of the data set.
        root: its folder, or one that holds it under a usual name; None for the one in the variable `VREID_DATA`.

    Raises:
        ConfigError: there is no data set of that name.
        InputError: it is not there, or only a part of it, or another data set is; with what to do.
    """
    entry = find_entry(name)
    if root is None:
        text = os.environ.get(VARIABLE)
        if not text:
            raise InputError(
                f"where is {entry.title}? Name its folder with --root, or the folder of all data sets in the "
                f"environment variable {VARIABLE}. {entry.advice}"
            )
        root = Path(text)
    if not root.exists():
        raise InputError(f"{root} does not exist; expected the folder of {entry.title}. {entry.advice}")
    places = list(_places(entry, root))
    for place in places:
        if any(not missing for _, missing in _forms(entry, place)):
            return place
    raise InputError(f"{_what_is_there(name, root, places)}. {entry.advice}")


def load_data_set(name: str, root: Path | None, *, split: int = 0) -> LoadedData:
    """Read a data set. Images are not looked at, so those that are missing are found only when they are read.

    Args:
        name: of the data set.
        root: as for `find_root`.
        split: which of its splits, counted from 0.

    Raises:
        ConfigError: there is no such data set or split.
        InputError: it is not there or not whole, something else is, or a file of it is damaged.
    """
    count = find_entry(name).num_splits
    if not 0 <= split < count:
        raise ConfigError(f"{name} has {'splits 0 to ' + str(count - 1) if count > 1 else 'only split 0'}, not {split}")
    reading = read_data_set(name, root)
    if split >= len(reading.data_sets):
        raise InputError(f"{reading.splits} are only {len(reading.data_sets)}, there is no split {split}")
    data_set = reading.data_sets[split]
    return LoadedData(data_set, reading.splits, fingerprint(data_set), reading.names)


def read_data_set(name: str, root: Path | None) -> Reading:
    """Read all splits of a data set; as `load_data_set` otherwise."""
    return find_entry(name).read(find_root(name, root))


def fingerprint(data_set: DataSet) -> str:
    """SHA-256 over a data set's name, its tracklets with the names of their pictures, and its rows."""
    digest = hashlib.sha256(data_set.name.encode())
    for records in (data_set.train, data_set.test):
        digest.update(b"\n%d\n" % len(records))
        for record in records:
            digest.update(_line(record))
    digest.update(json.dumps([data_set.query, data_set.gallery]).encode())
    return digest.hexdigest()


def _line(record: TrackletRecord) -> bytes:
    return json.dumps([record.person_id, record.camera_id, *record.frames]).encode() + b"\n"


def _places(entry: Entry, root: Path) -> Iterator[Path]:
    """Where a data set may lie if the user names `root`."""
    yield root
    yield from (root / usual for usual in entry.usual_folders if (root / usual).is_dir())


def _forms(entry: Entry, place: Path) -> Iterator[tuple[list[str], list[str]]]:
    """What of each of a data set's forms is in a place, and what is missing."""
    if entry.not_with is not None and (place / entry.not_with).exists():
        return
    for layout in entry.layouts:
        missing = [part for part in layout if not (place / part).exists()]
        yield [part for part in layout if part not in missing], missing


def _what_is_there(name: str, root: Path, places: list[Path]) -> str:
    """Say what a folder holds that is not the whole of a data set."""
    entry = CATALOGUE[name]
    others = {other: each for other, each in CATALOGUE.items() if other != name}
    for place in places:
        for other, each in others.items():
            if any(not missing for _, missing in _forms(each, place)):
                return f"{place} is not {entry.title} but looks like {each.title}, which is called {other} here"
    parts = [(place, *form) for place in places for form in _forms(entry, place) if form[0]]
    if parts:
        place, there, missing = max(parts, key=lambda part: len(part[1]))
        return f"{place} holds only a part of {entry.title}: {_listed(there)} is there, {_listed(missing)} is missing"
    for other, each in others.items():
        if any(there for there, _ in _forms(each, root)):
            return f"{root} is not {entry.title} but looks like a part of {each.title}, which is called {other} here"
    expected = _listed(list(entry.layouts[0]))
    return f"{root} is not the folder of {entry.title}, which holds {expected}"


def _listed(names: list[str], most: int = 3) -> str:
    """Join some names."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
