"""What people say about a run's identities: that it is done, kept, and refused where it cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.config import AssociationConfig, TopologyConfig
from pipeline.correcting import forbid, merge, split, undo
from pipeline.corrections import FILE, corrected, correction, read_corrections
from pipeline.reassociation import reassociate
from pipeline.run_directory import RunDirectory
from reid.errors import ConfigError, InputError
from tests.pipeline.test_reassociation import names, only_videos, run

__all__ = ["run"]  # the fixture: gate/1 and gate/3 are alike (1), gate/2 (2) is 30 degrees off hall/1
A, B, C, D = ("gate", 1), ("gate", 2), ("gate", 3), ("hall", 1)


@pytest.fixture
def made(run: Path) -> Path:
    reassociate(run, AssociationConfig(threshold=0.95), TopologyConfig(), warn=lambda _: None)
    assert names(run) == [1, 2, 1, 3]
    return run


def test_two_are_one(made: Path) -> None:
    after = merge(made, 2, 3, warn=only_videos)
    assert names(made) == [1, 2, 1, 2]
    assert after.manifest["association"]["corrections"] == ["gate/2 and hall/1 are one person"]
    assert after.manifest["association"]["method"] == "average-link"
    page = after.report.read_text(encoding="utf-8")
    assert "gate/2 and hall/1 are one person" in page
    # Below the threshold, and yet nothing to look at.
    assert page.count("Somebody said that they are one person. That is below the threshold of 0.95.") == 2
    assert "Worth a look</span>" not in page


def test_the_report_tells_ways_between_cameras_in_words(made: Path) -> None:
    ways = {"transit": [{"cameras": ["gate", "hall"], "min_s": 5, "max_s": 60, "one_way": True}]}
    topology = TopologyConfig.model_validate({**ways, "non_overlapping": [["gate", "hall"]]})
    page = reassociate(made, AssociationConfig(), topology, warn=only_videos).report.read_text(encoding="utf-8")
    assert "<dd>gate to hall: at least 5 s, directly at most 60 s</dd>" in page
    assert "<dd>gate and hall</dd>" in page


def test_one_is_two_and_two_are_never_one(made: Path) -> None:
    split(made, 1, [C], warn=only_videos)
    assert names(made) == [1, 2, 3, 4]
    forbid(made, 2, 4, warn=only_videos)
    reassociate(made, AssociationConfig(threshold=0.5), TopologyConfig(), warn=only_videos)
    found = names(made)
    assert found[0] != found[2]
    assert found[1] != found[3]
    undo(made, warn=only_videos)
    _, taken_back = undo(made, warn=only_videos)
    assert str(taken_back) == "gate/3: not the person of gate/1"
    assert not (made / FILE).exists()
    with pytest.raises(ConfigError, match="was never corrected"):
        undo(made, warn=only_videos)


@pytest.mark.parametrize("method", ["average-link", "hungarian", "online"])
def test_it_holds_whenever_the_run_is_associated_anew(made: Path, method: str) -> None:
    merge(made, 2, 3, warn=only_videos)
    split(made, 1, [C], warn=only_videos)
    for threshold in (0.999, 0.95, -1.0):
        reassociate(made, AssociationConfig(threshold=threshold, method=method), TopologyConfig(), warn=only_videos)
        found = names(made)
        assert found[1] == found[3]
        assert found[0] != found[2]


def test_a_split_undoes_what_was_merged(made: Path) -> None:
    merge(made, 1, 3, warn=only_videos)
    assert names(made) == [1, 2, 1, 1]
    split(made, 1, [D], warn=only_videos)
    assert names(made) == [1, 2, 1, 3]
    with pytest.raises(ConfigError, match="contradicts an earlier correction: hall/1: not the person of gate/1"):
        merge(made, 1, 3, warn=only_videos)
    assert len(read_corrections(made).said) == 2


def test_what_was_merged_stays_so_on_either_side_of_a_split() -> None:
    first = correction("merge", [A, B], [C, D])
    after = corrected([first, correction("split", [A, C], [B, D])])
    assert sorted(map(sorted, after.together)) == [[A, C], [B, D]]


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda run: merge(run, 1, 9, warn=only_videos), "there is no person 9; the run has 3"),
        (lambda run: merge(run, 1, 1, warn=only_videos), "person 1 is one person already"),
        (lambda run: forbid(run, 2, 2, warn=only_videos), "to part their stays, split them"),
        (lambda run: split(run, 1, [B], warn=only_videos), "gate/2 is no stay of person 1; theirs are gate/1, gate/3"),
        (lambda run: split(run, 1, [A, C], warn=only_videos), "leave at least one"),
        (lambda run: split(run, 1, [], warn=only_videos), "nothing is no stay of person 1"),
    ],
)
def test_what_makes_no_sense_is_refused(made: Path, act, message: str) -> None:
    before = (made / "run.json").read_bytes()
    with pytest.raises(ConfigError, match=message):
        act(made)
    assert (made / "run.json").read_bytes() == before
    assert not (made / FILE).exists()


def test_nobody_is_made_to_be_in_two_places(made: Path) -> None:
    apart = TopologyConfig(all_non_overlapping=True)
    reassociate(made, AssociationConfig(threshold=0.95), apart, warn=only_videos)
    rows = RunDirectory(made).tracklets
    assert (rows[1].start_s, rows[3].start_s) == (1.0, 8.0)
    merge(made, 2, 3, warn=only_videos)
    undo(made, warn=only_videos)
    transit = TopologyConfig.model_validate({"transit": [{"cameras": ["gate", "hall"], "min_s": 60}]})
    reassociate(made, AssociationConfig(threshold=0.95), transit, warn=only_videos)
    with pytest.raises(ConfigError, match="gate/2 and hall/1 cannot be one person"):
        merge(made, 2, 3, warn=only_videos)
    assert names(made) == [1, 2, 1, 3]


@pytest.mark.parametrize(
    "content",
    [
        "{",
        json.dumps({"format": "vreid-corrections/9", "corrections": []}),
        json.dumps({"format": "vreid-corrections/1", "corrections": [{"action": "burn"}]}),
        json.dumps([]),
    ],
)
def test_a_damaged_file_is_named_and_nothing_changes(made: Path, content: str) -> None:
    (made / FILE).write_text(content)
    before = (made / "run.json").read_bytes()
    for act in (
        lambda: merge(made, 2, 3, warn=only_videos),
        lambda: reassociate(made, AssociationConfig(), TopologyConfig(), warn=only_videos),
    ):
        with pytest.raises(InputError, match=FILE):
            act()
    assert (made / "run.json").read_bytes() == before


def test_a_place_in_which_a_merged_person_cannot_be_is_refused(made: Path) -> None:
    merge(made, 2, 3, warn=only_videos)
    slow = TopologyConfig.model_validate({"transit": [{"cameras": ["gate", "hall"], "min_s": 60}]})
    with pytest.raises(ConfigError, match="and yet they were said to be: undo that first"):
        reassociate(made, AssociationConfig(threshold=0.95), slow, warn=only_videos)
    assert names(made) == [1, 2, 1, 2]
