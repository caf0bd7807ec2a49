"""How many people somebody could be taken for: what a rate of false alarms is to be spread over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.constraints import Constraints, Stay

_MOST_STAYS = 60
_MOST_PEOPLE = 300


def count_candidates(
    units: Sequence[Sequence[int]], clusters: Sequence[Sequence[int]], stays: Sequence[Stay], constraints: Constraints
) -> int:
    """Count the people whom somebody could be, as far as places and times go; the mean over all who are asked about.

    Whoever was somewhere else at that time cannot be the one who is looked for, and so cannot be taken for them either:
    only the others are chances for a false alarm. Where there are many, evenly spread ones stand for all.

    Args:
        units: rows that are one person in any case; those are asked about.
        clusters: rows of each person; a unit lies in one of them or in none.
        stays: where and when each row was.
        constraints: which stays can't be of one person.

    Returns:
        At least 1, at most the number of clusters, rounded up.
    """
    cluster_of = {row: number for number, members in enumerate(clusters) for row in members}
    possible = compared = 0
    people = _spread(len(clusters), _MOST_PEOPLE)
    for unit in (units[index] for index in _spread(len(units), _MOST_STAYS)):
        seen = [stays[row] for row in unit]
        for number in people:
            own = cluster_of.get(unit[0]) == number
            rest = [stays[row] for row in clusters[number] if not own or row not in unit]
            compared += 1
            possible += bool(rest) and constraints.allow(seen, rest)
    if not compared:
        return 1
    return max(1, -(-possible * len(clusters) // compared))


def _spread(number: int, most: int) -> list[int]:
    return np.unique(np.linspace(0, number - 1, min(number, most)).round().astype(int)).tolist() if number else []
