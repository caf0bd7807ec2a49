"""MOTChallenge text files: the only place where vreid's frames and boxes become 1-based and left-top-width-height.

The format is described in docs/formats.md. Inside vreid a box is float32 xyxy in source pixels and a frame index is
0-based; here both are converted, in both directions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from reid.errors import InputError

MIN_TRUTH_VISIBILITY = 0.25
MIN_TRUTH_HEIGHT_PX = 40.0
PERSON_CLASS = 1
# MOTChallenge's person on a vehicle, static person, distractor and reflection: a detector may well find them.
PERSON_LIKE_CLASSES = frozenset({2, 7, 8, 12})
_MAX_WHOLE = 2.0**53  # from here on floats skip whole numbers


@dataclass(frozen=True)
class TrackBox:
    """One box of a result: `frame_index` 0-based, `box_xyxy` in source pixels."""

    frame_index: int
    mot_id: int
    box_xyxy: tuple[float, float, float, float]
    confidence: float


@dataclass(frozen=True)
class TruthBox:
    """One box of ground truth: the visible part of a person, clipped to the frame; `visibility` in [0, 1].

    With `consider` False the box is ignored, whatever its size.
    """

    frame_index: int
    person_id: int
    box_xyxy: tuple[float, float, float, float]
    visibility: float = 1.0
    consider: bool = True

    @property
    def considered(self) -> bool:
        """Whether a result is asked for this box; the others are neither missed nor false."""
        height_px = round(self.box_xyxy[3] - self.box_xyxy[1], 3)  # top + 40 - top is not always 40
        return self.consider and self.visibility >= MIN_TRUTH_VISIBILITY and height_px >= MIN_TRUTH_HEIGHT_PX


def write_tracks(path: Path, boxes: Iterable[TrackBox]) -> None:
    """Write a camera's result, sorted by frame and id; memory does not grow with its length.

    Args:
        path: the file to write.
        boxes: in order of frames.
    """
    with path.open("w", encoding="ascii") as file:
        for _, of_frame in groupby(boxes, key=lambda box: box.frame_index):
            for box in sorted(of_frame, key=lambda box: box.mot_id):
                file.write(
                    f"{box.frame_index + 1},{box.mot_id},{_ltwh(box.box_xyxy)},{_number(box.confidence, 4)},-1,-1,-1\n"
                )


def read_tracks(path: Path) -> list[TrackBox]:
    """Read a camera's result whole; else as `stream_tracks`."""
    return list(stream_tracks(path))


def stream_tracks(path: Path) -> Iterator[TrackBox]:
    """Read a camera's result box by box.

    Args:
        path: a file as `write_tracks` writes it.

    Yields:
        Its boxes, in the file's order.

    Raises:
        InputError: a line is not MOTChallenge result text; says which.
    """
    for fields in _rows(path, num_fields=10):
        yield TrackBox(int(fields[0]) - 1, int(fields[1]), _xyxy(fields), fields[6])


def write_truth(path: Path, boxes: Iterable[TruthBox]) -> None:
    """Write a camera's ground truth, sorted by frame and person.

    Args:
        path: the file to write.
        boxes: in any order.
    """
    ordered = sorted(boxes, key=lambda box: (box.frame_index, box.person_id))
    with path.open("w", encoding="ascii") as file:
        for box in ordered:
            file.write(
                f"{box.frame_index + 1},{box.person_id},{_ltwh(box.box_xyxy)},{int(box.considered)},{PERSON_CLASS},"
                f"{_number(box.visibility, 4)}\n"
            )


def read_truth(path: Path) -> list[TruthBox]:
    """Read a camera's ground truth.

    Of the classes other than person, those that look like people are read as ignored boxes, the rest is left out.

    Args:
        path: a file as `write_truth` writes it, or MOTChallenge's own `gt.txt`.

    Returns:
        Its boxes, in the file's order.

    Raises:
        InputError: a line is not MOTChallenge ground-truth text; says which.
    """
    return [
        TruthBox(
            int(fields[0]) - 1,
            int(fields[1]),
            _xyxy(fields),
            visibility=fields[8],
            consider=fields[6] != 0 and fields[7] == PERSON_CLASS,
        )
        for fields in _rows(path, num_fields=9)
        if fields[7] == PERSON_CLASS or fields[7] in PERSON_LIKE_CLASSES
    ]


def _rows(path: Path, *, num_fields: int) -> Iterator[list[float]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            fields = [float(field) for field in line.split(",")]
        except ValueError:
            fields = []
        if len(fields) != num_fields or not all(map(math.isfinite, fields)):
            raise InputError(
                f"{path}, line {number}: expected {num_fields} numbers with commas between, got {line.strip()[:80]!r}"
            )
        if not all(field.is_integer() and abs(field) <= _MAX_WHOLE for field in fields[:2]):
            raise InputError(
                f"{path}, line {number}: expected whole numbers as frame and id, got {line.strip()[:80]!r}"
            )
        if fields[0] < 1:
            raise InputError(f"{path}, line {number}: frame {fields[0]:g}, but frames count from 1")
        yield fields


def _number(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}".rstrip("0").rstrip(".")


def _ltwh(box_xyxy: tuple[float, float, float, float]) -> str:
    x1, y1, x2, y2 = box_xyxy
    return ",".join(f"{value:.2f}" for value in (x1, y1, x2 - x1, y2 - y1))


def _xyxy(fields: list[float]) -> tuple[float, float, float, float]:
    left, top, width, height = fields[2:6]
    return (left, top, left + width, top + height)
