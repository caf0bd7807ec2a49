"""Scenes: refusals, the same pictures from the same seed, and truth that agrees with what is seen."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reid.data.synthetic.scenes import scene as scene_module
from reid.data.synthetic.scenes.scene import Picture, Scene, SceneOptions
from reid.errors import ConfigError

SMALL = SceneOptions(cameras=2, people=6, seconds=3.0, fps=4.0, size_hw=(180, 320), seed=3)


@pytest.fixture(scope="module")
def made() -> Scene:
    return Scene(SMALL)


@pytest.fixture(scope="module")
def pictures(made: Scene) -> list[list[Picture]]:
    return [list(made.pictures(camera)) for camera in range(SMALL.cameras)]


def digest(pictures: list[Picture]) -> str:
    state = hashlib.sha256()
    for picture in pictures:
        for part in (picture.rgb, picture.stay, picture.boxes_xyxy, picture.visibility):
            state.update(np.ascontiguousarray(part).tobytes())
    return state.hexdigest()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"people": 0}, "people: expected 1 to 1,000, got 0"),
        ({"cameras": 33}, "cameras: expected 1 to 32, got 33"),
        ({"seconds": float("nan")}, "seconds: expected 1 to 86,400, got nan"),
        ({"fps": 0.0}, "fps: expected 1 to 60, got 0.0"),
        ({"seed": -1}, "seed: expected 0 to"),
        ({"size_hw": (10, 10)}, "from 160x120 to 3840x2160, .*got 10x10"),
        ({"size_hw": (541, 960)}, "even numbers .*got 960x541"),
        ({"size_hw": (200, 1000)}, "a width of 0.5 to 2.4 heights, got 1000x200"),
    ],
)
def test_impossible_numbers_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(SMALL, **options)


def test_every_camera_has_all_frames(pictures: list[list[Picture]]) -> None:
    for of_camera in pictures:
        assert [picture.frame_index for picture in of_camera] == list(range(12))
        for picture in of_camera:
            assert (picture.rgb.shape, picture.rgb.dtype) == ((180, 320, 3), np.uint8)


def test_truth_is_about_those_who_are_there(made: Scene, pictures: list[list[Picture]]) -> None:
    seen = 0
    for number, (camera, of_camera) in enumerate(zip(made.cameras, pictures, strict=True)):
        for picture in of_camera:
            time_s = camera.start_s + picture.frame_index / SMALL.fps
            for row, box, visibility in zip(picture.stay, picture.boxes_xyxy, picture.visibility, strict=True):
                stay = made.stays[row]
                assert stay.camera == number
                assert stay.walk.start_s <= time_s <= stay.walk.end_s
                assert 0 <= box[0] < box[2] <= 320 and 0 <= box[1] < box[3] <= 180
                assert 0 < visibility <= 1
                seen += 1
    assert seen > 20


def test_boxes_are_where_people_walk(made: Scene, pictures: list[list[Picture]]) -> None:
    """Whoever is wholly seen stands in the middle of the box, at the time that the camera's start says."""
    checked = 0
    for camera, of_camera in zip(made.cameras, pictures, strict=True):
        for picture in of_camera:
            time_s = np.asarray([camera.start_s + picture.frame_index / SMALL.fps])
            for row, box, visibility in zip(picture.stay, picture.boxes_xyxy, picture.visibility, strict=True):
                x, y = made.stays[row].walk.at(time_s).place_m[0]
                middle = camera.standpoint.view.project(torch.tensor([[[x, y, 0.9]]], dtype=torch.float32))[0, 0]
                if visibility > 0.95 and box[0] > 0 and box[2] < 320:
                    assert abs(float(middle[0]) - (box[0] + box[2]) / 2) < 0.15 * (box[3] - box[1])
                    assert box[1] < middle[1] < box[3]
                    checked += 1
    assert checked > 10


def test_boxes_are_where_people_change_the_picture(made: Scene, pictures: list[list[Picture]]) -> None:
    """Without its people a picture differs inside their boxes much more than outside."""
    empty = Scene(SMALL)
    empty.stays = tuple(replace(stay, camera=SMALL.cameras) for stay in made.stays)  # where no camera hangs
    for number, of_camera in enumerate(pictures):
        for picture, without in zip(of_camera, empty.pictures(number), strict=True):
            assert len(without.stay) == 0
            difference = np.abs(picture.rgb.astype(int) - without.rgb).mean(axis=2)
            inside = np.zeros((180, 320), bool)
            for left, top, right, bottom in picture.boxes_xyxy:
                inside[top:bottom, left:right] = True
            if inside.any():
                assert difference[inside].mean() > 8 * difference[~inside].mean()  # there are only shadows
                assert difference[inside].mean() > 4


def test_the_same_seed_makes_the_same_pictures(pictures: list[list[Picture]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene_module, "_BATCH_PX", 5 * 180 * 320)
    again = Scene(SMALL)
    assert digest(list(again.pictures(1))) == digest(pictures[1])
    other = Scene(replace(SMALL, seed=4))
    assert digest(list(other.pictures(1))) != digest(pictures[1])


def test_another_process_makes_the_same_pictures(pictures: list[list[Picture]]) -> None:
    root = Path(__file__).resolve().parents[5]
    code = f"""
import torch
torch.set_num_threads(2)
from reid.data.synthetic.scenes.scene import Scene, SceneOptions
from tests.reid.data.synthetic.scenes.test_scene import digest
print(digest(list(Scene({SMALL!r}).pictures(0))))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=root, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == digest(pictures[0])


def test_visibility_is_the_share_that_is_seen(made: Scene, pictures: list[list[Picture]]) -> None:
    """Whoever stands free in the middle of a picture is wholly seen; at its edge nobody is."""
    free, cut = [], []
    for of_camera in pictures:
        for picture in of_camera:
            for row, box in enumerate(picture.boxes_xyxy):
                others = np.delete(picture.boxes_xyxy, row, axis=0)
                apart = (others[:, 2] < box[0]) | (others[:, 0] > box[2])
                if box[0] == 0 or box[2] == 320:
                    cut.append(picture.visibility[row])
                elif apart.all() and box[0] > 4 and box[2] < 316 and box[3] < 178:
                    free.append(picture.visibility[row])
    assert free and cut
    assert np.median(free) > 0.95
    assert np.median(cut) < 0.95


def test_people_keep_their_identity_in_a_bigger_scene(made: Scene) -> None:
    bigger = Scene(replace(SMALL, people=9))
    assert bigger.person_seeds[:6].tolist() == made.person_seeds.tolist()
    assert len(set(bigger.person_seeds.tolist())) == 9


def test_clocks_and_starts(made: Scene) -> None:
    first, second = made.cameras
    assert (first.start_s, first.clock_ahead_s) == (0.0, 0.0)
    assert 0 < second.start_s < SMALL.seconds / 2
    assert 1.0 <= abs(second.clock_ahead_s) <= 5.0


def test_twins_look_alike_and_nobody_else() -> None:
    plain = Scene(SMALL).person_seeds
    twins = Scene(replace(SMALL, twins=0.7)).person_seeds  # of six people two pairs
    assert (twins[0], twins[2]) == (twins[1], twins[3])
    assert len(set(twins.tolist())) == 4
    assert twins[[0, 2, 4, 5]].tolist() == plain[[0, 2, 4, 5]].tolist()
    assert len(set(plain.tolist())) == 6
    with pytest.raises(ConfigError, match="twins"):
        SceneOptions(twins=1.5)
