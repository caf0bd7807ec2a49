"""What goes to the terminal: results to standard output, everything else to standard error."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

_PIPE_WIDTH = 200

stdout = Console(highlight=False, markup=False)
stderr = Console(stderr=True, highlight=False, markup=False)


def show_table(table: Table) -> None:
    """Print a table: as wide as the terminal, or as wide as it gets where there is none."""
    (stdout if stdout.is_terminal else Console(width=_PIPE_WIDTH, highlight=False, markup=False)).print(table)


def say(message: str) -> None:
    """Print what is going on as one line, however wide the terminal is."""
    stderr.print(message, soft_wrap=True)


def complain(message: str) -> None:
    """Print an error as one line, however wide the terminal is."""
    _line("vreid: ", "bold red", message)


def warn(message: str) -> None:
    """Print a warning as one line, however wide the terminal is."""
    _line("warning: ", "bold yellow", message)


class _WarningLines(logging.Handler):
    """Shows what the packages log as one-line warnings."""

    def emit(self, record: logging.LogRecord) -> None:
        warn(record.getMessage())


def show_log() -> None:
    """Let warnings of vreid's packages reach the user, without tracebacks."""
    for package in ("pipeline", "reid", "trackers"):
        logging.getLogger(package).handlers = [_WarningLines(logging.WARNING)]


def _line(prefix: str, style: str, message: str) -> None:
    text = Text(prefix, style=style)
    text.append(" ".join(message.split()), style="default not bold")
    stderr.print(text, soft_wrap=True)


def date_and_time(moment: datetime) -> str:
    """Write a moment for a table, in the local time zone."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def write_text(path: Path, text: str) -> None:
    """Write a file of results whole, or not at all.

    Raises:
        RunError: it cannot be written.
    """
    from reid.errors import RunError
    from reid.output_file import whole_file

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as place:
            place.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunError(f"{path} could not be written: {error.strerror or error}") from error
