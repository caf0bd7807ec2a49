"""The page of a gallery: everyone in it, with pictures."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

from pipeline.colours import identity_colour
from pipeline.gallery.store import GalleryStore, Person, Sighting
from pipeline.page import Picture, asset, environment, picture_from
from pipeline.report_texts import dates_text

_PICTURES = 8
_PICTURE_HEIGHT_PX = 112
_MOST_PICTURES = 10_000  # on a page


def render_people(store: GalleryStore, *, version: str) -> str:
    """Write the page of a gallery.

    Args:
        store: the gallery.
        version: of vreid.

    Returns:
        The whole page, with some pictures of each person inside; fewer where there are very many people.
    """
    people = store.people()
    sightings: dict[int, list[Sighting]] = defaultdict(list)
    for sighting in store.sightings():
        sightings[sighting.person_id].append(sighting)
    most = min(_PICTURES, _MOST_PICTURES // max(1, len(people)))
    page = environment().get_template("gallery.html")
    text = page.render(
        style=asset("report.css"),
        path=store.folder,
        model=store.made_of["model"],
        runs=len(store.runs()),
        cards=[_card(store, person, sightings[person.id], most) for person in people],
        version=version,
    )
    return text.encode("utf-8", "replace").decode("utf-8")


def _card(store: GalleryStore, person: Person, sightings: list[Sighting], most: int) -> dict[str, object]:
    pictures: list[Picture] = []
    for sighting in reversed(sightings):  # the newest first
        encoded = store.picture(sighting.id) if len(pictures) < most else None
        picture = None if encoded is None else picture_from(encoded, _PICTURE_HEIGHT_PX)
        if picture is not None:
            pictures.append(picture)
    moments = (datetime.fromtimestamp(moment, UTC) for moment in (person.first_seen, person.last_seen))
    return {"person": person, "colour": identity_colour(person.id), "when": dates_text(*moments), "pictures": pictures}
