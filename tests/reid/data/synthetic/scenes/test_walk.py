"""Walks: worked out by hand on straight lines and circles, and what must hold on any curve."""

from __future__ import annotations

import numpy as np
import pytest

from reid.data.synthetic.scenes.walk import Ground, Pace, Route, Walk, Walker

WALKER = Walker(speed_m_s=1.25, stride_m=1.5)
STRAIGHT = Route.curve(np.asarray([[0.0, 5.0], [0.0, 2.5], [0.0, -2.5], [0.0, -5.0]]))


def ring(radius_m: float, *, turns: float = 0.5) -> Route:
    angles = np.linspace(0.0, 2.0 * np.pi * turns, 400)
    return Route.through(radius_m * np.stack([np.cos(angles), np.sin(angles)], axis=1))


class TestGround:
    def test_clearance_is_the_distance_to_the_nearest_box_without_the_body(self) -> None:
        ground = Ground(4.0, 9.0, 0.5, np.asarray([[5.0, 0.0, 6.0, 2.0], [8.0, -3.0, 8.5, -2.5]]))
        places = np.asarray([[5.5, 3.0], [4.0, 1.0], [2.0, -4.0], [5.5, 1.0], [8.0, -2.0]])
        expected = np.asarray([1.0, 1.0, 5.0, 0.0, 0.5]) - 0.35
        np.testing.assert_allclose(ground.clearance_m(places), expected)
        np.testing.assert_allclose(ground.clearance_m(places.reshape(5, 1, 2)), expected[:, None])

    def test_without_obstacles_there_is_room_everywhere(self) -> None:
        assert np.isinf(Ground(4.0, 9.0, 0.5, np.zeros((0, 4))).clearance_m(np.zeros((3, 2)))).all()

    def test_width_is_half_way(self) -> None:
        assert Ground(4.0, 8.0, 0.5, np.zeros((0, 4))).width_m == 6.0


class TestRoute:
    def test_a_half_circle(self) -> None:
        route = ring(2.0)
        assert route.length_m == pytest.approx(2.0 * np.pi, rel=1e-4)
        assert route.turn_radius_m == pytest.approx(2.0, rel=0.01)
        assert route.yaw_rad[0] == pytest.approx(np.pi / 2, abs=0.01)
        assert route.yaw_rad[-1] == pytest.approx(np.pi * 3 / 2, abs=0.01)

    def test_the_direction_never_jumps(self) -> None:
        assert np.abs(np.diff(ring(2.0, turns=2.5).yaw_rad)).max() < 0.1

    def test_beside_is_to_the_left(self) -> None:
        assert ring(2.0).beside(0.5).length_m == pytest.approx(1.5 * np.pi, rel=1e-3)
        assert ring(2.0).beside(-0.5).length_m == pytest.approx(2.5 * np.pi, rel=1e-3)

    def test_a_curve_goes_from_the_first_corner_to_the_last(self) -> None:
        corners = np.asarray([[1.0, 2.0], [3.0, 5.0], [7.0, -4.0], [8.0, 0.5]])
        route = Route.curve(corners)
        np.testing.assert_allclose(route.places_m[[0, -1]], corners[[0, 3]])
        expected_yaw = np.arctan2(3.0, 2.0)
        assert route.yaw_rad[0] == pytest.approx(expected_yaw, abs=0.05)


