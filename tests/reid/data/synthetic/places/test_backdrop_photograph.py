"""What pixels show: faces of places, spots on these, and the edges between them."""

from __future__ import annotations

import numpy as np
import torch

from reid.data.synthetic.places.casting import Rays
from reid.data.synthetic.places.photograph import cast, smooth_edges, spots_seen
from reid.data.synthetic.places.plans import NOWHERE_M, plan
from reid.data.synthetic.places.scenery import BACK, CEILING, GROUND, LEFT, RIGHT, VERGE, tables
from reid.data.synthetic.view import View

SEEDS = np.arange(24)
PLANS = [plan(int(seed)) for seed in SEEDS]
SCENERY, _ = tables(PLANS, SEEDS)
ROOMS = [index for index, one in enumerate(PLANS) if one.ceiling_m < NOWHERE_M]


def views(count: int, yaw_rad: float, pitch_rad: float = 0.0) -> View:
    return View(
        torch.tensor([[0.0, 0.2, 2.5]]).expand(count, 3),
        torch.full((count,), yaw_rad),
        torch.full((count,), pitch_rad),
        torch.full((count, 2), 40.0),
        torch.tensor([[40.0, 30.0]]).expand(count, 2),
        (60, 80),
    )


def test_rooms_are_closed_on_all_sides_that_cameras_look_to() -> None:
    places = torch.tensor(ROOMS)
    faces = set()
    for yaw_rad in (-0.8, 0.0, 0.8):
        rays = Rays(views(len(ROOMS), yaw_rad))
        depth_m, face = cast(SCENERY.take(places), rays)
        assert (face < len(SCENERY.finish)).all()
        faces |= set(face.unique().tolist())
        points = rays.view.position_m[:, None, None] + rays.view.rays() * depth_m[..., None]
        for row, place in enumerate(ROOMS):
            one = PLANS[place]
            assert points[row, ..., 0].max() < one.back.at_m + 0.01
            assert points[row, ..., 1].max() < one.left.at_m + 0.01
            assert points[row, ..., 1].min() > one.right.at_m - 0.01
            assert points[row, ..., 2].max() < max(one.ceiling_m, 3.0) + 0.01
            at_back_m = points[row][face[row] == BACK][:, 0]
            torch.testing.assert_close(at_back_m, torch.full_like(at_back_m, one.back.at_m), atol=0.01, rtol=0)
    assert {GROUND, BACK, LEFT, RIGHT, CEILING} <= faces


def test_the_verge_lies_on_its_side_beyond_its_edge() -> None:
    streets = [index for index, one in enumerate(PLANS) if one.verge_from_m < NOWHERE_M]
    rays = Rays(views(len(streets), 0.0, 0.3))
    depth_m, face = cast(SCENERY.take(torch.tensor(streets)), rays)
    y_m = 0.2 + rays.along_world(1) * depth_m
    seen = 0
    for row, place in enumerate(streets):
        beyond = y_m[row] * PLANS[place].verge_side > PLANS[place].verge_from_m
        assert beyond[face[row] == VERGE].all()
        assert not beyond[face[row] == GROUND].any()
        seen += int((face[row] == VERGE).sum())
    assert seen > 100


def test_spots_on_the_ground_are_where_the_ground_is_and_as_large_as_the_step_to_the_next_pixel() -> None:
    scenery = SCENERY.take(torch.tensor([3]))
    rays = Rays(views(1, 0.2, 0.5))
    depth_m, face = cast(scenery, rays)
    pixel = torch.arange(60 * 80)
    spots = spots_seen(scenery, rays, depth_m, pixel, face.flatten())
    is_ground = face[0] == GROUND
    inner = is_ground[1:-1, 1:-1] & is_ground[1:-1, 2:] & is_ground[1:-1, :-2]
    inner = inner & is_ground[2:, 1:-1] & is_ground[:-2, 1:-1]
    assert inner.sum() > 500
    for axis, place_m, size_m in ((0, spots.u_m, spots.wide_m), (1, spots.v_m, spots.high_m)):
        place, size = place_m.view(60, 80), size_m.view(60, 80)
        expected = rays.view.position_m[0, axis] + rays.along_world(axis)[0] * depth_m[0]
        torch.testing.assert_close(place[is_ground], expected[is_ground], atol=1e-4, rtol=1e-4)
        across = (place[1:-1, 2:] - place[1:-1, :-2]).abs() / 2
        along = (place[2:, 1:-1] - place[:-2, 1:-1]).abs() / 2
        torch.testing.assert_close(size[1:-1, 1:-1][inner], (across + along)[inner], rtol=0.05, atol=1e-3)


def test_edges_are_blended_and_surfaces_left_alone() -> None:
    face = torch.zeros(1, 6, 8, dtype=torch.int64)
    face[:, :, 4:] = 1
    linear = face[:, None].expand(1, 3, 6, 8).to(torch.float32).contiguous()
    smooth = smooth_edges(linear, face)
    expected = torch.tensor([0.0, 0.0, 0.0, 0.25, 0.75, 1.0, 1.0, 1.0])
    torch.testing.assert_close(smooth[0, 0], expected.expand(6, 8))
    assert torch.equal(smooth_edges(linear, torch.zeros_like(face)), linear)
