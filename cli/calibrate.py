"""`vreid calibrate`: a checkpoint's thresholds, measured anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.bar import bar
from cli.options import split_place
from cli.output import stdout

# Typer keeps the line breaks of a docstring, so every paragraph is one line here.
_HELP = """Measure from which likeness two stays are one person, on labelled tracklets of your own or made-up ones.

[b]vreid calibrate dcct-compact folder=my-station folder=my-shop --out my-weights.safetensors[/b]

[b]vreid run --videos a.mp4 b.mp4 --weights my-weights.safetensors[/b]

[b]vreid calibrate my.safetensors synthetic=made-up --with-train --out new.safetensors[/b]

""" + "\n\n".join(
    (
        "A checkpoint knows how alike different people look to it, and vreid run sets its threshold by that. Training "
        "measures it on people that were held out. Where yours look more alike to it than those (everybody in "
        "uniform, harsh light), measure it on some of yours: every tracklet is compared with everybody else of its "
        "data set. Each data set is one place, and people of different places are never compared.",
        "A data set is NAME=FOLDER, as for vreid benchmark; vreid data check --help says how a folder of your own "
        "must look. Used is the test half, of people that nobody trains on; --with-train adds the other one, for data "
        "that these weights were not trained on.",
        "The weights stay what they are: vectors, galleries and runs made with the old file go with the new one. "
        "Beside it comes a picture of what was measured, as PNG; no pictures of people are in either.",
        "Exit codes: 0 done; 2 nothing was written, the message says why; 130 stopped by Ctrl-C, nothing was kept; 1 "
        "writing failed.",
    )
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("calibrate", help=_HELP)(calibrate)


def calibrate(
    weights: Annotated[
        str, typer.Argument(metavar="WEIGHTS", help="A checkpoint: name or path, as in vreid run.", show_default=False)
    ],
    data_sets: Annotated[
        list[str], typer.Argument(metavar="NAME=FOLDER...", help="Labelled tracklets.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="The checkpoint to write, .safetensors.", show_default=False)],
    with_train: Annotated[bool, typer.Option("--with-train", help="Use the training half of each set too.")] = False,
    device: Annotated[str, typer.Option(help="auto (the GPU if there is one), cpu, cuda, cuda:1.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace both files.")] = False,
) -> None:
    """Calibrate; the help text is `_HELP`."""
    from cli.training_summary import print_rates
    from reid.calibrating import draw_calibration
    from reid.checkpoints import SUFFIX, replace_calibration
    from reid.data.catalogue import load_data_set
    from reid.device import choose_device
    from reid.named_weights import find_named
    from reid.output_folder import check_new_file
    from reid.recalibrating import measure_places

    if out.suffix != SUFFIX:
        raise typer.BadParameter(f"--out {out}: a checkpoint's name ends in {SUFFIX}")
    check_new_file(out, overwrite=overwrite)
    picture = out.with_suffix(".png")
    check_new_file(picture, overwrite=overwrite)
    named = find_named(weights)
    if named.path is None:
        raise typer.BadParameter(f"{weights} is a network of random weights; there is nothing to calibrate")
    embedder = named.open(choose_device(device))
    places = []
    for name, root in map(split_place, data_sets):
        data_set = load_data_set(name, root).data_set
        tracklets = (*data_set.train, *data_set.test) if with_train else data_set.test
        places.append(([record for record in tracklets if record.person_id >= 1], data_set.source))
    with bar("looking at tracklets", sum(len(tracklets) for tracklets, _ in places)) as advance:
        measured = measure_places(embedder, places, on_tracklets=advance)
    replace_calibration(named.path, measured.calibration, out)
    draw_calibration(measured, picture, title=f"{', '.join(data_sets)}: {out.name}")
    stdout.print(f"match threshold, from {measured.calibration.pairs:,} comparisons; it is in {out}:", soft_wrap=True)
    print_rates(measured)
    stdout.print(f"a picture of it: {picture}", soft_wrap=True)
