"""The page of a run, parsed as a browser would."""

import base64
import hashlib
import re
from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipeline import report_cards
from pipeline.colours import identity_colour
from pipeline.report import render_report
from pipeline.report_axis import time_axis
from pipeline.report_cards import MAX_PICTURES_PER_SIGHTING, PICTURE_HEIGHT_PX
from pipeline.report_timeline import timeline_rows
from pipeline.run_directory import assign_mot_ids
from tests.pipeline.report_samples import ROWS, Page, camera, local_zone, manifest, moved, row

NASTY = "<script>alert(1)</script>\"' onload=x &amp; ${1367*1367} {{ 1367*1367 }}"


@pytest.fixture
def run_path(tmp_path):
    rng = np.random.default_rng(0)
    for one in ROWS:
        folder = tmp_path / one.crops_path
        folder.mkdir(parents=True)
        for number in range(9):
            cv2.imwrite(str(folder / f"{number:03d}.jpg"), rng.integers(0, 255, (300, 120, 3), np.uint8))
    return tmp_path


def render(rows=ROWS, run=None, tmp_path=None, **changes):
    html = render_report(run or manifest(**changes), rows, tmp_path)
    return html, Page(html)


def test_page_is_whole_and_every_sighting_has_one_bar_and_one_entry(tmp_path):
    html, page = render(tmp_path=tmp_path)
    assert html.lstrip().startswith("<!DOCTYPE html>")
    assert not page.unclosed
    assert not page.open
    bars, sightings = page.having("bar"), page.having("sighting")
    assert len(bars) == len(sightings) == len(ROWS)
    assert {bar["href"] for bar in bars} == {f"#{sighting['id']}" for sighting in sightings}
    assert len(page.having("card")) == 3
    assert page.text.count("2 people in 2 cameras") == 2


def test_ids_are_unique_and_every_link_leads_somewhere(tmp_path):
    _, page = render(tmp_path=tmp_path)
    ids = page.ids()
    assert len(ids) == len(set(ids))
    links = [attrs["href"] for tag, attrs in page.elements if tag == "a"]
    assert len(links) > 10
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_nothing_is_loaded_from_anywhere(run_path):
    rows = [replace(one, crop_frames=tuple(range(9))) for one in ROWS]
    html, page = render(rows, tmp_path=run_path)
    for tag, attrs in page.elements:
        assert tag not in {"link", "iframe", "object", "embed", "base"}
        for name in ("src", "href", "xlink:href", "data", "poster", "action"):
            assert re.match(r"data:image/jpeg;base64,|#", attrs.get(name) or "#")
    assert "://" not in html
    assert "@import" not in html
    assert "url(" not in html


def test_the_policy_allows_our_script_and_no_other(tmp_path):
    html, page = render(tmp_path=tmp_path)
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    policy = next(
        attrs["content"] for _, attrs in page.elements if attrs.get("http-equiv") == "Content-Security-Policy"
    )
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")


def test_every_string_from_outside_is_shown_as_text(tmp_path):
    bad = camera(NASTY, status="damaged", last_error=NASTY, gaps=[{"start_s": 1.0, "end_s": 2.0, "reason": NASTY}])
    bad["source"] = NASTY
    parts = {part: {NASTY: NASTY, "name": NASTY} for part in ("detector", "tracker", "embedder", "device")}
    stages = {"stages": {NASTY: {"busy_s": 1.0, "blocking_s": 1.0}}}
    run = manifest(bad, warnings=[NASTY], timings=stages, vreid_version=NASTY, **parts)
    html, page = render([row(NASTY, identity_id=1, crops_path=NASTY)], run, tmp_path)
    assert html.count("<script>") == 1
    assert "alert(1)</script>" not in html
    assert not any("onload" in attrs for _, attrs in page.elements)
    assert not page.unclosed
    assert page.text.count(NASTY) > 10
    assert "1868689" not in html


def test_a_name_that_is_no_valid_text_still_makes_a_page(tmp_path):
    html, _ = render([row("caf\udce9", identity_id=1)], manifest(camera("caf\udce9")), tmp_path)
    assert "caf?" in html
    html.encode("utf-8")


def test_colours_are_those_of_the_video_and_lanes_are_named(tmp_path):
    _, page = render(tmp_path=tmp_path)
    styles = {attrs["id"]: attrs["style"] for attrs in page.having("person")}
    for number, name in ((1, "row-1"), (2, "row-2"), (None, "row-unknown")):
        red, green, blue = identity_colour(number)
        assert styles[name] == f"--c:rgb({red},{green},{blue})"
    rows = timeline_rows(ROWS, time_axis(ROWS, []), ["hall", "gate"])
    assert [lane.camera_id for lane in rows[0].lanes] == ["hall", "gate"]
    assert page.text.count("gate") >= 4


