"""Files of results that are whole or not there at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a place to write a file; it moves to its own place, and is on the disk, when the block ends well.

    What stood there before stays until then, and for good if the block ends with an error.

    Args:
        path: where it is to stand; its folder must exist.

    Yields:
        Where to write it. The name is the same, since some libraries choose a format by it.

    Raises:
        OSError: it could not be written or moved.
    """
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        building = Path(folder) / path.name
        yield building
        # Some libraries make their files for their user alone; a new file has the rights that all new files have.
        (Path(folder) / "new").touch()
        building.chmod((Path(folder) / "new").stat().st_mode)
        with building.open("rb+") as file:
            os.fsync(file.fileno())
        building.replace(path)
