"""The data sets by name: how each is recognised, read and had, and how big it was when it was published.

    mars       MARS                     one split
    dukemtmc   DukeMTMC-VideoReID       one split
    ilids      iLIDS-VID                ten splits
    prid       PRID-2011, multi-shot    ten splits
    synthetic  made-up people, as `vreid synth tracklets` writes them
    folder     one's own tracklets, as `reid.data.folder` describes

Each is looked for in the folder that the user names, or below it under the names that are usual for it, so that one
folder may hold them all; a pack of it will do. Files in a data set's folder are never written.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from reid.data.entries import CATALOGUE, Entry, find_entry
from reid.data.finding import find_root
from reid.data.images import read_usable
from reid.data.packed import is_pack, read_pack
from reid.data.reading import Names, Reading
from reid.data.records import DataSet, TrackletRecord
from reid.data.splits import Splits
from reid.errors import ConfigError, InputError

__all__ = [
    "CATALOGUE",
    "Entry",
    "LoadedData",
    "find_entry",
    "find_root",
    "fingerprint",
    "load_data_set",
    "read_data_set",
]


_TRIED = 8  # tracklets


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


def load_data_set(name: str, root: Path | None, *, split: int = 0) -> LoadedData:
    """Read a data set. Of its images a few are tried; others that are missing are found when they are read.

    Args:
        name: of the data set.
        root: as for `find_root`.
        split: which of its splits, counted from 0.

    Raises:
        ConfigError: there is no such data set or split.
        InputError: it is not there or only half of it, something else is, or a file of it is damaged.
    """
    count = find_entry(name).num_splits
    if not 0 <= split < count:
        raise ConfigError(f"{name} has {'splits 0 to ' + str(count - 1) if count > 1 else 'only split 0'}, not {split}")
    reading = read_data_set(name, root)
    if split >= len(reading.data_sets):
        raise InputError(f"{reading.splits}: there is no split {split}")
    data_set = reading.data_sets[split]
    _try_pictures(data_set, root)
    return LoadedData(data_set, reading.splits, fingerprint(data_set), reading.names)


def read_data_set(name: str, root: Path | None) -> Reading:
    """Read all splits of a data set; as `load_data_set` otherwise."""
    place = find_root(name, root)
    if not is_pack(place):
        return find_entry(name).read(place)
    reading = read_pack(place)
    packed = reading.data_sets[0].name
    if packed != name:
        raise InputError(f"{place} is a pack of {packed}, not of {name}")
    return reading


def _try_pictures(data_set: DataSet, root: Path | None) -> None:
    """Refuse a half of which no image can be read, before a training of days meets it at its end."""
    for half, records in (("train", data_set.train), ("test", data_set.test)):
        reason = None
        for frame in (frame for record in records[:: 1 + len(records) // _TRIED] for frame in record.frames):
            _, broken = read_usable(data_set.source, [frame])
            reason = broken.get(frame)
            if reason is None:
                break
        if reason is not None:
            entry = find_entry(data_set.name)
            at = f" in {root}" if root else ""
            raise InputError(
                f"{reason}; nor can other images to {half} with be read{at}: half of {entry.title} is not there. "
                f"{entry.advice}"
            )


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