def test_without_a_clock_for_everyone_the_axis_counts_from_each_start(tmp_path):
    rows = [row("hall", 1, 0, 5, identity_id=1), row("gate", 1, 70, 80, identity_id=2, clock=False)]
    axis = time_axis(rows, [])
    assert (axis.uses_clock, axis.start_s, axis.end_s) == (False, 0.0, 80.0)
    _, page = render(rows, tmp_path=tmp_path)
    assert "Times are positions in each recording" in page.text
    assert "0:01:10 to 0:01:20" in page.text
    _, clocked = render(tmp_path=tmp_path)
    assert "Times are by the clock" in clocked.text


def test_time_left_out_is_drawn_named_and_not_counted(tmp_path):
    cameras = [camera("hall"), camera("gate", start=moved(days=900))]
    rows = [row("hall", 1, 0, 30, identity_id=1), row("gate", 1, 30, 45, identity_id=1, start=moved(days=900))]
    _, page = render(rows, manifest(*cameras), tmp_path)
    across_rows, in_header = page.having("break")
    assert across_rows["title"] == in_header["title"] == across_rows["aria-label"]
    assert across_rows["title"].startswith("2 y 6 mo not shown")
    assert "2 y 6 mo not shown" in page.text
    assert "Time covered 2 min 0 s Sun 1 Mar 2026" in page.text
    columns = [
        attrs["style"] for tag, attrs in page.elements if tag == "svg" and "grid-column" in attrs.get("style", "")
    ]
    assert columns == [f"grid-column:{number}" for number in (1, 3, 1, 3)], "two recordings, two sightings"
    assert [attrs["style"] for attrs in page.having("plot")] == [f"--columns:{time_axis(rows, cameras).columns}"]
    _, usual = render(tmp_path=tmp_path)
    assert not usual.having("break")
    assert not usual.having("dated")
    assert "not shown" not in usual.text


def test_both_offsets_are_named_if_summer_time_lies_between(tmp_path):
    cameras = [camera("hall"), camera("gate", start=moved(days=120))]
    with local_zone("Europe/Berlin"):
        _, page = render(run=manifest(*cameras), tmp_path=tmp_path)
        _, usual = render(tmp_path=tmp_path)
    assert "in the time zone UTC+01:00 and UTC+02:00." in page.text
    assert "in the time zone UTC+01:00." in usual.text


@pytest.mark.parametrize(("sources", "whose"), [(["file", "file"], "every camera"), (["flag", "file"], "gate")])
def test_a_clock_from_the_file_is_called_a_guess(tmp_path, sources, whose):
    run = manifest(
        *(camera(name, start_time_source=source) for name, source in zip(("hall", "gate"), sources, strict=True))
    )
    _, page = render(run=run, tmp_path=tmp_path)
    assert f"The clock of {whose} is the creation time of the file" in page.text
    assert "--start NAME=TIME" in page.text
    _, sure = render(tmp_path=tmp_path)
    assert "creation time" not in sure.text


def test_pictures_are_small_few_and_evenly_chosen(run_path):
    rows = [replace(ROWS[0], crop_frames=tuple(range(9)))]
    html, _ = render(rows, tmp_path=run_path)
    uris = re.findall(r'<img src="data:image/jpeg;base64,([^"]+)" width="(\d+)" height="(\d+)"', html)
    assert len(uris) == MAX_PICTURES_PER_SIGHTING + 1, "one more on the timeline"
    for text, width, height in uris:
        image = cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR)
        assert image.shape[:2] == (int(height), int(width))
        assert int(height) <= PICTURE_HEIGHT_PX
    assert len({text for text, _, _ in uris}) == MAX_PICTURES_PER_SIGHTING + 1


def test_missing_and_damaged_pictures_leave_a_note(run_path):
    folder = run_path / ROWS[0].crops_path
    (folder / "000.jpg").write_bytes(b"")
    (folder / "001.jpg").write_bytes(b"not a picture")
    (folder / "002.jpg").unlink()
    html, page = render([replace(ROWS[0], crop_frames=(1, 2, 3))], tmp_path=run_path)
    assert "<img" not in html
    assert "No picture" in page.text


def test_a_page_of_too_many_sightings_shows_no_pictures_but_says_where_they_are(run_path, monkeypatch):
    rows = [replace(ROWS[0], crop_frames=tuple(range(9))), *ROWS[1:]]
    monkeypatch.setattr(report_cards, "_MAX_PICTURES_PER_PAGE", len(rows))
    html, _ = render(rows, tmp_path=run_path)
    assert html.count('alt="Picture 1 of this sighting"') == 1
    assert "1 of 9 pictures" in html
    monkeypatch.setattr(report_cards, "_MAX_PICTURES_PER_PAGE", len(rows) - 1)
    html, page = render(rows, tmp_path=run_path)
    assert "Picture 1 of this sighting" not in html
    assert f"9 pictures in the folder {rows[0].crops_path}" in page.text
    assert page.text.count("No picture") == len(rows) - 1, "those without crops have none anywhere"
    assert html.count("<img") == 1, "the thumbnail of the one person with crops"
    monkeypatch.setattr(report_cards, "_MAX_THUMBNAILS_PER_PAGE", 1)
    html, page = render(rows, tmp_path=run_path)
    assert "<img" not in html
    assert not page.unclosed


