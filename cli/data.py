"""`vreid data`: whether data sets are whole, and other forms of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import data_pack
from cli.bar import bar
from cli.output import stdout

if TYPE_CHECKING:
    from reid.data.checking import CheckReport

EXIT_BAD_INPUT, EXIT_DIFFERENT = 2, 3
_NAMES_SHOWN = 5

# Typer keeps the line breaks of a docstring, so every paragraph is one line here.
_HELP = "\n\n".join(
    (
        "Look after data sets of tracklets: MARS, DukeMTMC-VideoReID, iLIDS-VID, PRID-2011, made-up ones, your own.",
        "vreid downloads none of them and changes nothing in their folders.",
    )
)
_HELP_CHECK = """Compare a data set on disk with what was published about it.

[b]vreid data check mars --root /data/mars[/b]

[b]vreid data check ilids --images[/b]

[b]vreid data check folder --root my-tracklets[/b]

""" + "\n\n".join(
    (
        "The data sets are [b]mars[/b], [b]dukemtmc[/b] (DukeMTMC-VideoReID; withdrawn by its makers over the privacy "
        "of the people in it, read for those who hold it), [b]ilids[/b], [b]prid[/b], [b]synthetic[/b] (what vreid "
        "synth tracklets wrote) and [b]folder[/b] (your own).",
        "--root is the data set's own folder, or one that holds it under its usual name. Without it, the folder in the "
        "environment variable VREID_DATA is searched.",
        "Your own tracklets lie in folders of any names, [b]person/camera/tracklet/image.jpg[/b]. Half of the people "
        "train, drawn the same way every time; to decide yourself, put the people into folders [b]train[/b] and "
        "[b]test[/b], or [b]train[/b], [b]query[/b] and [b]gallery[/b]. Or --root is a CSV file with columns image "
        "(path below the file's folder), person, camera, and if you like tracklet and split (train, test, query, "
        "gallery).",
        "Without --images only the names in the folders are looked at, which takes seconds; with it every image is "
        "decoded.",
        "Exit codes: 0 it is whole and as published (or nothing was published about it); 3 it can be used, but "
        "something is missing, extra, unreadable or of another number; 2 it cannot be used: it is not there, or only "
        "half of it, or something else is; 130 stopped by Ctrl-C.",
    )
)


def register(app: typer.Typer) -> None:
    """Add the group and its commands."""
    group = typer.Typer(rich_markup_mode="rich")
    group.callback(invoke_without_command=True, help=_HELP)(_teach)
    group.command("check", help=_HELP_CHECK)(check)
    data_pack.register(group)
    app.add_typer(group, name="data")


def check(
    name: Annotated[str, typer.Argument(help="Which data set.", show_default=False)],
    root: Annotated[Path | None, typer.Option(help="Where it is.", show_default=False)] = None,
    images: Annotated[bool, typer.Option("--images", help="Decode every image too.")] = False,
) -> None:
    """Check a data set; the help text is `_HELP_CHECK`."""
    from reid.data.checking import check_files, check_images

    report = check_files(name, root)
    if images:
        with bar("decoding images", len(report.images)) as on_images:
            report = check_images(report, on_images)
    _show(report)
    if not report.usable:
        raise typer.Exit(EXIT_BAD_INPUT)
    if not report.as_published:
        raise typer.Exit(EXIT_DIFFERENT)


def _teach(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _show(report: CheckReport) -> None:
    from reid.data.catalogue import find_entry

    entry = find_entry(report.name)
    _line(f"{report.title} in {report.root}")
    _show_counts(report)
    _show_names("missing", report.missing, f" ({len(report.absent):,} images in all)" if report.absent else "")
    _show_names("extra", report.extra)
    _show_names("unreadable", list(report.unreadable.values()))
    for remark in report.remarks:
        _line(remark)
    if report.images_read is not None:
        _line(f"{report.images_read - len(report.unreadable)} of {report.images_read} images were decoded.")
    if not report.usable:
        _line(f"It cannot be used: no image of a whole half of it is there and readable. {entry.advice}")
    elif not report.as_published:
        what = "it is not whole or not as published" if entry.published else "look at what is named above"
        _line(f"It can be used, but {what}. {entry.advice}")
    elif entry.published:
        _line("All as published.")
    else:
        _line("Nothing is missing.")


def _show_counts(report: CheckReport) -> None:
    """Print what is found, and beside it what was published where that differs in any part from nothing."""
    from rich.table import Table
    from rich.text import Text

    published = any(part.published for part in report.parts)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    for column in ("people", "tracklets", "images"):
        table.add_column(column, justify="right")
        if published:
            table.add_column("published", justify="right", style="dim")
    for part in report.parts:
        cells: list[Text | str] = []
        expected = part.published or (None, None, None)
        for found, number in zip((part.found.people, part.found.tracklets, part.found.images), expected, strict=True):
            differs = number not in (None, found)
            cells.append(Text(f"{found:,}", style="bold red" if differs else ""))
            if published:
                cells.append("-" if number is None else f"{number:,}")
        table.add_row(part.name, *cells)
    stdout.print(table)


def _show_names(what: str, names: Sequence[str], more: str = "") -> None:
    """Print the first of some names, and how many there are."""
    if not names:
        return
    _line(f"{what}: {len(names):,}{more}")
    for name in names[:_NAMES_SHOWN]:
        _line(f"  {name}")
    if len(names) > _NAMES_SHOWN:
        _line(f"  and {len(names) - _NAMES_SHOWN:,} more")


def _line(text: str) -> None:
    stdout.print(text, soft_wrap=True)
