"""A benchmark's progress, and its table in the terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from cli.bar import EXIT_INTERRUPTED
from cli.output import complain, show_table, stderr, stdout, warn
from reid.benchmark.results import Row
from reid.benchmark.running import BenchmarkListener
from reid.benchmark.tables import COLUMNS, SPEEDS, below, percent, speed_cells, title

_PLAIN_EVERY_S = 30.0
_RATE_OVER_S = 600.0
_NAMED = 3


class BenchmarkProgress(BenchmarkListener):
    """A bar for what is being made or embedded; lines every half a minute where there is no terminal.

    Args:
        progress: the bars.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._done: dict[str, int] = {}
        self._said_s = time.monotonic()

    def on_rendered(self, done: int, images: int) -> None:
        """So many more of so many made-up images are there."""
        self._advance("making up images", images, done)

    def on_embedding(self, contestant: str, data_set: str, tracklets: int, done: int) -> None:
        self._advance(f"{contestant} on {data_set}", tracklets, done)

    def on_row(self, row: Row) -> None:
        if row.for_run:
            stderr.print(f"{row.protocol}, {title(row)}: mAP {percent(row, 'map')}", soft_wrap=True)

    def on_note(self, text: str) -> None:
        warn(text)

    def _advance(self, what: str, total: int, steps: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(escape(what), total=total)
        self._progress.advance(self._tasks[what], steps)
        self._done[what] = self._done.get(what, 0) + steps
        if self._done[what] >= total:  # the next split begins anew
            self._progress.remove_task(self._tasks.pop(what))
            del self._done[what]
        elif not stderr.is_terminal and time.monotonic() - self._said_s >= _PLAIN_EVERY_S:
            self._said_s = time.monotonic()
            stderr.print(f"{what}: {self._done[what]} of {total}", soft_wrap=True)


@contextmanager
def benchmark_progress(*, keeps: bool) -> Iterator[BenchmarkProgress]:
    """Show how far a benchmark has come; on Ctrl-C say what is kept, and leave.

    Args:
        keeps: whether vectors are kept.

    Raises:
        typer.Exit: the user stopped it.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    options = {"console": stderr, "transient": True, "disable": not stderr.is_terminal}
    try:
        with Progress(*columns, **options, speed_estimate_period=_RATE_OVER_S) as progress:  # type: ignore[arg-type]
            yield BenchmarkProgress(progress)
    except KeyboardInterrupt:
        kept = ", but vectors that were made are kept: the next time begins after them" if keeps else ""
        complain(f"stopped; no table was written{kept}")
        raise typer.Exit(EXIT_INTERRUPTED) from None


def print_rows(rows: Sequence[Row]) -> None:
    """Print a table for each protocol."""
    for label in dict.fromkeys(row.label for row in rows):
        of_label = [row for row in rows if row.label == label]
        table = Table(box=None, pad_edge=False, header_style="bold", title=label, title_justify="left")
        table.add_column("")
        for column in (*COLUMNS.values(), "time"):
            table.add_column(column, justify="right", no_wrap=True)
        papers = any(row.reported for row in of_label)
        if papers:
            table.add_column("the paper's own", style="dim")
        for row in of_label:
            cells = [percent(row, column) for column in COLUMNS]
            paper = [f"{row.reported or ''}"] if papers else []
            table.add_row(escape(title(row)), *cells, f"{row.embedding_s:.1f} + {row.scoring_s:.2f} s", *paper)
        show_table(table)
        stdout.print(below(of_label), soft_wrap=True, style="dim")
        _name_unmatched(of_label[0])
    measured = {row.contestant.name: row.speed for row in rows if row.speed is not None}
    if measured:
        table = Table(box=None, pad_edge=False, header_style="bold", title="speed", title_justify="left")
        table.add_column("")
        for column in SPEEDS:
            table.add_column(column, justify="right")
        for name, speed in measured.items():
            table.add_row(escape(name), *speed_cells(speed))
        show_table(table)


def _name_unmatched(row: Row) -> None:
    """Name the first queries that nobody could find."""
    names = [name for of_split in row.unmatched for name in of_split]
    if names:
        more = f" and {len(names) - _NAMED} more, in benchmark.json" if len(names) > _NAMED else ""
        stdout.print(f"without a match: {', '.join(names[:_NAMED])}{more}", soft_wrap=True, style="dim")
