"""`vreid gallery`: people who are remembered beyond one run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from cli.options import MultiValueCommand
from cli.output import complain, date_and_time, show_table, stdout, warn, write_text
from cli.stopping import drop_on_signals

EXIT_NOT_ALL = 3

_HELP = "\n\n".join(
    (
        "Look after a gallery: the people whom [b]vreid run --gallery[/b] remembers beyond one run.",
        "A gallery is a folder with one file, gallery.sqlite. It holds who was seen by which camera from when to when, "
        "and of each person some vectors that can recognise them, each with a small picture. Deleting the folder "
        "deletes all of it; [b]vreid gallery delete[/b] deletes one person, there and in the runs.",
        "Several commands may read a gallery while one writes. Exit codes: 0 done; 2 nothing was changed, the message "
        "says why; 3 delete could not reach everything; 130 stopped by Ctrl-C; 1 it failed, for instance on a full "
        "disk.",
    )
)
_HELP_DELETE = "\n\n".join(
    (
        "Delete a person from the gallery and from the runs it was filled from, and look whether anything is left.",
        "Rows, vectors, pictures, tracks and reports are rewritten without them; annotated videos of the cameras that "
        "saw them go. Recordings are never touched: those that still show the person are listed. Pages that somebody "
        "wrote with search, or list --page, have to be deleted separately.",
    )
)
_HELP_FORGET = "\n\n".join(
    (
        "Forget what a run had added, for instance to add it again after it was corrected.",
        "The run stays as it is, and delete does not reach it any more.",
    )
)
_HELP_EXPIRE = "\n\n".join(
    (
        "Forget sightings that are too old, and whoever was not seen since.",
        "The runs stay as they are; whose the stays in them were is kept, so that delete still reaches them there.",
    )
)
Folder = Annotated[Path, typer.Argument(metavar="GALLERY", help="The folder.", show_default=False)]
Person = Annotated[int, typer.Argument(metavar="PERSON", help="Their number in the gallery.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the group and its commands."""
    group = typer.Typer(rich_markup_mode="rich", no_args_is_help=True)
    group.callback(help=_HELP)(lambda: None)
    group.command("list")(list_people)
    group.command("show")(show)
    group.command("add")(add)
    group.command("merge")(merge)
    group.command("split", cls=MultiValueCommand)(split)
    group.command("delete", help=_HELP_DELETE)(delete)
    group.command("forget", help=_HELP_FORGET)(forget)
    group.command("expire", help=_HELP_EXPIRE)(expire)
    group.command("compact")(compact)
    app.add_typer(group, name="gallery")


