"""Figures: a title, how to read them, and what `frame_figures` and `matrix_figure` draw below."""

from __future__ import annotations

from PIL import Image

from reid.explain.canvas import GAP, GREY, MARGIN, TEXT, TITLE, WHITE, line_height, wrapped, write_lines
from reid.explain.frame_figures import ShownFrames, draw_rows, draw_sheet
from reid.explain.matrix_figure import draw_matrix
from reid.explain.pictures import FramePicture, MatrixPicture, Picture

_LEAST_WIDTH = 760


def draw(picture: Picture, heading: str, frames: ShownFrames | None) -> Image.Image:
    """Draw a picture.

    Args:
        picture: what it shows.
        heading: model and tracklet, for the title.
        frames: of the clip; None for a picture that belongs to no clip.

    Returns:
        The figure on white, its texts as wide as it is.
    """
    if isinstance(picture, MatrixPicture):
        body = draw_matrix(picture)
    else:
        assert frames is not None  # maps belong to frames
        body = draw_rows(picture, frames) if isinstance(picture, FramePicture) else draw_sheet(picture, frames)
    width = max(body.width, _LEAST_WIDTH)
    title = wrapped(f"{picture.shows[0].upper()}{picture.shows[1:]}: {heading}", TITLE, width)
    reading = wrapped(picture.reading, TEXT, width)
    text_height = len(title) * line_height(TITLE) + GAP + len(reading) * line_height(TEXT)
    image = Image.new("RGB", (width + 2 * MARGIN, text_height + body.height + 3 * MARGIN), WHITE)
    y = write_lines(image, (MARGIN, MARGIN), title, TITLE)
    write_lines(image, (MARGIN, y + GAP), reading, TEXT, colour=GREY)
    image.paste(body, (MARGIN, 2 * MARGIN + text_height))
    return image
