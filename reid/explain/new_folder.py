"""A folder of pictures that appears whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reid.errors import OutputError, RunError

INDEX = "explain.json"  # by which a folder is known as one of these


@contextmanager
def new_folder(out: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a folder to fill; it moves to its place when the block ends well, else it goes.

    Args:
        out: where it is to stand.
        overwrite: replace a folder of pictures that stands there. Nothing else is ever replaced.

    Raises:
        OutputError: something stands there already, or the place cannot be written.
        RunError: writing failed on the way.
    """
    _check_place(out, overwrite=overwrite)
    out = out.absolute()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.unfinished-", dir=out.parent) as temporary:
            building, old = Path(temporary) / "new", Path(temporary) / "old"
            building.mkdir()
            yield building
            if out.exists():
                out.rename(old)
            try:
                building.rename(out)
            except OSError:
                if old.exists():
                    old.rename(out)
                raise
    except OSError as error:
        raise RunError(f"the pictures could not be written to {out}: {error.strerror or error}") from error


def _check_place(out: Path, *, overwrite: bool) -> None:
    """Refuse a place that is taken or cannot be written, before any work is done.

    Raises:
        OutputError: with what to do.
    """
    try:
        if out.is_symlink() or out.exists():
            is_ours = out.is_dir() and not out.is_symlink() and (out / INDEX).is_file()
            is_empty = out.is_dir() and not out.is_symlink() and not any(out.iterdir())
            if not is_ours and not is_empty:
                raise OutputError(f"--out {out} exists and holds no pictures of vreid explain; choose another place")
            if is_ours and not overwrite:
                raise OutputError(f"--out {out} already holds pictures; choose another place or add --overwrite")
        parent = out.absolute().parent
        while not parent.exists():
            parent = parent.parent
        if not parent.is_dir():
            raise OutputError(f"--out {out} cannot be written: {parent} is not a folder")
        if not os.access(parent, os.W_OK | os.X_OK):
            raise OutputError(f"--out {out} cannot be written: no permission to create files in {parent}")
    except OSError as error:
        raise OutputError(f"--out {out} cannot be written: {error.strerror}") from error
