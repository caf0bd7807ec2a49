"""`vreid synth tracklets`: a data set of people who do not exist, in MARS's folder."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.bar import bar
from cli.output import stdout
from cli.pairs import read_pair

if TYPE_CHECKING:
    from reid.data.records import DataSet


# Typer keeps the line breaks of a docstring, so every paragraph is one line here.
_HELP = """Make tracklets of people who do not exist, with train, query and gallery as MARS has them.

[b]vreid synth tracklets --out made-up[/b]

[b]vreid synth tracklets --out made-up --people 1251 --cameras 6 --size 128x64 --seed 7[/b]

""" + "\n\n".join(
    (
        "The people are made up: nobody's pictures, no permissions, no downloads. The folder has MARS's own layout "
        "(images, name lists and .mat tables), so whatever reads MARS reads it; tracklets.json in it says that it is "
        "made up, and from which seed. The same numbers make the same bytes again on one kind of device.",
        "Half of the people are for training, the others for the test, unless --test-people says how many. Each is "
        "seen by two cameras or more. The test "
        "set has one query for every person and camera, and beside the people MARS's shares of distractors (others, "
        "seen once) and junk (boxes over a part of a person).",
        "Exit codes: 0 all went well; 2 nothing was written, the message says why; 130 stopped by Ctrl-C, nothing was "
        "kept; 1 writing failed, for instance on a full disk.",
    )
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("tracklets", help=_HELP)(tracklets)


def tracklets(
    out: Annotated[Path, typer.Option(help="The folder to make.", show_default=False)],
    people: Annotated[int, typer.Option(min=2, max=9999, help="How many, train and test together.")] = 100,
    cameras: Annotated[int, typer.Option(min=2, max=9, help="How many; MARS's names have one digit for them.")] = 6,
    tracklets: Annotated[str, typer.Option(help="Of a person in a camera, fewest and most.")] = "1-4",
    frames: Annotated[str, typer.Option(help="Of a tracklet, fewest and most, up to 999.")] = "10-60",
    size: Annotated[str, typer.Option(help="Height and width of the images in pixels.")] = "256x128",
    seed: Annotated[int, typer.Option(min=0, help="What everything is drawn from.")] = 0,
    test_people: Annotated[
        int | None,
        typer.Option(min=1, help="How many of the people are for the test. Default: half.", show_default=False),
    ] = None,
    people_per_site: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="So many people walk at one site, which has cameras of its own. Default: all.",
            show_default=False,
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="What to render on: cpu, cuda, cuda:1.")] = "cpu",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the folder of tracklets at --out, with all that is in it.")
    ] = False,
) -> None:
    """Write the data set; the help text is `_HELP`."""
    from reid.data.mars_layout import write_mars
    from reid.data.records import Counts
    from reid.data.synthetic.tracklets import SyntheticTracklets
    from reid.device import usable_device

    protocol = SyntheticTracklets(
        people=people,
        cameras=cameras,
        tracklets=read_pair(tracklets, "-", "--tracklets", "1-4", most=99),
        frames=read_pair(frames, "-", "--frames", "10-60", most=999),
        seed=seed,
        test_people=test_people,
        people_per_site=people_per_site,
    )
    size_hw = read_pair(size, "x", "--size", "256x128", least=16, most=1024)
    usable_device(device)
    data_set = protocol.data_set(size_hw=size_hw, device=device)
    about = {"made_up": True, **asdict(protocol), "size_hw": size_hw, "device": device}
    total = Counts.of(data_set.train + data_set.test).images
    with bar("making up images", total) as on_images:
        write_mars(data_set, out, about, overwrite=overwrite, on_images=on_images)
    _print_summary(data_set, out)


def _print_summary(data_set: DataSet, out: Path) -> None:
    """Print how much there is of what, and where."""
    from rich.filesize import decimal
    from rich.table import Table

    from reid.data.records import DISTRACTOR_ID, JUNK_ID, Counts

    table = Table(title=None, box=None, pad_edge=False, header_style="bold")
    table.add_column("made-up people")
    for column in ("people", "tracklets", "images"):
        table.add_column(column, justify="right")
    test = data_set.test
    for name, records in (
        ("train", data_set.train),
        ("test", [each for each in test if each.person_id > DISTRACTOR_ID]),
        ("  of these, queries", data_set.queries),
        ("distractors", [each for each in test if each.person_id == DISTRACTOR_ID]),
        ("junk", [each for each in test if each.person_id == JUNK_ID]),
    ):
        counts = Counts.of(records)
        table.add_row(name, f"{counts.people or '-'}", f"{counts.tracklets}", f"{counts.images}")
    stdout.print(table)
    size_bytes = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    stdout.print(f"{decimal(size_bytes)} in {out}", soft_wrap=True)
