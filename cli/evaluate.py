"""`vreid evaluate`: from a run and the truth to figures."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import stdout, warn

if TYPE_CHECKING:
    from rich.table import Table

    from pipeline.evaluation import Evaluation, Scored
    from pipeline.evaluation_detection import DetectionScores
    from pipeline.evaluation_tracking import TrackingScores

_UNTRAINED = "People were told apart by an untrained network: what is said of all cameras is not to be trusted."
_SCORES = "Scores: fractions, 1 is perfect; overlap 0.5 (HOTA and its parts: 0.05 to 0.95)"
_CEILING = (
    "Ceiling: the same boxes with the true identities. What it lacks is lost by detection, the rest by identities."
)

# Typer keeps the line breaks of a docstring, so every paragraph is one line here.
_HELP = """Score a run against ground truth.

[b]vreid evaluate my-run --truth scene[/b]

[b]vreid evaluate my-run --truth scene/truth --json > scores.json[/b]

""" + "\n\n".join(
    (
        "Recall is the share of people who were found, frame by frame; precision the share of boxes that show someone "
        "(overlap 0.5). HOTA, its two halves DetA (who was found) and AssA (who was called the same), IDF1, MOTA and "
        "id switches are TrackEval's. All figures are fractions: 1 is perfect. Over all cameras a person must bear one "
        "id in all of them.",
        "The ceiling is the same boxes with the true identities, so that you see whether detection or identities "
        "lose the rest.",
        "Truth is MOTChallenge text, a file for each camera, with ids that hold across cameras, as [b]vreid synth "
        "scene[/b] writes it. People whose box is lower than 40 px, of whom less than a quarter is seen, or whom the "
        "file marks so, are ignored: neither missed nor false.",
        "Exit codes: 0 scored, with a warning for each camera that only one side knows; 2 nothing was scored, the "
        "message says why.",
    )
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate", help=_HELP)(evaluate)


def evaluate(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="RUN",
            help="A run of `vreid run`, or a folder of <camera>.txt in MOTChallenge's result format.",
            show_default=False,
        ),
    ],
    truth: Annotated[
        Path,
        typer.Option(
            help="A folder of <camera>.txt in MOTChallenge's ground-truth format, or a scene of `vreid synth scene`.",
            show_default=False,
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of tables.")] = False,
) -> None:
    """Score; the help text is `_HELP`."""
    from pipeline.evaluation import evaluate as score
    from pipeline.evaluation_inputs import read_result, read_truth_folder
    from pipeline.evaluation_record import evaluation_record

    result = read_result(run)
    evaluation = score(result.boxes, read_truth_folder(truth), result.analysed)
    for line in evaluation.warnings:
        warn(line)
    if as_json:
        record = evaluation_record(evaluation)
        typer.echo(json.dumps({**record, "run": str(run), "truth": str(truth), "trained": result.trained}, indent=2))
        return
    print_scores(evaluation)
    if result.trained is False:
        stdout.print(f"\n{_UNTRAINED}")


def print_scores(evaluation: Evaluation) -> None:
    """Print the figures as tables.

    Args:
        evaluation: what to print.
    """
    stdout.print(_scores_table(evaluation))
    stdout.print(_CEILING)
    stdout.print(_detection_table(evaluation.all_cameras.detection))
    stdout.print(_clear_line(evaluation.all_cameras.detection))


def _scores_table(evaluation: Evaluation) -> Table:
    from rich.text import Text

    table = _table(_SCORES, "recall", "prec.", "HOTA", "DetA", "AssA", "IDF1", "MOTA", "switches")
    rows = [*evaluation.cameras.items(), ("all cameras", evaluation.all_cameras)]
    for name, scored in rows:
        table.add_row(
            Text(name), *_row(scored, scored.tracking), style="bold" if scored is evaluation.all_cameras else ""
        )
    table.add_section()
    for name, scored in rows:
        table.add_row(Text(f"{name}, ceiling"), *_row(scored, scored.ceiling), style="dim")
    return table


def _row(scored: Scored, tracking: TrackingScores) -> list[str]:
    shares = (scored.detection.recall.value, scored.detection.precision.value)
    figures = (tracking.hota, tracking.det_a, tracking.ass_a, tracking.idf1, tracking.mota)
    return [*map(_figure, shares + figures), str(tracking.id_switches)]


def _detection_table(detection: DetectionScores) -> Table:
    from pipeline.evaluation_detection import HEIGHT_EDGES_PX, VISIBILITY_EDGES

    visible = [f"{_band(low, high)} seen" for low, high in pairwise(VISIBILITY_EDGES)]
    table = _table("\nShare of people found, by height and by how much is seen", *visible, "prec.", "people", "boxes")
    heights = pairwise(HEIGHT_EDGES_PX)
    for (low, high), recalls, precision in zip(
        heights, detection.recall_by_height, detection.precision_by_height, strict=True
    ):
        table.add_row(
            f"{_band(low, high)} px",
            *(_figure(recall.value) for recall in recalls),
            _figure(precision.value),
            str(sum(recall.whole for recall in recalls)),
            str(precision.whole),
        )
    return table


def _clear_line(detection: DetectionScores) -> str:
    from pipeline.evaluation_detection import CLEAR_HEIGHT_PX, CLEAR_VISIBILITY

    return (
        f"Unoccluded people at least {CLEAR_HEIGHT_PX:.0f} px high (at least {CLEAR_VISIBILITY:g} seen): recall "
        f"{_figure(detection.clear_recall.value)} of {detection.clear_recall.whole}, precision "
        f"{_figure(detection.clear_precision.value)} of {detection.clear_precision.whole}."
    )


def _table(title: str, *columns: str) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="bold")
    table.add_column("", overflow="fold")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True, min_width=len(column))
    return table


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _band(low: float, high: float) -> str:
    """Write where something lies: <100, 100-200, 200+."""
    if low == 0:
        return f"<{high:g}"
    return f"{low:g}-{high:g}" if high < float("inf") else f"{low:g}+"
