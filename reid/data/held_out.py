"""People of the training set set aside, to see how well a model in training finds people it has never seen."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np

from reid.data.records import DataSet, TrackletRecord
from reid.errors import ConfigError

_FEWEST = 2  # one person alone is always found, and one class alone is always right


def hold_out(data_set: DataSet, people: int, seed: int) -> tuple[tuple[TrackletRecord, ...], DataSet]:
    """Set people of the training set aside.

    Drawn first are people whom two cameras or more have seen, since only they can be found again. As in MARS, one
    tracklet of each of them in each camera searches, any one of those there, and all tracklets are searched in.

    Args:
        data_set: its test half plays no part.
        people: how many, >= 2.
        seed: decides which people, and which of their tracklets search.

    Returns:
        The tracklets of everybody else, to train on, and the people set aside as the test half of a data set of the
        same name without a training half. Both keep the order of `data_set.train`.

    Raises:
        ConfigError: fewer than two people would be set aside or left to train on, or nobody is seen by two cameras.
    """
    cameras = _cameras(data_set.train)
    _check(cameras, people, data_set.name)
    rng = np.random.default_rng([seed])
    shuffled = [int(person) for person in rng.permutation(sorted(cameras))]
    # Sorting is stable: within the two groups the random order stays.
    held_out = set(sorted(shuffled, key=lambda person: len(cameras[person]) < 2)[:people])
    rest = tuple(record for record in data_set.train if record.person_id not in held_out)
    test = tuple(record for record in data_set.train if record.person_id in held_out)
    visits: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row, record in enumerate(test):
        if len(cameras[record.person_id]) >= 2:
            visits[record.person_id, record.camera_id].append(row)
    query = tuple(sorted(rows[rng.integers(len(rows))] for rows in visits.values()))
    return rest, replace(data_set, train=(), test=test, query=query, gallery=tuple(range(len(test))))


def _cameras(records: tuple[TrackletRecord, ...]) -> dict[int, set[int]]:
    """List by which cameras each person is seen."""
    cameras: dict[int, set[int]] = defaultdict(set)
    for record in records:
        cameras[record.person_id].add(record.camera_id)
    return cameras


def _check(cameras: dict[int, set[int]], people: int, name: str) -> None:
    most = len(cameras) - _FEWEST
    if most < _FEWEST:
        raise ConfigError(
            f"held_out_people: the training set of {name} has {len(cameras)} people, too few to set any aside; use 0"
        )
    if not _FEWEST <= people <= most:
        raise ConfigError(
            f"held_out_people: {_FEWEST} to {most} of the {len(cameras)} people that {name} has for training, "
            f"not {people}"
        )
    if all(len(seen_by) < 2 for seen_by in cameras.values()):
        raise ConfigError(f"held_out_people: nobody in the training set of {name} is seen by two cameras; use 0")
