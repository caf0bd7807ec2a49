"""Which tracklets make a batch: P people with K tracklets each, so that everyone can be compared with someone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from reid.config import Settings
from reid.data.records import TrackletRecord
from reid.errors import ConfigError

# A key of its own: numpy fills short keys up with zeros, so that [seed, epoch] alone would also be that of a clip.
_ORDER_OF_BATCHES = 1


class BatchSettings(Settings):
    """What a batch is made of, over all processes together.

    Attributes:
        people: P, different people in a batch.
        tracklets: K, of each of them.
        different_cameras: a person's K tracklets come from as many different cameras as the person has.
        epoch: "tracklets": an epoch goes through the tracklets; "people": through the people, K tracklets of each.
    """

    people: int = Field(default=8, ge=1)
    tracklets: int = Field(default=2, ge=1)
    different_cameras: bool = False
    epoch: Literal["tracklets", "people"] = "tracklets"


def pk_batches(records: Sequence[TrackletRecord], settings: BatchSettings, *, seed: int, epoch: int) -> list[list[int]]:
    """Plan an epoch: a pure function, so that any process knows any epoch's batches at any time.

    With `epoch: tracklets`, each person's tracklets are shuffled and dealt into groups of K, ceil(n / K) of them for n
    tracklets. A last group that is left short is filled up with tracklets of the same person, at random: first with
    others than it has, then with repetitions. Then each batch draws P different people out of those with groups left,
    and takes the next group of each, until fewer than P people have any. What is left then is dropped; it is another
    rest in every epoch. So an epoch has at most floor(groups / P) batches, and fewer where a few people have most of
    the tracklets.

    With `epoch: people`, each person is in one group of K tracklets, drawn without repetition where there are K. The
    people are shuffled and dealt into floor(people / P) batches; the rest of fewer than P sits this epoch out.

    `different_cameras` makes every group hold min(K, number of the person's cameras) cameras. Each tracklet is still
    dealt at least once; a camera whose tracklets were all dealt repeats them, so that there may be more groups: a
    person with 10 tracklets in one camera and 1 in another has 10 groups of two, each with that one. For a person with
    one camera nothing is different.

    Args:
        records: N tracklets to train with, of people.
        settings: what a batch is made of.
        seed: of the training.
        epoch: counted from 0.

    Returns:
        Batches of P x K rows of `records`, in order; the K rows of a person stand together.

    Raises:
        ConfigError: there are fewer than P people.
    """
    by_person: dict[int, list[int]] = defaultdict(list)
    for row, record in enumerate(records):
        by_person[record.person_id].append(row)
    if len(by_person) < settings.people:
        raise ConfigError(
            f"people: a batch of {settings.people} different people cannot be made of the {len(by_person)} there are"
        )
    rng = np.random.default_rng(np.random.SeedSequence((seed, epoch), spawn_key=(_ORDER_OF_BATCHES,)))
    groups = {person: _groups(_by_camera(records, rows, settings), settings, rng) for person, rows in by_person.items()}
    if settings.epoch == "people":
        people = rng.permutation(list(groups)).tolist()
        rounds = [people[at : at + settings.people] for at in range(0, len(people), settings.people)]
        return [_join(groups, people) for people in rounds if len(people) == settings.people]
    batches = []
    while len(left := [person for person, own in groups.items() if own]) >= settings.people:
        batches.append(_join(groups, rng.choice(left, settings.people, replace=False).tolist()))
    return batches


def share_of(batch: list[int], rank: int, world_size: int, settings: BatchSettings) -> list[int]:
    """Cut out of a batch what one of several processes computes.

    Args:
        batch: P x K rows, as `pk_batches` makes them.
        rank: which process, 0 to world_size - 1.
        world_size: W, how many there are.
        settings: what the batch is made of.

    Returns:
        P / W x K rows: whole people, which stand together in the batch.

    Raises:
        ConfigError: P cannot be divided by W.
    """
    if settings.people % world_size:
        raise ConfigError(
            f"people: the {settings.people} people of a batch cannot be shared out evenly among {world_size} processes;"
            f" use a multiple of {world_size}"
        )
    size = settings.people // world_size * settings.tracklets
    return batch[rank * size : (rank + 1) * size]


def _join(groups: dict[int, list[list[int]]], people: Sequence[int]) -> list[int]:
    """Take the next group of each of these people, as one batch."""
    return [row for person in people for row in groups[person].pop()]


def _by_camera(records: Sequence[TrackletRecord], rows: list[int], settings: BatchSettings) -> list[list[int]]:
    """Part a person's rows by camera; all are of one where cameras do not matter."""
    if not settings.different_cameras:
        return [rows]
    cameras: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        cameras[records[row].camera_id].append(row)
    return list(cameras.values())


def _groups(cameras: list[list[int]], settings: BatchSettings, rng: np.random.Generator) -> list[list[int]]:
    """Make a person's groups of K rows for an epoch, in random order.

    Args:
        cameras: the person's rows by camera.
        settings: K, and what an epoch is.
        rng: the epoch's.
    """
    undealt = [rng.permutation(rows).tolist() for rows in cameras]
    ties = rng.permutation(len(cameras))
    if settings.epoch == "people":
        return [_group(cameras, undealt, ties.tolist(), settings.tracklets, rng)]
    groups = []
    while any(undealt):
        # The fullest first, so that none is left over for groups of its own.
        order = sorted(ties.tolist(), key=lambda camera: -len(undealt[camera]))
        groups.append(_group(cameras, undealt, order, settings.tracklets, rng))
    rng.shuffle(groups)
    return groups


def _group(
    cameras: list[list[int]], undealt: list[list[int]], order: list[int], size: int, rng: np.random.Generator
) -> list[int]:
    """Deal one group of rows, out of as many cameras as it has room for.

    Args:
        cameras: the person's rows by camera.
        undealt: those of them that are in no group yet; what is dealt goes from here.
        order: the cameras, those to choose first.
        size: K.
        rng: the epoch's.
    """
    group = [undealt[camera].pop() if undealt[camera] else int(rng.choice(cameras[camera])) for camera in order[:size]]
    while len(group) < size and any(undealt):
        group.append(max(undealt, key=len).pop())
    rows = [row for camera in cameras for row in camera]
    others = rng.permutation([row for row in rows if row not in group]).tolist()
    group += others[: size - len(group)]
    while len(group) < size:
        group += rng.permutation(rows).tolist()[: size - len(group)]
    return group
