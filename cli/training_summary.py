"""The tables at the end of a training."""

from __future__ import annotations

from rich.table import Table

from cli.output import stdout
from reid.calibrating import Measured
from reid.metrics import RankingScores
from reid.training import Judgement

_RANKS = (1, 5, 10, 20)


def print_judgement(judgement: Judgement) -> None:
    """Print the scores on the test set, what they compare with, and the match threshold."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("test set")
    for column in ("mAP", *(f"R{k}" for k in _RANKS)):
        table.add_column(column, justify="right")
    for variant, scores in judgement.scores.items():
        mark = " (for vreid run)" if variant == judgement.run_variant else ""
        table.add_row(f"{variant}{mark}", *_cells(scores))
    for kind, scores in judgement.colour_histograms.items():
        table.add_row(f"colour histogram, {kind}", *_cells(scores), style="dim")
    table.add_row("by chance", f"{judgement.chance_map:.2%}", style="dim")
    stdout.print(table)
    first = next(iter(judgement.scores.values()))
    stdout.print(
        f"{judgement.checkpoint.name}, after epoch {judgement.epochs}; {first.queries} queries"
        + (f", {first.without_match} more without a match in another camera" if first.without_match else ""),
        soft_wrap=True,
    )
    if judgement.expected_map is not None:
        reached = judgement.scores[judgement.run_variant].mean_ap
        verdict = "reached" if reached >= judgement.expected_map else "NOT reached"
        stdout.print(f"the recipe states a mAP of {judgement.expected_map:.1%}: {verdict}", soft_wrap=True)
    if judgement.measured is not None:
        stdout.print("\nmatch threshold, from held-out people; it is in the checkpoint:", soft_wrap=True)
        print_rates(judgement.measured)


def print_rates(measured: Measured) -> None:
    """Print thresholds with their rates."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("false matches", "people to choose from", "threshold", "true matches"):
        table.add_column(column, justify="right")
    for rate in measured.rates:
        table.add_row(
            f"{'' if rate.measured else 'above '}{rate.far:.2%}",
            str(rate.gallery_size),
            f"{rate.threshold:.3f}",
            f"{rate.true_match_rate:.1%}",
        )
    stdout.print(table)


def _cells(scores: RankingScores) -> list[str]:
    return [f"{scores.mean_ap:.2%}", *(f"{scores.rank(k):.2%}" for k in _RANKS)]
