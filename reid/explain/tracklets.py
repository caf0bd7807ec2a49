"""Crops of people, read from folders."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from reid.errors import InputError
from reid.preprocess import Crop

_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}
_DEPTH = 2  # a run's folder of crops holds cameras, which hold tracklets
_NAMED = 3
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class CropFolder:
    """The crops of one tracklet.

    Args:
        name: short, and unlike the names of the tracklets that it was found with.
        path: the folder.
        images: the files that can be read, in the order of their names.
    """

    name: str
    path: Path
    images: tuple[Path, ...]


def find_crop_folders(given: Sequence[Path]) -> list[CropFolder]:
    """Find the tracklets in folders: those that hold images, else the folders in them, down to two levels.

    A file that is named like an image and cannot be read is left out with a warning, and so is a folder in which none
    can be read.

    Args:
        given: folders, as `vreid run` makes them in `crops`, or of images in the order of their names.

    Raises:
        InputError: a folder is missing or holds no images, or none of all images can be read.
    """
    found: dict[Path, None] = {}  # in order, each once
    for path in given:
        try:
            if not path.is_dir():
                raise InputError(f"crops: {path} is not a folder" if path.exists() else f"crops: no folder {path}")
            here = list(_with_images(path.resolve(), _DEPTH))
        except OSError as error:
            raise InputError(f"crops: cannot read {path}: {error.strerror}") from error
        if not here:
            raise InputError(f"crops: no images in {path}, nor in the folders in it")
        found |= dict.fromkeys(here)
    readable = {path: images for path in found if (images := _readable(path))}
    if not readable:
        raise InputError("crops: none of the images can be read")
    names = _names(list(readable))
    return [CropFolder(names[path], path, tuple(images)) for path, images in readable.items()]


def read_crop(path: Path) -> Crop:
    """Read an image as (height, width, 3) uint8, RGB.

    Raises:
        InputError: it is damaged or no image.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except UnidentifiedImageError as error:
        raise InputError(f"{path.name}: not an image") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:  # Pillow raises all of these
        raise InputError(f"{path.name}: {getattr(error, 'strerror', None) or error}") from error


def _with_images(folder: Path, depth: int) -> Iterator[Path]:
    if any(path.suffix.lower() in _SUFFIXES for path in folder.iterdir()):
        yield folder
    elif depth:
        for path in sorted(folder.iterdir()):
            if path.is_dir():
                yield from _with_images(path, depth - 1)


def _readable(folder: Path) -> list[Path]:
    readable, broken = [], []
    images = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    for path in images:
        try:
            read_crop(path)
            readable.append(path)
        except InputError as error:
            broken.append(str(error))
    if broken:
        rest = f" and {len(broken) - _NAMED} more" if len(broken) > _NAMED else ""
        counts = f"{len(broken)} of {len(images)} images cannot be read and are left out"
        _LOG.warning("crops: %s: %s: %s%s", folder, counts, "; ".join(broken[:_NAMED]), rest)
    return readable


def _names(paths: list[Path]) -> dict[Path, str]:
    """Name folders by the last parts of their paths, as few as tell them apart."""
    parts = 1
    while len({path.parts[-parts:] for path in paths}) < len(paths):
        parts += 1
    return {path: "-".join(part for part in path.parts[-parts:] if part != path.anchor) for path in paths}
