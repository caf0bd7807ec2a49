"""`vreid synth`: made-up people, whose truth is known exactly."""

from __future__ import annotations

import typer

from cli import synth_scene, synth_tracklets

# Typer keeps the line breaks of a docstring, so every paragraph is one line here.
_HELP = "\n\n".join(
    (
        "Make videos and tracklets of people who do not exist, with the truth about them.",
        "No downloads, no permissions, nobody's privacy: bodies, clothes, gaits and places are drawn from a seed, and "
        "the same seed makes the same pictures.",
    )
)


def register(app: typer.Typer) -> None:
    """Add the group and its commands."""
    group = typer.Typer(rich_markup_mode="rich")
    group.callback(invoke_without_command=True, help=_HELP)(_teach)
    synth_scene.register(group)
    synth_tracklets.register(group)
    app.add_typer(group, name="synth")


def _teach(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
