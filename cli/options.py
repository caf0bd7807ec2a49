"""Ways of writing options that Typer does not know: several values after one flag, `NAME=VALUE`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand


class MultiValueCommand(TyperCommand):
    """A command whose repeatable options also take several values in a row: `--videos a b` is `--videos a --videos b`.

    Use as `@app.command(cls=MultiValueCommand)`. The command must have no positional arguments, since what follows such
    an option belongs to it up to the next option.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """Repeat the flag before each of its values, then parse as usual."""
        flags = [flag for parameter in self.params if getattr(parameter, "multiple", False) for flag in parameter.opts]
        return super().parse_args(ctx, repeat_flags(args, flags))


def repeat_flags(args: Sequence[str], flags: Iterable[str]) -> list[str]:
    """Write `--flag a b` as `--flag a --flag b`.

    Args:
        args: the command line after the command's name.
        flags: the options that take several values.

    Returns:
        The command line with a flag before each of their values.
    """
    flags = set(flags)
    repeated: list[str] = []
    current: str | None = None
    for index, arg in enumerate(args):
        if arg == "--":
            return [*repeated, *args[index:]]
        name, equals, _ = arg.partition("=")
        if arg.startswith("-") and len(arg) > 1:
            current = name if name in flags else None
            if current is None or equals:
                repeated.append(arg)
        elif current is not None:
            repeated += [current, arg]
        else:
            repeated.append(arg)
    return repeated


def split_assignments(values: Sequence[str], flag: str) -> dict[str, str]:
    """Read `NAME=VALUE` entries.

    Args:
        values: as given.
        flag: the option they belong to, for messages.

    Returns:
        name -> value.

    Raises:
        typer.BadParameter: an entry has no `=`, or a name stands twice.
    """
    assignments: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name or not text:
            raise typer.BadParameter(f"{flag} takes NAME=VALUE, got {value!r}")
        if name in assignments:
            raise typer.BadParameter(f"{flag} is given twice for {name!r}")
        assignments[name] = text
    return assignments


def split_place(text: str) -> tuple[str, Path | None]:
    """Read a data set's name and folder from `NAME` or `NAME=PATH`."""
    name, equals, path = text.partition("=")
    return name, Path(path) if equals else None
