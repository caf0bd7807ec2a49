"""What people have said about a run's identities: kept as constraints, so that it holds when they are found anew."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import combinations, product
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.config import TopologyConfig
from pipeline.constraints import Constraints, Stay
from reid.errors import ConfigError, InputError

FILE = "corrections.json"
FORMAT = "vreid-corrections/1"
Key = tuple[str, int]  # camera and track


class Correction(BaseModel):
    """One thing that somebody said.

    Attributes:
        action: `merge`: all of these are one person; `split`: the first were taken for the second and are not;
            `forbid`: the first are never the second.
        tracklets: two groups.
        made: when it was said.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Literal["merge", "split", "forbid"]
    tracklets: tuple[tuple[Key, ...], tuple[Key, ...]]
    made: datetime

    def __str__(self) -> str:
        one, other = (", ".join(f"{camera}/{track}" for camera, track in group) for group in self.tracklets)
        if self.action == "merge":
            return f"{one} and {other} are one person"
        return f"{one}: {'not' if self.action == 'split' else 'never'} the person of {other}"


@dataclass
class Corrections:
    """All that was said, in order, and what follows from it.

    Attributes:
        said: the corrections.
        together: groups of two or more tracklets that are one person.
        apart: pairs of groups of tracklets, of which nobody in the one is anybody in the other.
    """

    said: list[Correction] = field(default_factory=list)
    together: list[set[Key]] = field(default_factory=list)
    apart: list[tuple[set[Key], set[Key]]] = field(default_factory=list)

    def add(self, correction: Correction) -> None:
        """Take in one more.

        Raises:
            ConfigError: it contradicts one before.
        """
        first, second = map(set, correction.tracklets)
        if correction.action == "merge":
            joined = (first | second).union(*(group for group in self.together if group & (first | second)))
            self._refuse_merge(joined)
            self.together = [*(group for group in self.together if not group & joined), joined]
        else:
            if correction.action == "split":
                parts = [part for group in self.together for part in (group & first, group - first)]
                self.together = [part for part in parts if len(part) > 1]
            self.apart.append((first, second))
        self.said.append(correction)

    def _refuse_merge(self, joined: set[Key]) -> None:
        for earlier in reversed(self.said):
            first, second = earlier.tracklets
            if earlier.action != "merge" and joined & set(first) and joined & set(second):
                raise ConfigError(f"that contradicts an earlier correction: {earlier}; undo it first")

    def rows_together(self, keys: Sequence[Key]) -> list[list[int]]:
        """Give the groups as positions in a table; tracklets that are not in it are left out."""
        position = {key: row for row, key in enumerate(keys)}
        rows = [sorted(position[key] for key in group if key in position) for group in self.together]
        return [group for group in rows if len(group) > 1]


def corrected(said: Iterable[Correction]) -> Corrections:
    """Work out what follows from corrections.

    Raises:
        ConfigError: they contradict each other.
    """
    corrections = Corrections()
    for correction in said:
        corrections.add(correction)
    return corrections


def check_possible(
    stays: Mapping[Key, Stay], first: Sequence[Key], second: Sequence[Key], topology: TopologyConfig
) -> None:
    """Refuse to join people who cannot be one.

    Args:
        stays: where and when all were.
        first: one group.
        second: the other.
        topology: what is known of the place.

    Raises:
        ConfigError: names two stays that contradict each other.
    """
    constraints = Constraints(topology)
    _check_pairs(constraints, stays, product(first, second), "")
    conflict = constraints.conflict([stays[key] for key in first], [stays[key] for key in second])
    if conflict is not None:
        raise ConfigError(f"these cannot be one person: {conflict}")


def check_together(stays: Mapping[Key, Stay], corrections: Corrections, topology: TopologyConfig) -> None:
    """Refuse a place in which those who were said to be one person cannot be.

    Args:
        stays: where and when all were.
        corrections: what was said.
        topology: what is known of the place.

    Raises:
        ConfigError: names two stays that contradict each other.
    """
    constraints = Constraints(topology)
    for group in corrections.together:
        known = sorted(key for key in group if key in stays)
        _check_pairs(constraints, stays, combinations(known, 2), ", and yet they were said to be: undo that first")


def _check_pairs(
    constraints: Constraints, stays: Mapping[Key, Stay], pairs: Iterable[tuple[Key, Key]], further: str
) -> None:
    for one, other in pairs:
        conflict = constraints.pair_conflict(stays[one], stays[other])
        if conflict is not None:
            names = " and ".join(f"{camera}/{track}" for camera, track in (one, other))
            raise ConfigError(f"{names} cannot be one person ({conflict}){further}")


def read_corrections(run: Path) -> Corrections:
    """Read what was said about a run; nothing, where there is no file.

    Raises:
        InputError: the file is damaged.
    """
    path = run / FILE
    if not path.exists():
        return Corrections()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise InputError(f"{path} is of another version: {content['format']}, not {FORMAT}")
        return corrected(Correction.model_validate(entry) for entry in content["corrections"])
    except (ValidationError, ValueError, KeyError, TypeError, ConfigError) as error:
        raise InputError(f"{path} is damaged: {' '.join(str(error).split())}") from error


def write_corrections(run: Path, corrections: Corrections) -> None:
    """Write what was said; no file where nothing was."""
    if corrections.said:
        content = {"format": FORMAT, "corrections": [entry.model_dump(mode="json") for entry in corrections.said]}
        (run / FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def correction(action: Literal["merge", "split", "forbid"], first: Sequence[Key], second: Sequence[Key]) -> Correction:
    """Say something now."""
    made = datetime.now(UTC).replace(microsecond=0)
    return Correction(action=action, tracklets=(tuple(sorted(first)), tuple(sorted(second))), made=made)
