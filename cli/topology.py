"""`vreid topology`: what a run tells about the ways between cameras."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.output import stdout, warn

_HELP = "What is known of a place: which cameras never show the same spot, and how long the ways between them take."
_HELP_LEARN = """Propose transit times from a run's surest matches, as a file to edit and a picture to look at.

[b]vreid topology learn day1[/b]

[b]vreid topology learn day1 --out my-place.yaml[/b]

""" + "\n\n".join(
    (
        "Used are stays that follow each other in one person and are alike enough to be the same even at 0.1 % false "
        "alarms. A pair of cameras with fewer than five such ways gets no proposal. Nothing of the run changes: read "
        "the file, correct it, then vreid associate day1 --config my-place.yaml.",
        "Exit codes: 0 done; 2 nothing was written, the message says why; 1 writing failed.",
    )
)


def register(app: typer.Typer) -> None:
    """Add the group and its command."""
    group = typer.Typer(rich_markup_mode="rich", no_args_is_help=True)
    group.callback(help=_HELP)(lambda: None)
    group.command("learn", help=_HELP_LEARN)(learn)
    app.add_typer(group, name="topology")


def learn(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run of `vreid run`.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The file to write; the picture stands beside it, as PNG.")] = Path(
        "topology.yaml"
    ),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace both.")] = False,
) -> None:
    """Learn; the help text is `_HELP_LEARN`."""
    from rich.table import Table

    from cli.output import show_table, write_text
    from pipeline.topology_learning import draw_topology, learn_topology, topology_text
    from reid.output_folder import check_new_file

    check_new_file(out, overwrite=overwrite)
    picture = out.with_suffix(".png")
    if picture == out:
        raise typer.BadParameter(f"--out {out} is the name of the picture; give the file another ending, such as .yaml")
    check_new_file(picture, overwrite=overwrite)
    learned = learn_topology(run, warn=warn)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("cameras", overflow="fold")
    table.add_column("people", justify="right")
    for column in ("seen, s", "proposed, s"):
        table.add_column(column)
    for way in learned.ways:
        seen = f"{way.times_s[0]:.1f} to {way.times_s[-1]:.1f}" if way.times_s else ""
        if way.proposed is not None:
            proposed = f"{way.proposed.min_s:g} to {way.proposed.max_s:g}"
            if way.proposed.usual_s is not None:
                proposed += f", usually {way.proposed.usual_s:g}"
        else:
            proposed = "none: both show the same spot" if way.overlapping else "none: too few"
        table.add_row(" and ".join(way.cameras), str(len(way.times_s)), seen, proposed)
    write_text(out, topology_text(learned, run))
    draw_topology(learned, picture, title=f"Ways between the cameras of {run.name}")
    show_table(table)
    stdout.print(
        f"read and correct {out}; look at {picture}; then: vreid associate {run} --config {out}", soft_wrap=True
    )
