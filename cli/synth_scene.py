"""`vreid synth scene`: videos of people who do not exist, and the truth about them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.bar import bar
from cli.output import stdout
from cli.pairs import read_pair

if TYPE_CHECKING:
    from pipeline.synthetic_scene import SceneFolder


# Typer keeps the line breaks of a docstring, so every paragraph is one line here.
_HELP = """Make videos of people who do not exist and walk from camera to camera, with the truth about them.

[b]vreid synth scene --out scene --cameras 2 --people 12 --seconds 30[/b]

[b]vreid run --config scene/site.yaml --out run[/b]

[b]vreid evaluate run --truth scene[/b]

""" + "\n\n".join(
    (
        "People enter, cross, halt, walk in pairs, hide each other and pass behind things, leave, come back, and walk "
        "to the next camera after some seconds out of sight. Each camera hangs in a place of its own, with its own "
        "light, colours, noise and compression; recordings start at different times, and clocks are off.",
        "The folder holds videos/<camera>.mp4 (H.264), truth/<camera>.txt (MOTChallenge text; a person has one id in "
        "all cameras), site.yaml (for [b]vreid run[/b]: names, start times, clock offsets, how long ways take) and "
        "scene.json (what it was made from, and who was where from when to when). The same numbers make the same "
        "scene again.",
        "Exit codes: 0 all went well; 2 nothing was written, the message says why; 130 stopped by Ctrl-C, nothing was "
        "kept; 1 writing failed, for instance on a full disk.",
    )
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("scene", help=_HELP)(scene)


def scene(
    out: Annotated[Path, typer.Option(help="The folder to make.", show_default=False)],
    cameras: Annotated[int, typer.Option(help="How many; people walk from each to the next or the one before.")] = 2,
    people: Annotated[int, typer.Option(help="How many, over all cameras.")] = 12,
    seconds: Annotated[float, typer.Option(help="Length of each recording.")] = 30.0,
    fps: Annotated[float, typer.Option(help="Frames a second.")] = 10.0,
    size: Annotated[str, typer.Option(help="Width and height of the frames in pixels.")] = "960x540",
    seed: Annotated[int, typer.Option(help="Everything else follows from it; another number is another scene.")] = 0,
    twins: Annotated[
        float, typer.Option(help="Share of the people who look exactly like one other, body and clothes.")
    ] = 0.0,
    device: Annotated[str, typer.Option(help="What to make the pictures on: cpu, cuda, cuda:1.")] = "cpu",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the scene at --out, with all that is in it.")
    ] = False,
) -> None:
    """Write the scene; the help text is `_HELP`."""
    from pipeline.synthetic_scene import write_scene
    from reid.data.synthetic.scenes.scene import SceneOptions
    from reid.device import usable_device

    width, height = read_pair(size, "x", "--size", "960x540", most=100_000)
    options = SceneOptions(
        cameras=cameras, people=people, seconds=seconds, fps=fps, size_hw=(height, width), seed=seed, twins=twins
    )
    usable_device(device)
    with bar("making up frames", options.cameras * options.frames) as advance:
        made = write_scene(options, out, overwrite=overwrite, device=device, on_frame=lambda: advance(1))
    _print_summary(made)


def _print_summary(made: SceneFolder) -> None:
    """Print who is seen where, and what to do next."""
    from rich.table import Table

    table = Table(title=None, box=None, pad_edge=False, header_style="bold")
    table.add_column("camera")
    for column in ("frames", "stays", "people"):
        table.add_column(column, justify="right")
    seen: dict[int, set[str]] = {}
    for stay in made.stays:
        seen.setdefault(stay.person, set()).add(stay.camera)
    for name, frames in made.frames.items():
        own = [stay for stay in made.stays if stay.camera == name]
        table.add_row(name, str(frames), str(len(own)), str(len({stay.person for stay in own})))
    stdout.print(table)
    across = sum(len(cameras) > 1 for cameras in seen.values())
    stdout.print(f"{len(seen)} people, {across} of them seen by several cameras", soft_wrap=True)
    stdout.print(f"next: vreid run --config {made.site} --out run && vreid evaluate run --truth {made.path}",
                 soft_wrap=True)  # fmt: skip
