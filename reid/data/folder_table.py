"""A table that says whose each image is: a CSV file; `reid.data.folder` describes its columns."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from reid.errors import InputError

PARTS = ("train", "test", "query", "gallery")
COLUMNS = ("image", "person", "camera")
MORE_COLUMNS = ("tracklet", "split")


class NamedTracklet(NamedTuple):
    """A tracklet by names.

    Attributes:
        part: one of `PARTS`; empty where halves are to be drawn.
        person: whose it is.
        camera: which camera saw it.
        frames: its images in order, as paths below the folder.
    """

    part: str
    person: str
    camera: str
    frames: tuple[str, ...]


def read_table(path: Path) -> list[NamedTracklet]:
    """Read the file; a tracklet stands where its first image does.

    Raises:
        InputError: it cannot be read, has other columns, or a line is not understood.
    """
    tracklets: dict[tuple[str, str, str], tuple[str, list[str]]] = {}
    person_of: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            rows.fieldnames = [name.strip() for name in rows.fieldnames or ()]
            _check_columns(path, rows.fieldnames)
            for row in rows:
                where = f"{path}, line {rows.line_num}"
                if None in row:
                    raise InputError(f"{where} has more values than there are columns")
                # Spreadsheets and hands leave spaces around names, which nobody sees.
                image, person, camera, tracklet, part = (
                    (row.get(column) or "").strip() for column in COLUMNS + MORE_COLUMNS
                )
                if not (person and camera and image):
                    raise InputError(f"{where}: image, person and camera must not be empty")
                if part not in ("", *PARTS):
                    raise InputError(f"{where}: split is one of {', '.join(PARTS)}, not {part}")
                frame = _below(path, image, where)
                if person_of.setdefault(frame, person) != person:
                    raise InputError(f"{where}: {image} is of {person}, but of {person_of[frame]} further up")
                # A tracklet of the query may have a copy in the gallery.
                tracklets.setdefault((person, camera, f"{tracklet}/{part}"), (part, []))[1].append(frame)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file in UTF-8: {error}") from error
    return [
        NamedTracklet(part, person, camera, tuple(frames)) for (person, camera, _), (part, frames) in tracklets.items()
    ]


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise InputError(
            f"{path}: its first line has no column {missing[0]}; expected {', '.join(COLUMNS + MORE_COLUMNS)}, with "
            "commas between them"
        )
    if len(set(columns)) < len(columns):
        raise InputError(f"{path}: its first line names a column twice")
    unknown = [name for name in columns if name not in COLUMNS + MORE_COLUMNS]
    if unknown:
        raise InputError(
            f"{path}: column {unknown[0]!r} is not understood; there are {', '.join(COLUMNS + MORE_COLUMNS)}"
        )


def _below(table: Path, image: str, where: str) -> str:
    """Make a path relative to the table's folder."""
    path = PurePosixPath(image.replace("\\", "/"))
    folder = PurePosixPath(table.parent.absolute().as_posix())
    if path.is_absolute() and path.is_relative_to(folder):
        path = path.relative_to(folder)
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"{where}: {image} does not lie below the table's folder, {table.parent}")
    return path.as_posix()
