"""Correcting a run's identities by hand; what is said is kept, and the run is associated anew with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.config import AssociationConfig, TopologyConfig
from pipeline.corrections import (
    Correction,
    check_possible,
    corrected,
    correction,
    read_corrections,
)
from pipeline.identities import stays_of
from pipeline.reassociation import clock_of, read_whole, reassociate, recorded, settings_of
from pipeline.run_directory import RunDirectory, TrackletRow
from reid.errors import ConfigError


def merge(path: Path, first: int, second: int, *, warn: Callable[[str], None]) -> RunDirectory:
    """Say that two people are one.

    Args:
        path: the run.
        first: one's identity.
        second: the other's.
        warn: as in `reassociate`.

    Returns:
        The run as it is now.

    Raises:
        ConfigError: there are no such people, they cannot be one, or it contradicts an earlier correction.
        InputError, OutputError: as in `reassociate`.
    """
    run, people = _people(path)
    groups = [_members(people, identity) for identity in (first, second)]
    if first == second:
        raise ConfigError(f"person {first} is one person already")
    rows, settings = run.tracklets, settings_of(run)
    clocks = {camera["camera_id"]: clock_of(camera) for camera in run.manifest["cameras"]}
    stays = {_key(row): stay for row, stay in zip(rows, stays_of(rows, clocks), strict=True)}
    check_possible(stays, groups[0], groups[1], settings[1])
    return _say(path, correction("merge", groups[0], groups[1]), settings, warn)


def forbid(path: Path, first: int, second: int, *, warn: Callable[[str], None]) -> RunDirectory:
    """Say that two people are never one.

    Args:
        path: the run.
        first: one's identity.
        second: the other's.
        warn: as in `reassociate`.

    Returns:
        The run as it is now.

    Raises:
        ConfigError: there are no such people, or it contradicts an earlier correction.
        InputError, OutputError: as in `reassociate`.
    """
    run, people = _people(path)
    groups = [_members(people, identity) for identity in (first, second)]
    if first == second:
        raise ConfigError(f"person {first} cannot be another than themselves; to part their stays, split them")
    return _say(path, correction("forbid", groups[0], groups[1]), settings_of(run), warn)


def split(
    path: Path, identity: int, tracklets: Sequence[tuple[str, int]], *, warn: Callable[[str], None]
) -> RunDirectory:
    """Say that some of a person's stays are of someone else.

    Args:
        path: the run.
        identity: the person.
        tracklets: camera and track of those that are someone else; at least one of the person's stays is left.
        warn: as in `reassociate`.

    Returns:
        The run as it is now. Those that were parted may be of one person or of several, or belong to others.

    Raises:
        ConfigError: there is no such person, or those are not stays of theirs.
        InputError, OutputError: as in `reassociate`.
    """
    run, people = _people(path)
    members = _members(people, identity)
    strangers = [key for key in tracklets if key not in members]
    if strangers or not tracklets:
        shown = ", ".join(f"{camera}/{track}" for camera, track in members)
        what = "/".join(map(str, strangers[0])) + " is" if strangers else "nothing is"
        raise ConfigError(f"--tracklets: {what} no stay of person {identity}; theirs are {shown}")
    rest = [key for key in members if key not in tracklets]
    if not rest:
        raise ConfigError(f"--tracklets: these are all stays of person {identity}; leave at least one")
    return _say(path, correction("split", tracklets, rest), settings_of(run), warn)


def undo(path: Path, *, warn: Callable[[str], None]) -> tuple[RunDirectory, Correction]:
    """Take back what was said last.

    Args:
        path: the run.
        warn: as in `reassociate`.

    Returns:
        The run as it is now, and what was taken back.

    Raises:
        ConfigError: nothing was said.
        InputError, OutputError: as in `reassociate`.
    """
    said = read_corrections(path).said
    if not said:
        raise ConfigError(f"{path} was never corrected")
    settings, topology = settings_of(RunDirectory(path))
    return reassociate(path, settings, topology, corrections=corrected(said[:-1]), warn=warn), said[-1]


def _say(
    path: Path,
    said: Correction,
    settings: tuple[AssociationConfig, TopologyConfig],
    warn: Callable[[str], None],
) -> RunDirectory:
    corrections = read_corrections(path)
    corrections.add(said)
    return reassociate(path, *settings, corrections=corrections, warn=warn)


def _key(row: TrackletRow) -> tuple[str, int]:
    return row.camera_id, row.track_id


def _people(path: Path) -> tuple[RunDirectory, dict[int, list[tuple[str, int]]]]:
    run = RunDirectory(path)
    recorded(run)
    rows, _ = read_whole(run)
    people: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for row in rows:
        if row.identity_id is not None:
            people[row.identity_id].append(_key(row))
    return run, people


def _members(people: dict[int, list[tuple[str, int]]], identity: int) -> list[tuple[str, int]]:
    if identity not in people:
        raise ConfigError(f"there is no person {identity}; the run has {len(people)}, numbered from 1")
    return people[identity]
