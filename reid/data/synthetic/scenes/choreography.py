"""Who walks past which camera when: itineraries over cameras that show different places, without collisions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from reid.data.synthetic.dice import Dice
from reid.data.synthetic.scenes.walk import Ground, Pace, Route, Walk, Walker

_OUT_OF_SIGHT_M = 0.8  # beyond the picture's edge, where walks begin and end
_DETOURS = 1.5  # what a walk takes, of the time straight through the middle of the picture
_SEEN_S = 2.5  # of the first two stays, that the recordings should hold
_TURN_RADIUS_M = 0.9
_ROUTE_TRIES = 64  # at keeping clear of obstacles
_TRIES = 200  # at keeping clear of people
_KEPT_APART_M = 0.6  # middles of two bodies that touch by nothing but their clothes
_BESIDE_M = 0.36  # half the distance of two people who walk together

_ACROSS, _BACK, _COMING, _GOING = range(4)
_KINDS = (0.40, 0.10, 0.25, 0.25)
_PAIRS = 0.25
_HALTS = 0.25
_ELSEWHERE = 0.88  # the others come back to the camera that they just left
_GOES_ON = 0.95  # after the second stay, and after every further one


@dataclass(frozen=True)
class Recording:
    """What one camera sees, and from when to when it records, on the true clock."""

    ground: Ground
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Stay:
    """One person's walk past one camera.

    Attributes:
        person, camera: counted from 0.
        walk: on the true clock, in the camera's own world.
    """

    person: int
    camera: int
    walk: Walk


def choreograph(
    dice: Dice, walkers: Sequence[Walker], recordings: Sequence[Recording], transit_s: tuple[float, float]
) -> list[Stay]:
    """Let people walk past cameras.

    People come alone or in pairs. From a camera they go to its neighbour in the row of cameras, or come back to the
    same one, after a time out of sight; some halt on their way. The first two stays of everyone reach into the time
    that is recorded, as far as it is long enough for that. Nobody walks through an obstacle, and nobody through anybody
    else, unless there are so many that no way around is found.

    Args:
        dice: of one seed.
        walkers: of N people.
        recordings: of C cameras, at least one.
        transit_s: shortest and longest time out of sight.

    Returns:
        The stays of all, by person and time.
    """
    stays: list[Stay] = []
    for group in _groups(dice, len(walkers)):
        stays += _itinerary(dice.child("itinerary", group[0]), group, walkers, recordings, transit_s, stays)
    return sorted(stays, key=lambda stay: (stay.person, stay.walk.start_s))


def _groups(dice: Dice, num_people: int) -> Iterator[list[int]]:
    """Yield people who walk alone or together."""
    person = 0
    while person < num_people:
        together = person + 1 < num_people and dice.child("group", person).chance("pair", _PAIRS)
        yield [person, person + 1] if together else [person]
        person += 1 + together


def _itinerary(
    dice: Dice,
    group: Sequence[int],
    walkers: Sequence[Walker],
    recordings: Sequence[Recording],
    transit_s: tuple[float, float],
    others: Sequence[Stay],
) -> list[Stay]:
    """Draw all stays of a group, each so that it keeps clear of the others' stays."""
    speed_m_s = min(walkers[person].speed_m_s for person in group)
    last_s = max(recording.end_s for recording in recordings)
    itinerary: list[Stay] = []
    camera, free_s = group[0] % len(recordings), 0.0
    for number in itertools.count():
        leg = dice.child("leg", number)
        if number >= 2 and not leg.chance("goes on", _GOES_ON):
            break
        tries = [leg.child("try", attempt) for attempt in range(_TRIES)]
        if number == 0:
            second = recordings[_next_camera(dice.child("leg", 1), camera, len(recordings))]
            starts_s = [_start_s(each, recordings[camera], second, transit_s, speed_m_s) for each in tries]
        else:
            camera = _next_camera(leg, camera, len(recordings))
            starts_s = [free_s + each.between("transit", *transit_s) for each in tries]
        stays, is_clear = _most_apart(
            (
                _stays(each, group, walkers, camera, recordings[camera].ground, speed_m_s, start_s)
                for each, start_s in zip(tries, starts_s, strict=True)
            ),
            [other.walk for other in others if other.camera == camera],
        )
        if stays[0].walk.start_s >= last_s or (number >= 2 and not is_clear):
            break
        itinerary += stays
        free_s = stays[0].walk.end_s
    return itinerary


def _next_camera(dice: Dice, camera: int, num_cameras: int) -> int:
    """Go to a neighbour in the row of cameras, or come back to the same."""
    neighbours = [other for other in (camera - 1, camera + 1) if 0 <= other < num_cameras]
    if not neighbours or not dice.chance("elsewhere", _ELSEWHERE):
        return camera
    return dice.pick("neighbour", neighbours)


def _start_s(
    dice: Dice, first: Recording, second: Recording, transit_s: tuple[float, float], speed_m_s: float
) -> float:
    """Draw when the first stay begins, so that the recordings hold enough of it and of the second."""
    first_s = _DETOURS * first.ground.width_m / speed_m_s
    earliest_s = first.start_s + _SEEN_S - first_s
    latest_s = second.end_s - _SEEN_S - first_s - sum(transit_s) / 2
    if latest_s < earliest_s:
        return (earliest_s + latest_s) / 2
    return dice.between("start", earliest_s, latest_s)


