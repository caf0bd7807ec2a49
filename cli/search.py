"""`vreid search`: where and when one person may have been."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import date_and_time, show_table, stdout, warn, write_text
from cli.stopping import drop_on_signals

if TYPE_CHECKING:
    from pipeline.search.finding import Found
    from pipeline.search.query import Query
    from pipeline.search.target import Target

_HELP = """Look for one person in a run, or in a gallery: where and when may they have been?

[b]vreid search my-run --image person.jpg[/b]

[b]vreid search people --video clip.mp4[/b]

[b]vreid search my-run --tracklet gate/12[/b]

""" + "\n\n".join(
    (
        "It lists the stays that are most alike, with a mark at those above the threshold, and writes a page with "
        "pictures. Nothing is added to the run or the gallery; deleting the page deletes what was kept.",
        "A picture with nobody or with several people is asked back, with the boxes that --box takes; a clip with "
        "several people likewise, with the numbers that --person takes.",
        "Exit codes: 0 done, whether anybody was found or not; 2 nothing was written, the message says why; 130 "
        "stopped by Ctrl-C; 1 it failed, for instance on a full disk.",
    )
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("search", help=_HELP)(search)


def search(
    target: Annotated[
        Path, typer.Argument(metavar="RUN|GALLERY", help="The folder that is searched.", show_default=False)
    ],
    image: Annotated[Path | None, typer.Option(help="A picture of the person.", show_default=False)] = None,
    video: Annotated[
        str | None, typer.Option(help="A clip of the person: a video, or a folder of images.", show_default=False)
    ] = None,
    tracklet: Annotated[
        str | None, typer.Option(help="A stay that is in there, as CAMERA/TRACK.", show_default=False)
    ] = None,
    box: Annotated[
        str | None,
        typer.Option(
            help="With --image: where the person is, as LEFT,TOP,WIDTH,HEIGHT in pixels, or `whole`. Default: where "
            "the detector finds the only one.",
            show_default=False,
        ),
    ] = None,
    person: Annotated[
        int | None, typer.Option(help="With --video: which of several people.", show_default=False)
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many stays to list.")] = 20,
    far: Annotated[
        float | None,
        typer.Option(
            help="Accepted chance that someone who is not there at all is taken for anyone. Default: the run's, or "
            "0.01.",
            show_default=False,
        ),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(help="As for vreid run. Default: the run's, or auto.", show_default=False),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(help="The network that made the vectors, as for vreid run.", show_default=False),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1.")] = "auto",
    out: Annotated[
        Path | None, typer.Option(help="The page. Default: searches/<date and time>.html.", show_default=False)
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the page in --out.")] = False,
) -> None:
    """Search; the help text is `_HELP`."""
    ways = {"--image": image, "--video": video, "--tracklet": tracklet}
    given = [flag for flag, value in ways.items() if value is not None]
    if len(given) != 1:
        raise typer.BadParameter("who is looked for? pass one of --image, --video and --tracklet")
    if box is not None and image is None:
        raise typer.BadParameter("--box goes with --image")
    if person is not None and video is None:
        raise typer.BadParameter("--person goes with --video")
    if far is not None and not 0 < far < 1:
        raise typer.BadParameter(f"--far: must lie between 0 and 1, not {far}")

    from pipeline.search.finding import find
    from pipeline.search.page import render_search
    from pipeline.search.target import open_target
    from reid.output_folder import check_new_file
    from reid.version import package_version

    page = out or Path("searches") / f"{datetime.now():%Y-%m-%d_%H-%M-%S}.html"
    check_new_file(page, overwrite=overwrite)
    searched = open_target(target)
    with drop_on_signals("stopped; nothing was written"):
        query = _query(searched, image, video, tracklet, box, person, detector, weights, device)
        found = find(searched, query, most=top, far=far, warn=warn)
        write_text(page, render_search(searched, query, found, version=package_version()))
    _print(searched, found)
    stdout.print(f"open {page}", soft_wrap=True)


def _query(
    target: Target,
    image: Path | None,
    video: str | None,
    tracklet: str | None,
    box: str | None,
    person: int | None,
    detector: str | None,
    weights: str | None,
    device: str,
) -> Query:
    from pipeline.search.query import from_image, from_tracklet, from_video, matching_embedder

    if tracklet is not None:
        named = re.fullmatch(r"(.+)/(\d{1,18})", tracklet)
        if named is None:
            raise typer.BadParameter(f"--tracklet: {tracklet!r} is not CAMERA/TRACK, as in gate/12")
        return from_tracklet(target, named[1], int(named[2]))

    from reid.device import choose_device

    used = choose_device(device)
    embedder = matching_embedder(target, weights, device=used)
    found_by = detector or target.detector
    if image is not None:
        return from_image(image, box, embedder, detector=found_by, device=used, warn=warn)

    from cli.progress import progress_for_this_terminal

    with progress_for_this_terminal(1) as progress:
        return from_video(str(video), person, target, weights, detector=found_by, device=device, listener=progress)


def _print(target: Target, found: Found) -> None:
    from rich.table import Table

    from pipeline.report_texts import duration_text, position_text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("likeness", justify="right")
    for column in ("", "person", "camera", "from", "for", "track"):
        table.add_column(column, no_wrap=column in ("from", "for"), overflow="fold")
    if target.kind == "gallery":
        table.add_column("run", overflow="fold")
    for hit in found.hits:
        place = hit.place
        table.add_row(
            f"{hit.score:.3f}",
            "alike" if hit.alike else "",
            "unknown" if place.person is None else str(place.person),
            place.camera_id,
            position_text(place.start_s) if place.start_time is None else date_and_time(place.start_time),
            duration_text(place.end_s - place.start_s),
            str(place.track_id),
            *([str(place.run)] if target.kind == "gallery" else []),
        )
    if found.hits:
        show_table(table)
    alike = sum(hit.alike for hit in found.hits)
    rate = "" if found.threshold.far is None else f", set for {found.threshold.far:.3g} false alarms a search"
    stdout.print(
        f"{alike} of {found.compared} stays may show this person (threshold {found.threshold.value:.3f}{rate})",
        soft_wrap=True,
    )
