"""A bar for work that leaves a whole result or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from cli.output import complain, stderr

EXIT_INTERRUPTED = 130
_RATE_OVER_S = 600.0  # some work comes in steps of minutes


@contextmanager
def bar(work: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how far work has come, in a terminal; on Ctrl-C say that nothing was kept, and leave.

    Args:
        work: what is done, in words.
        total: of how many steps.

    Yields:
        What to call with each number of further steps.

    Raises:
        typer.Exit: the user stopped it.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(
            *columns,
            console=stderr,
            transient=True,
            disable=not stderr.is_terminal,
            speed_estimate_period=_RATE_OVER_S,
        ) as progress:
            task = progress.add_task(work, total=total)
            yield lambda steps: progress.advance(task, steps)
    except KeyboardInterrupt:
        complain("stopped; nothing was kept")
        raise typer.Exit(EXIT_INTERRUPTED) from None
