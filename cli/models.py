"""`vreid models`: what there is, what it costs, and what the papers say it costs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import show_table, stdout

if TYPE_CHECKING:
    from rich.table import Table

    from reid.models import ReidModel
    from reid.models.macs import PartCost
    from reid.models.paper import PaperFigure

_COLUMNS = (
    "T frames in a clip; GMACs for the clip and for one of its frames; how many numbers the vector has that vreid run "
    "uses, and which of the model's it is (vreid models NAME lists all)."
)
_MISSES = (
    "What is left of the differences: the papers' counters leave embeddings and normalisations out (ViT-Base) or count "
    "more than layers (ResNet-50: 4.07 and 4.10 G a frame where its layers have 4.06); DCCT's psi and the inner widths "
    "of DenseIL's decoder are not printed in full."
)

_HELP = """List the re-identification models, or show what one is made of.

[b]vreid models[/b]

[b]vreid models dcct[/b]

[b]vreid models denseil --frames 4 --json[/b]

""" + "\n\n".join(
    (
        "A name without an ending is the paper's model; [b]-compact[/b] has the same parts in at most 8 M parameters, "
        "for machines without a GPU; [b]-micro[/b] is for tests. Each can be the network of "
        "[b]vreid run --weights CHECKPOINT[/b]; dcct-compact comes trained, [b]--weights untrained:NAME[/b] has random "
        "weights.",
        "MACs are the multiply-accumulates of convolutions, linear layers and normalisations, counted as "
        "the equations are written; papers print them as FLOPs. Nothing is downloaded, and no weights are made.",
    )
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("models", help=_HELP)(models)


def models(
    name: Annotated[
        str | None, typer.Argument(help="A model, to see its parts with their shapes for one clip.", show_default=False)
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option(min=1, help="Frames in the clip, T. Default: what the model is trained with.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of tables.")] = False,
) -> None:
    """List models or show one; the help text is `_HELP`."""
    from reid.models import PRESETS
    from reid.models.paper import PAPER_FIGURES

    if name is None:
        facts = [_overview(preset, frames) for preset in PRESETS]
        figures = [_figure(figure) for figure in PAPER_FIGURES]
        if as_json:
            typer.echo(json.dumps({"models": facts, "paper": figures}, indent=2))
            return
        show_table(_overview_table(facts))
        stdout.print(_COLUMNS)
        show_table(_paper_table(figures))
        stdout.print(_MISSES)
        return
    model = _on_meta(name)
    costs = _costs(model, frames)
    figures = [_figure(figure) for figure in PAPER_FIGURES if figure.preset == name]
    if as_json:
        typer.echo(
            json.dumps({**_overview(name, frames), "parts": list(map(asdict, costs)), "paper": figures}, indent=2)
        )
        return
    show_table(_parts_table(model, costs, frames))
    stdout.print(_ways(model), soft_wrap=True)
    if figures:
        show_table(_paper_table(figures))


def _on_meta(name: str) -> ReidModel:
    """Build a model without weights, which takes no memory."""
    import torch

    from reid.models import build_model

    with torch.device("meta"):
        return build_model(name)


def _costs(model: ReidModel, frames: int | None) -> list[PartCost]:
    from reid.models.macs import model_cost

    return model_cost(model, (1, frames or model.config.clip_length, 3, *model.config.image_size_hw))


def _overview(name: str, frames: int | None) -> dict[str, Any]:
    """Collect a model's row of the table."""
    model = _on_meta(name)
    costs = _costs(model, frames)
    num_frames = frames or model.config.clip_length
    macs = sum(cost.macs for cost in costs)
    return {
        "name": name,
        "frames": num_frames,
        "image_size_hw": list(model.config.image_size_hw),
        "parameters": sum(cost.parameters for cost in costs),
        "macs_per_frame": macs / num_frames,
        "macs_per_clip": macs,
        "run_variant": model.config.run_variant,
        "width": model.variant_widths[model.config.run_variant],
        "variant_widths": model.variant_widths,
    }


