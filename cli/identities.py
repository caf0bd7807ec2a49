"""`vreid identities`: correct by hand who is who."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from cli.options import MultiValueCommand
from cli.output import stdout, warn
from cli.stopping import drop_on_signals

_HELP = """Correct by hand who is who in a finished run.

[b]vreid identities runs/day1[/b]

[b]vreid identities runs/day1 merge 3 8[/b]

[b]vreid identities runs/day1 split 3 --tracklets gate/12 hall/4[/b]

[b]vreid identities runs/day1 forbid 3 8[/b]

[b]vreid identities runs/day1 undo[/b]

""" + "\n\n".join(
    (
        "merge: two people are one. split: the stays after --tracklets are someone else's. forbid: two people are "
        "never one. undo: take the last of these back. Without any of them, list what was said.",
        "What is said is kept in corrections.json in the run, holds whenever it is associated anew, and stands in the "
        "report. The others are then found anew, too, so that a correction may change more than it names, and people "
        "are numbered anew. What is impossible, or contradicts an earlier correction, is refused.",
        "Annotated videos keep the former names. Exit codes: 0 done; 2 nothing was changed, the message says why; 130 "
        "stopped by Ctrl-C, nothing was changed; 1 it failed, for instance on a full disk, nothing was changed.",
    )
)
_ACTIONS = {"list": 0, "merge": 2, "split": 1, "forbid": 2, "undo": 0}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("identities", cls=MultiValueCommand, help=_HELP)(identities)


def identities(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run of `vreid run`.", show_default=False)],
    action: Annotated[str, typer.Argument(metavar="[ACTION]", help="list, merge, split, forbid or undo.")] = "list",
    people: Annotated[
        list[int] | None, typer.Argument(metavar="[PERSON ...]", help="Their numbers.", show_default=False)
    ] = None,
    tracklets: Annotated[
        list[str] | None,
        typer.Option(
            "--tracklets", help="With split: stays as CAMERA/TRACK. Takes several values.", show_default=False
        ),
    ] = None,
) -> None:
    """Correct; the help text is `_HELP`."""
    from pipeline import correcting
    from pipeline.corrections import read_corrections
    from pipeline.run_directory import RunDirectory

    numbers = people or []
    if action not in _ACTIONS:
        raise typer.BadParameter(f"{action!r} is none of {', '.join(_ACTIONS)}")
    if len(numbers) != _ACTIONS[action]:
        raise typer.BadParameter(f"{action} takes {_ACTIONS[action]} numbers of people, not {len(numbers)}")
    if (tracklets is not None) != (action == "split"):
        raise typer.BadParameter("split takes --tracklets CAMERA/TRACK, and no other action does")
    if action == "list":
        RunDirectory(run)
        said = read_corrections(run).said
        for correction in said:
            stdout.print(f"{correction.made:%Y-%m-%d %H:%M} UTC  {correction.action}: {correction}", soft_wrap=True)
        counted = f"{len(said)} correction{'' if len(said) == 1 else 's'}"
        stdout.print(counted if said else "never corrected")
        return
    with drop_on_signals("stopped; nothing was changed"):
        if action == "merge":
            after = correcting.merge(run, *numbers, warn=warn)
        elif action == "forbid":
            after = correcting.forbid(run, *numbers, warn=warn)
        elif action == "split":
            after = correcting.split(run, numbers[0], [_tracklet(text) for text in tracklets or []], warn=warn)
        else:
            after, taken_back = correcting.undo(run, warn=warn)
            stdout.print(f"taken back: {taken_back}", soft_wrap=True)
    counts = after.manifest["counts"]
    stdout.print(f"{counts['identities']} people, {counts['unknown_tracklets']} of {counts['tracklets']} stays unknown")
    stdout.print(f"open {after.report}", soft_wrap=True)


def _tracklet(text: str) -> tuple[str, int]:
    named = re.fullmatch(r"(.+)/(\d+)", text)
    if named is None:
        raise typer.BadParameter(f"--tracklets: {text!r} is not CAMERA/TRACK, as in gate/12")
    return named[1], int(named[2])
