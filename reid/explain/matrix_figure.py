"""A table whose fields are coloured by their values."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from reid.explain.canvas import (
    BAR_WIDTH,
    BLACK,
    GAP,
    MARGIN,
    TEXT,
    WHITE,
    Rgb,
    colours,
    draw_bar,
    enlarged,
    font,
    line_height,
    write,
)
from reid.explain.pictures import MatrixPicture

_FIELD_WH, _FIELD_WITH_TEXT_WH = (30, 30), (92, 56)
_LEAST_BAR = 110


def draw_matrix(picture: MatrixPicture) -> Image.Image:
    """Draw the table with its labels on the left and above, and the bar on the right."""
    rows, columns = picture.values.shape
    width, height = _FIELD_WITH_TEXT_WH if picture.texts else _FIELD_WH
    left = round(max(font(TEXT).getlength(label) for label in picture.row_labels)) + 2 * GAP
    top = line_height(TEXT) + GAP
    grid_wh = columns * width, rows * height
    bar_height = max(grid_wh[1], _LEAST_BAR)
    image = Image.new("RGB", (left + grid_wh[0] + MARGIN + BAR_WIDTH, top + bar_height + GAP), WHITE)
    fields = colours(picture.values, picture.scale, "dark")
    image.paste(Image.fromarray(enlarged(fields, grid_wh, smooth=False)), (left, top))
    for row, label in enumerate(picture.row_labels):
        write(image, (left - 2 * GAP, top + (row + 0.5) * height), label, TEXT, anchor="rm")
    for column, label in enumerate(picture.column_labels):
        write(image, (left + (column + 0.5) * width, top - GAP), label, TEXT, anchor="ms")
    draw = ImageDraw.Draw(image)
    for row, column in np.ndindex(rows, columns):
        x, y = left + column * width, top + row * height
        draw.rectangle((x, y, x + width, y + height), outline=WHITE)
        if picture.texts:
            centre_xy = (x + width / 2, y + height / 2)
            colour = _readable_on(fields[row, column])
            write(image, centre_xy, picture.texts[row][column], TEXT, colour=colour, anchor="mm")
    draw_bar(image, (left + grid_wh[0] + MARGIN, top), bar_height, picture.scale, "dark")
    return image


def _readable_on(field_rgb: Rgb) -> tuple[int, int, int]:
    """Choose black or white by how bright a field is. Source: luma of ITU-R BT.601."""
    return BLACK if float(field_rgb @ np.array([0.299, 0.587, 0.114])) > 110 else WHITE
