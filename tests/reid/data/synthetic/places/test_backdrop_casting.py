"""Rays against boxes, and the shadows of boxes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from reid.data.synthetic.places import shading
from reid.data.synthetic.places.casting import Rays, Solids, meet_solids
from reid.data.synthetic.view import View

FAR_M = 1e4


def solids(boxes: list[list[float]]) -> Solids:
    """One place; a box is x, y, z, three half sizes, yaw, raggedness."""
    rows = torch.tensor(boxes)
    yaw = rows[:, 6:7]
    return Solids(rows[:, :3, None], rows[:, 3:6, None], yaw, torch.cos(yaw), torch.sin(yaw), rows[:, 7:8])


def view(size_hw: tuple[int, int] = (40, 60), pitch_rad: float = 0.3) -> View:
    height_px, width_px = size_hw
    return View(
        torch.tensor([[0.0, 0.0, 3.0]]),
        torch.tensor([0.1]),
        torch.tensor([pitch_rad]),
        torch.full((1, 2), 0.8 * width_px),
        torch.tensor([[width_px / 2, height_px / 2]]),
        size_hw,
    )


def cast(boxes: Solids, through: View) -> tuple[Tensor, Tensor]:
    rays = Rays(through)
    depth_m = torch.full((1, *through.size_hw), FAR_M)
    face = torch.full((1, *through.size_hw), -1, dtype=torch.int64)
    meet_solids(rays, boxes, depth_m, face, 0)
    return depth_m[0], face[0]


def naive_depth(origin: list[float], way: list[float], box: list[float]) -> tuple[float, int]:
    """March along each of six faces of one box: the first point on a face that lies in the rectangle."""
    cos, sin = math.cos(box[6]), math.sin(box[6])
    offset = [origin[axis] - box[axis] for axis in range(3)]
    start = [cos * offset[0] + sin * offset[1], cos * offset[1] - sin * offset[0], offset[2]]
    step = [cos * way[0] + sin * way[1], cos * way[1] - sin * way[0], way[2]]
    best, side = math.inf, -1
    for axis in range(3):
        for sign in (-1, 1):
            depth = (sign * box[3 + axis] - start[axis]) / step[axis]
            point = [start[other] + depth * step[other] for other in range(3)]
            within = all(abs(point[other]) <= box[3 + other] for other in range(3) if other != axis)
            if 0 < depth < best and within:
                best, side = depth, 2 * axis + (sign > 0)
    return best, side


def test_boxes_are_met_where_a_naive_search_meets_them() -> None:
    boxes = [
        [6.0, 0.5, 0.5, 0.6, 0.3, 0.5, 0.4, 0.0],
        [9.0, -2.0, 1.0, 0.4, 0.4, 1.0, -1.0, 0.0],
        [7.0, 1.0, 2.0, 0.2, 1.5, 0.1, 0.0, 0.0],
        [-5.0, 0.0, 1.0, 0.5, 0.5, 1.0, 0.0, 0.0],
    ]
    through = view()
    depth_m, face = cast(solids(boxes), through)
    rays = through.rays()[0]
    seen = 0
    for row in range(0, 40, 2):
        for column in range(60):
            hits = [naive_depth([0.0, 0.0, 3.0], rays[row, column].tolist(), box) for box in boxes]
            expected, number = min((hit[0], 6 * index + hit[1]) for index, hit in enumerate(hits))
            if math.isfinite(expected):
                seen += 1
                assert abs(depth_m[row, column].item() - expected) < 1e-3
                assert face[row, column].item() == number
            else:
                assert depth_m[row, column].item() == FAR_M
                assert face[row, column].item() == -1
    assert seen > 80


def test_a_bush_without_raggedness_is_an_ellipsoid() -> None:
    through = view((61, 61), 0.0)
    depth_m, _ = cast(solids([[8.0, 0.0, 3.0, 1.0, 1.0, 1.0, 0.0, 1e-6]]), through)
    seen = depth_m[depth_m < FAR_M]
    assert abs(seen.min().item() - math.hypot(8 * math.cos(0.1), 0.0) + 1.0) < 0.05
    angle = math.asin(1 / 8)
    expected_px = math.pi * (0.8 * 61 * math.tan(angle)) ** 2
    assert abs(len(seen) / expected_px - 1) < 0.06


def test_raggedness_only_takes_away() -> None:
    through = view((60, 60), 0.0)
    round_m, _ = cast(solids([[8.0, 0.0, 3.0, 1.0, 1.0, 1.0, 0.0, 1e-6]]), through)
    ragged_m, _ = cast(solids([[8.0, 0.0, 3.0, 1.0, 1.0, 1.0, 0.0, 0.4]]), through)
    assert not ((ragged_m < FAR_M) & (round_m == FAR_M)).any()
    assert 0.3 < (ragged_m < FAR_M).sum() / (round_m < FAR_M).sum() < 0.98


def test_boxes_and_bushes_of_different_places_do_not_mix() -> None:
    box, bush = solids([[7.0, 0.5, 1.0, 0.5, 0.4, 1.0, 0.3, 0.0]]), solids([[6.0, -0.5, 1.0, 0.8, 0.8, 0.8, 0.0, 0.3]])
    both = Solids.joined([box, bush])
    through = view().select(torch.tensor([0, 0]))
    depth_m = torch.full((2, 40, 60), FAR_M)
    face = torch.full((2, 40, 60), -1, dtype=torch.int64)
    meet_solids(Rays(through), both, depth_m, face, 0)
    for index, alone in enumerate((box, bush)):
        alone_m, alone_face = cast(alone, view())
        assert torch.equal(depth_m[index], alone_m)
        assert torch.equal(face[index], alone_face)


def ground_points(xs: list[float]) -> tuple[Tensor, Tensor, Tensor]:
    x = torch.tensor(xs).view(1, 1, -1)
    return x, torch.zeros_like(x), torch.zeros_like(x)


class EveryWindow(Rays):
    """Rays whose windows are the whole picture, for points that no camera took."""

    def window(self, points_m: Tensor) -> tuple[slice, slice]:
        return slice(None), slice(None)


def test_a_box_throws_a_shadow_as_long_as_it_is_high_under_a_lamp_at_45_degrees() -> None:
    box = solids([[5.0, 0.0, 0.5, 0.5, 2.0, 0.5, 0.0, 0.0]])  # x from 4.5 to 5.5, 1 m high
    towards = torch.tensor([[-1.0, 0.0, 1.0]]) / math.sqrt(2)
    points = ground_points([4.0, 5.8, 6.3, 6.7, 8.0])
    share = shading.lamp_share(EveryWindow(view()), box, points, towards, torch.tensor([True]))
    torch.testing.assert_close(share.flatten(), torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0]))
    none = shading.lamp_share(EveryWindow(view()), box, points, towards, torch.tensor([False]))
    assert (none == 1).all()


def test_a_bush_throws_a_shadow_that_is_not_quite_dark() -> None:
    bush = solids([[5.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.3]])
    towards = torch.tensor([[0.0, 0.0, 1.0]])
    share = shading.lamp_share(
        EveryWindow(view()), bush, ground_points([5.0, 8.0]), towards, torch.tensor([True])
    ).flatten()
    assert 0.1 < share[0] < 0.5
    assert share[1] == 1


def test_a_bush_shades_nothing_above_it_and_nothing_beside_it() -> None:
    bush, towards = solids([[0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.3]]), torch.tensor([[0.0, 0.0, 1.0]])
    angle = torch.linspace(0, 6.28, 500).view(1, 1, -1)
    circle = 1.02 * torch.cos(angle), 1.02 * torch.sin(angle), torch.zeros_like(angle)
    above = 0.5 * torch.cos(angle), 0.5 * torch.sin(angle), torch.full_like(angle, 2.5)
    for points in (circle, above):
        share = shading.lamp_share(EveryWindow(view()), bush, points, towards, torch.tensor([True]))
        assert (share == 1).all()


def test_the_ground_is_darker_next_to_what_stands_on_it() -> None:
    box = solids([[5.0, 0.0, 0.5, 0.5, 2.0, 0.5, 0.0, 0.0]])
    points = ground_points([4.4, 4.0, 3.0])
    is_ground = torch.ones(1, 1, 3, dtype=torch.bool)
    near, further, far = shading.contact(EveryWindow(view()), box, points, is_ground).flatten().tolist()
    assert near < further < far
    assert far > 0.97
    hung = solids([[5.0, 0.0, 2.5, 0.5, 2.0, 0.5, 0.0, 0.0]])
    assert (shading.contact(EveryWindow(view()), hung, points, is_ground) == 1).all()
    assert (shading.contact(EveryWindow(view()), box, points, ~is_ground) == 1).all()


def test_the_ground_is_darker_along_walls_and_walls_at_their_foot() -> None:
    walls_m = torch.tensor([[10.0], [6.0], [-6.0]])
    x, y = torch.tensor([[[9.9, 5.0, 5.0]]]), torch.tensor([[[0.0, -5.9, 0.0]]])
    yes, no = torch.ones(1, 1, 3, dtype=torch.bool), torch.zeros(1, 1, 3, dtype=torch.bool)
    ground = shading.corners((x, y, torch.zeros_like(x)), walls_m, yes, no).flatten()
    assert ground[0] < 0.75
    assert ground[1] < 0.75
    assert ground[2] > 0.98
    z = torch.tensor([[[0.0, 1.0, 4.0]]])
    upright = shading.corners((x, y, z), walls_m, no, yes).flatten()
    assert upright[0] < upright[1] < upright[2]
