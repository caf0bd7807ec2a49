"""Every file of a run that is not text for trackers: written, read, and put in its place in one step."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.run_directory import (
    RunDirectory,
    RunDirectoryWriter,
    TrackletRow,
    assign_mot_ids,
    check_output,
    clock_text,
    read_tracklets,
    write_sightings,
    write_tracklets,
)
from reid.errors import InputError, OutputError

NOON = datetime(2024, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)
ROW = TrackletRow(
    camera_id="gate",
    track_id=1,
    first_frame=3,
    last_frame=40,
    start_s=0.1,
    end_s=1.35,
    frames=30,
    mean_confidence=0.75,
    evidence="enough",
    crops_kept=2,
    crops_refused=5,
    crop_frames=(3, 20),
    crops_path="crops/gate/1",
    embedded=True,
    start_time=NOON,
    end_time=NOON,
    identity_id=4,
    mot_id=4,
    match_score=0.5,
    runner_up_score=0.25,
    runner_up_identity_id=2,
    margin=0.25,
)
BARE = replace(
    ROW,
    track_id=2,
    crop_frames=(),
    embedded=False,
    start_time=None,
    end_time=None,
    identity_id=None,
    match_score=None,
    runner_up_score=None,
    runner_up_identity_id=None,
    margin=None,
)


def test_the_table_reads_back_row_for_row(tmp_path: Path) -> None:
    path = tmp_path / "tracklets.parquet"
    write_tracklets(path, [ROW, BARE])
    assert read_tracklets(path) == [ROW, BARE]
    write_tracklets(path, [])
    assert read_tracklets(path) == []


def test_the_table_has_the_columns_that_the_documentation_lists(tmp_path: Path) -> None:
    write_tracklets(tmp_path / "t.parquet", [ROW])
    columns = pq.read_schema(tmp_path / "t.parquet").names
    text = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    table = text.split("### tracklets.parquet")[1].split("###")[0]
    documented = [
        name.strip(" `")
        for line in table.splitlines()
        if line.startswith("| `")
        for name in line.split("|")[1].split(",")
    ]
    assert sorted(columns) == sorted(documented)


def test_unknown_tracklets_get_ids_above_all_identities() -> None:
    rows = assign_mot_ids([BARE, ROW, replace(BARE, camera_id="hall"), replace(ROW, identity_id=2)])
    assert [row.mot_id for row in rows] == [5, 4, 6, 2]


def test_sightings_are_for_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "sightings.csv"
    write_sightings(path, [BARE, ROW])
    with path.open(newline="") as file:
        known, unknown = csv.DictReader(file)
    assert known["person"] == "4"
    assert datetime.fromisoformat(known["from"]) == NOON
    assert (known["from_s"], known["to_s"], known["seconds"]) == ("0.100", "1.350", "1.250")
    assert (known["track"], known["score"], known["crops"]) == ("1", "0.5000", "crops/gate/1")
    assert (unknown["person"], unknown["from"], unknown["score"]) == ("unknown", "0:00:00.100", "")


def test_clock_text_rounds_without_sixty_seconds() -> None:
    assert clock_text(None, 3599.9996) == "1:00:00.000"
    assert clock_text(None, 0.0) == "0:00:00.000"


def write_run(out: Path, *, overwrite: bool = False, word: str = "one") -> None:
    with RunDirectoryWriter(out, overwrite=overwrite) as writer:
        assert not (out / "run.json").exists() or overwrite
        writer.write_manifest({"status": word})
        np.save(writer.path / "embeddings.npy", np.ones((1, 2), np.float32))
        writer.commit()


def test_a_run_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "runs" / "a"
    with pytest.raises(RuntimeError), RunDirectoryWriter(out) as writer:
        writer.write_manifest({"status": "x"})
        raise RuntimeError
    assert list((tmp_path / "runs").iterdir()) == []
    write_run(out)
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["a"]
    run = RunDirectory(out)
    assert run.manifest == {"format": "vreid-run/1", "status": "one"}
    assert run.embeddings.tolist() == [[1.0, 1.0]]


def test_a_run_is_never_overwritten_unless_told_to(tmp_path: Path) -> None:
    write_run(tmp_path / "a")
    with pytest.raises(OutputError, match="--overwrite"):
        write_run(tmp_path / "a")
    write_run(tmp_path / "a", overwrite=True, word="two")
    assert RunDirectory(tmp_path / "a").manifest["status"] == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_is_not_a_run_is_never_replaced(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years of work")
    for out in (precious, precious / "thesis.txt"):
        with pytest.raises(OutputError, match="not a run"):
            check_output(out, overwrite=True)
    with pytest.raises(OutputError, match="cannot be written"):
        check_output(precious / "thesis.txt" / "run", overwrite=False)
    (tmp_path / "empty").mkdir()
    write_run(tmp_path / "empty")


def test_a_folder_without_a_record_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"run\.json"):
        RunDirectory(tmp_path)


def test_a_failed_disk_leaves_the_old_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path / "a")

    def full(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(json, "dumps", full)
    with pytest.raises(OSError, match="No space"):
        write_run(tmp_path / "a", overwrite=True, word="two")
    monkeypatch.undo()
    assert RunDirectory(tmp_path / "a").manifest["status"] == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
