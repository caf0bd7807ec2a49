"""What every figure is drawn with: text that fits, colours for values, a bar that says which."""

from __future__ import annotations

import functools
import unicodedata
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from reid.explain.pictures import Scale, Values

Rgb = NDArray[np.uint8]
Palette = Literal["rainbow", "dark"]

WHITE, BLACK, GREY, LINE = (255, 255, 255), (20, 20, 20), (90, 90, 90), (160, 160, 160)
MARGIN = 24
GAP = 6
TITLE, TEXT, SMALL = 22, 15, 13
BAR_WIDTH = 104  # with the numbers beside it

_BAR = 14
_LINE_SPACING = 1.3
_NO_VALUE = 225
_HEAT_SHARE = 0.6  # of the colours where they lie over a frame; the rest is the frame, in grey


@functools.cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font that comes with Pillow; it has ASCII and little more."""
    return ImageFont.load_default(size)


def line_height(size: int) -> int:
    """Return the distance of two lines of text, in pixels."""
    return round(size * _LINE_SPACING)


def drawable(text: str) -> str:
    """Write a text in ASCII: accents fall away, other characters become question marks."""
    letters = (letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return "".join(letters).encode("ascii", "replace").decode("ascii")


def wrapped(text: str, size: int, width: int) -> list[str]:
    """Break a text into lines.

    Args:
        text: words.
        size: of the font.
        width: the longest line, in pixels. A word that is longer goes on in the next line.

    Returns:
        The lines, at least one.
    """
    lines = [""]
    for word in drawable(text).split():
        longer = f"{lines[-1]} {word}".strip()
        if font(size).getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append("")
            for character in word:
                if font(size).getlength(lines[-1] + character) > width:
                    lines.append("")
                lines[-1] += character
    return [line for line in lines if line] or [""]


def fitting(text: str, size: int, width: int) -> str:
    """Cut a text so that it is at most `width` pixels wide, with dots at its end where it was cut."""
    text = drawable(text)
    if font(size).getlength(text) <= width:
        return text
    while text and font(size).getlength(f"{text}..") > width:
        text = text[:-1]
    return f"{text}.."


def write(
    image: Image.Image,
    at_xy: tuple[float, float],
    text: str,
    size: int,
    *,
    colour: tuple[int, int, int] = BLACK,
    anchor: str = "la",
) -> None:
    """Write one line of text; `anchor` as Pillow has it."""
    ImageDraw.Draw(image).text(at_xy, text, fill=colour, font=font(size), anchor=anchor)


def write_lines(image: Image.Image, at_xy: tuple[int, int], lines: list[str], size: int, **style: object) -> int:
    """Write lines below each other, and return the y below the last."""
    x, y = at_xy
    for line in lines:
        write(image, (x, y), line, size, **style)  # type: ignore[arg-type]
        y += line_height(size)
    return y


def colours(values: Values, scale: Scale, palette: Palette = "rainbow") -> Rgb:
    """Turn values into colours; no value is light grey.

    Args:
        values: (h, w).
        scale: which values the first and the last colour stand for; what lies beyond has these too.
        palette: "rainbow" goes from dark blue to red, which stands out over grey frames; "dark" from yellow to a dark
            violet, evenly, for tables.

    Returns:
        (h, w, 3).
    """
    share = (values - scale.low) / (scale.high - scale.low)
    known = np.nan_to_num(share, nan=0.0).clip(0, 1)
    rainbow = palette == "rainbow"
    levels = ((known if rainbow else 1 - known) * 255).round().astype(np.uint8)
    colour_map = cv2.COLORMAP_TURBO if rainbow else cv2.COLORMAP_VIRIDIS
    heat: Rgb = cv2.applyColorMap(levels, colour_map)[..., ::-1].copy()
    heat[np.isnan(values)] = _NO_VALUE
    return heat


def over_frame(frame_rgb: Rgb, values: Values, scale: Scale, *, smooth: bool) -> Rgb:
    """Lay a map's colours over a frame, which turns grey so that colour means the map alone.

    Args:
        frame_rgb: (H, W, 3).
        values: (h, w), stretched over the frame.
        scale: of the colours.
        smooth: without steps between neighbours.
    """
    height, width = frame_rgb.shape[:2]
    method = cv2.INTER_LINEAR if smooth else cv2.INTER_NEAREST
    stretched = cv2.resize(values.astype(np.float32), (width, height), interpolation=method)
    grey = cv2.cvtColor(frame_rgb, cv2.COLOR_RGB2GRAY)[..., np.newaxis]
    return _blended(colours(stretched, scale), grey // 2 + 64)  # less contrast, so that black clothes hide no colour


def enlarged(values: Rgb, size_wh: tuple[int, int], *, smooth: bool) -> Rgb:
    """Stretch pixels (h, w, 3) to a size."""
    stretched: Rgb = cv2.resize(values, size_wh, interpolation=cv2.INTER_CUBIC if smooth else cv2.INTER_NEAREST)
    return stretched


def draw_bar(
    image: Image.Image,
    at_xy: tuple[int, int],
    height: int,
    scale: Scale,
    palette: Palette = "rainbow",
    *,
    over_frames: bool = False,
) -> None:
    """Draw what the colours stand for: a bar with the lowest value below, and the scale's ticks beside it.

    Args:
        image: to draw on.
        at_xy: its upper left corner.
        height: in pixels.
        scale: the values.
        palette: of the colours.
        over_frames: the colours as they look over a middling grey.
    """
    x, y = at_xy
    ramp = np.linspace(scale.high, scale.low, height, dtype=np.float32)[:, np.newaxis]
    bar = colours(np.repeat(ramp, _BAR, axis=1), scale, palette)
    if over_frames:
        bar = _blended(bar, np.full((height, _BAR, 1), 128, np.uint8))
    image.paste(Image.fromarray(bar), at_xy)
    draw = ImageDraw.Draw(image)
    draw.rectangle((x, y, x + _BAR - 1, y + height - 1), outline=LINE)
    taken: list[float] = []
    # The ends come first: a tick between them is left out where its text would run into theirs.
    for value, text in sorted(scale.ticks, key=lambda tick: tick[0] not in (scale.low, scale.high)):
        at_y = y + (height - 1) * (scale.high - value) / (scale.high - scale.low)
        if all(abs(at_y - other) >= SMALL for other in taken):
            taken.append(at_y)
            draw.line((x + _BAR, at_y, x + _BAR + 4, at_y), fill=GREY)
            write(image, (x + _BAR + 7, at_y), text, SMALL, colour=GREY, anchor="lm")


def _blended(heat: Rgb, grey: Rgb) -> Rgb:
    mixed: Rgb = (_HEAT_SHARE * heat + (1 - _HEAT_SHARE) * grey).round().astype(np.uint8)
    return mixed
