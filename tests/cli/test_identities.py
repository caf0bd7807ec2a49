"""`vreid identities` as a user types it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Vreid
from tests.pipeline.test_correcting import made
from tests.pipeline.test_reassociation import names, run

__all__ = ["made", "run"]  # the fixtures


def test_all_actions(vreid: Vreid, made: Path) -> None:
    assert vreid("identities", made).stdout == "never corrected\n"
    outcome = vreid("identities", made, "merge", 2, 3)
    assert outcome.code == 0
    assert outcome.stdout.startswith("2 people, 0 of 4 stays unknown\nopen ")
    assert vreid("identities", made, "list").stdout.endswith("\n1 correction\n")
    assert vreid("identities", made, "split", 1, "--tracklets", "gate/3").code == 0
    assert names(made) == [1, 2, 3, 2]
    assert vreid("identities", made, "forbid", 1, 2).code == 0
    listed = vreid("identities", made, "list").stdout.splitlines()
    assert [line.partition("UTC  ")[2] for line in listed[:3]] == [
        "merge: gate/2 and hall/1 are one person",
        "split: gate/3: not the person of gate/1",
        "forbid: gate/1: never the person of gate/2, hall/1",
    ]
    assert listed[3] == "3 corrections"
    assert vreid("identities", made, "undo").stdout.startswith("taken back: gate/1: never the person of gate/2")


def test_bad_input_is_refused_in_one_line(vreid: Vreid, made: Path, tmp_path: Path) -> None:
    for args, message in (
        ((tmp_path / "nowhere",), "is not a run of vreid"),
        ((made, "burn"), "'burn' is none of list, merge"),
        ((made, "merge", 1), "merge takes 2 numbers of people, not 1"),
        ((made, "merge", 1, 9), "there is no person 9"),
        ((made, "split", 1), "split takes --tracklets"),
        ((made, "split", 1, "--tracklets", "three"), "'three' is not CAMERA/TRACK"),
        ((made, "merge", "one", 2), "valid integer"),
    ):
        outcome = vreid("identities", *args)
        assert outcome.code == 2, args
        assert message in " ".join(outcome.stderr.split())
        assert outcome.stderr.count("\n") == 1
    assert names(made) == [1, 2, 1, 3]
