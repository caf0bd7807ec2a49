"""The demo's scene: kept, made anew when it must be, and scored; and what detectors find in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import pytest

from pipeline.config import DetectorConfig
from pipeline.demo import demo_options, keep_scene, kept_scene, scenes_folder, score_run
from pipeline.detection import create_detector
from pipeline.evaluation import evaluate
from pipeline.evaluation_detection import Share
from pipeline.evaluation_inputs import read_truth_folder
from pipeline.mot import TrackBox, read_truth, write_tracks
from pipeline.synthetic_scene import SceneFolder
from reid.data import synthetic
from reid.data.synthetic.scenes.scene import SceneOptions
from reid.errors import OutputError

TINY = SceneOptions(cameras=1, people=4, seconds=1.0, fps=3.0, size_hw=(270, 480), seed=5)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VREID_SCENES", str(tmp_path / "scenes"))
    return tmp_path / "scenes"


def test_the_demo_is_what_the_readme_says() -> None:
    options = demo_options()
    assert (options.cameras, options.people, options.seconds, options.fps) == (2, 12, 20.0, 10.0)
    assert options.size_hw == (540, 960)
    assert demo_options(7).seed == 7


def test_scenes_are_kept_in_the_home_folder_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VREID_SCENES", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert scenes_folder() == tmp_path / ".cache" / "vreid" / "scenes"


def test_a_scene_is_kept(place: Path) -> None:
    assert kept_scene(TINY) is None
    made = keep_scene(TINY)
    assert made.path.parent == place
    kept = kept_scene(TINY)
    assert kept is not None
    assert kept.path == made.path
    assert kept_scene(replace(TINY, seed=6)) is None


@pytest.mark.parametrize("part", ["videos/cam1.mp4", "truth/cam1.txt", "site.yaml"])
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"")], ids=["lost", "empty"])
def test_a_scene_that_is_not_whole_is_made_again(place: Path, part: str, damage: Callable[[Path], object]) -> None:
    made = keep_scene(TINY)
    whole = (made.path / part).read_bytes()
    damage(made.path / part)
    assert kept_scene(TINY) is None
    assert (keep_scene(TINY).path / part).read_bytes() == whole
    assert kept_scene(TINY) is not None


@pytest.mark.parametrize("index", ["{", "{}", "[]", '{"cameras": []}', '{"cameras": {"cam1": null}}'])
def test_a_scene_whose_index_is_damaged_is_made_again(place: Path, index: str) -> None:
    made = keep_scene(TINY)
    whole = (made.path / "scene.json").read_text()
    (made.path / "scene.json").write_text(index)
    assert kept_scene(TINY) is None
    keep_scene(TINY)
    assert (made.path / "scene.json").read_text() == whole


@pytest.mark.parametrize("part", ["view.py", "scenes/scene.py", "bodies/mesh.py"])
def test_another_version_makes_its_own(place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, part: str) -> None:
    keep_scene(TINY)
    world = tmp_path / "world"
    shutil.copytree(Path(str(synthetic.__file__)).parent, world)
    monkeypatch.setattr(synthetic, "__file__", str(world / "__init__.py"))
    assert kept_scene(TINY) is not None
    (world / part).write_text("another version")
    assert kept_scene(TINY) is None


def test_a_place_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("VREID_SCENES", str(tmp_path / "file" / "scenes"))
    with pytest.raises(
        OutputError, match=r"scenes cannot be kept in .*file/scenes; name another folder .* VREID_SCENES"
    ):
        keep_scene(TINY)


def test_a_perfect_run_scores_one(place: Path, tmp_path: Path) -> None:
    scene = keep_scene(TINY)
    truth = read_truth(scene.path / "truth" / "cam1.txt")
    write_tracks(tmp_path / "cam1.txt", [TrackBox(box.frame_index, box.person_id, box.box_xyxy, 1.0) for box in truth])
    assert score_run(tmp_path, scene).all_cameras.tracking.idf1 == 1.0


def clear_shares(scene: SceneFolder, detector: str, conf: float) -> tuple[Share, Share]:
    """Recall and precision for unoccluded people of at least 100 px, of everything that a detector finds."""
    finder = create_detector(DetectorConfig(name=detector, conf=conf), device="cpu", warn=pytest.fail)
    found = {}
    for name in scene.frames:
        with av.open(str(scene.path / "videos" / f"{name}.mp4")) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        found[name] = [
            TrackBox(index, number, tuple(box), float(confidence))
            for index, of_frame in enumerate(finder.detect(frames))
            for number, (box, confidence) in enumerate(
                zip(of_frame.boxes_xyxy.tolist(), of_frame.confidences, strict=True), start=1
            )
        ]
    detection = evaluate(found, read_truth_folder(scene.path)).all_cameras.detection
    return detection.clear_recall, detection.clear_precision


@pytest.mark.full
@pytest.mark.parametrize("seed", range(3))
def test_yolo_takes_made_up_people_for_people(place: Path, shared_data: Path, seed: int) -> None:
    weights = shared_data / "weights" / "yolo11n_int8_openvino_model"
    recall, precision = clear_shares(keep_scene(demo_options(seed)), str(weights), 0.4)
    assert recall.whole > 500
    assert min(recall.value or 0, precision.value or 0) >= 0.95


@pytest.mark.full
def test_hog_finds_most_people_of_the_demo(place: Path) -> None:
    recall, _ = clear_shares(keep_scene(demo_options()), "hog", 0.1)
    assert (recall.value or 0) >= 0.6
