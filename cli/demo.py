"""`vreid demo`: made-up people, a run on them, and its score against the truth."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.bar import bar
from cli.output import stderr, stdout, warn
from cli.run import exit_code, run_with_progress

if TYPE_CHECKING:
    from pipeline.evaluation import Evaluation
    from pipeline.synthetic_scene import SceneFolder
    from reid.data.synthetic.scenes.scene import SceneOptions

# Typer keeps the line breaks of a docstring, so every paragraph is one line here.
_HELP = """Show within two minutes what vreid does, with no videos of your own and no network.

[b]vreid demo[/b]

[b]vreid demo --detector yolo11n_openvino_model --seed 3[/b]

""" + "\n\n".join(
    (
        "Twelve made-up people walk past two made-up cameras for twenty seconds; [b]vreid run[/b] tells who was where "
        "and when, with everything at its default; and since the truth about made-up people is known, the result gets "
        "a score: recall and precision of the boxes, IDF1 in each camera and over both, and the ceiling, which is the "
        "IDF1 that the same boxes would have with the true identities.",
        "The scene is kept in ~/.cache/vreid/scenes (or the folder in VREID_SCENES) for the next time, the run in "
        "--out. Nobody in them exists; deleting the folders deletes everything.",
        "Exit codes: as of [b]vreid run[/b].",
    )
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", help=_HELP)(demo)


def demo(
    out: Annotated[
        Path | None, typer.Option(help="The run to make. Default: runs/demo-<date and time>.", show_default=False)
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run in --out.")] = False,
    seed: Annotated[int, typer.Option(help="Another number is another scene: other people, other places.")] = 0,
    detector: Annotated[
        str | None,
        typer.Option(help="As in `vreid run`: YOLO weights, hog or auto. Default: auto.", show_default=False),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="As in `vreid run`; untrained:dcct-compact shows what training is worth. Default: auto.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make, run, score; the help text is `_HELP`."""
    from pipeline.demo import demo_options, score_run
    from pipeline.run_directory import check_output
    from pipeline.site import load_site
    from reid.config import override

    options = demo_options(seed)
    out = out or Path("runs") / datetime.now().strftime("demo-%Y-%m-%d_%H-%M-%S")
    check_output(out, overwrite=overwrite)
    started_s = time.monotonic()
    scene = _scene(options)
    settings = load_site(scene.site)
    given = {"detector.name": detector, "embedder.weights": weights}
    settings = override(
        settings, {key: value for key, value in given.items() if value is not None}, where="command line"
    )
    run = run_with_progress(settings, out, overwrite)
    evaluation = score_run(run.path, scene)
    for line in evaluation.warnings:
        warn(line)
    _print_scores(evaluation, trained=run.manifest["embedder"]["trained"])
    for line in (
        f"{time.monotonic() - started_s:.0f} s in all; every figure: vreid evaluate {run.path} --truth {scene.path}",
        f"kept: the scene in {scene.path}, the run in {run.path}; nobody there exists, delete the folders at will",
        f"open {run.report}",
    ):
        stdout.print(line, soft_wrap=True)
    raise typer.Exit(exit_code(run.manifest))


def _scene(options: SceneOptions) -> SceneFolder:
    """Take the scene that is kept, or make it."""
    from pipeline.demo import keep_scene, kept_scene

    kept = kept_scene(options)
    if kept is not None:
        return kept
    stderr.print(f"making up {options.people} people and {options.cameras} cameras ...")
    with bar("making up frames", options.cameras * options.frames) as advance:
        return keep_scene(options, lambda: advance(1))


def _print_scores(evaluation: Evaluation, *, trained: bool) -> None:
    """Print who was found and who was told apart, against what was there to see."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("against the truth")
    for column in ("recall", "precision", "IDF1", "ceiling"):
        table.add_column(column, justify="right")
    everywhere = "all cameras" if trained else "all cameras (untrained)"
    for name, scored in [*evaluation.cameras.items(), (everywhere, evaluation.all_cameras)]:
        detection = scored.detection
        figures = (detection.recall.value, detection.precision.value, scored.tracking.idf1, scored.ceiling.idf1)
        table.add_row(name, *("-" if figure is None else f"{figure:.3f}" for figure in figures))
    stdout.print(table)
    explained = [
        "fractions, 1 is perfect, boxes that overlap by half or more; recall: people found; precision: boxes that show "
        "someone; IDF1: boxes that bear the right name; ceiling: IDF1 if all names were right"
    ]
    if not trained:
        explained.append(
            "untrained: a network without training told people apart; over all cameras expect little of it"
        )
    for line in explained:
        stdout.print(line, soft_wrap=True)
