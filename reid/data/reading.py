"""What a reader makes of a folder, and what was published about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from reid.data.records import DISTRACTOR_ID, JUNK_ID, DataSet, TrackletRecord
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
        parts: what is counted, in the order in which it is shown: its name and its tracklets.
        folder: where the names of images begin; None for a pack.
        splits: which people each split trains with, where there are several ways or where it was drawn.
        names: what numbers of people and cameras stand for, where that is not the data set's own numbering.
        missing: what ought to be there by what else is there: paths below the folder, with a reason.
        gaps: numbers of images that tracklets skip; the published ones may skip some too.
        extra: paths below the folder of what no tracklet is made of although it lies among images.
        from_lists: whether images are known from lists, so that only a look into the folders tells which are there.
        image_folders: folders below the data set's own that ought to hold nothing but images of those lists.
        remarks: sentences about what was found.
    """

    data_sets: tuple[DataSet, ...]
    parts: Mapping[str, tuple[TrackletRecord, ...]]
    folder: Path | None
    splits: Splits | None = None
    names: Names | None = None
    missing: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    from_lists: bool = False
    image_folders: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def standard_parts(data_set: DataSet) -> dict[str, tuple[TrackletRecord, ...]]:
    """Name the parts that most data sets have; those that it has nothing of are left out, but for train and test."""
    parts = {
        "train": data_set.train,
        "test": data_set.test,
        "  queries": data_set.queries,
        "  distractors": tuple(each for each in data_set.test if each.person_id == DISTRACTOR_ID),
        "  junk": tuple(each for each in data_set.test if each.person_id == JUNK_ID),
    }
    return {name: records for name, records in parts.items() if records or name in ("train", "test")}


def join_query_and_gallery(
    query: Sequence[TrackletRecord], gallery: Sequence[TrackletRecord]
) -> tuple[tuple[TrackletRecord, ...], tuple[int, ...], tuple[int, ...]]:
    """Make one test set of two lists, in which a tracklet of both stands once.

    Two tracklets are the same where person, camera and the names of all images are, whatever folders these lie in.

    Returns:
        The test set, queries first; the rows of the queries; the rows of the gallery.
    """

    def key(record: TrackletRecord) -> tuple[int, int, tuple[str, ...]]:
        return record.person_id, record.camera_id, tuple(frame.rpartition("/")[2] for frame in record.frames)

    row_of = {key(record): row for row, record in enumerate(query)}
    test = list(query)
    gallery_rows = []
    for record in gallery:
        row = row_of.pop(key(record), None)  # a second copy would be a tracklet of its own
        if row is None:
            row = len(test)
            test.append(record)
        gallery_rows.append(row)
    return tuple(test), tuple(range(len(query))), tuple(gallery_rows)
