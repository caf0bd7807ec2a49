"""Maps beside the frames that they belong to: large in rows, or small and many on a sheet."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from reid.explain.canvas import (
    BAR_WIDTH,
    GAP,
    GREY,
    MARGIN,
    SMALL,
    TEXT,
    WHITE,
    Rgb,
    colours,
    draw_bar,
    enlarged,
    fitting,
    line_height,
    over_frame,
    wrapped,
    write,
    write_lines,
)
from reid.explain.pictures import FramePicture, MapRow, SheetPicture

_LABEL_WIDTH = 176
_CELL_WIDTH = 128
_STRIP_HEIGHT = 64
_BAR_HEIGHT = 160
_SHEET_CELL_WIDTH = 48
_SHEET_GAP = 2
_SHEET_GROUP_WIDTH = 210  # of the label above a group of small cells, at least
_SHEET_WIDTH = 1300


@dataclass(frozen=True)
class ShownFrames:
    """The frames that stand beside the maps.

    Args:
        frames_rgb: (T, H, W, 3) uint8, the clip's frames as the network sees them.
        names: what to write above each of the T frames.
        shown: indices of the frames to draw, at least one.
    """

    frames_rgb: Rgb
    names: tuple[str, ...]
    shown: tuple[int, ...]

    def cells(self, width: int) -> list[Rgb]:
        """Stretch the frames that are shown to a width in pixels."""
        height = round(width * self.frames_rgb.shape[1] / self.frames_rgb.shape[2])
        return [enlarged(self.frames_rgb[index], (width, height), smooth=True) for index in self.shown]


def draw_rows(picture: FramePicture, frames: ShownFrames) -> Image.Image:
    """Draw the frames in the first row and each of the picture's rows below, with a label and a bar of its own."""
    cells = frames.cells(_CELL_WIDTH)
    cell_height = cells[0].shape[0]
    columns = [_LABEL_WIDTH + GAP + number * (_CELL_WIDTH + GAP) for number in range(len(cells))]
    bar_x = columns[-1] + _CELL_WIDTH + 2 * GAP
    names_height = line_height(SMALL)
    heights = [_row_height(row, cell_height) for row in picture.rows]
    total_height = names_height + cell_height + sum(heights) + 2 * GAP * len(heights)
    image = Image.new("RGB", (bar_x + BAR_WIDTH, total_height), WHITE)

    _write_label(image, names_height, cell_height, "frames as the network sees them")
    for x, cell, index in zip(columns, cells, frames.shown, strict=True):
        name = fitting(frames.names[index], SMALL, _CELL_WIDTH)
        write(image, (x + _CELL_WIDTH / 2, 0), name, SMALL, colour=GREY, anchor="ma")
        image.paste(Image.fromarray(cell), (x, names_height))
    y = names_height + cell_height + 2 * GAP
    for row, height in zip(picture.rows, heights, strict=True):
        map_height = _STRIP_HEIGHT if row.look == "strip" else cell_height
        _write_label(image, y, map_height, row.label, row.span)
        for x, cell, index in zip(columns, cells, frames.shown, strict=True):
            image.paste(Image.fromarray(_cell(row, index, cell)), (x, y))
            if row.notes:
                at_xy = (x + _CELL_WIDTH / 2, y + map_height + 2)
                write(image, at_xy, row.notes[index], SMALL, colour=GREY, anchor="ma")
        bar_height = min(map_height, _BAR_HEIGHT) - SMALL
        bar_y = y + (map_height - bar_height) // 2
        draw_bar(image, (bar_x, bar_y), bar_height, row.scale, over_frames=row.look != "strip")
        y += height + 2 * GAP
    return image


def draw_sheet(picture: SheetPicture, frames: ShownFrames) -> Image.Image:
    """Draw the frames and every row as a group of small cells, the groups side by side; each has its own scale."""
    cells = frames.cells(_SHEET_CELL_WIDTH)
    step = _SHEET_CELL_WIDTH + _SHEET_GAP
    label_height = line_height(SMALL)
    groups = (None, *picture.rows)
    group_wh = max(len(cells) * step - _SHEET_GAP, _SHEET_GROUP_WIDTH), label_height + cells[0].shape[0]
    across = max(1, min(len(groups), (_SHEET_WIDTH + MARGIN) // (group_wh[0] + MARGIN)))
    down = -(-len(groups) // across)
    size_wh = across * (group_wh[0] + MARGIN) - MARGIN, down * (group_wh[1] + 2 * GAP) - 2 * GAP
    image = Image.new("RGB", size_wh, WHITE)
    for number, row in enumerate(groups):
        x, y = number % across * (group_wh[0] + MARGIN), number // across * (group_wh[1] + 2 * GAP)
        label = "frames" if row is None else f"{row.label}: {row.span}"
        write(image, (x, y), fitting(label, SMALL, group_wh[0]), SMALL)
        for cell, index in zip(cells, frames.shown, strict=True):
            drawn = cell if row is None else _cell(row, index, cell)
            image.paste(Image.fromarray(drawn), (x, y + label_height))
            x += step
    return image


def _row_height(row: MapRow, cell_height: int) -> int:
    return (_STRIP_HEIGHT if row.look == "strip" else cell_height) + (line_height(SMALL) + 2 if row.notes else 0)


def _cell(row: MapRow, index: int, frame_cell: Rgb) -> Rgb:
    """Draw one frame's map, over the frame or as a strip of its width."""
    if row.look == "strip":
        return enlarged(colours(row.maps[index], row.scale), (frame_cell.shape[1], _STRIP_HEIGHT), smooth=False)
    return over_frame(frame_cell, row.maps[index], row.scale, smooth=row.look == "smooth")


def _write_label(image: Image.Image, y: int, height: int, label: str, span: str = "") -> None:
    lines = wrapped(label, TEXT, _LABEL_WIDTH - GAP)
    y += (height - len(lines) * line_height(TEXT) - (line_height(SMALL) if span else 0)) // 2
    y = write_lines(image, (0, y), lines, TEXT)
    write(image, (0, y), fitting(span, SMALL, _LABEL_WIDTH - GAP), SMALL, colour=GREY)
