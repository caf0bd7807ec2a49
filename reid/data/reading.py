"""What a reader makes of a folder, and what was published about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from reid.data.records import DataSet, TrackletRecord
from reid.data.splits import Splits


class Published(NamedTuple):
    """How much there is of something according to its makers; None where they do not say.

    Attributes:
        people: distractors and junk are no people.
        tracklets: all of them.
        images: all of them.
    """

    people: int | None
    tracklets: int | None
    images: int | None


class Names(NamedTuple):
    """What people and cameras are called where a data set has names for them, by their numbers."""

    people: Mapping[int, str]
    cameras: Mapping[int, str]


@dataclass(frozen=True)
class Reading:
    """A data set as a reader found it.

    Attributes:
        data_sets: one a split.
        parts: what counts are given for, in the order in which they are shown: its name and its tracklets.
        splits: which people each split trains with, where there are several ways or where it was drawn.
        names: what numbers of people and cameras stand for, where that is not the data set's own numbering.
        missing: what ought to be there by what else is there, with the reason: paths below the data set's folder.
        extra: paths of what no tracklet is made of although it lies among its images.
        image_folders: folders below the data set's own that hold nothing but images of it, where lists of names say
            which; what lies there has to be compared with the lists. Empty where the records were made from what lies
            there.
        remarks: sentences about what was found.
    """

    data_sets: tuple[DataSet, ...]
    parts: Mapping[str, tuple[TrackletRecord, ...]]
    splits: Splits | None = None
    names: Names | None = None
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    image_folders: tuple[str, ...] = ()
    remarks: tuple[str, ...] = field(default=())
