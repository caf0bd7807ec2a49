"""The page that tells people who are not programmers what a run found: one HTML file, nothing beside it, no network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from pipeline.report_cards import CLOSE_MARGIN, PersonCard, date_text, dates_text, duration_text, person_cards
from pipeline.report_timeline import ZOOMS, TimeAxis, coverage, position_text, time_axis, timeline_rows
from pipeline.run_directory import TrackletRow

_PROBLEM_WORDS = {
    "damaged": "Damaged: part of it could not be read",
    "empty": "Empty: no picture in it",
    "failed": "Failed: could not be opened",
    "lost": "Lost: the stream did not come back",
}
_THRESHOLD_WORDS = {
    "flag": "given on the command line",
    "config": "given in the configuration",
    "checkpoint": "calibrated with the network's weights",
    "untrained default": "a default for untrained weights, not calibrated",
}
_SETTING_WORDS = {
    "candidates_k": "nearest sightings compared",
    "far": "accepted rate of false joins",
    "sha256": "SHA-256",
    "threshold_source": "where it comes from",
}
_SHOWN_DIGEST_LENGTH = 16


def render_report(manifest: Mapping[str, Any], rows: Sequence[TrackletRow], run_path: Path) -> str:
    """Write the report of a run.

    Args:
        manifest: the content of `run.json`.
        rows: all tracklets, with `mot_id`.
        run_path: the run directory as it stands now, finished or not; crops are read from it.

    Returns:
        The whole page. Its size is bounded: small copies of a few crops a sighting, fewer in a long run.
    """
    cameras: Sequence[dict[str, Any]] = manifest.get("cameras") or ()
    association = manifest.get("association") or {}
    axis = time_axis(rows, cameras)
    camera_ids = list(dict.fromkeys([*(camera["camera_id"] for camera in cameras), *(row.camera_id for row in rows)]))
    cards = person_cards(rows, run_path, axis, association.get("threshold"))
    people = [card for card in cards if card.identity_id is not None]
    script = _asset("report.js")
    page = _template().render(
        style=_asset("report.css"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii"),
        manifest=manifest,
        headline=_headline(len(people), len(rows), len(cameras)),
        created=_created_text(manifest.get("created")),
        is_complete=manifest.get("status") == "complete",
        problem_cameras=[camera for camera in cameras if _status(camera) != "ok"],
        numbers=_numbers(cards, rows, camera_ids, axis),
        axis=axis,
        axis_note=_axis_note(axis),
        zooms=ZOOMS,
        camera_ids=camera_ids,
        timeline=timeline_rows(rows, axis, camera_ids),
        coverage=coverage(cameras, axis),
        people=people,
        thumbnails={card.identity_id: card.thumbnail for card in people},
        unknown=next((card for card in cards if card.identity_id is None), None),
        threshold=association.get("threshold"),
        close_margin=CLOSE_MARGIN,
        cameras=cameras,
        problem_words=_PROBLEM_WORDS,
        making=_making(manifest),
        stages=((manifest.get("timings") or {}).get("stages") or {}).items(),
    )
    # A file's name need not be valid text; what is not is shown as a question mark.
    return page.encode("utf-8", "replace").decode("utf-8")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline", "templates"),
        autoescape=True,
        undefined=jinja2.ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["css"] = lambda colour: f"rgb({colour[0]},{colour[1]},{colour[2]})"
    environment.filters["percent"] = lambda value: f"{value:.3f}%"
    environment.filters["grouped"] = lambda value: f"{value:,}" if isinstance(value, int) else "not known"
    environment.filters["position"] = lambda value: (
        position_text(value) if isinstance(value, int | float) else "not known"
    )
    return environment


def _template() -> jinja2.Template:
    return _environment().get_template("report.html")


@cache
def _asset(name: str) -> str:
    """Read a style sheet or script of ours, which goes into the page as it is."""
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), name)[0].replace("\r\n", "\n")


def _headline(num_people: int, num_sightings: int, num_cameras: int) -> str:
    place = _counted(num_cameras, "camera", "cameras")
    if num_people:
        return f"{_counted(num_people, 'person', 'people')} in {place}"
    return f"Nobody recognised in {place}" if num_sightings else f"Nobody seen in {place}"


def _numbers(
    cards: Sequence[PersonCard], rows: Sequence[TrackletRow], camera_ids: Sequence[str], axis: TimeAxis
) -> list[tuple[str, str, str]]:
    """Give the summary: what, how many, and a remark."""
    people = [card for card in cards if card.identity_id is not None]
    num_across = sum(len(card.camera_ids) > 1 for card in people)
    num_unknown = sum(row.identity_id is None for row in rows)
    num_seeing = len({row.camera_id for row in rows})
    numbers = [
        ("People", f"{len(people):,}", f"{num_across:,} seen by more than one camera"),
        ("Sightings", f"{len(rows):,}", f"{num_unknown:,} of them unknown"),
        ("Cameras", f"{len(camera_ids):,}", f"{num_seeing:,} saw someone"),
    ]
    if rows:
        spans = [axis.span_s(row) for row in rows]
        first, last = min(spans)[0], max(end for _, end in spans)
        numbers.append(("Time span", duration_text(last - first), _span_text(rows, axis, first, last)))
    return numbers


def _span_text(rows: Sequence[TrackletRow], axis: TimeAxis, first: float, last: float) -> str:
    if not axis.uses_clock:
        return f"{position_text(first)} to {position_text(last)} in the recordings"
    start = min(row.start_time for row in rows if row.start_time is not None)
    return dates_text(start, max(row.end_time for row in rows if row.end_time is not None))


def _axis_note(axis: TimeAxis) -> str:
    if not axis.uses_clock:
        return (
            "Times are positions in each recording (hours:minutes:seconds from its own start), because the clock is not"
            " known for every camera. The same place on the axis is not the same moment in two cameras."
        )
    offset = f"{datetime.fromtimestamp(axis.start_s).astimezone():%z}"
    return f"Times are by the clock, in the time zone UTC{offset[:3]}:{offset[3:5]}."


def _created_text(created: str | None) -> str:
    if created is None:
        return "time not known"
    moment = datetime.fromisoformat(created).astimezone()
    return f"{date_text(moment)}, {moment:%H:%M}"


def _status(camera: Mapping[str, Any]) -> str:
    return str((camera.get("health") or {}).get("status") or "ok")


def _making(manifest: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """List how the run was made: for each part its settings by name."""
    association = dict(manifest.get("association") or {})
    source = association.get("threshold_source")
    if source is not None:
        association["threshold_source"] = _THRESHOLD_WORDS.get(source, source)
    parts = {
        "Finding people": manifest.get("detector"),
        "Following them": manifest.get("tracker"),
        "Recognising them": manifest.get("embedder"),
        "Joining sightings": association,
        "Machine": manifest.get("device"),
    }
    return [(title, list(_facts(part))) for title, part in parts.items() if part]


def _facts(part: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Flatten settings into lines of name and value."""
    for key, value in part.items():
        name = _SETTING_WORDS.get(key, key.replace("_", " "))
        if isinstance(value, Mapping):
            yield from _facts(value)
        elif isinstance(value, bool):
            yield name, "yes" if value else "no"
        elif isinstance(value, float):
            yield name, f"{value:.4g}"
        elif isinstance(value, list | tuple):
            yield name, ", ".join(str(entry) for entry in value) or "none"
        elif "sha256" in key and value is not None:
            yield name, f"{str(value)[:_SHOWN_DIGEST_LENGTH]}…"
        else:
            yield name, "not known" if value is None else str(value)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
