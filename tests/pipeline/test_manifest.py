"""`run.json` holds what docs/formats.md lists, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipeline import CameraConfig, DetectorConfig, RunConfig, RunDirectory, run_pipeline
from tests.pipeline.made_videos import write_video

FORMATS = Path(__file__).parents[2] / "docs" / "formats.md"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    folder = tmp_path_factory.mktemp("manifest")
    video = write_video(folder / "a.mp4", range(0, 90_000, 9_000), rate=10, size_px=(320, 240))
    (folder / "empty.mp4").touch()
    config = RunConfig(
        cameras=(CameraConfig(source=str(video)), CameraConfig(source=str(folder / "empty.mp4"))),
        detector=DetectorConfig(name="hog"),
        hash_inputs=True,
    )
    return run_pipeline(config, folder / "run", command=["vreid", "run", "rtsp://user:secret@host/1"])


def documented(table: int) -> set[str]:
    """The keys in the first column of one of the tables about run.json."""
    section = FORMATS.read_text(encoding="utf-8").split("### run.json")[1].split("### tracklets.parquet")[0]
    tables = re.findall(r"\|---.*\n((?:\|.*\n)+)", section)
    return {key for line in tables[table].splitlines() for key in re.findall(r"`([^`]+)`", line.split("|")[1])}


def test_every_key_is_documented_and_every_documented_key_is_there(run: RunDirectory) -> None:
    manifest = run.manifest
    assert set(manifest) == documented(0)
    for camera in manifest["cameras"]:
        assert set(camera) == documented(1)
        assert set(camera["health"]) == documented(2)


def test_files_are_known_by_their_bytes(run: RunDirectory) -> None:
    good, empty = run.manifest["cameras"]
    (record,) = good["files"]
    assert record["sha256"] == record["sha256_ends"]  # it is smaller than what the ends cover
    assert record["size_bytes"] == Path(record["path"]).stat().st_size
    assert empty["files"][0]["size_bytes"] == 0


def test_credentials_are_nowhere(run: RunDirectory) -> None:
    assert "secret" not in json.dumps(run.manifest)
    assert run.manifest["command"][:2] == ["vreid", "run"]


def test_a_camera_that_never_opened_is_named_with_its_reason(run: RunDirectory) -> None:
    _, empty = run.manifest["cameras"]
    assert (empty["health"]["status"], empty["counts"], empty["cut_short"]) == ("failed", None, False)
    assert run.manifest["status"] == "partial"


def test_times_add_up(run: RunDirectory) -> None:
    timings = run.manifest["timings"]
    blocking_s = sum(stage["blocking_s"] for stage in timings["stages"].values())
    assert 0.5 * timings["wall_s"] < blocking_s <= timings["wall_s"]
    assert timings["stages"]["reading"]["busy_s"] > 0
    assert timings["stages"]["detection"]["busy_s"] > 0
