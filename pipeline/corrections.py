"""What people have said about a run's identities: kept as constraints, so that it holds when they are found anew."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product
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
        together: pairs of tracklets that are one person; whatever they connect is one person.
        apart: pairs of tracklets that are different people.
    """

    said: list[Correction] = field(default_factory=list)
    together: set[frozenset[Key]] = field(default_factory=set)
    apart: set[frozenset[Key]] = field(default_factory=set)

    def add(self, correction: Correction) -> None:
        """Take in one more.

        Raises:
            ConfigError: it contradicts one before.
        """
        first, second = correction.tracklets
        between = {frozenset(pair) for pair in product(first, second)}
        if correction.action == "merge":
            self._refuse_merge(between)
            everyone = [*first, *second]
            self.together |= {frozenset((everyone[0], other)) for other in everyone[1:]}
        else:
            if correction.action == "split":
                self.together = self._without(set(first))
            self.apart |= between
        self.said.append(correction)

    def _refuse_merge(self, between: set[frozenset[Key]]) -> None:
        if not between & self.apart:
            return
        for earlier in reversed(self.said):
            if earlier.action != "merge" and between & {frozenset(pair) for pair in product(*earlier.tracklets)}:
                raise ConfigError(f"that contradicts an earlier correction: {earlier}; undo it first")

    def _without(self, first: set[Key]) -> set[frozenset[Key]]:
        """Separate a group from all others; what was one person within it, or without it, stays so."""
        kept = set()
        for group in self.groups():
            for part in (group & first, group - first):
                kept |= {frozenset((min(part), other)) for other in part if other != min(part)}
        return kept

    def groups(self) -> list[set[Key]]:
        """Give the groups of tracklets that are one person, each of two or more."""
        groups: list[set[Key]] = []
        for pair in sorted(self.together, key=sorted):
            joined = set(pair).union(*(group for group in groups if group & pair))
            groups = [*(group for group in groups if not group & pair), joined]
        return groups

    def rows_together(self, keys: Sequence[Key]) -> list[list[int]]:
        """Give the groups as positions in a table; tracklets that are not in it are left out."""
        position = {key: row for row, key in enumerate(keys)}
        rows = [sorted(position[key] for key in group if key in position) for group in self.groups()]
        return [group for group in rows if len(group) > 1]

    def pairs_apart(self) -> list[tuple[Key, Key]]:
        """Give the pairs that are different people, in order."""
        return sorted((min(pair), max(pair)) for pair in self.apart)


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
    for one, other in product(first, second):
        if not constraints.allow([stays[one]], [stays[other]]):
            names = " and ".join(f"{camera}/{track}" for camera, track in (one, other))
            raise ConfigError(f"{names} cannot be one person: they were seen at once, or nobody is as fast")
    if not constraints.allow([stays[key] for key in first], [stays[key] for key in second]):
        raise ConfigError("these cannot be one person: a way took longer than the topology says")


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
