"""Whether a data set is all there: what is found beside what was published; what is missing, extra or unreadable."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from reid.data.catalogue import find_entry, find_root, read_data_set
from reid.data.images import read_usable
from reid.data.listing import names_in
from reid.data.reading import Published, Reading
from reid.data.records import JUNK_ID, Counts, DataSet, TrackletRecord

_IMAGES_AT_ONCE = 32


@dataclass(frozen=True)
class PartCheck:
    """One part of a data set, such as its training half.

    Attributes:
        name: spaces before it tell that it lies within the part above.
        found: without what is missing.
        published: None where nobody has said.
    """

    name: str
    found: Counts
    published: Published | None

    @property
    def as_published(self) -> bool:
        """Whether all published numbers are those found."""
        if self.published is None:
            return True
        pairs = zip(self.published, (self.found.people, self.found.tracklets, self.found.images), strict=True)
        return all(published in (None, found) for published, found in pairs)


@dataclass(frozen=True)
class CheckReport:
    """What a check found.

    Attributes:
        name: the data set's in vreid.
        title: its makers' name for it.
        root: its folder.
        parts: in the order in which they are shown.
        missing: images, or folders of them, that ought to be there: paths below the root, with a reason.
        extra: what lies among the images without being one: paths below the root.
        unreadable: images that cannot be decoded: name -> reason, which begins with the name.
        images_read: how many were tried; None if none were to be.
        remarks: sentences about it.
        reading: what the reader found.
        absent: the images that are missing, by the names that the records have for them.
    """

    name: str
    title: str
    root: Path
    parts: tuple[PartCheck, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    remarks: tuple[str, ...]
    reading: Reading = field(repr=False)
    absent: frozenset[str] = field(repr=False)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    images_read: int | None = None

    @property
    def as_published(self) -> bool:
        """Whether nothing is missing, extra, unreadable or of another number than published."""
        whole = not (self.missing or self.extra or self.unreadable)
        return whole and all(part.as_published for part in self.parts)

    @property
    def usable(self) -> bool:
        """Whether there are images of each half that has tracklets."""
        without = self.absent | self.unreadable.keys()
        return all(
            _count(half, without).images
            for data_set in self.reading.data_sets
            for half in (data_set.train, data_set.test)
            if half
        )

    @property
    def images(self) -> list[str]:
        """The names of all images that are there, each once."""
        records = (record for data_set in self.reading.data_sets for record in (*data_set.train, *data_set.test))
        return [
            frame
            for frame in dict.fromkeys(name for each in records for name in each.frames)
            if frame not in self.absent
        ]


def check_data_set(
    name: str, root: Path | None, *, images: bool = False, on_images: Callable[[int], None] = lambda _: None
) -> CheckReport:
    """Check a data set that can be used as it is.

    Args:
        name: of the data set.
        root: as for `find_root`.
        images: decode every image too, instead of only looking whether its file is there.
        on_images: told how many more images were decoded, now and then, from several threads.

    Raises:
        ConfigError: there is no data set of that name.
        InputError: it cannot be used: it is not there, or only half of it, or something else is.
    """
    report = check_files(name, root)
    return check_images(report, on_images) if images else report


def check_files(name: str, root: Path | None) -> CheckReport:
    """Check what can be known without opening images; as `check_data_set` otherwise."""
    entry = find_entry(name)
    place = find_root(name, root)
    reading = read_data_set(name, place)
    absent, missing, extra = _compare(reading) if reading.from_lists else (frozenset(), [], [])
    published = entry.published or {}
    counted = dict.fromkeys([*reading.parts, *published])
    parts = tuple(PartCheck(part, _count(reading.parts.get(part, ()), absent), published.get(part)) for part in counted)
    short = any(
        part.published is not None and part.published.images is not None and part.found.images < part.published.images
        for part in parts
    )
    gaps = [f"{gap} (skipped by its tracklet)" for gap in reading.gaps] if short else []
    return CheckReport(
        name=name,
        title=entry.title,
        root=place,
        parts=parts,
        missing=(*reading.missing, *missing, *gaps),
        extra=(*reading.extra, *extra),
        remarks=(*reading.remarks, *_on_splits(reading, entry.num_splits), *_on_matches(reading.data_sets[0])),
        reading=reading,
        absent=absent,
    )


def check_images(report: CheckReport, on_images: Callable[[int], None] = lambda _: None) -> CheckReport:
    """Decode every image that is there.

    Args:
        report: what was known without.
        on_images: told how many more were decoded, now and then, from several threads.

    Returns:
        The report with what cannot be decoded.
    """
    source = report.reading.data_sets[0].source
    names = report.images

    def broken(start: int) -> dict[str, str]:
        some = names[start : start + _IMAGES_AT_ONCE]
        _, reasons = read_usable(source, some)
        on_images(len(some))
        return reasons

    pool = ThreadPoolExecutor()
    try:
        groups = list(pool.map(broken, range(0, len(names), _IMAGES_AT_ONCE)))
    finally:
        pool.shutdown(cancel_futures=True)  # at once when the user stops it, not when all are read
    unreadable = {name: reason for reasons in groups for name, reason in reasons.items()}
    return replace(report, unreadable=unreadable, images_read=len(names))


def queries_without_match(data_set: DataSet, gallery: Iterable[int]) -> tuple[int, ...]:
    """Find queries whose person no other camera sees in a gallery; scores leave them out.

    Args:
        data_set: what is tested with.
        gallery: rows of its test half.

    Returns:
        Rows of the test half.
    """
    cameras: dict[int, set[int]] = defaultdict(set)
    for row in gallery:
        cameras[data_set.test[row].person_id].add(data_set.test[row].camera_id)
    return tuple(
        row for row in data_set.query if not cameras[data_set.test[row].person_id] - {data_set.test[row].camera_id}
    )


def _compare(reading: Reading) -> tuple[frozenset[str], list[str], list[str]]:
    """Compare lists of images with what lies in the folders.

    Returns:
        The images that are not there; the same for a reader, whole folders in one; what lies there beside them.
    """
    assert reading.folder is not None
    listed: dict[str, set[str]] = defaultdict(set)
    for data_set in reading.data_sets:
        for record in (*data_set.train, *data_set.test):
            for frame in record.frames:
                folder, _, name = frame.rpartition("/")
                listed[folder].add(name)
    absent: list[str] = []
    missing: list[str] = []
    extra: list[str] = []
    for folder, names in listed.items():
        there = names_in(reading.folder / folder)
        lost = [f"{folder}/{name}".removeprefix("/") for name in sorted(names - there)]
        absent += lost
        missing += [f"{folder} (all {len(lost)} images)"] if len(lost) == len(names) > 1 else lost
        if reading.image_folders:
            extra += [f"{folder}/{name}" for name in sorted(there - names)]
    for above in reading.image_folders:
        extra += [
            f"{above}/{name}" for name in sorted(names_in(reading.folder / above)) if f"{above}/{name}" not in listed
        ]
    return frozenset(absent), missing, extra


def _count(records: Sequence[TrackletRecord], absent: Collection[str]) -> Counts:
    """Count what is there of some tracklets."""
    if not absent:
        return Counts.of(records)
    there = [
        replace(record, frames=frames)
        for record in records
        if (frames := tuple(frame for frame in record.frames if frame not in absent))
    ]
    return Counts.of(there)


def _on_splits(reading: Reading, num_splits: int) -> list[str]:
    if reading.splits is None:
        return []
    if num_splits > 1 and not reading.splits.standard:
        return [f"No file with the standard splits was found: {reading.splits}, so results do not compare exactly."]
    return [f"Who trains and who tests: {reading.splits}."]


def _on_matches(data_set: DataSet) -> list[str]:
    """Say which queries cannot be found, or only because queries are in the gallery."""
    remarks = []
    alone = set(queries_without_match(data_set, data_set.gallery))
    if alone:
        remarks.append(f"{len(alone)} of the {len(data_set.query)} queries have no match in another camera.")
    rest = {row for row in data_set.gallery if data_set.test[row].person_id != JUNK_ID}.difference(data_set.query)
    by_queries = set(queries_without_match(data_set, rest)) - alone
    if by_queries:
        remarks.append(
            f"{len(by_queries)} of the {len(data_set.query)} queries have their matches among the queries only: a "
            f"gallery without queries ({len(rest)} tracklets beside junk) loses them."
        )
    return remarks
