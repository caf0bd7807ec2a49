"""`vreid gallery`: what it prints, what it refuses, and its exit codes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Vreid
from tests.pipeline.gallery.samples import CREATED, stay, write_run
from tests.pipeline.report_samples import Page


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    first = [stay("gate", 1, 0, 10, identity_id=1), stay("gate", 2, 20, 30, identity_id=2)]
    return [
        write_run(tmp_path / "first", first, [0, 90]),
        write_run(
            tmp_path / "second", [stay("hall", 1, 0, 9, identity_id=1)], [4], created=CREATED + timedelta(days=1)
        ),
    ]


def test_from_the_first_run_to_the_last_person(vreid: Vreid, runs: list[Path], tmp_path: Path) -> None:
    people = tmp_path / "people"
    added = vreid("gallery", "add", people, *runs)
    assert added.code == 0, added.stderr
    assert "0 of 0 people of the gallery were seen again, 2 are new" in added.stdout
    assert "1 of 2 people of the gallery were seen again, 0 are new" in added.stdout
    listed = vreid("gallery", "list", people).stdout
    assert "2 people from 2 runs" in listed and "gate, hall" in listed
    assert vreid("gallery", "show", people, 1).stdout.count("kept") == 2
    assert (
        f"open {tmp_path / 'people.html'}"
        in vreid("gallery", "list", people, "--page", tmp_path / "people.html").stdout
    )
    page = Page((tmp_path / "people.html").read_text(encoding="utf-8"))
    assert page.unclosed == []
    assert "2 people The gallery" in page.text and "Person 1 2 sightings" in page.text
    assert sum(tag == "img" for tag, _ in page.elements) == 3
    assert vreid("gallery", "list", people, "--page", tmp_path / "people.html").code == 2
    assert vreid("gallery", "split", people, 1, "--sightings", 3).stdout == "they are of person 3 from now on\n"
    assert vreid("gallery", "merge", people, 3, 1).stdout == "both are person 1 from now on\n"
    deleted = vreid("gallery", "delete", people, 1)
    assert deleted.code == 0, deleted.stderr
    assert "person 1 is deleted: 2 sightings and 2 vectors from the gallery, 2 stays from 2 runs" in deleted.stdout
    assert "the recording still shows them: hall" in deleted.stdout
    assert "nothing is left" in deleted.stdout
    assert vreid("gallery", "forget", people, runs[0]).stdout == "1 sightings are forgotten\n"
    assert vreid("gallery", "expire", people, "--older-than", 1).stdout == "0 sightings are forgotten\n"
    assert vreid("gallery", "compact", people).code == 0
    assert "0 people from 0 runs" in vreid("gallery", "list", people).stdout


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["list", "{}"], "is no gallery of vreid"),
        (["show", "{}/people", "7"], "there is no person 7 in the gallery"),
        (["delete", "{}/people", "7"], "there is no person 7 in the gallery"),
        (["merge", "{}/people", "1", "1"], "is one person already"),
        (["split", "{}/people", "1"], "--sightings: nothing is no sighting of person 1"),
        (["add", "{}/people", "{}/first"], "is in the gallery already"),
        (["add", "{}/people", "{}"], "is not a run of vreid"),
        (["add", "{}/people", "{}/second", "--most-looks", "0"], "most_looks"),
        (["forget", "{}/people", "{}/second"], "holds nothing of"),
        (["show", "{}/people", "99999999999999999999"], "there is no person 99999999999999999999"),
        (["expire", "{}/people", "--older-than", "inf"], "older-than"),
        (["list", "{}/" + "a" * 300], "File name too long"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    vreid: Vreid, runs: list[Path], tmp_path: Path, command: list[str], message: str
) -> None:
    vreid("gallery", "add", tmp_path / "people", runs[0])
    answer = vreid("gallery", *(word.format(tmp_path) for word in command))
    assert answer.code == 2
    assert message in answer.stderr and answer.stderr.count("\n") == 1


def test_names_are_printed_as_they_are(vreid: Vreid, runs: list[Path], tmp_path: Path) -> None:
    odd = runs[0].rename(tmp_path / "y[b][red]")
    answer = vreid("gallery", "add", tmp_path / "people", odd)
    assert answer.code == 0, answer.stderr
    assert str(odd) in answer.stdout
    assert vreid("gallery", "forget", tmp_path / "people", tmp_path / "people" / ".." / odd.name).code == 0


def test_what_could_not_be_reached_is_said(vreid: Vreid, runs: list[Path], tmp_path: Path) -> None:
    vreid("gallery", "add", tmp_path / "people", *runs)
    runs[1].rename(tmp_path / "moved")
    answer = vreid("gallery", "delete", tmp_path / "people", 1)
    assert answer.code == 3
    assert "once it is back, say it again" in answer.stderr
