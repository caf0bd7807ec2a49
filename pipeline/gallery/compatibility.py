"""Whether stays of several runs can be of one person."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from pipeline.config import TopologyConfig
from pipeline.constraints import Constraints, TrackletId
from pipeline.gallery.store import Sighting


class Compatibility:
    """Decides whether sightings can be of one person.

    Stays of one run are compared as in that run. Stays of different runs are compared where both times are known by the
    clock, but less strictly: one camera that saw somebody at the same time in two runs is the same recording twice, and
    that somebody came too late means nothing, since they may have come on another day.

    Args:
        topology: what is known of the place.
        apart: in the run that is being added, pairs of groups of tracklets that are never one person.
    """

    def __init__(
        self,
        topology: TopologyConfig | None = None,
        apart: Iterable[tuple[Iterable[TrackletId], Iterable[TrackletId]]] = (),
    ) -> None:
        topology = topology or TopologyConfig()
        ways = tuple(transit.model_copy(update={"max_s": None}) for transit in topology.transit)
        self._within = Constraints(topology, apart)
        self._between = Constraints(topology.model_copy(update={"transit": ways, "exits": ()}))

    def conflict(self, some: Sequence[Sighting], others: Sequence[Sighting]) -> str | None:
        """Say what speaks against all of these being of one person; None if nothing does.

        Args:
            some: the sightings of one person.
            others: those of another.
        """
        by_run: dict[int, tuple[list[Sighting], list[Sighting]]] = defaultdict(lambda: ([], []))
        for side, sightings in enumerate((some, others)):
            for sighting in sightings:
                by_run[sighting.run_id][side].append(sighting)
        for ours, theirs in by_run.values():
            found = self._within.conflict([one.in_run for one in ours], [other.in_run for other in theirs])
            if found is not None:
                return found
        for one in some:
            for other in others:
                first, second = one.by_clock, other.by_clock
                if one.run_id == other.run_id or one.camera_id == other.camera_id:
                    continue
                if first is not None and second is not None:
                    found = self._between.pair_conflict(first, second)
                    if found is not None:
                        return found
        return None
