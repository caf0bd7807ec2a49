"""DukeMTMC-VideoReID.

    train/<person>/<tracklet>/<image>.jpg    query/...    gallery/...

Images are called 0001_C6_F0099_X30823.jpg or, in the first release, 0001C6F0099X30823.jpg: person, camera, place in the
tracklet, frame of the camera's video. The folder gallery has all 2,636 tracklets of the test, so that the queries lie
in both folders, under the same names of images: such a copy is one tracklet here, in the query and in the gallery. A
gallery from which the queries were taken out is read as it is. The 408 distractors are people with numbers of their own
whom nobody searches for.

Source: Wu et al. 2018, Exploit the unknown gradually, and github.com/Yu-Wu/DukeMTMC-VideoReID.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from reid.data.images import ImageFiles
from reid.data.listing import entries
from reid.data.reading import Published, Reading, join_query_and_gallery, standard_parts
from reid.data.records import DataSet, TrackletRecord
from reid.errors import InputError

NAME = "dukemtmc"
LAYOUTS = (("train", "query", "gallery"), ("train_split", "query_split", "gallery_split"))
EXAMPLE = "0001_C6_F0099_X30823.jpg"
DISTRACTORS = "  distractors"
PUBLISHED = {
    "train": Published(702, 2_196, 369_656),
    "test": Published(1_110, 2_636, 445_764),
    "  queries": Published(702, 702, 111_848),
    DISTRACTORS: Published(408, None, None),
}

_IMAGE = re.compile(r"(\d+)_?C([1-9]\d*)_?F(\d+)_?X\d+\.jpe?g", re.IGNORECASE)


@dataclass
class _Part:
    """What one of the three folders holds."""

    records: list[TrackletRecord] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)


def read_dukemtmc(root: Path) -> Reading:
    """Read the three folders.

    Args:
        root: the folder that holds them.

    Raises:
        InputError: a folder cannot be read, holds no image of the kind, or contradicts itself.
    """
    layout = next(layout for layout in LAYOUTS if all((root / folder).is_dir() for folder in layout))
    train, query, gallery = (_read_part(root, folder) for folder in layout)
    test, query_rows, gallery_rows = join_query_and_gallery(query.records, gallery.records)
    data_set = DataSet(NAME, tuple(train.records), test, query_rows, gallery_rows, ImageFiles(root))
    searched = {record.person_id for record in query.records}
    parts = standard_parts(data_set)
    parts[DISTRACTORS] = tuple(record for record in test if record.person_id not in searched)
    shared = len(query_rows) + len(gallery_rows) - len(test)
    return Reading(
        (data_set,),
        parts,
        root,
        missing=(*train.missing, *query.missing, *gallery.missing),
        gaps=(*train.gaps, *query.gaps, *gallery.gaps),
        extra=(*train.extra, *query.extra, *gallery.extra),
        remarks=(f"{shared} of the {len(query_rows)} queries are in the gallery too.",),
    )


def _read_part(root: Path, folder: str) -> _Part:
    part = _Part()
    people, files = entries(root / folder)
    part.extra += [f"{folder}/{name}" for name in files]
    for person in people:
        if not (person.isdecimal() and int(person) >= 1):
            part.extra.append(f"{folder}/{person}")
            continue
        tracklets, files = entries(root / folder / person)
        part.extra += [f"{folder}/{person}/{name}" for name in files]
        for tracklet in tracklets:
            _read_tracklet(root, f"{folder}/{person}/{tracklet}", int(person), part)
    if not part.records:
        raise InputError(
            f"{root / folder} holds no tracklet of DukeMTMC-VideoReID, whose images are called as {EXAMPLE} is and lie "
            "in <person>/<tracklet>; tracklets of one's own are the data set called folder"
        )
    return part


def _read_tracklet(root: Path, place: str, person_id: int, part: _Part) -> None:
    folders, files = entries(root / place)
    part.extra += [f"{place}/{name}" for name in folders]
    numbered: list[tuple[int, str]] = []
    cameras = set()
    for name in files:
        match = _IMAGE.fullmatch(name)
        if match is None or int(match[1]) != person_id:
            part.extra.append(f"{place}/{name}")
            continue
        cameras.add(int(match[2]))
        numbered.append((int(match[3]), f"{place}/{name}"))
    if not numbered:
        part.missing.append(f"{place} (no images)")
        return
    if len(cameras) > 1:
        raise InputError(f"{root / place} holds images of cameras {sorted(cameras)}, a tracklet is of one camera")
    numbered.sort()
    part.gaps += [f"{place}/{gap}" for gap in _gaps([number for number, _ in numbered])]
    part.records.append(TrackletRecord(person_id, cameras.pop(), tuple(name for _, name in numbered)))


def _gaps(numbers: Sequence[int]) -> Iterator[str]:
    """Name frames that a tracklet skips."""
    for before, after in pairwise(numbers):
        if after - before == 2:
            yield f"F{before + 1:04d}"
        elif after - before > 2:
            yield f"F{before + 1:04d} to F{after - 1:04d}"