def list_people(
    gallery: Folder,
    page: Annotated[
        Path | None, typer.Option(help="Also write a page with pictures of everyone.", show_default=False)
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the page.")] = False,
) -> None:
    """List everyone: how often and by which cameras they were seen, and when first and last."""
    from rich.table import Table

    from pipeline.gallery.page import render_people
    from pipeline.gallery.store import GalleryStore
    from reid.output_folder import check_new_file
    from reid.version import package_version

    if page is not None:
        check_new_file(page, overwrite=overwrite, flag="--page")
    with GalleryStore(gallery) as store:
        people = store.people()
        runs = len(store.runs())
        if page is not None:
            write_text(page, render_people(store, version=package_version()))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("person", "sightings", "vectors"):
        table.add_column(column, justify="right")
    for column in ("cameras", "first seen", "last seen"):
        table.add_column(column, overflow="fold")
    for person in people:
        cameras = ", ".join(person.camera_ids)
        table.add_row(
            str(person.id),
            str(person.sightings),
            str(person.looks),
            cameras,
            _moment(person.first_seen),
            _moment(person.last_seen),
        )
    if people:
        show_table(table)
    stdout.print(f"{len(people)} people from {runs} run{'' if runs == 1 else 's'}")
    if page is not None:
        stdout.print(f"open {page}", soft_wrap=True)


def show(gallery: Folder, person: Person) -> None:
    """Show where and when one person was seen; the numbers of sightings are what split takes."""
    from rich.table import Table

    from pipeline.gallery.store import GalleryStore
    from pipeline.report_texts import position_text

    with GalleryStore(gallery) as store:
        sightings = store.sightings(person)
        pictured = set(store.looks(person)[0].tolist())
        paths = {run.id: run.path for run in store.runs()}
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("sighting", justify="right")
    for column in ("camera", "from", "to", "track", "vector", "run"):
        table.add_column(column, no_wrap=column in ("from", "to"), overflow="fold")
    for one in sightings:
        known = one.start_time is not None and one.end_time is not None
        table.add_row(
            str(one.id),
            one.camera_id,
            _moment(one.start_time) if known and one.start_time is not None else position_text(one.start_s),
            _moment(one.end_time) if known and one.end_time is not None else position_text(one.end_s),
            str(one.track_id),
            "kept" if one.id in pictured else "",
            str(paths[one.run_id]),
        )
    show_table(table)


def add(
    gallery: Folder,
    runs: Annotated[list[Path], typer.Argument(metavar="RUN ...", help="Finished runs.", show_default=False)],
    most_looks: Annotated[int, typer.Option(help="Vectors and pictures kept of one person.")] = 20,
    max_age: Annotated[
        float | None, typer.Option(help="Forget sightings older than so many days.", show_default=False)
    ] = None,
) -> None:
    """Add finished runs; their tables and reports then say who is who in the gallery. One that fails stops it."""
    from pipeline.config import GalleryConfig
    from pipeline.gallery.runs import add_finished_run
    from reid.config import parse_settings

    limits = parse_settings({"most_looks": most_looks, "max_age_days": max_age}, GalleryConfig, where="command line")
    for run in runs:
        with drop_on_signals(f"stopped; {run} was not added"):
            told = add_finished_run(gallery, run, limits, warn=warn).manifest["gallery"]
        stdout.print(
            f"{run}: {told['recognised']} of {told['people_before']} people of the gallery were seen again, "
            f"{told['new']} are new",
            soft_wrap=True,
        )


def merge(
    gallery: Folder,
    first: Person,
    second: Annotated[int, typer.Argument(metavar="PERSON", help="The other's.", show_default=False)],
) -> None:
    """Say that two people are one; refused where they were seen at the same time."""
    from pipeline.gallery.changing import merge as merge_people
    from pipeline.gallery.store import GalleryStore

    with drop_on_signals("stopped; nothing was changed"), GalleryStore(gallery) as store:
        kept = merge_people(store, first, second)
    stdout.print(f"both are person {kept} from now on")


def split(
    gallery: Folder,
    person: Person,
    sightings: Annotated[
        list[int] | None,
        typer.Option(
            "--sightings",
            help="Numbers of sightings, as show lists them, that are someone else's. Takes several values.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Say that some sightings of a person are of someone else, who gets a number of their own."""
    from pipeline.gallery.changing import split as split_person
    from pipeline.gallery.store import GalleryStore

    with drop_on_signals("stopped; nothing was changed"), GalleryStore(gallery) as store:
        new = split_person(store, person, sightings or [])
    stdout.print(f"they are of person {new} from now on")


def delete(gallery: Folder, person: Person) -> None:
    """Delete a person; the help text is `_HELP_DELETE`."""
    from pipeline.gallery.deleting import delete_person
    from pipeline.gallery.store import GalleryStore
    from pipeline.report_texts import position_text

    with drop_on_signals("stopped; say it again to finish"), GalleryStore(gallery) as store:
        done = delete_person(store, person, warn=warn)
    stdout.print(
        f"person {person} is deleted: {done.sightings} sightings and {done.looks} vectors from the gallery, "
        f"{done.stays} stays from {len(done.runs)} run{'' if len(done.runs) == 1 else 's'}",
        soft_wrap=True,
    )
    for camera_id, source, start_s, end_s in done.recordings:
        stdout.print(
            f"the recording still shows them: {camera_id} ({source}), {position_text(start_s)} to "
            f"{position_text(end_s)}",
            soft_wrap=True,
        )
    for run in done.missing_runs:
        complain(
            f"{run} is not there now, and wherever it is, it still holds the person; once it is back, say it again"
        )
    for path in done.found:
        complain(f"something of the person is left in {path}")
    for path in done.unchecked:
        complain(f"{path} is not of vreid; look yourself whether it shows the person")
    if done.log_held:
        complain("another process holds the gallery, so that its log could not be emptied; run vreid gallery compact")
    if not (done.found or done.log_held):
        stdout.print(f"looked through {done.files} files ({done.bytes / 1e6:.1f} MB): nothing is left", soft_wrap=True)
    if not done.is_complete:
        raise typer.Exit(EXIT_NOT_ALL)


def forget(
    gallery: Folder,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Where it stood when it was added.", show_default=False)],
) -> None:
    """Forget a run; the help text is `_HELP_FORGET`."""
    from pipeline.gallery.changing import forget_run
    from pipeline.gallery.store import GalleryStore

    with drop_on_signals("stopped; nothing was changed"), GalleryStore(gallery) as store:
        gone = forget_run(store, run)
    stdout.print(f"{gone} sightings are forgotten")


def expire(
    gallery: Folder,
    older_than: Annotated[float, typer.Option(min=0, max=36_500, help="Days since somebody left.", show_default=False)],
) -> None:
    """Forget what is old; the help text is `_HELP_EXPIRE`."""
    from pipeline.gallery.changing import expire as expire_before
    from pipeline.gallery.store import GalleryStore

    with drop_on_signals("stopped; nothing was changed"), GalleryStore(gallery) as store:
        gone = expire_before(store, datetime.now(UTC) - timedelta(days=older_than))
    stdout.print(f"{gone} sightings are forgotten")


def compact(gallery: Folder) -> None:
    """Give room that nothing needs any more back to the disk."""
    from pipeline.gallery.store import GalleryStore

    with GalleryStore(gallery) as store:
        before = store.path.stat().st_size
        store.compact()
        after = store.path.stat().st_size
    stdout.print(f"{before / 1e6:.1f} MB before, {after / 1e6:.1f} MB now")


def _moment(seconds: float | None) -> str:
    return "" if seconds is None else date_and_time(datetime.fromtimestamp(seconds, UTC))
