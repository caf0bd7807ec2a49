"""One person's way across the ground that a camera sees: a curve, a pace, and the gait that goes with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_POINTS = 160  # of a curve
_STEP_S = 0.05
_RAMP_S = 0.8  # to come to a stand, and to walk on
_BODY_RADIUS_M = 0.35


@dataclass(frozen=True)
class Ground:
    """The ground in front of a camera, in the camera's own world: it stands above the origin and looks along x.

    Attributes:
        near_m, far_m: distances between which a walking person is whole in the picture, from head to foot.
        slope: the picture's left and right edges lie at y = slope * x and y = -slope * x.
        obstacles_m: (K, 4), boxes that nobody walks through: x and y of one corner, x and y of the opposite one.
    """

    near_m: float
    far_m: float
    slope: float
    obstacles_m: np.ndarray

    @property
    def width_m(self) -> float:
        """Width of what the camera sees, half-way between near and far."""
        return self.slope * (self.near_m + self.far_m)

    def clearance_m(self, places_m: np.ndarray) -> np.ndarray:
        """How far places are from the nearest obstacle, bodies deducted.

        Args:
            places_m: (..., 2), metres.

        Returns:
            (...,) metres; infinite where there are no obstacles.
        """
        if len(self.obstacles_m) == 0:
            return np.full(places_m.shape[:-1], np.inf)
        low, high = self.obstacles_m[:, :2], self.obstacles_m[:, 2:]
        outside = np.maximum(np.maximum(low - places_m[..., None, :], places_m[..., None, :] - high), 0.0)
        distances: np.ndarray = np.hypot(outside[..., 0], outside[..., 1]).min(axis=-1) - _BODY_RADIUS_M
        return distances


@dataclass(frozen=True)
class Route:
    """A curve on the ground.

    Attributes:
        places_m: (P, 2).
        along_m: (P,), length of the curve up to each place.
        yaw_rad: (P,), its direction there, without jumps by a full turn.
    """

    places_m: np.ndarray
    along_m: np.ndarray
    yaw_rad: np.ndarray

    @staticmethod
    def through(places_m: np.ndarray) -> Route:
        """Build the route that connects places.

        Args:
            places_m: (P, 2), close together; no two neighbours are equal.
        """
        lengths_m = np.hypot(*np.diff(places_m, axis=0).T)
        slopes = np.gradient(places_m, axis=0, edge_order=2)
        yaw_rad = np.unwrap(np.arctan2(slopes[:, 1], slopes[:, 0]))
        return Route(places_m, np.concatenate([[0.0], np.cumsum(lengths_m)]), yaw_rad)

    @staticmethod
    def curve(corners_m: np.ndarray) -> Route:
        """Build a cubic Bezier curve.

        Args:
            corners_m: (4, 2), its control points; the curve stays within their hull.
        """
        share = np.linspace(0.0, 1.0, _POINTS)[:, None]
        rest = 1.0 - share
        weights = np.concatenate([rest**3, 3 * rest**2 * share, 3 * rest * share**2, share**3], axis=1)  # (P, 4)
        return Route.through((weights[:, :, None] * corners_m).sum(axis=1))

    @property
    def length_m(self) -> float:
        """Length of the whole curve."""
        return float(self.along_m[-1])

    @property
    def turn_radius_m(self) -> float:
        """Radius of its tightest turn."""
        return float(1.0 / np.abs(np.diff(self.yaw_rad) / np.diff(self.along_m)).max().clip(1e-9))

    def beside(self, offset_m: float) -> Route:
        """The route of someone who walks beside this one: so far to its left, or to its right where negative."""
        left = np.stack([-np.sin(self.yaw_rad), np.cos(self.yaw_rad)], axis=1)
        return Route.through(self.places_m + offset_m * left)


@dataclass(frozen=True)
class Pace:
    """How a route is walked: a speed, and at most one halt; `halt_at` is a share of the route."""

    speed_m_s: float
    halt_s: float = 0.0
    halt_at: float = 0.5

    def duration_s(self, route: Route) -> float:
        """How long the route takes."""
        return route.length_m / self.speed_m_s + (self.halt_s + _RAMP_S if self.halt_s > 0 else 0.0)

    def speeds_m_s(self, times_s: np.ndarray, route: Route) -> np.ndarray:
        """The speed at some times after the start: (T,)."""
        if self.halt_s <= 0:
            return np.full_like(times_s, self.speed_m_s)
        halt_start_s = self.halt_at * route.length_m / self.speed_m_s
        slowed = _smooth_step((times_s - halt_start_s) / _RAMP_S)
        resumed = _smooth_step((times_s - halt_start_s - _RAMP_S - self.halt_s) / _RAMP_S)
        speeds_m_s: np.ndarray = self.speed_m_s * (1.0 - slowed + resumed)
        return speeds_m_s


@dataclass(frozen=True)
class Walker:
    """How one person walks: speed when nothing holds them up, and length of a full cycle of two steps."""

    speed_m_s: float
    stride_m: float


@dataclass(frozen=True)
class Moments:
    """A walk at T times.

    Attributes:
        place_m: (T, 2), on the ground.
        yaw_rad: (T,), facing.
        phase_rad: (T,), of the gait; 2 pi is a full cycle.
        stride: (T,), 0 standing still, 1 the person's own walking stride.
    """

    place_m: np.ndarray
    yaw_rad: np.ndarray
    phase_rad: np.ndarray
    stride: np.ndarray


class Walk:
    """A route walked at a pace from a moment on.

    Cadence and length of step both go with the square root of speed, so that feet do not slide.

    Args:
        route: where; of the one in front, where several walk together.
        pace: how fast, on the route.
        walker: the person.
        start_s: when the route's first place is left.
        beside_m: how far to the left of the route; negative to the right.
        first_phase_rad: of the gait at the start.
    """

    def __init__(
        self,
        route: Route,
        pace: Pace,
        walker: Walker,
        start_s: float,
        *,
        beside_m: float = 0.0,
        first_phase_rad: float = 0.0,
    ) -> None:
        self.start_s = start_s
        self.end_s = start_s + pace.duration_s(route)
        times_s = np.arange(int(np.ceil((self.end_s - start_s) / _STEP_S)) + 1) * _STEP_S
        speeds_m_s = pace.speeds_m_s(times_s, route)  # (S,)
        along_m = _integrate(speeds_m_s)
        own = route.beside(beside_m)
        own_speeds_m_s = speeds_m_s * np.interp(
            along_m, route.along_m, np.gradient(own.along_m, route.along_m, edge_order=2)
        )
        stride = np.sqrt(own_speeds_m_s / walker.speed_m_s)
        cycles = _integrate(stride * walker.speed_m_s / walker.stride_m)
        self._times_s = start_s + times_s
        self._samples = np.stack(
            [
                np.interp(along_m, route.along_m, own.places_m[:, 0]),
                np.interp(along_m, route.along_m, own.places_m[:, 1]),
                np.interp(along_m, route.along_m, own.yaw_rad),
                first_phase_rad + 2.0 * np.pi * cycles,
                stride,
            ]
        )  # (5, S)

    def at(self, times_s: np.ndarray) -> Moments:
        """The walk at (T,) times; before its start and after its end as at its start and its end."""
        x, y, yaw_rad, phase_rad, stride = (np.interp(times_s, self._times_s, row) for row in self._samples)
        return Moments(np.stack([x, y], axis=1), yaw_rad, phase_rad, stride)

    def distance_m(self, other: Walk) -> float:
        """How close two walks come while both last; infinite if they never do."""
        start_s, end_s = max(self.start_s, other.start_s), min(self.end_s, other.end_s)
        if start_s >= end_s:
            return float("inf")
        times_s = np.arange(start_s, end_s, 2 * _STEP_S)
        apart_m = self.at(times_s).place_m - other.at(times_s).place_m
        return float(np.hypot(apart_m[:, 0], apart_m[:, 1]).min())


def _integrate(rates: np.ndarray) -> np.ndarray:
    """Sums of (S,) rates over steps, by trapezoids, from 0."""
    return np.concatenate([[0.0], np.cumsum((rates[1:] + rates[:-1]) * (_STEP_S / 2))])


def _smooth_step(share: np.ndarray) -> np.ndarray:
    clipped = np.clip(share, 0.0, 1.0)
    smooth: np.ndarray = clipped**2 * (3.0 - 2.0 * clipped)
    return smooth
