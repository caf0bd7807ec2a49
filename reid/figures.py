"""Charts as PNG files: the one place that knows the library that draws them. Where it is missing, there are none."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reid.errors import OutputError
from reid.output_file import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
    from matplotlib.figure import Figure as Figure

# Told apart by people of all kinds of colour vision, and in print. Source: Okabe and Ito 2008, Color universal design.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY)
INK, GREY = "#222222", "#777777"

_DOTS_PER_INCH = 120

_LOG = logging.getLogger(__name__)


def new_figure(width_px: int, height_px: int) -> Figure | None:
    """Return an empty figure that arranges its parts by itself; None where matplotlib is missing.

    Nothing of matplotlib's global state is touched, so that figures can be drawn in any thread and beside others.
    """
    figure_type = _figure_type()
    if figure_type is None:
        return None
    size = (width_px / _DOTS_PER_INCH, height_px / _DOTS_PER_INCH)
    figure: Figure = figure_type(figsize=size, dpi=_DOTS_PER_INCH, layout="constrained")
    return figure


def tidy(axes: Axes, *, title: str, x: str, y: str) -> None:
    """Give a chart its words, a faint grid, and no box around it."""
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.set_xlabel(x, fontsize=9, color=INK)
    axes.set_ylabel(y, fontsize=9, color=INK)
    axes.tick_params(labelsize=8, colors=INK)
    axes.grid(True, color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


_SHOWN = 1000.0


def scale(axes: Axes, values: Sequence[float]) -> None:
    """Make the vertical axis logarithmic if its values are positive and differ much, else let it begin at 0.

    A logarithmic one shows three powers of ten below the highest value: a rate that falls to nothing at the very end
    would press all else together.

    Args:
        axes: of a chart.
        values: that are drawn in it.
    """
    least, most = min(values), max(values)
    if least > 0 and most > 5 * least:
        axes.set_yscale("log")
        if least < most / _SHOWN:
            axes.set_ylim(most / _SHOWN, 1.5 * most)
        few_decades = most < 200 * least  # else the powers of ten are enough to read it by
        axes.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if few_decades and f"{value:e}"[0] in "25" else "")
        axes.tick_params(axis="y", which="minor", labelsize=8, labelcolor=INK)
    elif least >= 0:
        axes.set_ylim(0, 1.1 * most or 1)
    axes.yaxis.set_major_formatter("{x:g}")


def legend_beside(axes: Axes) -> None:
    """Put the names of what is drawn beside a chart, where they cover nothing however many there are."""
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0, frameon=False, fontsize=9)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG; a file that stands there is replaced once the new one is whole.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        with whole_file(path) as place:
            figure.savefig(place, format="png")
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error


@cache
def _figure_type() -> Any:
    """Return matplotlib's class of figures, or None; that it is missing is said once."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        _LOG.warning("matplotlib is not installed: no curves are drawn (pip install matplotlib)")
        return None
    return Figure
