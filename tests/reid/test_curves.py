"""Learning curves: what is drawn, and that it is all in view."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import reid.curves
from reid.curves import draw_curves
from reid.figures import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STAGES = ("base_cnn", "base_transformer", "complementary_cnn", "complementary_transformer", "final")
TERMS = (
    *(f"{kind}/{stage}" for kind in ("ce", "triplet") for stage in STAGES),
    "logit_distillation",
    "feature_distillation",
)


def records(epochs: int, terms: tuple[str, ...], look_every: int) -> list[dict[str, Any]]:
    """Make a log of a training whose loss falls and whose scores rise, with the best one before the end."""
    made = []
    for epoch in range(1, epochs + 1):
        left = float(np.exp(-4 * epoch / epochs))
        values = {name: 0.1 * (1 + number) + 6 * left for number, name in enumerate(terms)}
        look = {"map": 0.8 - 0.7 * left, "r1": 0.9 - 0.7 * left, "r5": 0.95}
        if epoch == epochs:
            look["map"] -= 0.1
        made.append(
            {
                "epoch": epoch,
                "step": 10 * epoch,
                "lr": 1e-3 * left,
                "loss": sum(values.values()),
                "terms": values,
                "clips_per_s": 10.0,
                "seconds": 5.0,
                "broken": 0,
                "held_out": look if epoch % look_every == 0 or epoch == epochs else None,
            }
        )
    return made


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were saved."""
    figures: list[Figure] = []

    def saving(figure: Figure, path: Path) -> None:
        save_figure(figure, path)
        figures.append(figure)

    monkeypatch.setattr(reid.curves, "save_figure", saving)
    return figures


def lines(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    return {
        str(line.get_label()).split(",")[0]: (list(line.get_xdata()), list(line.get_ydata()))  # type: ignore[arg-type]
        for line in axes.get_lines()
        if not str(line.get_label()).startswith("_")
    }


@pytest.mark.parametrize(
    ("epochs", "terms"), [(1, TERMS[:1]), (1, TERMS), (12, TERMS[4:6]), (400, TERMS)], ids=["1", "1x12", "12", "400x12"]
)
def test_all_of_it_is_drawn_and_legends_cover_nothing(
    epochs: int, terms: tuple[str, ...], tmp_path: Path, drawn: list[Figure]
) -> None:
    log = records(epochs, terms, 5)
    draw_curves(log, tmp_path / "curves.png")
    [figure] = drawn
    losses, rate, held_out = figure.axes
    every = list(range(1, epochs + 1))
    assert lines(losses) == {
        "loss (weighted sum)": (every, [each["loss"] for each in log]),
        **{name: (every, [each["terms"][name] for each in log]) for name in terms},
    }
    np.testing.assert_array_equal(rate.get_lines()[0].get_ydata(), [each["lr"] for each in log])
    looks = [each for each in log if each["held_out"]]
    assert lines(held_out) == {
        "mAP": ([each["epoch"] for each in looks], [100 * each["held_out"]["map"] for each in looks]),
        "rank 1": ([each["epoch"] for each in looks], [100 * each["held_out"]["r1"] for each in looks]),
    }
    whole = figure.bbox
    for axes in (losses, held_out):
        legend = axes.get_legend()
        assert legend is not None
        box = legend.get_window_extent()
        assert not any(box.overlaps(other.get_window_extent()) for other in figure.axes)
        assert (box.x0 >= whole.x0, box.y0 >= whole.y0, box.x1 <= whole.x1, box.y1 <= whole.y1) == (True,) * 4
    for axes in figure.axes:
        box = axes.get_window_extent()
        assert box.width > 0.25 * whole.width
        assert box.height > 0.25 * whole.height


def test_no_two_terms_look_the_same(tmp_path: Path, drawn: list[Figure]) -> None:
    draw_curves(records(50, TERMS, 5), tmp_path / "curves.png")
    looks = {(str(line.get_color()), line.get_linestyle()) for line in drawn[0].axes[0].get_lines()}
    assert len(looks) == len(TERMS) + 1


def test_the_best_score_is_marked(tmp_path: Path, drawn: list[Figure]) -> None:
    log = records(20, TERMS[:1], 5)
    draw_curves(log, tmp_path / "curves.png")
    *_, mark = drawn[0].axes[2].get_lines()
    best = log[14]["held_out"]["map"]
    assert (list(mark.get_xdata()), list(mark.get_ydata())) == ([15], [100 * best])  # type: ignore[arg-type]
    legend = drawn[0].axes[2].get_legend()
    assert legend is not None
    assert legend.get_texts()[0].get_text() == f"mAP, best {best:.1%}\nafter epoch 15"


def test_without_held_out_people_and_with_zero_losses(tmp_path: Path, drawn: list[Figure]) -> None:
    log = records(3, TERMS[:2], 5)
    for number, each in enumerate(log):
        each["held_out"] = None
        each["lr"] = 0.0
        each["terms"][TERMS[1]] = 0.0 if number else -1.0
    draw_curves(log, tmp_path / "curves.png")
    losses, rate, held_out = drawn[0].axes
    assert [axes.get_yscale() for axes in (losses, rate)] == ["linear", "linear"]
    assert losses.get_ylim()[0] < -1
    assert [text.get_text() for text in held_out.texts] == ["no scores of held-out people yet"]


def test_a_term_that_comes_later_is_drawn_where_it_is(tmp_path: Path, drawn: list[Figure]) -> None:
    log = records(4, TERMS[:2], 5)
    del log[0]["terms"][TERMS[1]]
    draw_curves(log, tmp_path / "curves.png")
    assert lines(drawn[0].axes[0])[TERMS[1]][0] == [2, 3, 4]


def test_nothing_global_is_touched(tmp_path: Path) -> None:
    import matplotlib
    from matplotlib import _pylab_helpers

    before = dict(matplotlib.rcParams)
    draw_curves(records(2, TERMS[:2], 1), tmp_path / "curves.png")
    assert dict(matplotlib.rcParams) == before
    assert not _pylab_helpers.Gcf.figs
