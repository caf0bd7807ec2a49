"""`vreid associate`: who is the same person, once more, with other settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.output import stdout, warn
from cli.stopping import drop_on_signals

_HELP = """Find the identities of a finished run anew, without detecting or embedding again.

[b]vreid associate runs/day1 --far 0.05[/b]

[b]vreid associate runs/day1 --method hungarian --config my-site.yaml[/b]

""" + "\n\n".join(
    (
        "What is not given stays as the run has it. Tables, tracks, index and report are written again, all at once or "
        "not at all; pictures and vectors stay. Annotated videos stay, too, with the former names.",
        "Methods: average-link joins the most alike groups of stays first; hungarian matches cameras with each other "
        "one to one; online takes stays as they end, as a stream has to. What is impossible is never joined by any.",
        "Exit codes: 0 done; 2 nothing was changed, the message says why; 130 stopped by Ctrl-C, nothing was changed; "
        "1 it failed, for instance on a full disk, nothing was changed.",
    )
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("associate", help=_HELP)(associate)


def associate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run of `vreid run`.", show_default=False)],
    method: Annotated[str | None, typer.Option(help="average-link, hungarian or online.", show_default=False)] = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Similarity, up to 1, from which two stays are the same person. Without it the calibration and --far "
            "decide.",
            show_default=False,
        ),
    ] = None,
    far: Annotated[
        float | None,
        typer.Option(
            help="Accepted chance that someone who is not among the others is taken for any of them; a threshold of "
            "the run does not count then.",
            show_default=False,
        ),
    ] = None,
    k_reciprocal: Annotated[
        int | None,
        typer.Option(
            help="Draw stays together that are among each other's so many nearest before joining, such as 3; 0 is off. "
            "Finds more of the true links, and makes more false ones at the same --far.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="A site's file; its association and topology replace the run's.", show_default=False),
    ] = None,
) -> None:
    """Associate anew; the help text is `_HELP`."""
    from pipeline.reassociation import reassociate, settings_of
    from pipeline.run_directory import RunDirectory
    from pipeline.site import load_site
    from reid.config import override

    before = RunDirectory(run)
    settings, topology = settings_of(before)
    if config is not None:
        site = load_site(config)
        settings, topology = site.association, site.topology
    flags = {"method": method, "threshold": threshold, "far": far, "k_reciprocal": k_reciprocal}
    given = {key: value for key, value in flags.items() if value is not None}
    if far is not None and threshold is None:
        settings = settings.model_copy(update={"threshold": None})
    settings = override(settings, given, where="command line")
    counts = before.manifest["counts"]
    with drop_on_signals("stopped; nothing was changed"):
        after = reassociate(run, settings, topology, warn=warn)
    now = after.manifest["counts"]
    stdout.print(
        f"{now['identities']} people ({counts['identities']} before), {now['unknown_tracklets']} of "
        f"{now['tracklets']} stays unknown ({counts['unknown_tracklets']} before)",
        soft_wrap=True,
    )
    stdout.print(f"open {after.report}", soft_wrap=True)