class TestWalk:
    def test_without_a_halt_speed_is_constant(self) -> None:
        walk = Walk(STRAIGHT, Pace(1.25), WALKER, start_s=3.0)
        assert walk.end_s == pytest.approx(3.0 + 8.0)
        moments = walk.at(np.asarray([2.0, 3.0, 5.0, 7.0, 11.0, 12.0]))
        np.testing.assert_allclose(moments.place_m[:, 0], 0.0, atol=1e-9)
        np.testing.assert_allclose(moments.place_m[:, 1], [5.0, 5.0, 2.5, 0.0, -5.0, -5.0], atol=1e-6)
        np.testing.assert_allclose(moments.yaw_rad, -np.pi / 2)
        np.testing.assert_allclose(moments.stride, 1.0)
        np.testing.assert_allclose(moments.phase_rad[2] - moments.phase_rad[1], 2 * np.pi * 2.5 / 1.5)

    def test_a_halt_takes_its_time_and_stands_still(self) -> None:
        pace = Pace(1.25, halt_s=2.0, halt_at=0.5)
        walk = Walk(STRAIGHT, pace, WALKER, start_s=0.0)
        assert walk.end_s == pytest.approx(8.0 + 2.0 + 0.8)
        standing = walk.at(np.linspace(4.81, 6.79, 20))
        np.testing.assert_allclose(standing.stride, 0.0, atol=1e-9)
        assert np.ptp(standing.place_m, axis=0).max() < 1e-6
        assert np.ptp(standing.phase_rad) < 1e-6
        np.testing.assert_allclose(walk.at(np.asarray([10.8])).place_m, [[0.0, -5.0]], atol=1e-3)

    @pytest.mark.parametrize("speed_m_s", [0.6, 1.0, 1.25])
    def test_feet_do_not_slide(self, speed_m_s: float) -> None:
        """A cycle's length is the person's stride, shortened as the step is: distance = cycles x stride x stride_m."""
        walk = Walk(STRAIGHT, Pace(speed_m_s, halt_s=1.0), WALKER, start_s=0.0)
        times = np.arange(0.0, walk.end_s - 0.02, 0.01)
        moments = walk.at(times)
        walked = np.hypot(*np.diff(moments.place_m, axis=0).T)
        cycles = np.diff(moments.phase_rad) / (2 * np.pi)
        stepped = cycles * (moments.stride[1:] + moments.stride[:-1]) / 2 * WALKER.stride_m
        np.testing.assert_allclose(stepped, walked, atol=5e-4)
        assert moments.stride.max() == pytest.approx(np.sqrt(speed_m_s / 1.25))

    def test_places_are_those_of_the_route_and_never_jump(self) -> None:
        walk = Walk(ring(3.0), Pace(1.0, halt_s=1.5, halt_at=0.3), WALKER, start_s=-2.0)
        moments = walk.at(np.arange(-2.0, walk.end_s, 0.1))
        np.testing.assert_allclose(np.hypot(*moments.place_m.T), 3.0, atol=1e-3)
        assert np.hypot(*np.diff(moments.place_m, axis=0).T).max() < 0.1 + 1e-6

    def test_two_who_walk_together_stay_level_in_a_turn(self) -> None:
        times = np.arange(0.0, 2.0 * np.pi * 0.9, 0.1)
        inner, outer = (Walk(ring(2.0), Pace(1.0), WALKER, start_s=0.0, beside_m=side) for side in (0.4, -0.4))
        apart = inner.at(times).place_m - outer.at(times).place_m
        np.testing.assert_allclose(np.hypot(*apart.T), 0.8, atol=1e-3)
        np.testing.assert_allclose(inner.at(times).stride, np.sqrt(0.8 / 1.25), rtol=1e-3)
        np.testing.assert_allclose(outer.at(times).stride, np.sqrt(1.2 / 1.25), rtol=1e-3)

    def test_distance_counts_only_while_both_walk(self) -> None:
        one = Walk(STRAIGHT, Pace(1.25), WALKER, start_s=0.0)
        behind = Walk(STRAIGHT, Pace(1.25), WALKER, start_s=2.0)
        beside = Walk(STRAIGHT, Pace(1.25), WALKER, start_s=0.0, beside_m=0.7)
        later = Walk(STRAIGHT, Pace(1.25), WALKER, start_s=8.5)
        assert one.distance_m(behind) == pytest.approx(2.5, abs=1e-3)
        assert one.distance_m(beside) == pytest.approx(0.7, abs=1e-3)
        assert one.distance_m(later) == np.inf
