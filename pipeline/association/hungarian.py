"""Hungarian assignment per camera pair, then rounds of reassignment camera by camera."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.association.problem import Clusters, Problem

_MOST_ROUNDS = 10


def hungarian(problem: Problem) -> Clusters:
    """Match groups one to one so that together they are as similar as can be, and reassign until nothing changes.

    First, for every two cameras in order, those groups that only one of the two has seen are matched. Then, round by
    round, each camera's tracklets are taken out and matched anew with the groups that the others form, one to a group
    and time after time, so that whoever comes again finds their group too; who finds none founds one. Similarity is the
    mean over all pairs of two groups, as for average link, and usual times of ways count as likeness; only allowed
    pairs that reach the threshold are matched.

    Time grows with the cube of the tracklets of a camera, memory with their square.
    """
    groups: Clusters = [list(unit) for unit in problem.units]
    by_camera: dict[str, Clusters] = defaultdict(list)
    for unit in groups:
        cameras = {problem.stays[row].camera_id for row in unit}
        if len(cameras) == 1:
            by_camera[cameras.pop()].append(unit)
    for first, second in combinations(sorted({problem.stays[unit[0]].camera_id for unit in groups}), 2):
        groups = _match_cameras(problem, groups, first, second)
    seen = set()
    for _ in range(_MOST_ROUNDS):
        for camera_id in sorted(by_camera):
            groups = _reassign(problem, groups, by_camera[camera_id])
        partition = frozenset(frozenset(group) for group in groups)
        if partition in seen:
            break
        seen.add(partition)
    return groups


def _match_cameras(problem: Problem, groups: Clusters, first: str, second: str) -> Clusters:
    cameras = [{problem.stays[row].camera_id for row in group} for group in groups]
    ones = [index for index, seen_by in enumerate(cameras) if first in seen_by and second not in seen_by]
    others = [index for index, seen_by in enumerate(cameras) if second in seen_by and first not in seen_by]
    matches = _best_matches(problem, [groups[index] for index in ones], [groups[index] for index in others])
    merged = {others[other]: ones[one] for one, other in matches}
    result = {index: list(group) for index, group in enumerate(groups) if index not in merged}
    for gone, into in merged.items():
        result[into] += groups[gone]
    return list(result.values())


def _reassign(problem: Problem, groups: Clusters, units: Clusters) -> Clusters:
    """Take units out of their groups and match them again."""
    free = {row for unit in units for row in unit}
    kept = []
    for group in groups:
        rest = [row for row in group if row not in free]
        if rest and not problem.possible(rest):  # who was seen in between explains a long way: they stay
            free -= set(group)
            rest = group
        if rest:
            kept.append(rest)
    waiting = [unit for unit in units if unit[0] in free]
    waiting.sort(key=lambda unit: (problem.stays[unit[0]].start_s, unit[0]))
    # Whoever found nobody in a pass can only find a group that has changed since.
    changed = list(range(len(kept)))
    while waiting:
        matches = _best_matches(problem, waiting, [kept[place] for place in changed])
        joined = {one: changed[position] for one, position in matches}
        for one, place in joined.items():
            kept[place] = kept[place] + waiting[one]
        waiting = [unit for index, unit in enumerate(waiting) if index not in joined]
        changed = list(joined.values())
        if not joined and waiting:
            changed = [len(kept)]
            kept.append(list(waiting.pop(0)))
    return kept


def _best_matches(
    problem: Problem, ones: Sequence[Sequence[int]], others: Sequence[Sequence[int]]
) -> list[tuple[int, int]]:
    """Match groups of rows one to one: positions in `ones` and in `others`."""
    if not ones or not others:
        return []
    means = [np.array([problem.mean(group) for group in side]) for side in (ones, others)]
    gains = means[0] @ means[1].T - problem.threshold  # (ones, others)
    for one, other in np.argwhere(gains >= -problem.most_bonus).tolist():
        allowed = problem.allow(ones[one], others[other])
        gains[one, other] = gains[one, other] + problem.bonus(ones[one], others[other]) if allowed else -1.0
    wanted = gains >= 0
    # What only just reaches the threshold is still better than no match.
    chosen = linear_sum_assignment(np.where(wanted, gains + 1e-9, 0.0), maximize=True)
    return [(one, other) for one, other in zip(*map(np.ndarray.tolist, chosen), strict=True) if wanted[one, other]]
