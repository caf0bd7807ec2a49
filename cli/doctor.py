"""`vreid doctor`: what this machine has, and whether `vreid run` would work on it."""

from __future__ import annotations

import typer

from cli.output import show_table, stdout
from reid.errors import InputError

EXIT_WOULD_FAIL = 2
_MARKS = {"good": "+", "poor": "!", "bad": "x"}

# Typer keeps the line breaks of a docstring, so every paragraph is one line here.
_HELP = """Say what this machine has, what vreid would choose on it, and whether a run would work.

[b]vreid doctor[/b]

""" + "\n\n".join(
    (
        "Device, video decoders, the detector and the network that [b]auto[/b] stands for and why, your own weights, "
        "data sets, and what vreid keeps for later and where. Nothing is downloaded, written or sent; whether there is "
        "a network is found out within three seconds.",
        "Exit codes: 0 vreid run would work; 2 it would not, and the lines marked with an x say why.",
    )
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", help=_HELP)(doctor)


def doctor() -> None:
    """Look and print; the help text is `_HELP`."""
    from rich.table import Table
    from rich.text import Text

    try:
        from pipeline.doctor import examine
    except ImportError as error:
        raise InputError(f"vreid run would not work here: {error}; install vreid anew") from error
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    checks = list(examine())
    for check in checks:
        table.add_row(_MARKS[check.state], check.topic, Text(check.found))
        if check.advice:
            table.add_row("", "", Text(f"-> {check.advice}", style="dim"))
    works = all(check.state != "bad" for check in checks)
    show_table(table)
    stdout.print("vreid run works here" if works else "vreid run would not work here: see the lines marked with an x")
    raise typer.Exit(0 if works else EXIT_WOULD_FAIL)
