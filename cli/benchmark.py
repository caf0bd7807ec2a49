"""`vreid benchmark`: scores that name their protocol."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from cli.options import MultiValueCommand, split_place
from cli.output import say, stdout

# Typer keeps the line breaks of a docstring, so every paragraph is one line here.
_HELP = """Score re-identification models on data sets, by protocols that have names.

[b]vreid benchmark[/b]   what there is: data sets in VREID_DATA, else made-up people; trainings in runs/

[b]vreid benchmark mars=/data/MARS --checkpoint dcct.safetensors --rerank[/b]

[b]vreid benchmark mars ilids synthetic --checkpoint runs/train-mars-dcct* --protocol mars-official mars-9330[/b]

[b]vreid benchmark folder=my-tracklets --checkpoint best.safetensors --clips dense --flip[/b]

""" + "\n\n".join(
    (
        "Query and gallery are embedded once, by what [b]vreid run[/b] embeds with, and every vector that a model "
        "offers is scored from that one pass. Beside the scores stands what the model's paper reports, which its "
        "authors measured, not vreid. Several data sets in one call give scores across domains.",
        "Protocols: mars-official (all 12,180 tracklets are searched), mars-9330 (those that are no queries), "
        "dukemtmc-official, ilids-10, prid-10 (ten splits: mean and deviation), synthetic, folder. A query's own "
        "person in its own camera never counts. A query whose person no other camera has seen is counted and named, "
        "not scored.",
        "Vectors are kept in ~/.cache/vreid/embeddings (or the folder in VREID_EMBEDDINGS), so that scoring again "
        "takes seconds and a stopped embedding goes on. They can recognise people; delete the folder to delete them, "
        "or keep none with --no-cache.",
        "The folder it makes holds the table as benchmark.md, .csv and .json, and pictures of people: ranked lists to "
        "look at. Deleting it deletes them.",
        "Exit codes: 0 all went well; 2 nothing was done, the message says why; 130 stopped by Ctrl-C; 1 it broke off, "
        "for instance on a full disk.",
    )
)
_BATCH = 8  # clips in one forward


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("benchmark", cls=MultiValueCommand, help=_HELP)(benchmark)


def benchmark(
    data_sets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[DATASET|DATASET=PATH ...]", help="What to score on; before all options.", show_default=False
        ),
    ] = None,
    checkpoint: Annotated[
        list[str] | None,
        typer.Option(
            "--checkpoint",
            "--weights",
            help="Checkpoints, by path or name as for vreid run --weights, or folders of trainings. Takes several "
            "values. Default: the trainings in runs/; where there are none, colour histograms and the network that "
            "vreid run would take.",
            show_default=False,
        ),
    ] = None,
    protocol: Annotated[
        list[str] | None,
        typer.Option("--protocol", help="Protocols by name. Default: each data set's first.", show_default=False),
    ] = None,
    ap: Annotated[str, typer.Option(help="Average precision at hits, or by trapezoid as in MATLAB.")] = "hits",
    distance: Annotated[str, typer.Option(help="cosine or euclidean.")] = "cosine",
    clips: Annotated[str, typer.Option(help="Clips of a tracklet: even, first, dense, frames:32.")] = "even",
    flip: Annotated[bool, typer.Option("--flip", help="Average with mirror images.")] = False,
    same_camera: Annotated[
        bool, typer.Option("--same-camera", help="Finding a person in the query's own camera counts.")
    ] = False,
    rerank: Annotated[bool, typer.Option("--rerank", help="Also k-reciprocal re-ranking, in rows of its own.")] = False,
    expand: Annotated[
        int, typer.Option(min=0, help="Also query expansion by so many neighbours, in rows of its own.")
    ] = 0,
    speed: Annotated[
        bool, typer.Option("--speed", help="Also parameters, MACs, clips a second and memory of each network.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="The folder to make. Default: runs/benchmark-TIME.", show_default=False)
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the benchmark that stands at --out.")] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Neither keep vectors nor use kept ones.")] = False,
    memory: Annotated[int, typer.Option(min=1, help="MiB that similarities may take at a time.")] = 256,
    device: Annotated[str, typer.Option(help="auto (the GPU if there is one), cpu, cuda, cuda:1.")] = "auto",
    half: Annotated[bool, typer.Option("--half", help="Embed in half precision, on a GPU.")] = False,
) -> None:
    """Score; the help text is `_HELP`."""
    from cli.benchmark_table import benchmark_progress, print_rows
    from reid.benchmark.finding import checkpoints_there, data_sets_there, open_contestants, open_splits
    from reid.benchmark.session import MARKER, run_benchmark
    from reid.benchmark.settings import BenchmarkSettings
    from reid.device import choose_device
    from reid.embedding_cache import embeddings_folder
    from reid.metrics import AveragePrecision, Distance
    from reid.output_folder import check_output
    from reid.reranking import Reranking

    for flag, value, known in (("--ap", ap, AveragePrecision), ("--distance", distance, Distance)):
        if value not in get_args(known):
            raise typer.BadParameter(f"{flag} is {' or '.join(get_args(known))}, not {value!r}")
    on = choose_device(device)
    settings = BenchmarkSettings(
        policy=clips,
        flip=flip,
        protocols=tuple(protocol or ()),
        average_precision=cast(AveragePrecision, ap),
        distance=cast(Distance, distance),
        same_camera=same_camera,
        reranking=Reranking() if rerank else None,
        expansion=expand,
        speed=speed,
        most_bytes=memory * 2**20,
        device=on,
    )
    places = [split_place(text) for text in data_sets or data_sets_there()]
    place = out or Path("runs") / f"benchmark-{datetime.now().strftime('%Y-%m-%d_%H-%M-%S')}"
    check_output(place, marker=MARKER, what="a benchmark", overwrite=overwrite)
    choices: list[str] = []
    contestants = open_contestants(
        checkpoint or checkpoints_there(),
        device=on,
        half=half,
        batch_size=_BATCH,
        policy=clips,
        flip=flip,
        tell=choices.append,
    )
    with benchmark_progress(keeps=not no_cache) as progress:
        opened = [open_splits(name, root, device=on, on_rendered=progress.on_rendered) for name, root in places]
        rows = run_benchmark(
            opened,
            contestants,
            settings,
            place,
            cache=None if no_cache else embeddings_folder(),
            about={"command": sys.argv[1:], "started": datetime.now(UTC).isoformat(timespec="seconds"), "half": half},
            overwrite=overwrite,
            listener=progress,
        )
    for choice in choices:
        say(choice)
    print_rows(rows)
    stdout.print(f"in {place}", soft_wrap=True)
