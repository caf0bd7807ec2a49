"""Identities of a finished run found anew: what changes, what stays, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.config import AssociationConfig, TopologyConfig, TransitConfig
from pipeline.mot import TrackBox, read_tracks, write_tracks
from pipeline.reassociation import reassociate, settings_of
from pipeline.run_directory import RunDirectory, RunDirectoryWriter, assign_mot_ids, write_tracklets
from reid.errors import ConfigError, InputError, RunError
from tests.pipeline.report_samples import camera, row
from tests.pipeline.test_association import unit
from tests.pipeline.test_identities import CURVE


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Person 1 in the hall and, 30 degrees off, at the gate; somebody else twice at the gate, with one id before."""
    rows = assign_mot_ids(
        [
            row("gate", 1, 0.0, 1.0, first_frame=0, last_frame=9, identity_id=1),
            row("gate", 2, 1.0, 2.0, first_frame=10, last_frame=19, identity_id=2),
            row("gate", 3, 3.0, 4.0, first_frame=30, last_frame=39, identity_id=1),
            row("hall", 1, 8.0, 9.0, first_frame=0, last_frame=9, identity_id=None),
        ]
    )
    with RunDirectoryWriter(tmp_path / "run") as writer:
        write_tracklets(writer.path / "tracklets.parquet", rows)
        np.save(writer.path / "embeddings.npy", unit(90, 30, 95, 0))
        for name in ("gate", "hall"):
            boxes = [
                TrackBox(frame, known.mot_id, (10.0, 10.0, 20.0, 40.0), 0.9)
                for known in rows
                if known.camera_id == name
                for frame in range(known.first_frame, known.last_frame + 1)
            ]
            write_tracks(writer.path / "tracks" / f"{name}.txt", boxes)
        for place in ("crops/gate/1/000.jpg", "scenes/gate/1.jpg", "videos/gate.mp4"):
            (writer.path / place).parent.mkdir(parents=True, exist_ok=True)
            (writer.path / place).write_bytes(place.encode())
        config = {
            "association": AssociationConfig(threshold=0.95).model_dump(mode="json"),
            "topology": TopologyConfig().model_dump(mode="json"),
        }
        cameras = [camera("gate"), camera("hall")]
        counts = {"frames": 60, "tracklets": 4, "identities": 2, "unknown_tracklets": 1}
        writer.write_manifest(
            {"config": config, "cameras": cameras, "calibration": CURVE.to_dict(), "counts": counts, "association": {}}
        )
        writer.commit()
    return tmp_path / "run"


def only_videos(warning: str) -> None:
    """The run has annotated videos; nothing else is to be warned of."""
    assert "annotated videos still show the former names" in warning


def names(run: Path) -> list[int | None]:
    return [known.identity_id for known in RunDirectory(run).tracklets]


def test_everything_that_names_people_is_written_anew(run: Path) -> None:
    warnings: list[str] = []
    after = reassociate(run, AssociationConfig(threshold=0.8), TopologyConfig(), warn=warnings.append)
    assert names(run) == [1, 2, 1, 2]
    gate = {box.frame_index: box.mot_id for box in read_tracks(run / "tracks" / "gate.txt")}
    assert gate == {frame: 2 if 10 <= frame < 20 else 1 for frame in [*range(20), *range(30, 40)]}
    assert {box.mot_id for box in read_tracks(run / "tracks" / "hall.txt")} == {2}
    assert (run / "sightings.csv").read_text().count("\n2,") == 2
    assert (run / "gallery.faiss").is_file()
    assert "Person 2" in after.report.read_text(encoding="utf-8")
    assert after.manifest["counts"] == {"frames": 60, "tracklets": 4, "identities": 2, "unknown_tracklets": 0}
    assert after.manifest["config"]["association"]["threshold"] == 0.8
    assert (after.manifest["association"]["method"], after.manifest["calibration"]["pairs"]) == ("average-link", 1000)
    assert (run / "crops/gate/1/000.jpg").read_bytes() == b"crops/gate/1/000.jpg"
    assert (run / "scenes/gate/1.jpg").exists()
    assert (run / "videos/gate.mp4").exists()
    (warning,) = warnings
    assert "annotated videos" in warning
    assert [path.name for path in run.parent.iterdir()] == ["run"]


def test_the_same_settings_give_the_same_run(run: Path) -> None:
    for _ in range(2):
        reassociate(run, *settings_of(RunDirectory(run)), warn=lambda _: None)
        again = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    reassociate(run, *settings_of(RunDirectory(run)), warn=only_videos)
    assert {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()} == again


