"""Where a data set lies, and what lies there instead."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from reid.data.entries import CATALOGUE, Entry, find_entry
from reid.data.packed import is_pack
from reid.errors import InputError, PartlyThereError

VARIABLE = "VREID_DATA"  # environment variable: the folder with the data sets


def find_root(name: str, root: Path | None) -> Path:
    """Find a data set's folder.

    Args:
        name: of the data set.
        root: its folder, or a pack, or a folder that holds it under a usual name; None for the one in the variable
            `VREID_DATA`.

    Returns:
        The folder or pack; which data set a pack is of is not looked at.

    Raises:
        ConfigError: there is no data set of that name.
        InputError: it is not there, or only a part of it, or another data set is; with what to do.
    """
    entry = find_entry(name)
    named_by = ""
    if root is None:
        root, named_by = _from_environment(entry), f", which {VARIABLE} names,"
    if not _exists(root):
        raise InputError(f"{root}{named_by} does not exist; expected {_expected(entry)}. {entry.advice}")
    places = list(_places(entry, root))
    for place in places:
        if is_pack(place) or any(not missing for _, missing in _forms(entry, place)):
            return place
    if entry.layouts:
        raise _refusal(name, root, places)
    other = _lookalike(name, root, apart_from=("dukemtmc",))  # which is laid out as one's own may be
    if other is not None:
        raise InputError(f"{root} {other}")
    return root


def _places(entry: Entry, root: Path) -> Iterator[Path]:
    """Where a data set may lie if the user names `root`."""
    yield root
    yield from (root / usual for usual in entry.usual_folders if (root / usual).is_dir())


def _forms(entry: Entry, place: Path) -> Iterator[tuple[list[str], list[str]]]:
    """What of each of a data set's forms is in a place, and what is missing."""
    if entry.not_with is not None and _exists(place / entry.not_with):
        return
    for layout in entry.layouts:
        missing = [part for part in layout if not _exists(place / part)]
        yield [part for part in layout if part not in missing], missing


def _refusal(name: str, root: Path, places: list[Path]) -> InputError:
    """Say what a folder holds that is not the whole of a data set."""
    entry = CATALOGUE[name]
    if root.is_file():
        return InputError(f"{root} is a file, expected {_expected(entry)}. {entry.advice}")
    for place in places:
        other = _lookalike(name, place)
        if other is not None:
            return InputError(f"{place} {other}. {entry.advice}")
    parts = [(place, *form) for place in places for form in _forms(entry, place) if form[0]]
    if parts:
        place, there, missing = max(parts, key=lambda part: len(part[1]))
        return PartlyThereError(
            f"{place} holds only a part of {entry.title}: {_listed(there)}, but not {_listed(missing)}. {entry.advice}"
        )
    other = _lookalike(name, root, whole=False) or f"is not {_expected(entry)}"
    return InputError(f"{root} {other}. {entry.advice}")


def _lookalike(name: str, place: Path, *, whole: bool = True, apart_from: tuple[str, ...] = ()) -> str | None:
    """Find another data set that a place looks like, or like a part of; says so."""
    for other, entry in CATALOGUE.items():
        if other != name and other not in apart_from:
            for there, missing in _forms(entry, place):
                if there and not (whole and missing):
                    of = "" if whole else "a part of "
                    return (
                        f"is not {CATALOGUE[name].title} but looks like {of}{entry.title}, which is called {other} here"
                    )
    return None


def _expected(entry: Entry) -> str:
    return f"the folder of {entry.title}, which holds {_listed(entry.layouts[0])}" if entry.layouts else entry.title


def _from_environment(entry: Entry) -> Path:
    """The folder of all data sets."""
    text = os.environ.get(VARIABLE)
    if text and entry.layouts:
        return Path(text)
    also = f", or the folder of all data sets in the environment variable {VARIABLE}" if entry.layouts else ""
    raise InputError(f"where is {entry.title}? Name it with --root{also}. {entry.advice}")


def _listed(names: Sequence[str], most: int = 3) -> str:
    """Join some names."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _exists(path: Path) -> bool:
    """Whether something can be seen there; a folder that may not be entered holds nothing."""
    try:
        return path.exists()
    except OSError:
        return False
