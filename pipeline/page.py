"""What the pages have in common: one HTML file each, nothing beside it, no network."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cache

import cv2
import jinja2
import numpy as np

from pipeline.report_texts import position_text

_JPEG_QUALITY = 75


@dataclass(frozen=True)
class Picture:
    """A JPEG inside the page; `data_uri` holds it whole."""

    data_uri: str
    width_px: int
    height_px: int


@cache
def environment() -> jinja2.Environment:
    """Give the templates, with the filters that they use."""
    found = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline", "templates"),
        autoescape=True,
        undefined=jinja2.ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["css"] = lambda colour: f"rgb({colour[0]},{colour[1]},{colour[2]})"
    found.filters["percent"] = lambda value: f"{value:.3f}%"
    found.filters["grouped"] = lambda value: f"{value:,}" if isinstance(value, int) else "not known"
    found.filters["position"] = lambda value: position_text(value) if isinstance(value, int | float) else "not known"
    return found


@cache
def asset(name: str) -> str:
    """Read a style sheet or script of ours, which goes into a page as it is."""
    loader = environment().loader
    assert loader is not None
    return loader.get_source(environment(), name)[0].replace("\r\n", "\n")


def picture_from(encoded: bytes, max_height_px: int) -> Picture | None:
    """Make a small copy of a picture.

    Args:
        encoded: a JPEG or PNG file's content.
        max_height_px: of the copy, whose width is at most twice that.

    Returns:
        The copy; None where it cannot be decoded.
    """
    image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR) if encoded else None
    if image is None:
        return None
    height_px, width_px = image.shape[:2]
    scale = min(1.0, max_height_px / height_px, 2 * max_height_px / width_px)
    if scale < 1.0:
        size_px = (max(1, round(width_px * scale)), max(1, round(height_px * scale)))
        image = cv2.resize(image, size_px, interpolation=cv2.INTER_AREA)
    _, small = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
    text = base64.b64encode(small.tobytes()).decode("ascii")
    return Picture(f"data:image/jpeg;base64,{text}", image.shape[1], image.shape[0])
