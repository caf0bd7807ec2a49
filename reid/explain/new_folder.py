"""A folder of pictures that appears whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reid.errors import OutputError, RunError
from reid.output_folder import check_output, move_into_place

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
    check_output(out, marker=INDEX, what="a folder of pictures", overwrite=overwrite)
    out = out.absolute()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.TemporaryDirectory(prefix=f".{out.name}.unfinished-", dir=out.parent)
    except OSError as error:
        raise OutputError(f"--out {out} cannot be written: {error.strerror}") from error
    try:
        with temporary as place:
            building = Path(place) / "new"
            building.mkdir()
            yield building
            move_into_place(building, out)
    except OSError as error:
        raise RunError(f"the pictures could not be written to {out}: {error.strerror or error}") from error
