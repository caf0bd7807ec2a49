"""Crops of made-up people, from seeds to bytes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from reid.data.synthetic.crops import Conditions, CropRenderer, CropSpecs
from reid.data.synthetic.light import Light
from reid.data.synthetic.rendering.renderer import Instances, Rendered, Renderer
from reid.data.synthetic.strolls import FRAME_S
from reid.data.synthetic.view import View

PLAIN = Conditions(partial=0.0, occluded=0.0, company=0.0, look=0.0)


def specs(person: list[int], camera: list[int], frame: list[int] | None = None) -> CropSpecs:
    people, cameras = np.array(person, dtype=np.uint64), np.array(camera, dtype=np.uint64)
    frames = np.zeros(len(person), dtype=np.int64) if frame is None else np.array(frame)
    return CropSpecs(people, cameras, people * np.uint64(50) + cameras, frames)


MIXED = specs([1, 2, 3, 1, 2, 4], [7, 7, 8, 9, 8, 8], [0, 5, 3, 2, 40, 3])


def rows(of: CropSpecs, *indices: int) -> CropSpecs:
    return CropSpecs(
        *(column[list(indices)] for column in (of.person_seed, of.camera_seed, of.tracklet_seed, of.frame))
    )


@pytest.mark.parametrize("size_hw", [(128, 64), (192, 80)])
def test_crops_have_the_size_asked_for_and_show_something(size_hw: tuple[int, int]) -> None:
    crops = CropRenderer(size_hw).render(MIXED)
    assert crops.shape == (6, 3, *size_hw)
    assert crops.dtype == torch.uint8
    assert (crops.float().flatten(1).std(dim=1) > 5).all()


def test_a_crop_is_the_same_alone_and_in_any_batch() -> None:
    together = CropRenderer().render(MIXED)
    renderer = CropRenderer()
    for index in (5, 0, 3):
        assert torch.equal(renderer.render(rows(MIXED, index))[0], together[index])
    assert torch.equal(renderer.render(rows(MIXED, 4, 2)), together[[4, 2]])


def test_a_crop_is_the_same_in_another_process() -> None:
    code = (
        "import hashlib; from tests.reid.data.synthetic.test_crops import *; "
        "print(hashlib.sha256(CropRenderer().render(MIXED).numpy().tobytes()).hexdigest())"
    )
    digests = {subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout for _ in range(2)}
    assert len(digests) == 1


def test_seeds_of_person_camera_and_tracklet_each_change_the_picture() -> None:
    base = specs([1, 1, 1, 9], [7, 7, 8, 7])
    changed = CropSpecs(base.person_seed, base.camera_seed, np.array([5, 6, 5, 5], dtype=np.uint64), base.frame)
    first, other_tracklet, other_camera, other_person = CropRenderer().render(changed).float()
    for other in (other_tracklet, other_camera, other_person):
        assert (first - other).abs().mean() > 5


def test_neighbouring_frames_are_alike_and_people_move() -> None:
    people = [person for person in range(12) for _ in range(2)]
    crops = CropRenderer(conditions=PLAIN).render(specs(people, [7] * 24, [0, 1] * 12)).float().view(12, 2, 3, 128, 64)
    next_frame = (crops[:, 0] - crops[:, 1]).abs().mean(dim=(1, 2, 3))
    next_person = (crops - crops.roll(1, dims=0)).abs().mean(dim=(1, 2, 3, 4))
    assert next_frame.median() < 0.75 * next_person.median()
    assert next_frame.min() > 0


def test_in_neutral_conditions_the_person_fills_the_crop() -> None:
    people = list(range(24))
    crops = CropRenderer((128, 64), conditions=PLAIN).render(specs(people, [3] * 24)).float()
    # Whoever differs from the same place without him differs in the middle most.
    spread = crops.std(dim=0).mean(dim=0)  # (128, 64) over people
    assert spread[20:110, 24:40].mean() > 1.3 * spread[:, :6].mean()


def test_conditions_do_what_they_are_called() -> None:
    many = specs(list(range(40)), [5] * 40)
    plain = CropRenderer(conditions=PLAIN).render(many).float()
    for changed, share in (
        (Conditions(partial=0.9, occluded=0, company=0, look=0), 0.6),
        (Conditions(partial=0, occluded=0.9, company=0, look=0), 0.6),
        (Conditions(partial=0, occluded=0, company=0.9, look=0), 0.3),
        (Conditions(partial=0, occluded=0, company=0, look=1), 0.95),
    ):
        crops = CropRenderer(conditions=changed).render(many).float()
        assert ((crops - plain).abs().mean(dim=(1, 2, 3)) > 1.0).float().mean() >= share, changed


def test_more_cameras_than_are_kept_come_back_the_same() -> None:
    renderer = CropRenderer((32, 16))
    before = renderer.render(specs([1], [0]))
    for first in range(1, 80, 20):
        renderer.render(specs([1] * 20, list(range(first, first + 20))))
    assert torch.equal(renderer.render(specs([1], [0])), before)


def watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Instances, Rendered]]:
    """What is drawn from now on."""
    seen: list[tuple[Instances, Rendered]] = []
    render = Renderer.render

    def watch(self: Renderer, view: View, light: Light, instances: Instances, *backdrop: torch.Tensor) -> Rendered:
        seen.append((instances, render(self, view, light, instances, *backdrop)))
        return seen[-1][1]

    monkeypatch.setattr(Renderer, "render", watch)
    return seen


def test_the_person_can_be_seen_however_long_the_tracklet_is_and_whoever_stands_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people, frames = np.arange(40).repeat(6), np.tile([0, 20, 45, 70, 300, 998], 40)
    seen = watched(monkeypatch)
    crowded = Conditions(partial=0.0, occluded=0.0, company=1.0, look=0.0)
    CropRenderer((64, 32), conditions=crowded).render(specs(people.tolist(), (people % 4).tolist(), frames.tolist()))
    (_, rendered), *_ = seen
    person = rendered.instance == torch.arange(240)[:, None, None]
    assert person.float().mean(dim=(1, 2)).min() > 0.08


def test_nobody_leaves_the_place_or_moves_faster_than_people_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watched(monkeypatch)
    renderer = CropRenderer((32, 16), conditions=PLAIN)
    for person in range(12):
        renderer.render(specs([person] * 300, [3] * 300, list(range(300))))
    places_m = torch.stack([instances.place_m for instances, _ in seen])  # (12, 300, 2)
    yaws_rad = torch.stack([instances.yaw_rad for instances, _ in seen])
    assert (places_m.norm(dim=2) > 1.0).all()
    assert places_m.norm(dim=2).max() < 25.0
    steps_m = places_m.diff(dim=1).norm(dim=2)
    assert steps_m.max() < 2.3 * FRAME_S
    assert (steps_m.amax(dim=1) > 0.5 * FRAME_S).sum() >= 9  # a few stand
    assert yaws_rad.diff(dim=1).abs().max() < 1.5  # they turn round step by step
    walking = steps_m > 0.5 * FRAME_S
    ahead = torch.stack([yaws_rad.cos(), yaws_rad.sin()], dim=2)[:, :-1]
    forwards = ((places_m.diff(dim=1) * ahead).sum(dim=2) > 0)[walking]
    assert forwards.float().mean() > 0.85
