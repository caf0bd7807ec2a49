"""`vreid evaluate` as it is typed: tables, JSON, and what becomes of bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.mot import write_tracks, write_truth
from tests.cli.conftest import Vreid
from tests.pipeline.evaluation_samples import everyone, perfect, renamed

PEOPLE = everyone((1, 2), range(10))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Truth of two cameras, a perfect result, and one in which someone has another name in the hall."""
    monkeypatch.chdir(tmp_path)
    for folder in ("scene/truth", "perfect", "renamed"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("gate", "hall"):
        write_truth(tmp_path / "scene" / "truth" / f"{name}.txt", PEOPLE)
        write_tracks(tmp_path / "perfect" / f"{name}.txt", perfect(PEOPLE))
    write_tracks(tmp_path / "renamed" / "gate.txt", perfect(PEOPLE))
    write_tracks(tmp_path / "renamed" / "hall.txt", renamed(perfect(PEOPLE), {2: 3}))
    return tmp_path


def rows(table: str) -> dict[str, list[str]]:
    """First column -> the others, of lines whose figures stand at their end."""
    found = {}
    for line in table.splitlines():
        words = line.split()
        figures = [word for word in words if word == "-" or word.replace(".", "").isdigit()]
        found[" ".join(words[: len(words) - len(figures)])] = figures
    return found


def test_the_command_teaches(vreid: Vreid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert "evaluate" in vreid().stdout
    page = vreid("evaluate", "--help")
    assert page.code == 0
    for taught in ("vreid evaluate my-run --truth scene", "The ceiling is", "Exit codes", "--json"):
        assert taught in page.stdout


def test_a_perfect_result_is_one_everywhere(vreid: Vreid, here: Path) -> None:
    outcome = vreid("evaluate", "perfect", "--truth", "scene")
    assert (outcome.code, outcome.stderr) == (0, "")
    table = rows(outcome.stdout)
    for name in ("gate", "hall", "all cameras"):
        assert table[name] == table[f"{name}, ceiling"] == ["1.000"] * 7 + ["0"]


def test_the_share_of_identities_stands_apart(vreid: Vreid, here: Path) -> None:
    table = rows(vreid("evaluate", "renamed", "--truth", "scene/truth").stdout)
    assert table["gate"] == table["hall"] == ["1.000"] * 7 + ["0"]
    # AssA: 20 boxes of person 1 share all; 20 of person 2 share 10 of 20. IDF1: 30 of 40. MOTA: one switch of 40.
    assert table["all cameras"] == ["1.000", "1.000", "0.866", "1.000", "0.750", "0.750", "0.975", "1"]
    assert table["all cameras, ceiling"] == ["1.000"] * 7 + ["0"]


def test_it_fits_a_narrow_terminal(vreid: Vreid, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("scene/truth", "perfect"):
        (here / folder / "gate.txt").rename(here / folder / "the-gate-at-the-back-of-the-[bold]house.txt")
    monkeypatch.setattr("cli.evaluate.stdout", Console(width=80, force_terminal=True, color_system=None))
    shown = vreid("evaluate", "perfect", "--truth", "scene").stdout
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= 80
    assert "…" not in shown
    assert rows(shown)["all cameras"] == ["1.000"] * 7 + ["0"]
    assert "[bold]" in shown


def test_json_says_the_same(vreid: Vreid, here: Path) -> None:
    outcome = vreid("evaluate", "renamed", "--truth", "scene", "--json")
    record = json.loads(outcome.stdout)
    assert record["format"] == "vreid-evaluation/1"
    assert (record["run"], record["truth"], record["trained"], record["warnings"]) == ("renamed", "scene", None, [])
    assert list(record["cameras"]) == ["gate", "hall"]
    both = record["all_cameras"]
    assert both["detection"]["recall"] == {"part": 40, "whole": 40, "value": 1.0}
    assert both["tracking"]["idf1"] == pytest.approx(0.75)
    assert both["ceiling"]["idf1"] == pytest.approx(1.0)
    bands = both["detection"]["recall_by_height"]
    assert [band["whole"] for band in bands] == [0, 0, 0, 0, 0, 40, 0, 0, 0]
    assert (bands[5]["height_px"], bands[5]["visibility"]) == ([100.0, 200.0], [0.9, None])


def test_an_untrained_network_is_named(vreid: Vreid, here: Path) -> None:
    (here / "perfect" / "run.json").write_text(
        json.dumps(
            {
                "format": "vreid-run/1",
                "config": {"every": 1},
                "embedder": {"trained": False},
                "cameras": [],
                "stopped_by": None,
            }
        )
    )
    (here / "perfect" / "tracks").mkdir()
    for name in ("gate", "hall"):
        (here / "perfect" / f"{name}.txt").rename(here / "perfect" / "tracks" / f"{name}.txt")
    assert "untrained network" in vreid("evaluate", "perfect", "--truth", "scene").stdout
    assert json.loads(vreid("evaluate", "perfect", "--truth", "scene", "--json").stdout)["trained"] is False


def test_cameras_of_one_side_are_warned_of(vreid: Vreid, here: Path) -> None:
    (here / "perfect" / "hall.txt").rename(here / "perfect" / "yard.txt")
    outcome = vreid("evaluate", "perfect", "--truth", "scene")
    assert outcome.code == 0
    assert outcome.stderr.splitlines() == [
        "warning: camera hall is in the truth but not in the result: everyone there counts as missed",
        "warning: camera yard is in the result but not in the truth: it is left out of all figures",
    ]
    table = rows(outcome.stdout)
    assert table["hall"] == ["0.000", "-", "0.000", "0.000", "0.000", "0.000", "0.000", "0"]
    assert table["all cameras"][0] == "0.500"
    assert "yard" not in outcome.stdout
    as_json = vreid("evaluate", "perfect", "--truth", "scene", "--json")
    assert as_json.stderr == outcome.stderr
    assert len(json.loads(as_json.stdout)["warnings"]) == 2


def test_truth_shorter_than_the_result_is_warned_of(vreid: Vreid, here: Path) -> None:
    write_tracks(here / "perfect" / "gate.txt", perfect(everyone((1, 2), range(12))))
    outcome = vreid("evaluate", "perfect", "--truth", "scene")
    assert "the 4 boxes beyond count as false" in outcome.stderr
    assert rows(outcome.stdout)["gate"][1] == f"{20 / 24:.3f}"
    (here / "scene" / "scene.json").write_text('{"cameras": {"gate": {"frames": 10}, "hall": {"frames": 10}}}')
    outcome = vreid("evaluate", "perfect", "--truth", "scene")
    assert "the 4 boxes beyond are left out" in outcome.stderr
    assert rows(outcome.stdout)["gate"][1] == "1.000"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["perfect"], "Missing option '--truth'"),
        (["--truth", "scene"], "Missing argument 'RUN'"),
        (["missing", "--truth", "scene"], "no folder of results: missing"),
        (["perfect", "--truth", "missing"], "no folder of ground truth: missing"),
        (["perfect", "--truth", "empty"], "no ground truth in empty: it holds no <camera>.txt"),
        (["empty", "--truth", "scene"], "no results in empty"),
        (["scene/truth", "--truth", "scene"], "gate.txt, line 1: expected 10 numbers"),
        (["perfect", "--truth", "perfect"], "gate.txt, line 1: expected 9 numbers"),
        (["other", "--truth", "scene"], "no camera in common: the result has yard, the truth gate, hall"),
        (["twice", "--truth", "scene"], "the result of camera gate, frame 3: id 1 stands twice"),
        (["perfect", "--truth", "scene", "--foo"], "No such option: --foo"),
    ],
)
def test_bad_input_is_refused_in_one_line(vreid: Vreid, here: Path, arguments: list[str], message: str) -> None:
    for folder in ("empty", "other", "twice"):
        (here / folder).mkdir()
    write_tracks(here / "other" / "yard.txt", perfect(PEOPLE))
    write_tracks(here / "twice" / "gate.txt", [*perfect(PEOPLE[2:3]), *perfect(PEOPLE[2:3])])
    outcome = vreid("evaluate", *arguments)
    assert (outcome.code, outcome.stdout) == (2, "")
    (line,) = outcome.stderr.splitlines()
    assert line.startswith("vreid: ")
    assert message in line
