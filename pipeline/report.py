"""The page that tells people who are not programmers what a run found: one HTML file, nothing beside it, no network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.page import asset, environment
from pipeline.report_axis import ZOOMS, TimeAxis, time_axis
from pipeline.report_cards import CLOSE_MARGIN, PersonCard, person_cards
from pipeline.report_texts import date_text, dates_text, duration_text, position_text
from pipeline.report_timeline import coverage, timeline_rows
from pipeline.run_directory import TrackletRow

_PROBLEM_WORDS = {
    "damaged": "Damaged: part of it could not be read",
    "empty": "Empty: no picture in it",
    "failed": "Failed: could not be opened",
    "lost": "Lost: the stream did not come back",
}
_THRESHOLD_WORDS = {
    "flag or config": "given by the user",
    "checkpoint": "calibrated with the network's weights",
    "uncalibrated default": "a default for weights that are not calibrated",
}
_SETTING_WORDS = {
    "candidates_k": "nearest sightings compared",
    "clock": "times of different cameras",
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
    script = asset("report.js")
    page = (
        environment()
        .get_template("report.html")
        .render(
            style=asset("report.css"),
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
            clock_note=_clock_note(cameras),
            zooms=ZOOMS,
            ticks={zoom: axis.ticks(zoom) for zoom in ZOOMS},
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
    )
    # A file's name need not be valid text; what is not is shown as a question mark.
    return page.encode("utf-8", "replace").decode("utf-8")


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
        numbers.append(("Time covered", duration_text(axis.covered_s), _span_text(axis)))
    return numbers


def _span_text(axis: TimeAxis) -> str:
    if not axis.uses_clock:
        return f"{position_text(axis.start_s)} to {position_text(axis.end_s)} in the recordings"
    return dates_text(*(datetime.fromtimestamp(moment_s, UTC) for moment_s in (axis.start_s, axis.end_s)))


def _axis_note(axis: TimeAxis) -> str:
    if not axis.uses_clock:
        return (
            "Times are positions in each recording (hours:minutes:seconds from its own start), because the clock is not"
            " known for every camera. The same place on the axis is not the same moment in two cameras."
        )
    # Summer time can begin or end between two recordings.
    moments = (datetime.fromtimestamp(segment.start_s, UTC).astimezone() for segment in axis.segments)
    offsets = dict.fromkeys(f"{moment:%z}" for moment in moments)
    zones = " and ".join(f"UTC{offset[:3]}:{offset[3:5]}" for offset in offsets)
    return f"Times are by the clock, in the time zone {zones}."


def _clock_note(cameras: Sequence[Mapping[str, Any]]) -> str:
    """Name the cameras whose clock is a guess from the file; empty if there are none."""
    names = [camera["camera_id"] for camera in cameras if camera.get("start_time_source") == "file"]
    if not names:
        return ""
    whose = "every camera" if len(names) == len(cameras) else ", ".join(names)
    return (
        f"The clock of {whose} is the creation time of the file, which may be when it was made or copied rather than"
        " when it was filmed."
    )


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
            yield name, ", ".join(_entry_text(entry) for entry in value) or "none"
        elif "sha256" in key and value is not None:
            yield name, f"{str(value)[:_SHOWN_DIGEST_LENGTH]}…"
        else:
            yield name, "not known" if value is None else str(value)


def _entry_text(entry: object) -> str:
    """Write one entry of a list: the ways between cameras and pairs of cameras in words, others as they are."""
    if isinstance(entry, Mapping) and "leads_to" in entry:
        return f"{entry['camera']} by {entry['name']} to {' or '.join(entry['leads_to'])}"
    if isinstance(entry, Mapping) and "cameras" in entry:
        first, second = entry["cameras"]
        limits = f"at least {entry['min_s']:g} s"
        if entry.get("max_s") is not None:
            limits += f", directly at most {entry['max_s']:g} s"
        if entry.get("usual_s") is not None:
            limits += f", usually {entry['usual_s']:g} s"
        return f"{first} {'to' if entry.get('one_way') else 'and'} {second}: {limits}"
    return " and ".join(map(str, entry)) if isinstance(entry, list | tuple) else str(entry)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"
