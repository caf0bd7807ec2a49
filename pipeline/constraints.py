"""What makes it impossible that two tracklets are one person: being seen twice at once, or having come too fast."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import pairwise

from pipeline.config import TopologyConfig
from pipeline.transit_times import UsualTime
from reid.errors import ConfigError

TrackletId = tuple[str, int | None]  # camera and track


@dataclass(frozen=True)
class Stay:
    """Where and when a tracklet was: `start_s` and `end_s` (exclusive) on a clock that all cameras of a run share.

    `clock_known` is False when this camera's relation to the others' clocks is not known; then only the stays of its
    own camera can be compared with it. `track_id` names the stay within its camera, where something is known of it.
    `entered_by` and `left_by` name the exits through which the person came and went, where that is known.
    """

    camera_id: str
    start_s: float
    end_s: float
    clock_known: bool = True
    track_id: int | None = None
    entered_by: str | None = None
    left_by: str | None = None

    @property
    def tracklet(self) -> TrackletId:
        """What it is named by, over all cameras."""
        return self.camera_id, self.track_id


def check_topology(topology: TopologyConfig, camera_ids: Sequence[str]) -> None:
    """Refuse a topology that names a camera that is not there.

    Args:
        topology: what is known of the place.
        camera_ids: the cameras of the run.

    Raises:
        ConfigError: names it, and those that are there; or two exits of one camera have one name.
    """
    named = [*topology.non_overlapping, *(transit.cameras for transit in topology.transit)]
    named += [(way_out.camera, leads_to) for way_out in topology.exits for leads_to in way_out.leads_to]
    exits = Counter((way_out.camera, way_out.name) for way_out in topology.exits)
    for (camera_id, name), number in exits.items():
        if number > 1:
            raise ConfigError(f"topology: {number} exits of camera {camera_id!r} are called {name!r}")
    for camera_id in (camera_id for pair in named for camera_id in pair):
        if camera_id not in camera_ids:
            raise ConfigError(f"topology: no camera named {camera_id!r}; cameras: {', '.join(camera_ids)}")


_ANY_TIME_S = (0.0, math.inf)
_TOLERANCE_S = 1e-6  # a track that begins in the very next frame does not overlap, whatever rounding says


class _Kind(Enum):
    """What can speak against two stays being of one person."""

    SAID = auto()
    AT_ONCE = auto()
    TOO_FAST = auto()
    TOO_SLOW = auto()
    OTHER_WAY = auto()


class Constraints:
    """Decides whether stays can be of one person.

    - Two stays in one camera must not overlap in time, nor two in cameras declared non-overlapping.
    - Where a transit time is given, the time from the end of the earlier stay to the beginning of the later one is at
      least its minimum: nobody is faster, whatever else they did in between.
    - The maximum of a transit time holds for stays that follow each other directly: whoever was seen elsewhere in
      between may take longer.
    - Whoever left a camera through an exit, or comes in through one, is seen directly before or after by a camera to
      which it leads, or by the same one.
    - Tracklets that somebody has said to be different people stay apart.

    Args:
        topology: what is known of the place.
        apart: pairs of groups of tracklets, of which nobody in the one is anybody in the other.
    """

    def __init__(
        self, topology: TopologyConfig, apart: Iterable[tuple[Iterable[TrackletId], Iterable[TrackletId]]] = ()
    ) -> None:
        self._apart: dict[TrackletId, set[tuple[int, bool]]] = defaultdict(set)  # which pair of groups, and which side
        for number, sides in enumerate(apart):
            for side, tracklets in zip((False, True), sides, strict=True):
                for tracklet in tracklets:
                    self._apart[tracklet].add((number, side))
        self._all_non_overlapping = topology.all_non_overlapping
        self._non_overlapping = {frozenset(pair) for pair in topology.non_overlapping}
        self._exits = {(way_out.camera, way_out.name): frozenset(way_out.leads_to) for way_out in topology.exits}
        self._transit_s: dict[tuple[str, str], tuple[float, float]] = {}
        self._usual: dict[tuple[str, str], UsualTime] = {}
        for transit in topology.transit:
            first, second = transit.cameras
            limits = (transit.min_s, math.inf if transit.max_s is None else transit.max_s)
            for way in [(first, second)] if transit.one_way else [(first, second), (second, first)]:
                self._transit_s[way] = limits
                self._usual.pop(way, None)
                if transit.usual_s is not None and transit.spread is not None:
                    self._usual[way] = UsualTime(transit.usual_s, transit.spread, transit.min_s, transit.max_s)
        self.knows_times = bool(self._usual)
        self.most_nats = max([0.0, *(usual.most_nats for usual in self._usual.values())])

    def allow(self, some: Sequence[Stay], others: Sequence[Stay]) -> bool:
        """Whether all of these stays can be of one person, given that each group for itself can.

        Args:
            some: the stays of one cluster.
            others: the stays of another.

        Returns:
            False if a constraint speaks against it.
        """
        return next(self._conflicts(some, others), None) is None

    def possible(self, stays: Sequence[Stay]) -> bool:
        """Whether stays can be of one person, of which each pair can, where nothing else was seen of them."""
        if not (self._transit_s or self._exits):
            return True
        ordered = sorted(stays, key=lambda stay: (stay.start_s, stay.end_s))
        return all(self._way_conflict(earlier, later) is None for earlier, later in pairwise(ordered))

    def usualness(self, some: Sequence[Stay], others: Sequence[Stay]) -> float | None:
        """Say how usual the times are that one person would have taken from stays of the one group to the other's.

        Args:
            some: the stays of one cluster.
            others: the stays of another.

        Returns:
            The mean of `UsualTime.nats` over the direct ways between both groups, at most `most_nats`; None where of
            none of them anything is known, as always without `knows_times`.
        """
        if not self.knows_times:
            return None
        known = [
            self._usual[way].nats(later.start_s - earlier.end_s)
            for earlier, later in _direct_ways(some, others)
            if (way := (earlier.camera_id, later.camera_id)) in self._usual
            and earlier.clock_known
            and later.clock_known
        ]
        return sum(known) / len(known) if known else None

    def conflict(self, some: Sequence[Stay], others: Sequence[Stay]) -> str | None:
        """Say what speaks against all of these stays being of one person; None if nothing does. As for `allow`."""
        found = next(self._conflicts(some, others), None)
        return None if found is None else self._told(*found)

    def pair_conflict(self, one: Stay, other: Stay) -> str | None:
        """Say what speaks against two stays being of one person, wherever else they were seen; None if nothing does."""
        earlier, later = _in_order(one, other)
        kind = self._pair_conflict(earlier, later)
        return None if kind is None else self._told(kind, earlier, later)

    def _told(self, kind: _Kind, earlier: Stay, later: Stay) -> str:
        gap_s = later.start_s - earlier.end_s
        way = (earlier.camera_id, later.camera_id)
        min_s, max_s = self._transit_s.get(way, _ANY_TIME_S)
        if kind is _Kind.SAID:
            return "somebody said that they are different people"
        if kind is _Kind.AT_ONCE:
            where = way[0] if way[0] == way[1] else " and ".join(sorted(way))
            return f"both were seen in {where} at the same time"
        if kind is _Kind.TOO_FAST:
            return f"from {way[0]} to {way[1]} in {max(gap_s, 0):.1f} s, where nobody takes less than {min_s:g} s"
        if kind is _Kind.OTHER_WAY:
            if not self._leads(earlier.camera_id, earlier.left_by, later.camera_id):
                return f"left {way[0]} by {earlier.left_by!r}, which does not lead to {way[1]}"
            return f"came to {way[1]} by {later.entered_by!r}, which does not lead from {way[0]}"
        return f"from {way[0]} to {way[1]} in {gap_s:.1f} s, where nobody who goes directly takes more than {max_s:g} s"

    def _conflicts(self, some: Sequence[Stay], others: Sequence[Stay]) -> Iterator[tuple[_Kind, Stay, Stay]]:
        for one in some:
            for other in others:
                earlier, later = _in_order(one, other)
                kind = self._pair_conflict(earlier, later)
                if kind is not None:
                    yield kind, earlier, later
        if not (self._transit_s or self._exits):
            return
        for earlier, later in _direct_ways(some, others):
            kind = self._way_conflict(earlier, later)
            if kind is not None:
                yield kind, earlier, later

    def _pair_conflict(self, earlier: Stay, later: Stay) -> _Kind | None:
        if self._apart and self._said_apart(earlier.tracklet, later.tracklet):
            return _Kind.SAID
        gap_s = later.start_s - earlier.end_s
        if earlier.camera_id == later.camera_id:
            return _Kind.AT_ONCE if gap_s < -_TOLERANCE_S else None
        if not (earlier.clock_known and later.clock_known):
            return None
        apart = self._all_non_overlapping or frozenset((earlier.camera_id, later.camera_id)) in self._non_overlapping
        if apart and gap_s < -_TOLERANCE_S:
            return _Kind.AT_ONCE
        min_s, _ = self._transit_s.get((earlier.camera_id, later.camera_id), _ANY_TIME_S)
        return _Kind.TOO_FAST if min_s > 0 and gap_s < min_s else None

    def _said_apart(self, one: TrackletId, other: TrackletId) -> bool:
        of_other = self._apart.get(other, set())
        return any((number, not side) in of_other for number, side in self._apart.get(one, ()))

    def _way_conflict(self, earlier: Stay, later: Stay) -> _Kind | None:
        """Say what speaks against a stay that follows another directly."""
        if not (earlier.clock_known and later.clock_known):
            return None
        one, other = earlier.camera_id, later.camera_id
        _, max_s = self._transit_s.get((one, other), _ANY_TIME_S)
        if later.start_s - earlier.end_s > max_s:
            return _Kind.TOO_SLOW
        leads = self._leads(one, earlier.left_by, other) and self._leads(other, later.entered_by, one)
        return None if leads else _Kind.OTHER_WAY

    def _leads(self, camera_id: str, way_out: str | None, other: str) -> bool:
        """Whether an exit of a camera leads to another; where none is known, it may."""
        leads_to = None if way_out is None else self._exits.get((camera_id, way_out))
        return leads_to is None or other == camera_id or other in leads_to


def _direct_ways(some: Sequence[Stay], others: Sequence[Stay]) -> Iterator[tuple[Stay, Stay]]:
    """List stays of different groups of which one follows the other with none of either group between them."""
    series = sorted(
        [(stay.start_s, stay.end_s, 0, stay) for stay in some]
        + [(stay.start_s, stay.end_s, 1, stay) for stay in others],
        key=lambda item: item[:3],
    )
    for (_, _, group, earlier), (_, _, next_group, later) in pairwise(series):
        if group != next_group:
            yield earlier, later


def _in_order(one: Stay, other: Stay) -> tuple[Stay, Stay]:
    return (one, other) if (one.start_s, one.end_s) <= (other.start_s, other.end_s) else (other, one)
