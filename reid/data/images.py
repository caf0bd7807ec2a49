"""Pictures in files: reading them, and telling those that are missing, damaged or cut off."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from reid.data.records import CropSource
from reid.errors import ImageError
from reid.preprocess import Crop

_JPEG_SCAN, _JPEG_END = b"\xff\xda", b"\xff\xd9"
_PNG_START, _PNG_END = b"\x89PNG", b"IEND"


def decode(data: bytes, name: str) -> Crop:
    """Turn an image file's content into pixels.

    Args:
        data: the file: JPEG, PNG, or what else OpenCV knows.
        name: the picture's, for messages.

    Returns:
        (height, width, 3) uint8, RGB; a grey picture has three equal channels.

    Raises:
        ImageError: it is no image, or was cut off before its end.
    """
    if not data:
        raise ImageError(f"{name}: the file is empty")
    if _is_cut_off(data):
        raise ImageError(f"{name}: the file was cut off after {len(data)} bytes")
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error as error:
        raise ImageError(f"{name}: cannot be decoded: {error.err or error}") from error
    if pixels is None:
        raise ImageError(f"{name}: not an image that can be decoded ({len(data)} bytes)")
    return cast(Crop, pixels)


def _is_cut_off(data: bytes) -> bool:
    """Whether an image's end marker is missing: decoders fill up with grey, some without a word.

    A thumbnail inside a JPEG has an end marker of its own, so the last one has to come after the start of the last
    scan. The compressed data between the two cannot look like a marker.
    """
    if data.startswith(b"\xff\xd8"):
        return not data.endswith(_JPEG_END) and data.rfind(_JPEG_END) <= data.rfind(_JPEG_SCAN)
    return data.startswith(_PNG_START) and _PNG_END not in data[-64:]


class ImageFiles:
    """Loose image files below a folder: a `CropSource` whose names are paths with slashes.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root)

    def read(self, frames: Sequence[str]) -> list[Crop]:
        """Read and decode files.

        Args:
            frames: paths below the folder.

        Returns:
            For each (height, width, 3) uint8, RGB.

        Raises:
            ImageError: the first that is missing or cannot be decoded.
        """
        return [decode(self.encoded(frame), frame) for frame in frames]

    def stamp(self, frames: Sequence[str]) -> list[list[object]]:
        """Tell files from what they were before they changed: name, size and time; what is missing has neither."""
        stamps: list[list[object]] = []
        for frame in frames:
            try:
                status = os.stat(f"{self._root}/{frame}")  # noqa: PTH116 (as for `encoded`)
            except (OSError, ValueError):
                stamps.append([frame])
            else:
                stamps.append([frame, status.st_size, status.st_mtime_ns])
        return stamps

    def encoded(self, frame: str) -> bytes:
        """Read a file as it is.

        Raises:
            ImageError: it is missing or cannot be read.
        """
        try:
            # A `Path` and a buffer would take longer than reading what is in memory already.
            with open(f"{self._root}/{frame}", "rb", buffering=0) as file:  # noqa: PTH123
                return file.readall()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ImageError(f"{frame}: {reason} (below {self._root})") from error


def read_usable(source: CropSource, frames: Sequence[str]) -> tuple[dict[str, Crop], dict[str, str]]:
    """Read what can be read.

    Args:
        source: where the pictures come from.
        frames: their names; one that stands several times is read once.

    Returns:
        Name -> picture, and name -> reason for those that are missing or cannot be decoded.
    """
    names = list(dict.fromkeys(frames))
    try:
        return dict(zip(names, source.read(names), strict=True)), {}
    except ImageError:
        pass  # one by one, to know which
    usable, broken = {}, {}
    for name in names:
        try:
            usable[name] = source.read([name])[0]
        except ImageError as error:
            broken[name] = str(error)
    return usable, broken
