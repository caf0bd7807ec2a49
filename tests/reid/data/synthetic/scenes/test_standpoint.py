"""Cameras' standpoints: what they see of the ground that people walk on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reid.data.synthetic.draws import Draws
from reid.data.synthetic.places.backdrop import Places
from reid.data.synthetic.scenes.standpoint import Standpoint, obstacles_m, take_standpoint

SEEDS = range(12)


def standpoint(seed: int, size_hw: tuple[int, int] = (540, 960)) -> Standpoint:
    return take_standpoint(Draws([seed]), size_hw)


def projected(taken: Standpoint, *points: tuple[float, float, float]) -> np.ndarray:
    """(P, 3): columns and rows as shares of the picture's size, depth."""
    seen = taken.view.project(torch.tensor([points]))[0].numpy()
    height_px, width_px = taken.view.size_hw
    return seen / [width_px, height_px, 1.0]


@pytest.mark.parametrize("size_hw", [(540, 960), (480, 640), (640, 480), (400, 900)])
def test_people_are_whole_from_the_near_end_to_the_far_end(size_hw: tuple[int, int]) -> None:
    for seed in SEEDS:
        taken = standpoint(seed, size_hw)
        for x in (taken.ground.near_m, taken.ground.far_m):
            head, feet = projected(taken, (x, 0.0, 1.95), (x, 0.0, 0.0))
            assert 0.0 <= head[1] < feet[1] <= 0.97


def test_people_have_the_size_that_detectors_are_made_for() -> None:
    heights_px = []
    for seed in SEEDS:
        taken = standpoint(seed)
        for x in (taken.ground.near_m, taken.ground.far_m):
            head, feet = projected(taken, (x, 0.0, 1.72), (x, 0.0, 0.0))
            heights_px.append(540 * (feet[1] - head[1]))
    assert 90 < min(heights_px) < 180 < 250 < max(heights_px) < 330


def test_the_sides_of_the_picture_are_where_the_ground_says(size_hw: tuple[int, int] = (540, 960)) -> None:
    for seed in SEEDS:
        taken = standpoint(seed, size_hw)
        slope = taken.ground.slope
        # The edges of the picture are planes through the camera; they meet the ground further out than its own height.
        left, right = projected(taken, (8.0, slope * 8.0, 1.0), (8.0, -slope * 8.0, 1.0))
        assert left[0] == pytest.approx(0.0, abs=0.03)
        assert right[0] == pytest.approx(1.0, abs=0.03)
        assert slope * taken.ground.far_m <= 5.3  # people walk on 6 m to each side


def test_obstacles_cover_what_stands_there() -> None:
    for seed in range(6):
        places = Places.from_seeds([seed])
        boxes = obstacles_m(places)
        assert (boxes[:, :2] < boxes[:, 2:]).all()
        obstacles = places.obstacles_xy(torch.zeros(1, dtype=torch.int64))
        there = obstacles.is_there[0]
        assert len(boxes) == int(there.sum())
        for box, centre, half, yaw in zip(
            boxes, obstacles.centre_m[0][there], obstacles.half_m[0][there], obstacles.yaw_rad[0][there], strict=True
        ):
            for signs in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                ahead, aside = signs[0] * half[0], signs[1] * half[1]
                corner = centre + torch.stack(
                    [yaw.cos() * ahead - yaw.sin() * aside, yaw.sin() * ahead + yaw.cos() * aside]
                )
                assert (corner.numpy() >= box[:2] - 1e-4).all() and (corner.numpy() <= box[2:] + 1e-4).all()