def test_pictures_of_a_page_are_bounded_however_many_sightings_there_are(run_path):
    picture = replace(ROWS[0], crop_frames=tuple(range(9)))
    cards = report_cards.person_cards([picture] * 10_001, run_path, time_axis([picture], []), None)
    assert sum(len(sighting.pictures) for card in cards for sighting in card.sightings) == 0
    assert all(sighting.pictures_left_out for card in cards for sighting in card.sightings)


def test_reasons_name_scores_the_rival_and_the_doubt(tmp_path):
    close = replace(ROWS[0], match_score=0.55, runner_up_score=0.53, margin=0.02)
    _, page = render([close, *ROWS[1:]], tmp_path=tmp_path)
    assert "Likeness of 0.55 to the other sighting. That is below the threshold of 0.60." in page.text
    assert "Next best: Person 2 with 0.53, 0.02 lower" in page.text
    assert "Likeness of 0.80 to the other sighting." in page.text
    assert "Seen once. No other sighting was alike enough to be the same person." in page.text
    assert "Seen too briefly to count as a new person." in page.text
    assert len(page.having("flag")) == len(page.having("check")) == 1
    assert [attrs["id"] for attrs in page.having("card") if "data-check" in attrs] == ["person-1"]


def test_the_time_of_a_way_counts_beside_the_likeness(tmp_path):
    usual, unusual = (
        replace(ROWS[0], match_score=score, way_score=way) for score, way in ((0.57, 0.04), (0.62, -0.05))
    )
    for changed, said, doubted in (
        (usual, "usual, which counts +0.04", False),
        (unusual, "unusual, which counts -0.05", True),
    ):
        _, page = render([changed, *ROWS[1:]], tmp_path=tmp_path / str(doubted))
        assert f"The time of the way is {said}." in page.text
        assert ("That is below the threshold of 0.60." in page.text) is doubted


def test_null_in_every_place_that_may_be_null(tmp_path):
    live = {**camera("hall", frames_expected=None), "fps": None, "width_px": None, "height_px": None}
    run = manifest({**live, "start_time": None, "start_time_source": None}, command=None)
    rows = assign_mot_ids([row(clock=False, embedded=False, crops_kept=0, evidence="few_crops")])
    _, page = render(rows, run, tmp_path)
    assert "not known" in page.text
    assert "There is no picture to compare." in page.text
    assert "None" not in page.text


def test_an_empty_run_says_so(tmp_path):
    _, page = render([], tmp_path=tmp_path)
    assert "Nobody seen in 2 cameras" in page.text
    assert "Nobody was seen in these recordings." in page.text
    assert not page.having("bar")
    assert not page.unclosed
    assert "recordings/hall.mp4" in page.text


def test_only_unknown_people(tmp_path):
    _, page = render([ROWS[1]], tmp_path=tmp_path)
    assert "Nobody recognised in 2 cameras" in page.text
    assert len(page.having("bar")) == 1
    assert [tag for tag, _ in page.elements].count("details") == 1


def test_a_partial_run_and_its_warnings_are_loud(tmp_path):
    gap = {"start_s": 3.0, "end_s": 200.0, "reason": "unreadable data"}
    bad = camera("gate", status="damaged", frames_decoded=500, frames_skipped=1200, gaps=[gap], last_error="bad bytes")
    run = manifest(camera("hall"), bad, status="partial", warnings=["the network is untrained"])
    _, page = render(run=run, tmp_path=tmp_path)
    assert len(page.having("alert")) == 3
    assert len(page.having("problem")) == 1
    for words in (
        "This run is partial.",
        "the network is untrained",
        "0:00:03 to 0:03:20: unreadable data",
        "bad bytes",
    ):
        assert words in page.text
    assert "1,200" in page.text
    (gap_bar,) = page.having("gap")
    assert float(gap_bar["width"].rstrip("%")) == pytest.approx(100 * 167 / 170, abs=0.01), "clipped to the recording"
    _, fine = render(tmp_path=tmp_path)
    assert not fine.having("alert")
    assert not fine.having("problem")


def test_how_it_was_made_and_how_to_delete_it(tmp_path):
    _, page = render(tmp_path=tmp_path)
    for words in ("yolo26n", "bytetrack", "dcct-compact", "calibrated with the network's weights", "9.2", "12.5"):
        assert words in page.text
    assert "Deleting that folder deletes all of it" in page.text
    assert str(tmp_path) not in page.text


def test_a_thousand_people_stay_one_page(tmp_path):
    rows = [row("hall" if n % 2 else "gate", n, n, n + 3, identity_id=1 + n // 2) for n in range(2000)]
    html, page = render(assign_mot_ids(rows), tmp_path=tmp_path)
    assert len(page.having("bar")) == 2000
    assert len(page.having("card")) == 1000
    assert len(html) < 4_000_000
