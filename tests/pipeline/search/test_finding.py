"""What a search finds in a run and in a gallery, and what it refuses."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from pipeline.search.finding import find
from pipeline.search.page import render_search
from pipeline.search.query import Query, from_tracklet, matching_embedder, parse_box
from pipeline.search.target import open_target
from reid.errors import ConfigError, InputError
from tests.pipeline.gallery.samples import CREATED, stay, write_run
from tests.pipeline.gallery.test_adding import add, no_warnings
from tests.pipeline.report_samples import Page
from tests.pipeline.test_association import unit


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Three people at 0, 90 and 45 degrees, and a stay of whom no picture is there."""
    rows = [
        stay("gate", 1, 0, 10, identity_id=1),
        stay("gate", 2, 20, 30, identity_id=2),
        stay("hall", 1, 40, 50, identity_id=None),
        stay("hall", 2, 60, 70, identity_id=None),
    ]
    path = write_run(tmp_path / "run", rows, [0, 90, 45, 0])
    embeddings = np.load(path / "embeddings.npy")
    embeddings[3] = 0
    np.save(path / "embeddings.npy", embeddings)
    return path


def looking_for(degrees: float) -> Query:
    return Query(unit(degrees)[0], [], "somebody")


def test_the_most_alike_stands_first_and_the_threshold_divides_them(run: Path) -> None:
    """The run joins from 0.95 on: cos 10, cos 35 and cos 80 degrees."""
    found = find(open_target(run), looking_for(10), most=5, warn=no_warnings)
    assert [(hit.place.camera_id, hit.place.track_id, hit.place.person) for hit in found.hits] == [
        ("gate", 1, 1),
        ("hall", 1, None),
        ("gate", 2, 2),
    ]
    np.testing.assert_allclose([hit.score for hit in found.hits], np.cos(np.deg2rad([10, 35, 80])), atol=1e-6)
    assert [hit.alike for hit in found.hits] == [True, False, False]
    assert (found.compared, found.threshold.value) == (3, 0.95)


def test_a_wanted_rate_goes_before_the_runs_own_threshold(run: Path) -> None:
    found = find(open_target(run), looking_for(10), most=1, far=0.05, warn=lambda _: None)
    assert len(found.hits) == 1
    assert found.threshold.source == "checkpoint"


def test_a_stay_does_not_find_itself(run: Path) -> None:
    target = open_target(run)
    found = find(target, from_tracklet(target, "gate", 1), most=5, warn=no_warnings)
    assert [hit.place.track_id for hit in found.hits] == [1, 2]
    assert found.compared == 2
    with pytest.raises(ConfigError, match=r"there is no stay hall/2 with a vector in .*; cameras: gate, hall"):
        from_tracklet(target, "hall", 2)


def test_a_gallery_is_searched_over_all_its_runs(run: Path, tmp_path: Path) -> None:
    again = write_run(
        tmp_path / "again", [stay("gate", 1, 0, 10, identity_id=1)], [85], created=CREATED + timedelta(days=1)
    )
    for each in (run, again):
        add(tmp_path / "people", each)
    target = open_target(tmp_path / "people")
    found = find(target, looking_for(88), most=2, warn=lambda _: None)
    assert [(hit.place.person, hit.place.run) for hit in found.hits] == [(2, run), (2, again)]
    assert found.hits[0].place.pictures(3)[0].startswith(b"\xff\xd8")
    with pytest.raises(ConfigError, match="several runs of the gallery have gate/1"):
        from_tracklet(target, "gate", 1)
    assert from_tracklet(target, "gate", 2).itself == (run, "gate", 2)


def test_the_page_shows_who_was_found_and_who_was_looked_for(run: Path) -> None:
    target = open_target(run)
    query = Query(unit(10)[0], target.named("gate", 1)[0][0].pictures(2), "a <picture>", single=True)
    html = render_search(target, query, find(target, query, most=5, warn=no_warnings), version="1")
    page = Page(html)
    assert page.unclosed == []
    assert "1 stay may show this person" in page.text
    assert "Looked for: a <picture>. Compared with 3 stays" in page.text
    assert "Likeness 0.98" in page.text and "a single picture tells less" in page.text
    assert sum(tag == "img" for tag, _ in page.elements) == 2 + 3 * 3
    assert "http" not in html.replace("http-equiv", "")


def test_nobody_alike_is_said(run: Path) -> None:
    target = open_target(run)
    html = render_search(
        target, looking_for(200), find(target, looking_for(200), most=5, warn=no_warnings), version="1"
    )
    assert "No stay is alike enough" in Page(html).text


def test_what_is_no_target_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is neither a run nor a gallery of vreid"):
        open_target(tmp_path)


def test_vectors_of_another_network_are_not_compared(run: Path) -> None:
    with pytest.raises(InputError, match="pass --weights with the checkpoint that made it"):
        matching_embedder(open_target(run), None, device="cpu")
    with pytest.raises(InputError, match="they cannot be compared"):
        matching_embedder(open_target(run), "dcct-compact", device="cpu")


def test_boxes() -> None:
    assert parse_box("1,2.5,30,40") == (1, 2.5, 30, 40)
    assert parse_box("whole") is None
    for text in ("1,2,3", "a,b,c,d", "1,2,0,4", "nan,0,10,10", "1,2,inf,4", ""):
        with pytest.raises(ConfigError, match="--box"):
            parse_box(text)
