"""A folder or pattern of images, one frame each."""

from __future__ import annotations

import logging
from collections.abc import Generator
from datetime import datetime
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from pipeline.sources.frame import Frame, RgbImage
from pipeline.sources.health import CameraHealth, CameraStatus
from pipeline.sources.running import FramesOnce
from pipeline.sources.spec import CameraSpec

log = logging.getLogger(__name__)

BROKEN_IMAGE = "broken image"


class ImageSource(FramesOnce):
    """Images in natural order, at a frame rate that the caller knows."""

    live = False
    connected = True

    def __init__(self, spec: CameraSpec, *, fps: float, every: int = 1) -> None:
        """Read no image yet, except for the first sound one's size.

        Args:
            spec: a camera with images.
            fps: frames a second, > 0; image i is shown at i / fps seconds.
            every: yield images whose index this divides; the others are checked but not yielded.
        """
        super().__init__()
        self.spec = spec
        self.fps: float | None = fps
        self.start_time_utc: datetime | None = None
        self.health = CameraHealth(frames_expected=len(spec.images))
        self.progress = 0
        self._every = every
        self.size_px = _first_size_px(spec)

    def _generate(self) -> Generator[Frame, None, None]:
        assert self.fps is not None
        for index, path in enumerate(self.spec.images):
            if self.stopped:
                return
            self.progress += 1
            try:
                rgb = read_rgb(path)
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                self.health.frames_corrupt += 1
                self.health.add_gap(index / self.fps, (index + 1) / self.fps, BROKEN_IMAGE)
                self.health.mark(CameraStatus.DAMAGED, f"{path.name}: {_reason(error)}")
                log.debug("%s: %s", self.spec.name, self.health.last_error)
                continue
            self.health.frames_decoded += 1
            if index % self._every == 0:
                yield Frame(self.spec.name, index, index / self.fps, rgb)

    def _release(self) -> None:
        """Nothing stays open between images."""


def read_rgb(path: Path) -> RgbImage:
    """Read one image file whole.

    Args:
        path: a file in a format that Pillow reads.

    Returns:
        (H, W, 3) uint8 RGB, upright as its EXIF data asks.

    Raises:
        OSError: the file cannot be read, is no image or ends early.
        ValueError: its content is damaged.
        SyntaxError: its content is damaged (Pillow's choice for PNG).
    """
    with Image.open(path) as image:
        return np.array(ImageOps.exif_transpose(image).convert("RGB"), dtype=np.uint8)


def _first_size_px(spec: CameraSpec) -> tuple[int, int] | None:
    for path in spec.images[:10]:
        try:
            rgb = read_rgb(path)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue
        return rgb.shape[1], rgb.shape[0]
    return None


def _reason(error: Exception) -> str:
    return "not an image" if isinstance(error, UnidentifiedImageError) else str(error)
