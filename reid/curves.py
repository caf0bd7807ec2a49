"""Learning curves: what the log of a training says, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reid.figures import BLUE, COLOURS, GREY, INK, ORANGE, legend_beside, new_figure, save_figure, scale, tidy

if TYPE_CHECKING:
    from reid.figures import Axes

_STYLES = ("-", "--", ":")  # after every colour was used once, all of them again in the next style
_FEW_EPOCHS = 40  # up to which each has a dot


def draw_curves(records: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw the loss with its terms, the learning rate, and how held-out people are found.

    Args:
        records: the log's, one an epoch, as `reid.run_log.RunLog.epoch` takes them; at least one.
        path: of the PNG file; replaced if it stands there.

    Raises:
        OutputError: it cannot be written.
    """
    figure = new_figure(1500, 1000)
    if figure is None:
        return
    grid = figure.add_gridspec(2, 2, height_ratios=(3, 2))
    charts = [figure.add_subplot(place) for place in (grid[0, :], grid[1, 0], grid[1, 1])]
    for draw, axes in zip((_draw_losses, _draw_learning_rate, _draw_held_out), charts, strict=True):
        draw(axes, records)
        axes.set_xlim(0.5, 1.01 * records[-1]["epoch"] + 0.5)
        axes.locator_params(axis="x", integer=True, min_n_ticks=1)
    save_figure(figure, path)


def _draw_losses(axes: Axes, records: Sequence[Mapping[str, Any]]) -> None:
    """Draw the terms over a broad line of the total."""
    totals = [record["loss"] for record in records]
    axes.plot(
        _epochs(records), totals, color=INK, linewidth=3, alpha=0.7, label="loss (weighted sum)", **_dots(records)
    )
    everything = list(totals)
    names = dict.fromkeys(name for record in records for name in record["terms"])
    for index, name in enumerate(names):
        some = [record for record in records if name in record["terms"]]
        values = [record["terms"][name] for record in some]
        colour, style = COLOURS[index % len(COLOURS)], _STYLES[index // len(COLOURS) % len(_STYLES)]
        axes.plot(_epochs(some), values, style, color=colour, linewidth=1.3, label=name, **_dots(some))
        everything += values
    scale(axes, everything)
    tidy(axes, title="Loss, and its terms before weighting: means over each epoch", x="epoch", y="loss")
    legend_beside(axes)


def _draw_learning_rate(axes: Axes, records: Sequence[Mapping[str, Any]]) -> None:
    rates = [record["lr"] for record in records]
    axes.plot(_epochs(records), rates, color=BLUE, linewidth=1.6, **_dots(records))
    scale(axes, rates)
    tidy(axes, title="Learning rate", x="epoch", y="at the end of the epoch")


def _draw_held_out(axes: Axes, records: Sequence[Mapping[str, Any]]) -> None:
    looks = [record for record in records if record["held_out"] is not None]
    tidy(axes, title="People held out of the training set", x="epoch", y="%")
    axes.set_ylim(0, 100)
    if not looks:
        axes.text(0.5, 0.5, "no scores of held-out people yet", transform=axes.transAxes, ha="center", color=GREY)
        return
    best = max(looks, key=lambda look: float(look["held_out"]["map"]))
    label = f"mAP, best {best['held_out']['map']:.1%}\nafter epoch {best['epoch']}"
    for key, name, colour, style in (("map", label, BLUE, "-"), ("r1", "rank 1", ORANGE, "--")):
        values = [100 * look["held_out"][key] for look in looks]
        axes.plot(_epochs(looks), values, style, color=colour, linewidth=1.8, label=name, **_dots(looks))
    axes.plot(best["epoch"], 100 * best["held_out"]["map"], "o", color=BLUE, markersize=9, markerfacecolor="none")
    legend_beside(axes)


def _epochs(records: Sequence[Mapping[str, Any]]) -> list[int]:
    return [record["epoch"] for record in records]


def _dots(points: Sequence[object]) -> dict[str, Any]:
    """One point alone is no line, and few are easier to see with dots."""
    return {"marker": "o", "markersize": 3.5} if len(points) <= _FEW_EPOCHS else {}
