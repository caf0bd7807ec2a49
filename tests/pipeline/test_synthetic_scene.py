"""Scenes on disk: all files agree with the scene, the site allows the truth, and nothing half-made stays."""

from __future__ import annotations

import filecmp
import json
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from pipeline import synthetic_scene
from pipeline.constraints import Constraints, Stay, check_topology
from pipeline.evaluation import evaluate
from pipeline.evaluation_inputs import read_truth_folder
from pipeline.mot import TrackBox, read_truth
from pipeline.site import load_site
from pipeline.synthetic_scene import SceneFolder, write_scene
from reid.data.synthetic.scenes.scene import Scene, SceneOptions
from reid.errors import InputError, OutputError, RunError

SMALL = SceneOptions(cameras=3, people=8, seconds=4.0, fps=5.0, size_hw=(180, 320), seed=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> SceneFolder:
    return write_scene(SMALL, tmp_path_factory.mktemp("scenes") / "small")


def all_files(path: Path) -> list[str]:
    return sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())


def test_there_is_what_the_format_says(folder: SceneFolder) -> None:
    names = [f"cam{number}" for number in (1, 2, 3)]
    assert all_files(folder.path) == sorted(
        ["scene.json", "site.yaml", *(f"truth/{name}.txt" for name in names), *(f"videos/{name}.mp4" for name in names)]
    )
    assert folder.index["format"] == "vreid-scene/1"
    assert folder.frames == dict.fromkeys(names, 20)
    assert len(set(folder.index["people"].values())) == 8


def test_videos_show_the_pictures(folder: SceneFolder) -> None:
    scene = Scene(SMALL)
    for number, camera in enumerate(scene.cameras):
        with av.open(str(folder.path / "videos" / f"{camera.name}.mp4")) as container:
            frames = list(container.decode(video=0))
        assert [frame.time for frame in frames] == pytest.approx(np.arange(20) / 5.0)
        for frame, picture in zip(frames, scene.pictures(number), strict=True):
            rgb = frame.to_ndarray(format="rgb24")
            assert rgb.shape == (180, 320, 3)
            # The encoder drops most of the noise; what is left of a dozen pixels together is the picture.
            coarse, expected = (image.reshape(45, 4, 80, 4, 3).mean(axis=(1, 3)) for image in (rgb, picture.rgb))
            assert np.abs(coarse - expected).mean() < 4


def test_truth_is_what_was_seen(folder: SceneFolder) -> None:
    scene = Scene(SMALL)
    for number, camera in enumerate(scene.cameras):
        written = {
            (box.frame_index, box.person_id): box for box in read_truth(folder.path / "truth" / f"{camera.name}.txt")
        }
        seen = 0
        for picture in scene.pictures(number):
            for row, box, visibility in zip(picture.stay, picture.boxes_xyxy, picture.visibility, strict=True):
                line = written[picture.frame_index, scene.stays[row].person + 1]
                assert line.box_xyxy == tuple(box)
                assert line.visibility == pytest.approx(visibility, abs=1e-4)
                seen += 1
        assert seen == len(written) > 0


def test_stays_span_the_truth(folder: SceneFolder) -> None:
    cameras = folder.index["cameras"]
    times: dict[tuple[int, str], list[float]] = defaultdict(list)
    for name, camera in cameras.items():
        for box in read_truth(folder.path / camera["truth"]):
            times[box.person_id, name].append(camera["start_s"] + box.frame_index / camera["fps"])
    spans: dict[tuple[int, str], list[float]] = defaultdict(list)
    for stay in folder.stays:
        spans[stay.person, stay.camera] += [stay.start_s, stay.end_s - 1 / SMALL.fps]
    assert times.keys() == spans.keys()
    for key, own in times.items():
        assert (min(spans[key]), max(spans[key])) == pytest.approx((min(own), max(own)), abs=1e-5)


def test_a_perfect_result_scores_one(folder: SceneFolder) -> None:
    truth = read_truth_folder(folder.path)
    assert {name: of_camera.frames for name, of_camera in truth.items()} == folder.frames
    perfect = {
        name: [TrackBox(box.frame_index, box.person_id, box.box_xyxy, 1.0) for box in of_camera.boxes]
        for name, of_camera in truth.items()
    }
    scored = evaluate(perfect, truth).all_cameras
    assert (scored.detection.recall.value, scored.detection.precision.value) == (1.0, 1.0)
    assert scored.tracking.idf1 == scored.tracking.hota == 1.0


