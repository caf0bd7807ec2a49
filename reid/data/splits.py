"""Which people train and which test, where a data set is used in several ways: split files, and splits drawn at random.

iLIDS-VID and PRID-2011 are scored ten times, each time with another half of the people for training; published figures
are means over ten standard splits. Where the file with those is missing, ten others are drawn from a seed. Which of the
two it was is part of a result, so `Splits` can be written beside it.

Source: Wang et al. 2014, Person re-identification by video ranking, for the halves and the ten times.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from reid.data.mars_layout import load_matrix
from reid.errors import InputError

FORMAT = "vreid-splits/1"


class Split(NamedTuple):
    """One way to use the people of a data set; by the names that the data set has for them, sorted."""

    train: tuple[str, ...]
    test: tuple[str, ...]


@dataclass(frozen=True)
class Splits:
    """All ways to use a data set.

    Attributes:
        splits: in their order.
        source: name of the file that they come from, or what they were drawn from.
        seed: that they were drawn with; None for those of a file.
    """

    splits: tuple[Split, ...]
    source: str
    seed: int | None = None

    @property
    def standard(self) -> bool:
        """Whether they come from a file of the data set, so that results compare with published ones."""
        return self.seed is None

    def __str__(self) -> str:
        count = f"{len(self.splits)} splits" if len(self.splits) > 1 else "split"
        return f"{count} of {self.source}" if self.standard else f"{count} drawn from {self.source}, seed {self.seed}"

    def to_json(self, chosen: int | None = None) -> str:
        """Return them as JSON that `read_splits` reads.

        Args:
            chosen: which of them a result is of, counted from 0; None if all were used.
        """
        content = {
            "format": FORMAT,
            "standard": self.standard,
            "source": self.source,
            "seed": self.seed,
            "chosen": chosen,
            "splits": [{"train": split.train, "test": split.test} for split in self.splits],
        }
        return json.dumps(content, indent=1) + "\n"


def read_splits(path: Path, people: Iterable[str]) -> Splits:
    """Read splits from JSON: a list of {"train": names, "test": names} as common toolkits have it, or what was written.

    Args:
        path: the file.
        people: whom the data set has.

    Raises:
        InputError: it cannot be read or is something else, or names somebody who is not there or is in both halves.
    """
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        written = content if isinstance(content, dict) else {"format": FORMAT, "splits": content}
        if written["format"] != FORMAT:
            raise InputError(f"{path} is not of format {FORMAT}, which is all that this version of vreid reads")
        splits = tuple(Split(*(_names(each[part]) for part in Split._fields)) for each in written["splits"])
        seed = written.get("seed")
        result = Splits(splits, str(written.get("source", path.name)), None if seed is None else int(seed))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f'{path} holds no splits, expected a list of {{"train": [...], "test": [...]}}') from error
    _check(result, path, set(people))
    return result


def read_matlab_splits(path: Path, people: Sequence[str]) -> Splits:
    """Read the file that belongs to iLIDS-VID, or the one beside it for PRID-2011.

    Its table `ls_set` has a row a split, a permutation of the numbers of all people in order of their names. The first
    half of a row is for the test, the rest for training.

    Args:
        path: the file.
        people: all people of the data set, sorted.

    Raises:
        InputError: it cannot be read, is something else, or is about another number of people.
    """
    table = load_matrix(path, "ls_set")
    if table.ndim != 2 or not all(sorted(row) == list(range(1, table.shape[1] + 1)) for row in table.tolist()):
        raise InputError(f"{path}: ls_set is not a table whose rows are permutations of the people's numbers")
    if table.shape[1] != len(people):
        raise InputError(
            f"{path} splits {table.shape[1]} people by their place in the list of all, but {len(people)} are complete: "
            "complete the data set, or move that file away to have other splits drawn"
        )
    half = len(people) // 2
    names = [[people[number - 1] for number in row] for row in table.tolist()]
    splits = tuple(Split(train=tuple(sorted(row[half:])), test=tuple(sorted(row[:half]))) for row in names)
    return Splits(splits, path.name)


def draw_splits(people: Sequence[str], source: str, *, count: int, seed: int = 0) -> Splits:
    """Draw halves of the people; training gets the smaller one where they are odd.

    Args:
        people: whom the data set has.
        source: what is drawn from, in words.
        count: how many splits.
        seed: the same seed and people give the same splits, however many are drawn.
    """
    everyone = sorted(people)
    half = len(everyone) // 2
    splits = []
    for number in range(count):
        order = np.random.default_rng([seed, number]).permutation(len(everyone)).tolist()
        train, test = ([everyone[row] for row in sorted(rows)] for rows in (order[:half], order[half:]))
        splits.append(Split(tuple(train), tuple(test)))
    return Splits(tuple(splits), source, seed)


def _names(names: Any) -> tuple[str, ...]:
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise TypeError("a half is a list of names")
    return tuple(sorted(set(names)))


def _check(splits: Splits, path: Path, people: set[str]) -> None:
    if not splits.splits:
        raise InputError(f"{path} holds no splits")
    for number, (train, test) in enumerate(splits.splits):
        unknown = sorted((set(train) | set(test)) - people)
        if unknown:
            raise InputError(f"{path}: split {number} has {_first(unknown)}, not among the complete people there")
        twice = sorted(set(train) & set(test))
        if twice:
            raise InputError(f"{path}: split {number} has {_first(twice)} in both halves")
        if not train or not test:
            raise InputError(f"{path}: split {number} has nobody to {'test' if train else 'train'} with")


def _first(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
