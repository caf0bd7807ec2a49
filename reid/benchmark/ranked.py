"""Ranked lists to look at: a query and its first ten answers, right and wrong marked, as a page and as pictures."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import cv2
import numpy as np

from reid.benchmark.running import Scored
from reid.data.images import read_usable
from reid.data.records import DISTRACTOR_ID
from reid.errors import RunError
from reid.output_file import whole_file
from reid.preprocess import Crop

_ANSWERS = 10
_LISTS = 6  # of each kind
_SIZE_WH = (64, 128)
_BORDER_PX, _GAP_PX, _CAPTION_PX = 4, 10, 30
_BLUE, _GREEN, _ORANGE = (178, 114, 0), (115, 158, 0), (0, 94, 213)  # BGR
_INK, _GROUND = (34, 34, 34), (255, 255, 255)


@dataclass(frozen=True)
class Shown:
    """One picture of a list.

    Attributes:
        crop: (128, 64, 3) RGB.
        name: of the picture.
        person: in words.
        camera: its number.
        right: whether it shows the query's person; None for the query itself.
        similarity: to the query.
    """

    crop: Crop
    name: str
    person: str
    camera: int
    right: bool | None
    similarity: float

    @property
    def picture(self) -> str:
        """As an address that holds the picture itself."""
        _, data = cv2.imencode(".jpg", np.ascontiguousarray(self.crop[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 85])
        return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


@dataclass(frozen=True)
class RankedList:
    """A query and its first answers.

    Attributes:
        query: what is searched with.
        answers: the first ten that count.
        ap: its average precision in words.
        right: how many right answers there are.
    """

    query: Shown
    answers: tuple[Shown, ...]
    ap: str
    right: int


def choose_queries(scored: Scored) -> dict[str, list[int]]:
    """Choose the queries that are found best, worst and in between: kind -> rows of the scored queries."""
    order = np.argsort(-scored.queries.average_precision, kind="stable").tolist()
    count = min(_LISTS, len(order))
    middle = (len(order) - count) // 2
    return {
        "best": order[:count],
        "median": order[middle : middle + count],
        "worst": order[len(order) - count :][::-1],
    }


def ranked_list(scored: Scored, row: int) -> RankedList:
    """Make the list of one of the scored queries."""
    query = int(scored.queries.queries[row])
    similarities = scored.gallery @ scored.query[query]
    similarities[scored.search.left_out(query)] = -np.inf
    first = np.argsort(-similarities, kind="stable")[:_ANSWERS]
    first = first[np.isfinite(similarities[first])]
    right = set(scored.search.right(query).tolist())
    return RankedList(
        query=_shown(scored, scored.query_rows[query], None, 1.0),
        answers=tuple(
            _shown(scored, scored.gallery_rows[place], place in right, float(similarities[place]))
            for place in first.tolist()
        ),
        ap=f"{scored.queries.average_precision[row]:.3f}",
        right=int(scored.queries.right_answers[row]),
    )


def write_ranked(scored: Scored, folder: Path, title: str, about: str, pictures: Sequence[str]) -> None:
    """Write `ranked.html`, and `ranked-best.png`, `ranked-median.png`, `ranked-worst.png`.

    Args:
        scored: the search.
        folder: that is there.
        title: of the page.
        about: a sentence below it.
        pictures: files beside the page that it shows too.

    Raises:
        RunError: a file cannot be written.
    """
    from jinja2 import Environment  # which torch brings, but which nothing else here needs

    groups = []
    for kind, rows in choose_queries(scored).items():
        lists = [ranked_list(scored, row) for row in rows]
        groups.append({"title": f"Queries found {kind}" if kind != "median" else "Queries in between", "lists": lists})
        _write(folder / f"ranked-{kind}.png", _encode(draw_lists(lists)))
    template = resources.files("reid.benchmark").joinpath("templates/ranked.html").read_text(encoding="utf-8")
    page = Environment(autoescape=True).from_string(template)
    text = page.render(title=title, about=about, groups=groups, pictures=pictures)
    _write(folder / "ranked.html", text.encode())


def draw_lists(lists: Sequence[RankedList]) -> np.ndarray:
    """Draw lists below each other: (height, width, 3) uint8, BGR."""
    width_px, height_px = _SIZE_WH[0] + 2 * _BORDER_PX, _SIZE_WH[1] + 2 * _BORDER_PX
    step_x, step_y = width_px + _GAP_PX, height_px + _CAPTION_PX + _GAP_PX
    sheet = np.full((len(lists) * step_y + _GAP_PX, (_ANSWERS + 1) * step_x + 3 * _GAP_PX, 3), _GROUND, np.uint8)
    for line, ranked in enumerate(lists):
        for place, shown in enumerate((ranked.query, *ranked.answers)):
            left = _GAP_PX + place * step_x + (2 * _GAP_PX if place else 0)
            top = _GAP_PX + line * step_y
            colour = {None: _BLUE, True: _GREEN, False: _ORANGE}[shown.right]
            sheet[top : top + height_px, left : left + width_px] = colour
            inside = slice(top + _BORDER_PX, top + height_px - _BORDER_PX)
            sheet[inside, left + _BORDER_PX : left + width_px - _BORDER_PX] = shown.crop[..., ::-1]
            camera = f"cam {shown.camera}"
            is_query = shown.right is None
            above = f"AP {ranked.ap}" if is_query else f"{'+' if shown.right else '-'}{place} {camera}"
            for number, text in enumerate((above, camera if is_query else f"{shown.similarity:.3f}")):
                at = (left, top + height_px + 12 + 13 * number)
                cv2.putText(sheet, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.36, _INK, 1, cv2.LINE_AA)
    return sheet


def _shown(scored: Scored, row: int, right: bool | None, similarity: float) -> Shown:
    record = scored.data_set.test[row]
    name = record.frames[len(record.frames) // 2]
    usable, _ = read_usable(scored.data_set.source, [name])
    crop = usable.get(name, np.full((*_SIZE_WH[::-1], 3), 128, np.uint8))
    small = np.asarray(cv2.resize(crop, _SIZE_WH, interpolation=cv2.INTER_AREA), np.uint8)
    person = "nobody searched for" if record.person_id == DISTRACTOR_ID else str(record.person_id)
    return Shown(small, name, person, record.camera_id, right, round(similarity, 3))


def _encode(picture: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", picture)[1].tobytes())


def _write(path: Path, content: bytes) -> None:
    try:
        with whole_file(path) as building:
            building.write_bytes(content)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}") from error
