"""`vreid data pack`: a data set as a few large files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.bar import bar
from cli.output import stdout, warn
from cli.pairs import read_pair

if TYPE_CHECKING:
    from reid.data.packing import PackReport

EXIT_LEFT_OUT = 3
_NAMES_SHOWN = 5

# Typer keeps the line breaks of a docstring, so every paragraph is one line here.
_HELP = """Put a data set into a few large files that read fast from slow or networked disks.

[b]vreid data pack mars --root /data/mars --out mars.pack[/b]

[b]vreid data pack mars --root /data/mars --out mars-256x128.pack --raw 256x128[/b]

[b]vreid train mars --root mars.pack[/b]

""" + "\n\n".join(
    (
        "A pack is used like the data set's own folder, and yields the same tracklets and pictures; all splits are in "
        "it. One file holds all images as they are, those of a tracklet side by side. Every image is decoded once "
        "to see that it can be; what cannot is left out, named and counted.",
        "With --raw the pack holds pixels of that height and width, which need no decoding: at least twice as fast to "
        "read from a fast disk, and ten times as large or more (MARS at 256x128: 117 GB). How large is said first, and "
        "nothing is written where there is no room for it. Resizing is what training does anyway; choose the size "
        "that the model takes.",
        "Exit codes: 0 all went well; 3 the pack is there, but images that cannot be read were left out; 2 nothing was "
        "written, the message says why; 130 stopped by Ctrl-C, nothing was kept; 1 writing failed, for instance on a "
        "full disk.",
    )
)


def register(group: typer.Typer) -> None:
    """Add the command to `vreid data`."""
    group.command("pack", help=_HELP)(pack)


def pack(
    name: Annotated[
        str, typer.Argument(help="Which data set; vreid data check --help lists them.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="The pack to make, a folder.", show_default=False)],
    root: Annotated[
        Path | None, typer.Option(help="Where the data set is; else in VREID_DATA.", show_default=False)
    ] = None,
    raw: Annotated[
        str | None, typer.Option(help="Keep pixels of this height and width, as 256x128.", show_default=False)
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the pack at --out.")] = False,
) -> None:
    """Pack a data set; the help text is `_HELP`."""
    from rich.filesize import decimal

    from reid.data.catalogue import read_data_set
    from reid.data.packed import MARKER
    from reid.data.packing import check_raw, pictures_of
    from reid.data.packing import pack as pack_data_set
    from reid.output_folder import check_output

    size_hw = read_pair(raw, "x", "--raw", "256x128", least=16, most=1024) if raw else None
    check_output(out, marker=MARKER, what="a pack", overwrite=overwrite)
    reading = read_data_set(name, root)
    count = len(pictures_of(reading))
    if size_hw:
        size_bytes = check_raw(reading, out, size_hw)
        _line(f"{count:,} images of {size_hw[0]}x{size_hw[1]} pixels will take {decimal(size_bytes)}")
    with bar("packing images", count) as on_images:
        report = pack_data_set(reading, out, raw_size_hw=size_hw, overwrite=overwrite, on_images=on_images)
    _line(f"{report.pictures:,} images, {decimal(report.size_bytes)} in {out}")
    if report.left_out:
        _show_left_out(report)
        raise typer.Exit(EXIT_LEFT_OUT)


def _show_left_out(report: PackReport) -> None:
    """Name the first pictures that are not in the pack, and count them all."""
    reasons = list(report.left_out.values())
    for reason in reasons[:_NAMES_SHOWN]:
        warn(reason)
    more = f" ({len(reasons) - _NAMES_SHOWN:,} more than named here)" if len(reasons) > _NAMES_SHOWN else ""
    whole = f", and with them {report.tracklets_left_out:,} whole tracklets" if report.tracklets_left_out else ""
    warn(f"{len(reasons):,} images were left out{more}{whole}; pack.json lists them all")


def _line(text: str) -> None:
    stdout.print(text, soft_wrap=True)
