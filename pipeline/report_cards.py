"""The report's cards: one a person, with pictures and the reasons in plain words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.colours import Rgb, identity_colour
from pipeline.corrections import read_corrections
from pipeline.page import Picture, picture_from
from pipeline.report_axis import TimeAxis
from pipeline.report_texts import dates_text, duration_text, position_text
from pipeline.run_directory import TrackletRow

PICTURE_HEIGHT_PX = 128
THUMBNAIL_HEIGHT_PX = 40
MAX_PICTURES_PER_SIGHTING = 6
# A page of a long run stays a page that opens: the more sightings, the fewer pictures of each, in the end none.
_MAX_PICTURES_PER_PAGE = 10_000
_MAX_THUMBNAILS_PER_PAGE = 5_000
_MAX_SCENES_PER_PAGE = 1_000
_SCENE_HEIGHT_PX = 180
CLOSE_MARGIN = 0.05


@dataclass(frozen=True)
class Sighting:
    """One tracklet as the page tells it.

    Attributes:
        row: the tracklet.
        row_index: its row in the table.
        when: from and to, by the clock where it is known.
        position: where it begins in the recording; empty where `when` tells it.
        duration: how long.
        pictures: some of its crops, in order of time.
        num_pictures_stored: how many crops the run holds.
        pictures_left_out: whether there are none in `pictures` because the page would grow too long.
        scene: the whole frame with the person marked; None where there is none, and on the page of a long run.
        verdict: the outcome in a few words.
        reasons: sentences that say why.
        needs_check: whether a person should look at it.
    """

    row: TrackletRow
    row_index: int
    when: str
    position: str
    duration: str
    pictures: tuple[Picture, ...]
    num_pictures_stored: int
    pictures_left_out: bool
    scene: Picture | None
    verdict: str
    reasons: tuple[str, ...]
    needs_check: bool


@dataclass(frozen=True)
class PersonCard:
    """One identity; `identity_id` None gathers the unknown. The page of very many people has no thumbnails.

    `gallery` says who they are in the gallery; empty without one.
    """

    identity_id: int | None
    colour: Rgb
    thumbnail: Picture | None
    sightings: tuple[Sighting, ...]
    camera_ids: tuple[str, ...]
    when: str
    in_view: str
    gallery: str

    @property
    def needs_check(self) -> bool:
        return any(sighting.needs_check for sighting in self.sightings)


def person_cards(
    rows: Sequence[TrackletRow], run_path: Path, axis: TimeAxis, threshold: float | None
) -> list[PersonCard]:
    """Tell everything about everyone.

    Args:
        rows: all tracklets.
        run_path: the run directory, for the crops.
        axis: the page's axis; sightings stand in its order.
        threshold: score from which sightings were joined, None if it is not known.

    Returns:
        Identities by number; the unknown, if there are any, as one card at the end.
    """
    by_hand = set().union(*read_corrections(run_path).together)
    members: dict[int | None, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        members[row.identity_id].append(index)
    max_pictures = min(MAX_PICTURES_PER_SIGHTING, _MAX_PICTURES_PER_PAGE // max(1, len(rows)))
    with_thumbnails = len(members.keys() - {None}) <= _MAX_THUMBNAILS_PER_PAGE
    cards = []
    for number in sorted(members, key=lambda number: (number is None, number or 0)):
        indices = sorted(members[number], key=lambda index: axis.span_s(rows[index]))
        sightings = tuple(
            _sighting(
                rows[index],
                index,
                axis,
                run_path,
                max_pictures,
                threshold,
                num_others=len(indices) - 1,
                said_by_hand=(rows[index].camera_id, rows[index].track_id) in by_hand,
                with_scene=len(rows) <= _MAX_SCENES_PER_PAGE,
            )
            for index in indices
        )
        wants_thumbnail = with_thumbnails and number is not None
        cards.append(
            PersonCard(
                identity_id=number,
                colour=identity_colour(number),
                thumbnail=_thumbnail([rows[index] for index in indices], run_path) if wants_thumbnail else None,
                sightings=sightings,
                camera_ids=tuple(dict.fromkeys(rows[index].camera_id for index in indices)),
                when=_card_when([rows[index] for index in indices], axis),
                in_view=duration_text(sum(rows[index].end_s - rows[index].start_s for index in indices)),
                gallery=_gallery_text([rows[index] for index in indices]),
            )
        )
    return cards


def _sighting(
    row: TrackletRow,
    row_index: int,
    axis: TimeAxis,
    run_path: Path,
    max_pictures: int,
    threshold: float | None,
    *,
    num_others: int,
    said_by_hand: bool,
    with_scene: bool,
) -> Sighting:
    scene_path = run_path / "scenes" / row.camera_id / f"{row.track_id}.jpg"
    verdict, reasons, needs_check = _judgement(row, threshold, num_others, said_by_hand=said_by_hand)
    return Sighting(
        row=row,
        row_index=row_index,
        when=axis.when_text(row),
        position=position_text(row.start_s) if row.start_time is not None and row.end_time is not None else "",
        duration=duration_text(row.end_s - row.start_s),
        pictures=tuple(_pictures(row, run_path, max_pictures, PICTURE_HEIGHT_PX)),
        num_pictures_stored=len(row.crop_frames),
        pictures_left_out=max_pictures == 0 and len(row.crop_frames) > 0,
        scene=_picture(scene_path, _SCENE_HEIGHT_PX) if with_scene else None,
        verdict=verdict,
        reasons=reasons,
        needs_check=needs_check,
    )


def _judgement(
    row: TrackletRow, threshold: float | None, num_others: int, *, said_by_hand: bool
) -> tuple[str, tuple[str, ...], bool]:
    """Say what was decided about a tracklet, why, and whether it deserves a second look."""
    reasons = []
    needs_check = False
    if row.identity_id is None:
        verdict = "Unknown"
        reasons.append("Not alike enough to anyone." if row.embedded else "There is no picture to compare.")
        reasons.extend(_evidence_sentence(row, "to count as a new person"))
    elif row.match_score is None:
        verdict = "Seen once" if num_others == 0 else "Not compared"
        if num_others == 0:
            reasons.append("No other sighting was alike enough to be the same person.")
    else:
        verdict = "Joined"
        others = "the other sighting" if num_others == 1 else f"the other {num_others} sightings, on average"
        reasons.append(f"Likeness of {row.match_score:.2f} to {others}.")
        if row.way_score is not None:
            speaks = "usual, which counts" if row.way_score >= 0 else "unusual, which counts"
            reasons.append(f"The time of the way is {speaks} {row.way_score:+.2f}.")
        if said_by_hand:
            reasons.append("Somebody said that they are one person.")
        if threshold is not None and row.match_score + (row.way_score or 0.0) < threshold:
            needs_check = not said_by_hand
            reasons.append(f"That is below the threshold of {threshold:.2f}.")
        reasons.extend(_evidence_sentence(row, "to stand alone"))
    if row.margin is not None and row.margin < CLOSE_MARGIN:
        # What cannot be needs no second look.
        needs_check = needs_check or row.runner_up_conflict is None
        reasons.append(
            "The next best person is almost as alike." if row.margin >= 0 else "Another person is more alike."
        )
    if row.runner_up_identity_id is not None and row.runner_up_conflict is not None:
        reasons.append(f"Not person {row.runner_up_identity_id}: {row.runner_up_conflict}.")
    if row.crops_kept == 0 and row.embedded:
        reasons.append("No picture passed the quality checks; the best of the others was used.")
    return verdict, tuple(reasons), needs_check


def _evidence_sentence(row: TrackletRow, purpose: str) -> list[str]:
    if row.evidence == "short":
        return [f"Seen too briefly {purpose}."]
    if row.evidence == "few_crops":
        return [f"Too few good pictures {purpose}."]
    return []


def _gallery_text(rows: Sequence[TrackletRow]) -> str:
    row = next((row for row in rows if row.gallery_person_id is not None), None)
    if row is None:
        return ""
    if row.gallery_score is None:
        return f"New in the gallery, as person {row.gallery_person_id}"
    return f"Person {row.gallery_person_id} of the gallery, likeness {row.gallery_score:.2f}"


def _card_when(rows: Sequence[TrackletRow], axis: TimeAxis) -> str:
    if not axis.uses_clock:
        return ""
    first = min(row.start_time for row in rows if row.start_time is not None)
    last = max(row.end_time for row in rows if row.end_time is not None)
    return dates_text(first, last)


def _thumbnail(rows: Sequence[TrackletRow], run_path: Path) -> Picture | None:
    """Take the middle picture of the longest sighting that has good ones."""
    for row in sorted(rows, key=lambda row: (row.crops_kept == 0, row.start_s - row.end_s)):
        pictures = _pictures(row, run_path, 1, THUMBNAIL_HEIGHT_PX)
        if pictures:
            return pictures[0]
    return None


def _pictures(row: TrackletRow, run_path: Path, max_pictures: int, height_px: int) -> list[Picture]:
    """Read some of a tracklet's crops, evenly spread; one that is missing or damaged is left out."""
    num_stored = len(row.crop_frames)
    num_shown = min(num_stored, max_pictures)
    numbers = [(2 * n + 1) * num_stored // (2 * num_shown) for n in range(num_shown)]
    found = (_picture(run_path / row.crops_path / f"{number:03d}.jpg", height_px) for number in numbers)
    return [picture for picture in found if picture is not None]


def _picture(path: Path, max_height_px: int) -> Picture | None:
    try:
        return picture_from(path.read_bytes(), max_height_px)
    except OSError:
        return None