def test_the_calibration_and_the_place_count(run: Path) -> None:
    loose = AssociationConfig(far=0.01)
    reassociate(run, loose, TopologyConfig(), warn=lambda _: None)
    assert RunDirectory(run).manifest["association"]["threshold_source"] == "checkpoint"
    assert names(run) == [1, 2, 1, 2]
    far_apart = TopologyConfig(transit=(TransitConfig(cameras=("gate", "hall"), min_s=60),))
    reassociate(run, loose, far_apart, warn=only_videos)
    assert names(run) == [1, 2, 1, 3]


@pytest.mark.parametrize(
    ("settings", "topology", "message"),
    [
        (AssociationConfig(method="best"), TopologyConfig(), "'best' is none of"),
        (AssociationConfig(), TopologyConfig(non_overlapping=(("gate", "roof"),)), "no camera named 'roof'"),
    ],
)
def test_what_does_not_exist_is_refused(
    run: Path, settings: AssociationConfig, topology: TopologyConfig, message: str
) -> None:
    before = (run / "run.json").read_bytes()
    with pytest.raises(ConfigError, match=message):
        reassociate(run, settings, topology, warn=only_videos)
    assert (run / "run.json").read_bytes() == before


@pytest.mark.parametrize("damage", ["no vectors", "no table", "too few vectors", "another version", "no JSON"])
def test_a_run_that_is_not_whole_stays_as_it_is(run: Path, damage: str) -> None:
    if damage == "no vectors":
        (run / "embeddings.npy").unlink()
    elif damage == "no table":
        (run / "tracklets.parquet").write_bytes(b"no table")
    elif damage == "too few vectors":
        np.save(run / "embeddings.npy", unit(1, 2))
    elif damage == "another version":
        manifest = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps({**manifest, "format": "vreid-run/0"}))
    else:
        (run / "run.json").write_text("{")
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=str(run)):
        reassociate(run, AssociationConfig(), TopologyConfig(), warn=only_videos)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_warnings_are_those_of_the_last_association(run: Path) -> None:
    def kept() -> list[str]:
        warnings: list[str] = RunDirectory(run).manifest["warnings"]
        return warnings

    reassociate(run, AssociationConfig(far=1e-9), TopologyConfig(), warn=lambda _: None)
    (warning,) = kept()
    assert "does not reach --far 1e-09" in warning
    reassociate(run, AssociationConfig(far=0.01), TopologyConfig(), warn=lambda _: None)
    assert kept() == []


def test_a_run_that_kept_no_calibration_asks_for_a_threshold(run: Path) -> None:
    manifest = json.loads((run / "run.json").read_text())
    del manifest["calibration"]
    (run / "run.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="kept no calibration; pass --threshold"):
        reassociate(run, AssociationConfig(), TopologyConfig(), warn=only_videos)
    reassociate(run, AssociationConfig(threshold=0.8), TopologyConfig(), warn=lambda _: None)
    (run / "run.json").write_text(json.dumps({**manifest, "calibration": None}))
    warnings: list[str] = []
    reassociate(run, AssociationConfig(), TopologyConfig(), warn=warnings.append)
    assert "was not calibrated" in warnings[0]


def test_a_link_goes_on_pointing_to_its_run(run: Path, tmp_path: Path) -> None:
    link = tmp_path / "latest"
    link.symlink_to(run)
    after = reassociate(link, AssociationConfig(threshold=0.8), TopologyConfig(), warn=lambda _: None)
    assert (link.is_symlink(), after.path) == (True, link)
    assert names(run) == [1, 2, 1, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "run"]


def test_a_box_of_nobody_is_named(run: Path) -> None:
    with (run / "tracks" / "gate.txt").open("a") as file:
        file.write("99,77,1,1,5,5,0.9,-1,-1,-1\n")
    with pytest.raises(InputError, match="id 77 in frame 99 is no tracklet"):
        reassociate(run, AssociationConfig(), TopologyConfig(), warn=only_videos)


def test_a_full_disk_changes_nothing(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipeline.reassociation.write_sightings", full)
    before = (run / "run.json").read_bytes()
    with pytest.raises(RunError, match="No space left on device; nothing was changed"):
        reassociate(run, AssociationConfig(threshold=0.8), TopologyConfig(), warn=only_videos)
    assert (run / "run.json").read_bytes() == before
    assert [path.name for path in run.parent.iterdir()] == ["run"]