def _most_apart(attempts: Iterator[list[Stay]], others: Sequence[Walk]) -> tuple[list[Stay], bool]:
    """Take the first attempt that keeps clear of others' walks, else the one that comes least close; say which."""
    best: list[Stay] = []
    best_m = -1.0
    for attempt in attempts:
        apart_m = np.inf
        for stay, other in itertools.product(attempt, others):
            apart_m = min(apart_m, stay.walk.distance_m(other))
            if apart_m <= best_m:
                break
        if apart_m >= _KEPT_APART_M:
            return attempt, True
        if apart_m > best_m:
            best, best_m = attempt, apart_m
    return best, False


def _stays(
    dice: Dice,
    group: Sequence[int],
    walkers: Sequence[Walker],
    camera: int,
    ground: Ground,
    speed_m_s: float,
    start_s: float,
) -> list[Stay]:
    """Draw the stays of a group in one camera, side by side."""
    halt_s = dice.between("halt", 1.0, 3.5) if dice.chance("halts", _HALTS) else 0.0
    pace = Pace(speed_m_s * dice.between("haste", 0.85, 1.0), halt_s, dice.between("halt at", 0.35, 0.65))
    offsets_m = [0.0] if len(group) == 1 else [_BESIDE_M, -_BESIDE_M]
    route = _clear_route(dice, ground, offsets_m[0])
    phases_rad = [dice.between(f"phase {member}", 0.0, 2.0 * np.pi) for member in range(len(group))]
    return [
        Stay(
            person,
            camera,
            Walk(route, pace, walkers[person], start_s, beside_m=beside_m, first_phase_rad=phase_rad),
        )
        for person, beside_m, phase_rad in zip(group, offsets_m, phases_rad, strict=True)
    ]


def share_of_free_ways(dice: Dice, ground: Ground) -> float:
    """What share of the ways that people would take leads past all obstacles, by trying some."""
    spare_m = [_spare_m(_way(dice.child("way", number), ground), ground, 0.0) for number in range(_ROUTE_TRIES)]
    return float(np.mean(np.asarray(spare_m) >= 0))


def _clear_route(dice: Dice, ground: Ground, width_m: float) -> Route:
    """Draw a route that leaves so much room on both sides of it and turns gently; else the best of many."""
    best: Route | None = None
    best_m = -np.inf
    for number in range(_ROUTE_TRIES):
        route = _way(dice.child("route", number), ground)
        spare_m = _spare_m(route, ground, width_m)
        if spare_m >= 0:
            return route
        if best is None or spare_m > best_m:
            best, best_m = route, spare_m
    assert best is not None
    return best


def _spare_m(route: Route, ground: Ground, width_m: float) -> float:
    """By how much the tightest place or the tightest turn of a route is wide enough; negative where it is not."""
    room_m = float(ground.clearance_m(route.places_m).min())
    return min(room_m - width_m, route.turn_radius_m - _TURN_RADIUS_M - 2 * width_m)


def _way(dice: Dice, ground: Ground) -> Route:
    """Draw a way through the picture, whatever stands there."""
    kind = dice.pick("kind", range(4), _KINDS)
    side, other_side = (dice.pick(name, (-1.0, 1.0)) for name in ("side", "other side"))
    a, b, c, d = (dice.between(name, 0.0, 1.0) for name in "abcd")
    near_m, far_m = ground.near_m, ground.far_m

    def aside_m(x: float, share: float) -> tuple[float, float]:
        """A place x in front of the camera: share 1 is just out of sight to the left, -1 to the right."""
        return x, share * (ground.slope * x + _OUT_OF_SIGHT_M)

    if kind in (_ACROSS, _BACK):
        entry = aside_m(near_m + a * (far_m - near_m), side)
        exit_ = aside_m(near_m + b * (far_m - near_m), side if kind == _BACK else -side)
        reach = 0.35 if kind == _ACROSS else -0.6
        middle_x = (entry[0] + exit_[0]) / 2
        bend_m = 0.5 * (far_m - near_m) * (c - 0.5)
        inner_x = np.clip([(entry[0] + middle_x) / 2 + bend_m, (exit_[0] + middle_x) / 2 + bend_m], near_m, far_m)
        inner = [aside_m(inner_x[0], side * reach), aside_m(inner_x[1], exit_[1] / abs(exit_[1]) * reach)]
        return Route.curve(np.asarray([entry, *inner, exit_]))
    entry = aside_m(far_m - 0.3 * a * (far_m - near_m), side)
    exit_ = aside_m(near_m * (0.6 + 0.2 * b), other_side)
    inner = [aside_m(entry[0] - 0.1 * near_m, 0.6 * (c - 0.5)), aside_m(1.15 * near_m, 0.7 * (d - 0.5))]
    corners = np.asarray([entry, *inner, exit_])
    return Route.curve(corners if kind == _COMING else corners[::-1])
