"""Runs that remember people, on real video: who comes again is recognised."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import RunConfig, run_pipeline
from pipeline.gallery.store import GalleryStore
from reid.errors import InputError, RunError


def config(shared_data: Path, gallery: Path, **embedder: str) -> RunConfig:
    """The first person of the video."""
    return RunConfig.model_validate(
        {
            "cameras": [{"name": "room", "source": str(shared_data / "videos" / "one-by-one.mp4")}],
            "detector": {"name": str(shared_data / "weights" / "yolo11n_int8_openvino_model")},
            "embedder": embedder,
            "gallery": {"path": str(gallery)},
            "duration_s": 18,
            "every": 5,
        }
    )


def test_who_comes_again_is_recognised(shared_data: Path, tmp_path: Path) -> None:
    people = tmp_path / "people"
    first = run_pipeline(config(shared_data, people), tmp_path / "first")
    again = run_pipeline(config(shared_data, people), tmp_path / "again")
    assert [row.gallery_person_id for run in (first, again) for row in run.tracklets] == [1, 1]
    assert first.tracklets[0].gallery_score is None
    assert (again.tracklets[0].gallery_score or 0) > 0.99
    assert first.manifest["gallery"]["new"] == again.manifest["gallery"]["recognised"] == 1
    with GalleryStore(people) as store:
        assert [run.path for run in store.runs()] == [tmp_path / "first", tmp_path / "again"]
        assert len(store.sightings(1)) == 2
    for path in (tmp_path / "first", tmp_path / "again"):
        assert "1\n" in (path / "sightings.csv").read_text()
    with pytest.raises(InputError, match="cannot be compared"):
        run_pipeline(config(shared_data, people, weights="untrained:dcct-micro"), tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_gallery_that_fails_costs_a_warning_and_not_the_run(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RunError("another process has been writing")

    monkeypatch.setattr("pipeline.run.add_run", fails)
    run = run_pipeline(config(shared_data, tmp_path / "people"), tmp_path / "run")
    assert [row.identity_id for row in run.tracklets] == [1]
    assert run.manifest["gallery"] is None
    assert "`vreid gallery add` can do it later" in run.manifest["warnings"][-1]
    assert not (tmp_path / "people").exists()
