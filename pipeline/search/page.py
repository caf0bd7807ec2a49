"""The page of a search: what was looked for, and where it may have been, with pictures."""

from __future__ import annotations

from pathlib import Path

from pipeline.colours import identity_colour
from pipeline.page import asset, environment, picture_from
from pipeline.report_texts import dates_text, duration_text, position_text
from pipeline.search.finding import Found, Hit
from pipeline.search.query import Query
from pipeline.search.target import Target

_PICTURES = 5
_PICTURE_HEIGHT_PX = 140


def render_search(target: Target, query: Query, found: Found, *, version: str) -> str:
    """Write the page of a search.

    Args:
        target: what was searched.
        query: what was looked for.
        found: what was found.
        version: of vreid.

    Returns:
        The whole page, with the pictures inside.
    """
    page = (
        environment()
        .get_template("search.html")
        .render(
            style=asset("report.css"),
            target=target,
            query=query,
            query_pictures=[picture_from(each, 2 * _PICTURE_HEIGHT_PX) for each in query.pictures],
            found=found,
            alike=[_card(hit, target.path) for hit in found.hits if hit.alike],
            others=[_card(hit, target.path) for hit in found.hits if not hit.alike],
            version=version,
        )
    )
    return page.encode("utf-8", "replace").decode("utf-8")


def _card(hit: Hit, target: Path) -> dict[str, object]:
    place = hit.place
    start, end = place.start_time, place.end_time
    recording = f"{position_text(place.start_s)} to {position_text(place.end_s)}"
    return {
        "hit": hit,
        "colour": identity_colour(place.person),
        "when": recording if start is None or end is None else dates_text(start, end),
        "recording": "" if start is None or end is None else f"{recording} in the recording",
        "duration": duration_text(place.end_s - place.start_s),
        "run": "" if place.run == target else str(place.run),
        "pictures": [
            picture
            for encoded in place.pictures(_PICTURES)
            if (picture := picture_from(encoded, _PICTURE_HEIGHT_PX)) is not None
        ],
    }