def _figure(figure: PaperFigure) -> dict[str, Any]:
    """Collect one of the papers' figures and ours."""
    ours = figure.ours
    return {
        "model": figure.preset,
        "row": figure.row,
        "quantity": figure.quantity,
        "unit": figure.unit_name,
        "paper": figure.paper,
        "ours": ours,
        "difference": ours / figure.paper - 1,
    }


def _table(title: str, *columns: str) -> Table:
    """Make a table whose columns are right-aligned where their name begins with a `>`."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        if column.startswith(">"):
            table.add_column(column[1:], justify="right", no_wrap=True, min_width=len(column) - 1)
        else:
            table.add_column(column, overflow="fold", no_wrap=column == columns[0])
    return table


def _overview_table(facts: list[dict[str, Any]]) -> Table:
    table = _table("Models", "name", ">T", ">size px", ">params M", ">GMACs", ">a frame", ">width", "for run")
    for fact in facts:
        height, width = fact["image_size_hw"]
        table.add_row(
            fact["name"],
            str(fact["frames"]),
            f"{height}x{width}",
            f"{fact['parameters'] / 1e6:.2f}",
            _giga(fact["macs_per_clip"]),
            _giga(fact["macs_per_frame"]),
            str(fact["width"]),
            fact["run_variant"],
        )
    return table


def _paper_table(figures: list[dict[str, Any]]) -> Table:
    table = _table("\nBeside the papers", "model", "where", "what", ">unit", ">paper's", ">ours", ">difference")
    for figure in figures:
        digits = max(2, len(repr(figure["paper"]).partition(".")[2]))
        table.add_row(
            figure["model"],
            figure["row"],
            figure["quantity"],
            figure["unit"],
            f"{figure['paper']:.{digits}f}",
            f"{figure['ours']:.{digits}f}",
            f"{round(figure['difference'], 3) + 0.0:+.1%}",
        )
    return table


def _parts_table(model: ReidModel, costs: list[PartCost], frames: int | None) -> Table:
    num_frames = frames or model.config.clip_length
    height, width = model.config.image_size_hw
    parameters, macs = sum(cost.parameters for cost in costs), sum(cost.macs for cost in costs)
    title = f"{model.name}: one clip of {num_frames} frames, {height}x{width} px"
    table = _table(title, "part", "takes", "yields", ">params M", ">share", ">GMACs", ">share")
    for cost in costs:
        table.add_row(
            cost.name or "(tokens, embeddings)",
            _shapes(cost.inputs),
            _shapes(cost.outputs),
            f"{cost.parameters / 1e6:.3f}",
            f"{cost.parameters / parameters:.1%}",
            f"{cost.macs / 1e9:.3f}",
            f"{cost.macs / macs:.1%}",
        )
    table.add_row("all", "", "", f"{parameters / 1e6:.3f}", "", f"{macs / 1e9:.3f}", "", style="bold")
    return table


def _ways(model: ReidModel) -> str:
    """Say which vectors the model offers and what can start it."""
    variants = ", ".join(f"{name} ({width})" for name, width in model.variant_widths.items())
    lines = [f"\nVectors (numbers each): {variants}; run uses {model.config.run_variant}"]
    for name, part in model.start_parts().items():
        lines.append(f"Start weights of {name}: {' or '.join(published.name for published in part.published)}")
    return "\n".join(lines)


def _giga(count: float) -> str:
    """Write a count in units of 10^9, small ones with a digit more."""
    return f"{count / 1e9:.2f}" if count >= 1e8 else f"{count / 1e9:.3f}"


def _shapes(shapes: tuple[tuple[int, ...], ...]) -> str:
    """Write shapes, repeated ones once: (8, 768, 16, 8) 2x (8, 768)."""
    written = []
    for shape in dict.fromkeys(shapes):
        times = shapes.count(shape)
        written.append(f"{times}x {shape}" if times > 1 else str(shape))
    return " ".join(written)
