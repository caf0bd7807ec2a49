"""What lies in folders of images, and in which order. Hidden files and what systems leave behind are passed over."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from reid.errors import InputError

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png")

# Left by Windows, by macOS in archives, and by Synology's disks; what a dot begins is hidden anyway.
_LITTER = {"thumbs.db", "desktop.ini", "__macosx", "@eadir"}
_NUMBER = re.compile(r"(\d+)")


def natural_key(name: str) -> list[str | int]:
    """What to sort names by so that numbers in them count as numbers: f2.jpg comes before f10.jpg."""
    parts: list[str | int] = list(_NUMBER.split(name))  # text, digits, text, ..., text: like stands beside like
    parts[1::2] = map(int, parts[1::2])
    return parts


def entries(folder: Path) -> tuple[list[str], list[str]]:
    """List a folder.

    Returns:
        The names of its folders and of its files, each in natural order.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with os.scandir(folder) as found:
            listed = [(entry.name, entry.is_dir()) for entry in found if _counts(entry.name)]
    except OSError as error:
        raise InputError(f"cannot read {folder}: {error.strerror}") from error
    folders = [name for name, is_folder in listed if is_folder]
    files = [name for name, is_folder in listed if not is_folder]
    return sorted(folders, key=natural_key), sorted(files, key=natural_key)


def is_image(name: str) -> bool:
    """Whether a file's name is that of an image."""
    return name.lower().endswith(IMAGE_ENDINGS)


def names_in(folder: Path) -> set[str]:
    """List a folder's names; none where it cannot be read."""
    try:
        return {name for name in os.listdir(folder) if _counts(name)}  # noqa: PTH208  it is twice as fast
    except OSError:
        return set()


def files_below(root: Path, folder: str) -> Iterator[str]:
    """Go through all files below a folder at any depth, in no order; none if it is not there.

    Args:
        root: where paths begin.
        folder: below it, with slashes.

    Yields:
        Paths below the root, with slashes.
    """
    try:
        found = os.scandir(root / folder)
    except OSError:
        return
    with found:
        for entry in found:
            path = f"{folder}/{entry.name}"
            if not _counts(entry.name):
                continue
            if entry.is_dir():
                yield from files_below(root, path)
            else:
                yield path


def _counts(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in _LITTER