def test_the_site_knows_the_true_clock(folder: SceneFolder) -> None:
    site = load_site(folder.site)
    assert [camera.source for camera in site.cameras] == [
        str(folder.path / "videos" / f"cam{number}.mp4") for number in (1, 2, 3)
    ]
    corrected = [camera.start + timedelta(seconds=camera.offset_s) for camera in site.cameras if camera.start]
    starts_s = [camera["start_s"] for camera in folder.index["cameras"].values()]
    assert [(time - corrected[0]).total_seconds() for time in corrected] == pytest.approx(starts_s)
    assert any(camera.offset_s for camera in site.cameras)
    check_topology(site.topology, [str(camera.name) for camera in site.cameras])


@pytest.mark.parametrize("seconds", [4.0, 20.0, 60.0, 150.0])
def test_the_site_allows_the_truth(tmp_path: Path, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everyone's true stays, as far as they are recorded, can be of one person."""
    monkeypatch.setattr(synthetic_scene, "_film", lambda *_: synthetic_scene._Filmed({}, {}))
    for seed in range(4):
        options = replace(SMALL, seconds=seconds, seed=seed)
        scene = Scene(options)
        monkeypatch.setattr(synthetic_scene, "Scene", lambda *_, scene=scene: scene)
        constraints = Constraints(load_site(write_scene(options, tmp_path / f"{seed}").site).topology)
        stays = defaultdict(list)
        for stay in scene.stays:
            camera = scene.cameras[stay.camera]
            start_s = max(stay.walk.start_s, camera.start_s)
            end_s = min(stay.walk.end_s, camera.start_s + seconds)
            if start_s < end_s:
                stays[stay.person].append(Stay(camera.name, start_s, end_s))
        followed = 0
        for own in stays.values():
            for last in range(1, len(own)):
                assert constraints.allow(own[:last], own[last:])
            followed += sum(one.camera_id != other.camera_id for one, other in pairwise(own))
        assert followed > 0 or seconds < 10


def test_one_camera_needs_no_topology(tmp_path: Path) -> None:
    made = write_scene(replace(SMALL, cameras=1, seconds=1.0), tmp_path / "one")
    assert "topology" not in made.site.read_text()
    assert len(load_site(made.site).cameras) == 1


def test_the_same_options_make_the_same_files(folder: SceneFolder, tmp_path: Path) -> None:
    again = write_scene(SMALL, tmp_path / "again").path
    _, different, missing = filecmp.cmpfiles(folder.path, again, all_files(folder.path), shallow=False)
    assert (different, missing) == ([], [])


def test_threads_of_torch_stay_as_they_were(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        write_scene(replace(SMALL, cameras=1, seconds=1.0), tmp_path / "one")
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


class TestPlace:
    def test_what_stands_there_stays(self, tmp_path: Path) -> None:
        options = replace(SMALL, cameras=1, seconds=1.0)
        write_scene(options, tmp_path / "scene")
        with pytest.raises(OutputError, match="already holds a scene"):
            write_scene(options, tmp_path / "scene")
        write_scene(replace(options, seed=9), tmp_path / "scene", overwrite=True)
        assert json.loads((tmp_path / "scene" / "scene.json").read_text())["seed"] == 9
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "file").touch()
        with pytest.raises(OutputError, match="is not a scene of vreid"):
            write_scene(options, tmp_path / "other", overwrite=True)

    def test_a_full_disk_leaves_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object) -> None:
            raise OutputError("cannot write the video cam2.mp4: no space left on device")

        monkeypatch.setattr(synthetic_scene.VideoWriter, "write", full)
        with pytest.raises(RunError, match="no space left on device; nothing was kept"):
            write_scene(SMALL, tmp_path / "scene")
        assert list(tmp_path.iterdir()) == []

    def test_other_folders_are_no_scenes(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="is not a scene of vreid"):
            SceneFolder(tmp_path)
