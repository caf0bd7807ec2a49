"""`vreid explain`: from a checkpoint and crops to pictures of what the network looks at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.bar import bar
from cli.options import MultiValueCommand
from cli.output import stdout, warn

if TYPE_CHECKING:
    from reid.explain.album import Explained, Written

# Typer keeps the line breaks of a docstring, so every paragraph is one line here.
_HELP = """Look inside a network: what it attends to in the pictures of a person.

[b]vreid explain --checkpoint dcct.safetensors --crops my-run/crops/gate/12[/b]

[b]vreid explain --checkpoint dcct.safetensors --crops my-run/crops/gate/12 my-run/crops/hall/7 --out compared[/b]

[b]vreid explain --checkpoint untrained:mstat-compact --crops my-run/crops[/b]

""" + "\n\n".join(
    (
        "It writes the pictures that the papers print, as PNG files with the frames beside the maps: Grad-CAM of the "
        "backbones for every model; DCCT's self- and cross-attention (CCA) and its gates (HTA); STCA's cross "
        "attention; DenseIL's attention to levels and frames; MSTAT's proxies, where they look and how alike they are. "
        "The network sees the very clip that `vreid run` would embed.",
        "The pictures show people. Deleting the folder deletes them; nothing is kept elsewhere.",
        "Exit codes: 0 all went well; 2 nothing was written, the message says why; 130 stopped by Ctrl-C, nothing was "
        "kept; 1 writing failed, for instance on a full disk.",
    )
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("explain", cls=MultiValueCommand, help=_HELP)(explain)


def explain(
    checkpoint: Annotated[
        str,
        typer.Option(
            help="A checkpoint, by path or name as for vreid run --weights.",
            show_default=False,
        ),
    ],
    crops: Annotated[
        list[Path],
        typer.Option(
            "--crops",
            help="A folder of images of one person, in the order of their names, such as one in a run's `crops`; or a "
            "folder of such folders, each of which gets pictures of its own. Takes several values.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="The folder to make. Default: explain/<date and time>.", show_default=False)
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the folder of pictures at --out, with all that is in it.")
    ] = False,
    frames: Annotated[
        int | None,
        typer.Option(
            help="How many of the clip's frames to show. Default: all that the checkpoint takes, at most 8.",
            show_default=False,
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="What to compute on: cpu, cuda, cuda:1.")] = "cpu",
) -> None:
    """Write the pictures; the help text is `_HELP`."""
    from reid.explain.album import write_album
    from reid.explain.tracklets import find_crop_folders

    tracklets = find_crop_folders(crops)
    explained = _open(checkpoint, device)
    if not explained.trained:
        weights = f"the network {explained.model.name} was never trained (its start is {explained.weights})"
        warn(f"untrained: {weights}; the pictures show how it works, not what it has learned")
    out = out or Path("explain") / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    with bar("tracklets", len(tracklets)) as advance:
        written = write_album(
            explained, tracklets, out, num_shown=frames, overwrite=overwrite, on_tracklet=lambda: advance(1)
        )
    _print_summary(written, out)


def _open(checkpoint: str, device: str) -> Explained:
    """Open a checkpoint, or build a model with random weights."""
    from reid.checkpoints import load_checkpoint
    from reid.device import usable_device
    from reid.explain.album import Explained
    from reid.models import build_model
    from reid.named_weights import find_named
    from reid.preprocess import Preprocessing

    on = usable_device(device)
    named = find_named(checkpoint)
    if named.path is None:
        model = build_model(str(named.preset), seed=0)
        preprocessing, trained, weights = Preprocessing(model.config.image_size_hw), False, "random"
    else:
        opened = load_checkpoint(named.path)
        model, preprocessing = opened.model, opened.metadata.preprocessing
        trained, weights = opened.metadata.provenance.trained, str(named.path.absolute())
    return Explained(model.to(on).eval(), preprocessing, trained, weights)


def _print_summary(written: Sequence[Written], out: Path) -> None:
    """Print every picture, or every kind of picture where there are several tracklets, and where they are."""
    from rich.table import Table

    tracklets = list(dict.fromkeys(each.tracklet for each in written if each.tracklet is not None))
    table = Table(title=None, box=None, pad_edge=False, header_style="bold")
    table.add_column("file", no_wrap=True)
    table.add_column("shows")
    rows: dict[str, str] = {}
    for each in written:
        name = each.file if len(tracklets) < 2 or each.tracklet is None else f"*/{Path(each.file).name}"
        rows.setdefault(name, each.shows)
    for name, shows in rows.items():
        table.add_row(name, shows)
    stdout.print(table)
    if len(tracklets) > 1:
        stdout.print(f"{len(tracklets)} tracklets, * is one of {', '.join(tracklets)}", soft_wrap=True)
    stdout.print(f"{len(written)} picture{'s' * (len(written) != 1)} in {out}", soft_wrap=True)
