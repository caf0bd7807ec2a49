"""Places as cameras see them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from reid.data.synthetic.places.backdrop import Backdrop, Obstacles, Places, cut
from reid.data.synthetic.view import View

COUNT = 10
SIZE_HW = (60, 100)
PLACES = Places.from_seeds(np.arange(COUNT))


def views(count: int = COUNT, size_hw: tuple[int, int] = SIZE_HW, pitch_rad: float = 0.25) -> View:
    height_px, width_px = size_hw
    return View(
        torch.stack([torch.zeros(count), torch.linspace(-1, 1, count), torch.linspace(2, 5, count)], dim=1),
        torch.linspace(-0.3, 0.3, count),
        torch.full((count,), pitch_rad),
        torch.full((count, 2), 0.9 * width_px),
        torch.tensor([[width_px / 2, height_px / 2]]).expand(count, 2),
        size_hw,
    )


VIEWS = views()
SEEN = PLACES.look_at(VIEWS, torch.arange(COUNT))


def points_of(view: View, depth_m: torch.Tensor) -> torch.Tensor:
    return view.position_m[:, None, None] + view.rays() * depth_m[..., None]


def test_a_backdrop_has_colour_and_depth_everywhere() -> None:
    assert SEEN.linear.shape == (COUNT, 3, *SIZE_HW)
    assert SEEN.depth_m.shape == (COUNT, *SIZE_HW)
    assert SEEN.linear.dtype == SEEN.depth_m.dtype == torch.float32
    assert SEEN.linear.isfinite().all()
    assert (SEEN.linear >= 0).all()
    assert (SEEN.depth_m > 0.5).all()
    assert (SEEN.depth_m <= 1e4).all()


def test_places_are_lit_like_pictures_and_mostly_grey() -> None:
    shown = SEEN.linear.clamp(0, 1).sqrt()
    means = shown.mean(dim=(1, 2, 3))
    assert means.min() > 0.15
    assert means.max() < 0.9
    assert (shown.flatten(2).std(dim=2).mean(dim=1) > 0.02).all()
    colourfulness = shown.amax(dim=1) - shown.amin(dim=1)
    assert colourfulness.median() < 0.15


def test_nothing_lies_below_the_ground_and_much_of_it_is_seen() -> None:
    points = points_of(VIEWS, SEEN.depth_m)
    assert points[..., 2].min() > -0.02
    on_ground = (points[..., 2].abs() < 1e-3).flatten(1).float().mean(dim=1)
    assert on_ground.min() > 0.15


def test_depth_is_along_the_optical_axis() -> None:
    points = points_of(VIEWS, SEEN.depth_m).flatten(1, 2)
    torch.testing.assert_close(VIEWS.project(points)[..., 2], SEEN.depth_m.flatten(1), rtol=1e-4, atol=1e-3)


def test_pitch_0_sees_walls_or_sky_above_and_pitch_45_only_what_is_below() -> None:
    level = PLACES.look_at(views(pitch_rad=0.0), torch.arange(COUNT))
    assert level.linear.isfinite().all()
    assert level.depth_m[:, -1].median() < level.depth_m[:, SIZE_HW[0] // 2].median()
    steep = PLACES.look_at(views(pitch_rad=math.pi / 4), torch.arange(COUNT))
    assert steep.depth_m.max() < 30.0


def test_a_place_looks_the_same_in_any_batch() -> None:
    together = PLACES.look_at(VIEWS, torch.arange(COUNT))
    assert torch.equal(together.linear, SEEN.linear)
    for place in (0, 3, COUNT - 1):
        alone = Places.from_seeds([place]).look_at(VIEWS.select(torch.tensor([place])), torch.tensor([0]))
        assert torch.equal(alone.linear[0], SEEN.linear[place])
        assert torch.equal(alone.depth_m[0], SEEN.depth_m[place])


def test_one_place_from_many_views_is_one_place() -> None:
    twice = VIEWS.select(torch.tensor([4, 2, 4]))
    seen = PLACES.look_at(twice, torch.tensor([4, 4, 4]))
    assert torch.equal(seen.linear[0], SEEN.linear[4])
    assert torch.equal(seen.linear[2], SEEN.linear[4])
    assert not torch.equal(seen.linear[1], SEEN.linear[4])


def test_places_differ() -> None:
    same_view = VIEWS.select(torch.full((COUNT,), 5))
    pictures = PLACES.look_at(same_view, torch.arange(COUNT)).linear
    for first in range(COUNT):
        for second in range(first):
            assert (pictures[first] - pictures[second]).abs().mean() > 0.01


def test_seeds_of_64_bits_make_places() -> None:
    seeds = np.array([2**64 - 1, 2**63], dtype=np.uint64)
    seen = Places.from_seeds(seeds).look_at(VIEWS.select(torch.tensor([0, 0])), torch.arange(2))
    assert not torch.equal(seen.linear[0], seen.linear[1])


def test_a_window_shows_what_is_there_in_the_whole_picture() -> None:
    boxes = torch.tensor([[20.0, 10.0, 60.0, 50.0]]).expand(COUNT, 4)
    direct = PLACES.look_at(VIEWS.window(boxes, (40, 40)), torch.arange(COUNT))
    torch.testing.assert_close(direct.depth_m, SEEN.depth_m[:, 10:50, 20:60], rtol=1e-3, atol=1e-2)
    inner = direct.linear[:, :, 1:-1, 1:-1] - SEEN.linear[:, :, 11:49, 21:59]
    assert inner.abs().mean() < 1e-3


def test_a_place_has_light_from_above() -> None:
    light = PLACES.light()
    assert light.towards.shape == (COUNT, 3)
    torch.testing.assert_close(light.towards.square().sum(dim=1), torch.ones(COUNT))
    assert (light.towards[:, 2] > 0.2).all()
    up = torch.tensor([[0.0, 0.0, 1.0]]).expand(COUNT, 3)
    white = light.falling_on(up, torch.arange(COUNT))
    assert white.min() > 0.25
    assert white.max() < 1.6


def within(obstacles: Obstacles, place: int, points: torch.Tensor, beyond_m: float = 0.0) -> torch.Tensor:
    """(P, B): which points, (P, 2), lie on which obstacles of a place."""
    cos, sin = torch.cos(obstacles.yaw_rad[place]), torch.sin(obstacles.yaw_rad[place])
    offset = points[:, None] - obstacles.centre_m[place]
    x, y = offset[..., 0], offset[..., 1]
    own = torch.stack([cos * x + sin * y, cos * y - sin * x], dim=2)
    return (own.abs() < obstacles.half_m[place] + beyond_m).all(dim=2) & obstacles.is_there[place]


def test_obstacles_are_seen_where_they_are_said_to_be() -> None:
    obstacles = PLACES.obstacles_xy(torch.arange(COUNT))
    high = views(1, (200, 200), math.pi / 4)
    found = 0
    for place in range(COUNT):
        depth_m = PLACES.look_at(high, torch.tensor([place])).depth_m
        points = points_of(high, depth_m).reshape(-1, 3)
        solid = points[(points[:, 2] > 0.15) & (points[:, 2] < 1.8) & (points[:, 0] < 9) & (points[:, 1].abs() < 5)]
        if not len(solid):
            continue
        inside = within(obstacles, place, solid[:, :2], 0.02)
        assert inside.any(dim=1).all()
        found += len(solid)
    assert found > 1000


def test_people_find_room_to_walk_and_things_to_walk_behind() -> None:
    places = Places.from_seeds(np.arange(100, 160))
    obstacles = places.obstacles_xy(torch.arange(60))
    x, y = torch.meshgrid(torch.linspace(1.5, 14, 30), torch.linspace(-6, 6, 30), indexing="ij")
    spots = torch.stack([x.flatten(), y.flatten()], dim=1)
    taken = torch.stack([within(obstacles, place, spots).any(dim=1) for place in range(60)])
    assert taken.float().mean(dim=1).max() < 0.25
    near = obstacles.is_there & (obstacles.centre_m[..., 0] < 12) & (obstacles.centre_m[..., 1].abs() < 4.5)
    assert near.any(dim=1).float().mean() > 0.9


def pictures() -> Backdrop:
    linear = torch.arange(2 * 3 * 8 * 10, dtype=torch.float32).view(2, 3, 8, 10) / 480
    return Backdrop(linear, torch.arange(160, dtype=torch.float32).view(2, 8, 10))


def test_a_cut_at_whole_pixels_is_the_picture_itself() -> None:
    whole = pictures()
    boxes = torch.tensor([[2.0, 1.0, 7.0, 5.0], [0.0, 4.0, 5.0, 8.0]])
    windows = cut(whole, torch.tensor([1, 0]), boxes, (4, 5))
    torch.testing.assert_close(windows.linear[0], whole.linear[1, :, 1:5, 2:7])
    torch.testing.assert_close(windows.linear[1], whole.linear[0, :, 4:8, :5])
    assert torch.equal(windows.depth_m[0], whole.depth_m[1, 1:5, 2:7])


def test_a_cut_between_pixels_is_their_mean_in_colour_and_the_nearest_in_depth() -> None:
    whole = pictures()
    window = cut(whole, torch.tensor([0]), torch.tensor([[2.5, 3.0, 3.5, 4.0]]), (1, 1))
    expected = (whole.linear[0, :, 3, 2] + whole.linear[0, :, 3, 3]) / 2
    torch.testing.assert_close(window.linear[0, :, 0, 0], expected)
    near = cut(whole, torch.tensor([0]), torch.tensor([[2.3, 3.0, 3.3, 4.0]]), (1, 1))
    assert near.depth_m.item() == whole.depth_m[0, 3, 2]


def test_a_cut_beyond_the_picture_goes_on_with_its_edge() -> None:
    whole = pictures()
    window = cut(whole, torch.tensor([0]), torch.tensor([[-4.0, -4.0, -2.0, -2.0]]), (2, 2))
    torch.testing.assert_close(window.linear[0], whole.linear[0, :, :1, :1].expand(3, 2, 2))
    assert (window.depth_m == whole.depth_m[0, 0, 0]).all()


@pytest.mark.parametrize("width", [1, 64, 67])
def test_a_cut_is_the_same_in_any_batch(width: int) -> None:
    generator = torch.Generator().manual_seed(0)
    corner = torch.rand(20, 2, generator=generator) * 40
    boxes = torch.cat([corner, corner + 3 + 30 * torch.rand(20, 2, generator=generator)], dim=1)
    camera = torch.randint(0, COUNT, (20,), generator=generator)
    together = cut(SEEN, camera, boxes, (33, width))
    for window in range(20):
        alone = cut(SEEN, camera[window : window + 1], boxes[window : window + 1], (33, width))
        assert torch.equal(alone.linear[0], together.linear[window])
        assert torch.equal(alone.depth_m[0], together.depth_m[window])


def test_a_cut_shows_what_looking_through_the_window_shows() -> None:
    boxes = torch.tensor([[30.0, 15.0, 62.0, 55.0]]).expand(COUNT, 4)
    cut_out = cut(SEEN, torch.arange(COUNT), boxes, (40, 32))
    direct = PLACES.look_at(VIEWS.window(boxes, (40, 32)), torch.arange(COUNT))
    assert (cut_out.linear - direct.linear).abs().mean() < 0.01


def test_no_windows_are_cut_to_none() -> None:
    none = cut(pictures(), torch.zeros(0, dtype=torch.int64), torch.zeros(0, 4), (4, 5))
    assert none.linear.shape == (0, 3, 4, 5)
    assert none.depth_m.shape == (0, 4, 5)
