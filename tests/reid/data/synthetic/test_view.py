"""Pinhole views."""

from __future__ import annotations

import math

import pytest
import torch

from reid.data.synthetic.view import View


def view(position_m=(0.0, 0.0, 2.0), yaw=0.0, pitch=0.0, focal=100.0, size_hw=(60, 80)) -> View:  # type: ignore[no-untyped-def]
    return View(
        torch.tensor([position_m]),
        torch.tensor([yaw]),
        torch.tensor([pitch]),
        torch.tensor([[focal, focal]]),
        torch.tensor([[size_hw[1] / 2, size_hw[0] / 2]]),
        size_hw,
    )


def test_points_fall_where_they_should_by_hand() -> None:
    # Five metres ahead, one to the left, one above the camera's height of two.
    seen = view().project(torch.tensor([[[5.0, 1.0, 3.0]]]))[0, 0]
    assert seen.tolist() == pytest.approx([40 - 100 / 5, 30 - 100 / 5, 5.0])


def test_yaw_turns_to_the_left_and_pitch_looks_down() -> None:
    towards_y = view(yaw=math.pi / 2).project(torch.tensor([[[0.0, 4.0, 2.0]]]))[0, 0]
    assert towards_y.tolist() == pytest.approx([40, 30, 4.0], abs=1e-4)
    ground = view(pitch=math.atan2(2.0, 5.0)).project(torch.tensor([[[5.0, 0.0, 0.0]]]))[0, 0]
    assert ground.tolist() == pytest.approx([40, 30, math.hypot(2, 5)], abs=1e-4)


def test_a_point_behind_has_no_positive_depth() -> None:
    seen = view().project(torch.tensor([[[-5.0, 1.0, 3.0], [0.0, 1.0, 2.0]]]))
    assert (seen[0, :, 2] <= 0).all()
    assert seen.isfinite().all()


def test_rays_lead_back_to_the_pixels_they_come_from() -> None:
    some = view(yaw=0.4, pitch=0.3)
    rays = some.rays()
    assert rays.shape == (1, 60, 80, 3)
    points = some.position_m[:, None, None] + 7.0 * rays
    seen = some.project(points.view(1, -1, 3)).view(60, 80, 3)
    columns = torch.arange(80) + 0.5
    rows = torch.arange(60) + 0.5
    torch.testing.assert_close(seen[..., 0], columns.expand(60, 80), atol=2e-3, rtol=0)
    torch.testing.assert_close(seen[..., 1], rows[:, None].expand(60, 80), atol=2e-3, rtol=0)
    torch.testing.assert_close(seen[..., 2], torch.full((60, 80), 7.0))


def test_a_window_shows_its_box_at_the_new_size() -> None:
    whole = view(yaw=0.1, pitch=0.2)
    box = torch.tensor([[10.0, -5.0, 30.0, 55.0]])
    part = whole.window(box, (128, 64))
    points = torch.tensor([[[6.0, 1.0, 1.0], [4.0, -1.0, 0.5]]])
    before, after = whole.project(points)[0], part.project(points)[0]
    torch.testing.assert_close(after[:, 0], (before[:, 0] - 10) * 64 / 20)
    torch.testing.assert_close(after[:, 1], (before[:, 1] + 5) * 128 / 60, atol=1e-3, rtol=1e-5)
    assert part.size_hw == (128, 64)


def test_views_are_picked_joined_and_counted() -> None:
    both = View.joined([view(yaw=0.1), view(yaw=0.2)])
    assert len(both) == 2
    assert both.select(torch.tensor([1, 1, 0])).yaw_rad.tolist() == pytest.approx([0.2, 0.2, 0.1])
    assert both.size_hw == (60, 80)
    assert len(both.to("cpu")) == 2
