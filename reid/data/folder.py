"""One's own tracklets: folders of images, or a table that says whose each image is.

    mine/<person>/<camera>/<tracklet>/<image>.jpg

The folders may be called anything; people and cameras that are called by whole numbers keep those, else they are
numbered in order of their names. A camera has the same name for everybody whom it sees. Images are JPEG or PNG, and
come in order of their names, where numbers count as numbers.

Half of the people train, half test; it is drawn, the same every time, from those seen by two cameras or more and from
the others, so that both halves have their share. In the test half, the first tracklet of a person in each camera is
searched with, if another camera sees the person too; all tracklets are searched in. Where there is one camera only,
people with several tracklets take the place of those seen by several cameras, for a search that lets these count.

Whoever wants other people to train sorts them into folders:

    mine/train/<person>/<camera>/<tracklet>/<image>.jpg    mine/test/<person>/...

and whoever wants other queries gives mine/query/... and mine/gallery/... instead of mine/test. A gallery may hold
copies of the queries, of the same names. Without mine/train the set only tests.

A table is a CSV file whose first line names its columns, in any order; `tracklet` and `split` may be left out:

    image,person,camera,tracklet,split
    crops/0001.jpg,anna,gate,1,train

`image` is a path below the table's folder. Images of a tracklet come in the table's order; without `tracklet`, all of a
person in a camera are one. `split` is train, test, query or gallery, as the folders are called.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from reid.data.folder_table import PARTS, NamedTracklet, read_table
from reid.data.images import ImageFiles
from reid.data.listing import entries, is_image, natural_key
from reid.data.reading import Names, Reading, join_query_and_gallery, standard_parts
from reid.data.records import DataSet, TrackletRecord
from reid.data.splits import Split, Splits, draw_splits
from reid.errors import InputError

NAME = "folder"

_MOST = 2**31 - 1


def read_folder(root: Path) -> Reading:
    """Read one's own tracklets.

    Args:
        root: a folder, or a CSV file.

    Raises:
        InputError: it is laid out differently, somebody trains and tests, or nothing could be searched for.
    """
    missing: list[str] = []
    extra: list[str] = []
    if root.is_file():
        folder, tracklets = root.parent, read_table(root)
    else:
        folder, tracklets = root, _read_folders(root, missing, extra)
    _check_parts(tracklets, root)
    people, cameras = (
        _numbers(names) for names in zip(*((each.person, each.camera) for each in tracklets), strict=True)
    )
    records = [TrackletRecord(people[each.person], cameras[each.camera], each.frames) for each in tracklets]
    splits = None
    parts = [each.part for each in tracklets]
    if not any(parts):
        splits = _draw(records, {number: name for name, number in people.items()}, root)
        train_people = {people[name] for name in splits.splits[0].train}
        parts = ["train" if record.person_id in train_people else "test" for record in records]
    data_set = _data_set(records, parts, folder)
    if not data_set.query:
        raise InputError(
            f"{root}: nothing to search for, nobody of those who test is seen by two cameras or twice by one"
        )
    return Reading(
        (data_set,),
        standard_parts(data_set),
        folder,
        splits=splits,
        names=Names(*({number: name for name, number in numbers.items()} for numbers in (people, cameras))),
        missing=tuple(missing),
        extra=tuple(extra),
        from_lists=root.is_file(),
    )


def _data_set(records: Sequence[TrackletRecord], parts: Sequence[str], folder: Path) -> DataSet:
    def of(part: str) -> list[TrackletRecord]:
        return [record for record, own in zip(records, parts, strict=True) if own == part]

    if "query" in parts:
        test, query, gallery = join_query_and_gallery(of("query"), of("gallery"))
    else:
        test = tuple(of("test"))
        query, gallery = _first_of_each_visit(test), tuple(range(len(test)))
    return DataSet(NAME, tuple(of("train")), test, query, gallery, ImageFiles(folder))


def _first_of_each_visit(test: Sequence[TrackletRecord]) -> tuple[int, ...]:
    """Choose queries: a row for every person and camera, where there is another to find the person in."""
    visits: dict[tuple[int, int], int] = {}
    for row, record in enumerate(test):
        visits.setdefault((record.person_id, record.camera_id), row)
    findable = _findable(test)
    return tuple(row for (person, _), row in visits.items() if person in findable)


def _findable(records: Sequence[TrackletRecord]) -> set[int]:
    """Tell who is seen by several cameras; in a set of one camera, who is seen several times."""
    if len({record.camera_id for record in records}) == 1:
        seen = Counter(record.person_id for record in records)
    else:
        seen = Counter(person for person, _ in {(record.person_id, record.camera_id) for record in records})
    return {person for person, times in seen.items() if times > 1}


def _draw(records: Sequence[TrackletRecord], names: dict[int, str], root: Path) -> Splits:
    people = list(dict.fromkeys(record.person_id for record in records))
    findable = _findable(records)
    groups = [[names[person] for person in people if (person in findable) is several] for several in (True, False)]
    if len(groups[0]) < 2:
        raise InputError(
            f"{root}: {len(groups[0])} people can be searched for (seen by two cameras, or twice by the only one); "
            "two are needed, one to train and one to test, or folders train and test that say who does what"
        )
    source = f"the {len(people)} people of {root.resolve().name}"
    halves = [draw_splits(group, source, count=1) for group in groups if group]
    train, test = (sorted(name for half in halves for name in half.splits[0][part]) for part in (0, 1))
    return Splits((Split(tuple(train), tuple(test)),), source, halves[0].seed)


def _numbers(names: Iterable[str]) -> dict[str, int]:
    """Give each name a number, its own where all are whole numbers from 1 on, as long ones as fit everywhere."""
    ordered = sorted(set(names), key=natural_key)
    own = [int(name) if name.isdecimal() else 0 for name in ordered]
    if min(own) >= 1 and max(own) <= _MOST and len(set(own)) == len(own):
        return dict(zip(ordered, own, strict=True))
    return {name: number for number, name in enumerate(ordered, 1)}


def _check_parts(tracklets: Sequence[NamedTracklet], root: Path) -> None:
    """Refuse parts that do not make a whole, and people who train and test."""
    if not tracklets:
        raise InputError(f"{root} holds no images in <person>/<camera>/<tracklet>")
    parts = {each.part for each in tracklets}
    if parts == {""}:
        return
    if "" in parts:
        raise InputError(f"{root}: some tracklets have a split and some have none")
    if parts - {"train"} not in ({"test"}, {"query", "gallery"}):
        there = ", ".join(part for part in PARTS if part in parts)
        raise InputError(f"{root} has {there}; expected test, or query and gallery, and train beside them")
    train = {each.person for each in tracklets if each.part == "train"}
    both = sorted({each.person for each in tracklets if each.part != "train"} & train, key=natural_key)
    if both:
        raise InputError(f"{root}: {both[0]} is among those who train and those who test ({len(both)} such people)")


def _read_folders(root: Path, missing: list[str], extra: list[str]) -> list[NamedTracklet]:
    """List the folders; `missing` and `extra` get what is wrong with them."""
    folders, files = entries(root)
    extra += [name for name in files if is_image(name)]
    parts = [name for name in folders if name in PARTS]
    if not parts:
        return _read_people(root, "", folders, missing, extra)
    if len(parts) < len(folders):
        other = next(name for name in folders if name not in PARTS)
        raise InputError(f"{root} has {other} beside {parts[0]}; expected people's folders, or {', '.join(PARTS)} only")
    tracklets = []
    for part in parts:
        people, files = entries(root / part)
        extra += [f"{part}/{name}" for name in files]
        tracklets += _read_people(root, part, people, missing, extra)
    return tracklets


def _read_people(
    root: Path, part: str, people: Sequence[str], missing: list[str], extra: list[str]
) -> list[NamedTracklet]:
    tracklets = []
    for person in people:
        above = f"{part}/{person}" if part else person
        cameras, files = entries(root / above)
        _refuse_images(root, above, files, "<camera>/<tracklet>")
        extra += [f"{above}/{name}" for name in files]
        for camera in cameras:
            names, files = entries(root / above / camera)
            _refuse_images(root, f"{above}/{camera}", files, "<tracklet>")
            extra += [f"{above}/{camera}/{name}" for name in files]
            for name in names:
                place = f"{above}/{camera}/{name}"
                inner, files = entries(root / place)
                frames = tuple(f"{place}/{file}" for file in files if is_image(file))
                extra += [f"{place}/{other}" for other in (*inner, *(file for file in files if not is_image(file)))]
                if frames:
                    tracklets.append(NamedTracklet(part, person, camera, frames))
                else:
                    missing.append(f"{place} (no images)")
    return tracklets


def _refuse_images(root: Path, place: str, files: Sequence[str], levels: str) -> None:
    image = next((name for name in files if is_image(name)), None)
    if image is not None:
        known = "; in DukeMTMC-VideoReID images lie so, that is the data set dukemtmc" if place.count("/") == 2 else ""
        raise InputError(
            f"{root}: {place}/{image} lies too high, expected <person>/<camera>/<tracklet>/<image>: below {place}, "
            f"{levels} is missing{known}"
        )
