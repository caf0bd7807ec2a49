"""Folders of results: where they may stand, and how a finished one takes its place."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reid.errors import OutputError, RunError

_OLD = "-old"


@contextmanager
def new_folder(path: Path, *, marker: str, what: str, overwrite: bool) -> Iterator[Path]:
    """Give a folder to fill; it moves to its place when the block ends well, else it goes.

    Args:
        path: where it is to stand.
        marker: name of a file in it, by which a folder of this kind is known.
        what: such a folder in words, as "a folder of pictures".
        overwrite: replace one that stands there. Anything else is never replaced.

    Raises:
        OutputError: something stands there already, or the place cannot be written.
        RunError: writing failed on the way.
    """
    check_output(path, marker=marker, what=what, overwrite=overwrite)
    path = path.absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.TemporaryDirectory(prefix=f".{path.name}.unfinished-", dir=path.parent)
    except OSError as error:
        raise OutputError(f"--out {path} cannot be written: {error.strerror}") from error
    try:
        with temporary as place:
            building = Path(place) / "new"
            building.mkdir()
            yield building
            move_into_place(building, path)
    except OSError as error:
        raise RunError(f"{what} could not be written to {path}: {error.strerror or error}") from error


def check_output(path: Path, *, marker: str, what: str, overwrite: bool) -> None:
    """Refuse a place for results that is taken or cannot be written, before any work is done.

    Args:
        path: where the folder is to stand.
        marker: name of the file by which a folder of this kind is known.
        what: such a folder in words, as "a run".
        overwrite: whether one that stands there may be replaced. Anything else is never replaced.

    Raises:
        OutputError: with what to do.
    """
    try:
        if path.is_symlink() or path.exists():
            is_ours = (path / marker).is_file()
            is_empty = path.is_dir() and not path.is_symlink() and not any(path.iterdir())
            if not is_empty and not is_ours:
                raise OutputError(f"--out {path} exists and is not {what} of vreid; choose another place")
            if is_ours and not overwrite:
                raise OutputError(f"--out {path} already holds {what}; choose another place or add --overwrite")
    except OSError as error:
        raise OutputError(f"--out {path} cannot be written: {error.strerror}") from error
    check_writable(path.absolute().parent, flag="--out", named=path)


def check_new_file(path: Path, *, overwrite: bool, flag: str = "--out") -> None:
    """Refuse a file of results that stands there or cannot be written, before any work is done.

    Args:
        path: the file.
        overwrite: whether one that stands there may be replaced.
        flag: the option that names it.

    Raises:
        OutputError: with what to do.
    """
    if path.is_dir():
        raise OutputError(f"{flag} {path} is a folder; name a file")
    if path.exists() and not overwrite:
        raise OutputError(f"{flag} {path} exists; choose another name or add --overwrite")
    check_writable(path.absolute().parent, flag=flag, named=path)


def check_writable(folder: Path, *, flag: str, named: Path | None = None) -> None:
    """Refuse a folder in which nothing can be written, before any work is done.

    Args:
        folder: it, or one that is to be made.
        flag: the option that names it.
        named: what the option names, where that is not the folder itself.

    Raises:
        OutputError: says why.
    """
    what = f"{flag} {folder if named is None else named} cannot be written"
    try:
        parent = folder.absolute()
        while not parent.exists():
            parent = parent.parent
        if not parent.is_dir():
            raise OutputError(f"{what}: {parent} is not a folder")
        if not os.access(parent, os.W_OK | os.X_OK):
            raise OutputError(f"{what}: no permission to create files in {parent}")
    except OSError as error:
        raise OutputError(f"{what}: {error.strerror}") from error


def set_aside(final: Path) -> list[Path]:
    """Find what `move_into_place` moved away from a place and, being killed just then, did not delete."""
    return sorted(final.absolute().parent.glob(f".{glob.escape(final.name)}.unfinished-*{_OLD}"))


def move_into_place(built: Path, final: Path) -> None:
    """Move a finished folder to where it is to stand; what stood there goes only once that has worked.

    Args:
        built: the folder, on the same file system.
        final: its place, taken or not.

    Raises:
        OSError: it could not be moved; what stood there is there again.
    """
    if not final.exists():
        built.rename(final)
        return
    old = built.with_name(f"{built.name}{_OLD}")
    final.rename(old)
    try:
        built.rename(final)
    except OSError:
        old.rename(final)
        raise
    if old.is_symlink():
        old.unlink()
    else:
        shutil.rmtree(old, ignore_errors=True)
