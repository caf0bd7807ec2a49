"""What a run tells about a place: how long ways between cameras take, and which cameras show the same spot.

Only what is sure is used: stays that follow each other in one identity and are alike enough, by themselves, to be one
person even at a strict rate of false alarms. What comes of it is a proposal that a person reads and edits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np

from pipeline.config import TopologyConfig, TransitConfig
from pipeline.constraints import Stay
from pipeline.identities import choose_threshold, clock_basis, stays_of
from pipeline.reassociation import calibration_of, clock_of, read_whole, recorded, settings_of
from pipeline.run_directory import RunDirectory, TrackletRow
from pipeline.transit_times import UsualTime, usual_time
from reid.errors import InputError
from reid.figures import BLUE, GREY, ORANGE, new_figure, save_figure, tidy

_STRICT_FAR = 0.001
_FEWEST = 5  # ways of a pair of cameras that a proposal takes
_SPREAD = 3.0  # standard deviations from the median, estimated from the median deviation; beyond lie other ways
_MAD_TO_STD = 1.4826
_LEAST_SPREAD_S = 1.0
_FASTER, _SLOWER = 0.5, 2.0  # than the fastest and the slowest who were seen: few are seen, and some run
_SEEN_TWICE = 0.1  # share of ways that overlap in time from which cameras show the same spot
_BARS = 30
_CURVE_POINTS = 200


@dataclass(frozen=True)
class Way:
    """What was seen of the way between two cameras.

    Attributes:
        cameras: both, by name.
        times_s: seconds between leaving one and coming into the other's view, ascending; negative where somebody was
            seen by both at once.
        proposed: limits; None where too few were seen, or where people are seen by both at once.
        overlapping: whether both seem to show the same spot; None where too few were seen to say.
    """

    cameras: tuple[str, str]
    times_s: tuple[float, ...]
    proposed: TransitConfig | None
    overlapping: bool | None


@dataclass(frozen=True)
class Learned:
    """What a run tells.

    Attributes:
        ways: for every pair of cameras.
        clock: how the cameras' times were compared.
        threshold: from which similarity two stays counted as surely one person.
    """

    ways: list[Way]
    clock: str
    threshold: float

    @property
    def topology(self) -> TopologyConfig:
        """The proposal."""
        apart = [way.cameras for way in self.ways if way.overlapping is False]
        return TopologyConfig(
            non_overlapping=tuple(apart), transit=tuple(way.proposed for way in self.ways if way.proposed is not None)
        )


def learn_topology(path: Path, *, warn: Callable[[str], None]) -> Learned:
    """Learn the ways between cameras from a run's surest matches.

    Args:
        path: the run.
        warn: is told where the run's own topology shaped its matches.

    Returns:
        What was seen, and what is proposed.

    Raises:
        InputError: the folder is not a whole run, has one camera only, or its cameras' times cannot be compared.
    """
    run = RunDirectory(path)
    manifest = recorded(run)
    rows, embeddings = read_whole(run)
    camera_ids = [camera["camera_id"] for camera in manifest["cameras"]]
    if len(camera_ids) < 2:
        raise InputError(f"{path} has one camera; ways lead from one to another")
    clocks = {camera["camera_id"]: clock_of(camera) for camera in manifest["cameras"]}
    known = [clock.start_time is not None for clock in clocks.values()]
    if any(known) and not all(known):
        raise InputError(f"{path}: the start of some cameras is known and of others is not; give it with --start")
    settings, topology = settings_of(run)
    if topology.transit or topology.non_overlapping or topology.all_non_overlapping:
        warn(
            "the run was associated with a topology, which its matches cannot contradict; after `vreid associate` "
            "without one it tells more"
        )
    people = len({row.identity_id for row in rows} - {None})
    strict = settings.model_copy(update={"far": min(settings.far, _STRICT_FAR)})
    threshold = choose_threshold(strict, calibration_of(run), max(1, people), warn=lambda _: None).value
    stays = stays_of(rows, clocks)
    times = _times(rows, stays, embeddings, threshold)
    ways = [_way(pair, times.get(pair, [])) for pair in combinations(camera_ids, 2)]
    return Learned(ways, clock_basis(clocks), threshold)


def _times(
    rows: Sequence[TrackletRow], stays: Sequence[Stay], embeddings: np.ndarray, threshold: float
) -> dict[tuple[str, str], list[float]]:
    """List how long people took between two cameras, in either direction."""
    members: dict[int, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        if row.identity_id is not None:
            members[row.identity_id].append(index)
    order = list(dict.fromkeys(row.camera_id for row in rows))
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for indices in members.values():
        for one, other in pairwise(sorted(indices, key=lambda index: stays[index].start_s)):
            cameras = stays[one].camera_id, stays[other].camera_id
            if cameras[0] != cameras[1] and float(embeddings[one] @ embeddings[other]) >= threshold:
                first, second = sorted(cameras, key=order.index)
                times[first, second].append(stays[other].start_s - stays[one].end_s)
    return times


def _way(cameras: tuple[str, str], times_s: Sequence[float]) -> Way:
    seen = np.sort(np.asarray(times_s, dtype=np.float64))
    if len(seen) < _FEWEST:
        return Way(cameras, tuple(seen.tolist()), None, None)
    if np.mean(seen < 0) >= _SEEN_TWICE:
        return Way(cameras, tuple(seen.tolist()), None, True)
    middle = float(np.median(seen))
    spread = max(_LEAST_SPREAD_S, _MAD_TO_STD * float(np.median(np.abs(seen - middle))))
    usual = seen[np.abs(seen - middle) <= _SPREAD * spread]
    limits = TransitConfig(
        cameras=cameras,
        min_s=round(max(0.0, _FASTER * float(usual[0])), 1),
        max_s=round(max(0.1, _SLOWER * float(usual[-1])), 1),
    )
    if np.all(usual > 0):  # else both views adjoin, and no time is the usual one
        usual_s, spread = usual_time(usual.tolist())
        limits = limits.model_copy(update={"usual_s": round(max(0.1, usual_s), 1), "spread": round(spread, 2)})
    return Way(cameras, tuple(seen.tolist()), limits, False)


def topology_text(learned: Learned, path: Path) -> str:
    """Write the proposal as a site's file, with what it rests on as comments.

    Args:
        learned: what was seen.
        path: the run.

    Returns:
        YAML.
    """
    lines = [
        f"# Proposed from the surest matches of the run {path.name}: stays alike by {learned.threshold:.3f} or more.",
        f"# Times of the cameras: {learned.clock}.",
        "# Read it, correct it, then: vreid associate RUN --config THIS-FILE, or copy it into your site's file.",
        "topology:",
        "  non_overlapping:",
    ]
    apart = [way for way in learned.ways if way.overlapping is False]
    lines += [f"    - [{', '.join(map(_quoted, way.cameras))}]" for way in apart] or ["    []"]
    lines.append("  transit:")
    for way in learned.ways:
        counted = f"{len(way.times_s)} {'person' if len(way.times_s) == 1 else 'people'} seen on this way"
        if way.proposed is None:
            why = "seen by both at once" if way.overlapping else f"too few: {counted}"
            lines.append(f"    # {' and '.join(way.cameras)}: {why}")
            continue
        middle = float(np.median(way.times_s))
        times = f"{way.times_s[0]:.1f} to {way.times_s[-1]:.1f} s, half of them within {middle:.1f} s"
        lines += [
            f"    - cameras: [{', '.join(map(_quoted, way.cameras))}]   # {counted}, {times}",
            f"      min_s: {way.proposed.min_s:g}",
            f"      max_s: {way.proposed.max_s:g}",
        ]
        if way.proposed.usual_s is not None:
            lines += [
                f"      usual_s: {way.proposed.usual_s:g}   # half of them take longer",
                f"      spread: {way.proposed.spread:g}   # two of three are within this factor of it",
            ]
    if not learned.topology.transit:
        lines.append("    []")
    return "\n".join(lines) + "\n"


def draw_topology(learned: Learned, path: Path, *, title: str) -> None:
    """Draw how long people took on each way, and the proposed limits.

    Args:
        learned: what was seen.
        path: of the PNG file; replaced if it stands there.
        title: of the picture.

    Raises:
        OutputError: it cannot be written.
    """
    ways = [way for way in learned.ways if way.times_s]
    figure = new_figure(1000, 220 * max(1, len(ways)) + 60)
    if figure is None:
        return
    figure.suptitle(title, fontsize=12, x=0.01, ha="left")
    for number, way in enumerate(ways, start=1):
        axes = figure.add_subplot(len(ways), 1, number)
        _, edges, _ = axes.hist(way.times_s, bins=_BARS, color=BLUE, alpha=0.8)
        said = f"{len(way.times_s)} seen"
        if way.proposed is not None and way.proposed.max_s is not None:
            for limit, style in ((way.proposed.min_s, "--"), (way.proposed.max_s, "-")):
                axes.axvline(limit, color=ORANGE, linestyle=style, linewidth=2)
            said += f"; proposed: {way.proposed.min_s:g} to {way.proposed.max_s:g} s (orange)"
            if way.proposed.usual_s is not None and way.proposed.spread is not None:
                usual = UsualTime(way.proposed.usual_s, way.proposed.spread)
                low, high = way.proposed.min_s, way.proposed.max_s
                times = np.linspace(max(low, high / _CURVE_POINTS), high, _CURVE_POINTS)
                height = len(way.times_s) * (edges[1] - edges[0])
                axes.plot(times, [height * usual.density(time_s) for time_s in times.tolist()], color=ORANGE)
        else:
            axes.axvline(0, color=GREY, linewidth=1)
            said += "; both show the same spot" if way.overlapping else "; too few for a proposal"
        axes.locator_params(axis="y", integer=True)
        tidy(axes, title=f"{' and '.join(way.cameras)}: {said}", x="seconds from one to the other", y="people")
    save_figure(figure, path)


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
