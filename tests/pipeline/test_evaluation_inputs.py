"""Runs, folders of results and ground truth, as they lie on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline import CameraConfig, DetectorConfig, RunConfig, run_pipeline
from pipeline.evaluation import Analysed, CameraTruth, evaluate
from pipeline.evaluation_detection import Share
from pipeline.evaluation_inputs import read_result, read_truth_folder
from pipeline.mot import write_tracks, write_truth
from reid.errors import InputError
from tests.pipeline.evaluation_samples import everyone, perfect
from tests.pipeline.made_videos import write_video

PEOPLE = everyone((1, 2), range(10))


def write_texts(folder: Path, *cameras: str, truth: bool) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in cameras:
        if truth:
            write_truth(folder / f"{name}.txt", PEOPLE)
        else:
            write_tracks(folder / f"{name}.txt", perfect(PEOPLE))
    return folder


def write_run(folder: Path, **changes: Any) -> Path:
    """The parts of a run that are read, two cameras of ten frames, as `vreid run` writes them."""
    write_texts(folder / "tracks", "gate", "hall", truth=False)
    health = {"frames_skipped": 0, "frames_corrupt": 0}
    manifest = {
        "format": "vreid-run/1",
        "stopped_by": None,
        "config": {"every": 1},
        "embedder": {"trained": True},
        "cameras": [
            {"camera_id": name, "cut_short": False, "health": health, "counts": {"frames": 10}}
            for name in ("gate", "hall")
        ],
    }
    (folder / "run.json").write_text(json.dumps(manifest | changes))
    return folder


class TestTruth:
    @pytest.mark.parametrize("given", ["scene", "scene/truth"])
    def test_in_a_scene(self, tmp_path: Path, given: str) -> None:
        write_texts(tmp_path / "scene" / "truth", "hall", "gate", truth=True)
        (tmp_path / "scene" / "scene.json").write_text('{"cameras": {"gate": {"frames": 12, "fps": 10}}}')
        truth = read_truth_folder(tmp_path / given)
        assert list(truth) == ["gate", "hall"]
        assert (truth["gate"].frames, truth["hall"].frames) == (12, None)
        assert sorted(truth["hall"].boxes, key=lambda box: (box.person_id, box.frame_index)) == PEOPLE

    def test_in_a_folder_of_texts(self, tmp_path: Path) -> None:
        write_texts(tmp_path / "texts", "gate", truth=True)
        assert read_truth_folder(tmp_path / "texts")["gate"].frames is None
        (tmp_path / "texts" / "scene.json").write_text('{"cameras": {"gate": {"frames": 11}}}')
        assert read_truth_folder(tmp_path / "texts")["gate"].frames == 11

    @pytest.mark.parametrize("text", ["{", "[]", "{}", '{"cameras": []}', '{"cameras": {"gate": {}}}'])
    def test_a_damaged_scene(self, tmp_path: Path, text: str) -> None:
        write_texts(tmp_path, "gate", truth=True)
        (tmp_path / "scene.json").write_text(text)
        with pytest.raises(InputError, match=r"scene\.json"):
            read_truth_folder(tmp_path)

    def test_none(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"no folder of ground truth: .*missing"):
            read_truth_folder(tmp_path / "missing")
        with pytest.raises(InputError, match=r"no ground truth in .* holds no <camera>\.txt"):
            read_truth_folder(tmp_path)
        (tmp_path / "file").touch()
        with pytest.raises(InputError, match="not a folder of ground truth"):
            read_truth_folder(tmp_path / "file")

    def test_results_are_no_truth(self, tmp_path: Path) -> None:
        write_texts(tmp_path, "gate", truth=False)
        with pytest.raises(InputError, match=r"gate\.txt, line 1: expected 9 numbers"):
            read_truth_folder(tmp_path)


class TestResults:
    def test_a_folder_of_texts(self, tmp_path: Path) -> None:
        result = read_result(write_texts(tmp_path, "gate", truth=False))
        assert sorted(box.mot_id for box in result.boxes["gate"]) == [1] * 10 + [2] * 10
        assert (result.analysed, result.trained) == (Analysed(), None)

    def test_a_run(self, tmp_path: Path) -> None:
        result = read_result(write_run(tmp_path, config={"every": 3}, embedder={"trained": False}))
        assert list(result.boxes) == ["gate", "hall"]
        assert (result.analysed, result.trained) == (Analysed(every=3), False)

    def test_a_run_that_was_stopped(self, tmp_path: Path) -> None:
        gate = {
            "camera_id": "gate",
            "cut_short": True,
            "health": {"frames_skipped": 3, "frames_corrupt": 2},
            "counts": {"frames": 4},
        }
        hall = {"camera_id": "hall", "cut_short": False, "health": {}, "counts": None}
        run = write_run(tmp_path, config={"every": 2}, stopped_by="user", cameras=[gate, hall])
        assert read_result(run).analysed == Analysed(every=2, until={"gate": 2 * 4 + 3 + 2})

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"format": "other/3"}, "expected a run of format vreid-run/1, got 'other/3'"),
            ({"config": {}}, "incomplete or damaged: KeyError"),
            ({"config": None}, "incomplete or damaged: TypeError"),
            ({"cameras": [{}]}, "incomplete or damaged: KeyError"),
        ],
    )
    def test_a_run_with_another_record(self, tmp_path: Path, changes: dict[str, Any], message: str) -> None:
        with pytest.raises(InputError, match=message):
            read_result(write_run(tmp_path, **changes))

    def test_none(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"no folder of results: .*missing"):
            read_result(tmp_path / "missing")
        with pytest.raises(InputError, match="no results in"):
            read_result(tmp_path)
        (tmp_path / "run.json").write_text("{")
        with pytest.raises(InputError, match=r"cannot read .*run\.json"):
            read_result(tmp_path)


class TestRuns:
    """What `vreid run` really writes, of videos in which nobody is."""

    def settings(self, folder: Path, **changes: Any) -> RunConfig:
        cameras = []
        for name, frames in (("gate", 10), ("hall", 20)):
            write_video(folder / f"{name}.mp4", range(0, frames * 9_000, 9_000), rate=10)
            cameras.append(CameraConfig(name=name, source=str(folder / f"{name}.mp4")))
        return RunConfig(cameras=tuple(cameras), detector=DetectorConfig(name="hog"), device="cpu", **changes)

    def test_only_analysed_frames_are_asked_for(self, tmp_path: Path) -> None:
        run_pipeline(self.settings(tmp_path, every=2), tmp_path / "run")
        result = read_result(tmp_path / "run")
        assert result.analysed == Analysed(every=2)
        assert result.trained is True
        truth = {name: CameraTruth(PEOPLE, 20) for name in ("gate", "hall")}
        evaluation = evaluate(result.boxes, truth, result.analysed)
        assert evaluation.all_cameras.detection.recall == Share(0, 20)

    def test_a_run_of_limited_duration(self, tmp_path: Path) -> None:
        """It ends inside both recordings, after half a second."""
        run_pipeline(self.settings(tmp_path, duration_s=0.5), tmp_path / "run")
        result = read_result(tmp_path / "run")
        assert result.analysed == Analysed(until={"gate": 5, "hall": 5})
        evaluation = evaluate(result.boxes, {"gate": CameraTruth(PEOPLE, 10)}, result.analysed)
        assert evaluation.all_cameras.detection.recall == Share(0, 10)
