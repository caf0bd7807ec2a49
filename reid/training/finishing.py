"""After a training: the test set's scores, and the match threshold from people that the model has not seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reid.calibrating import Measured, draw_calibration
from reid.checkpoints import load_checkpoint, save_checkpoint
from reid.data.records import DataSet
from reid.distributed import World, barrier
from reid.embedder import Embedder
from reid.evaluation import colour_histogram_scores, evaluate_data_set, scored_rows
from reid.metrics import RankingScores, chance_map
from reid.recalibrating import measure_places
from reid.training.folder import TrainingFolder, write_text
from reid.training.listener import TrainingListener, stop_if_asked
from reid.training.recipe import Recipe

_RANKS = (1, 5, 10, 20)


@dataclass(frozen=True)
class Judgement:
    """What came of a training.

    Attributes:
        checkpoint: the file that was judged.
        epochs: after how many its weights were kept.
        scores: feature variant -> scores on the test set.
        run_variant: the variant that `vreid run` uses.
        chance_map: mAP of a ranking at random.
        colour_histograms: the same of colours alone, by the kind of histogram.
        measured: similarities and threshold; None where nobody was held out.
        expected_map: that the recipe states for the run variant; None where it states none.
    """

    checkpoint: Path
    epochs: int
    scores: dict[str, RankingScores]
    run_variant: str
    chance_map: float
    colour_histograms: dict[str, RankingScores]
    measured: Measured | None
    expected_map: float | None


def judge(
    folder: TrainingFolder,
    recipe: Recipe,
    data_set: DataSet,
    held_out: DataSet | None,
    *,
    world: World,
    listener: TrainingListener,
) -> Judgement:
    """Score the checkpoint that a training leaves, and calibrate what it leaves.

    The checkpoint that was best on the held-out people is scored; the last one where nobody was held out, or where
    somebody took the best one away. Each checkpoint gets a calibration of its own, where people were held out.

    Args:
        folder: of a training that has ended.
        recipe: its recipe.
        data_set: what it was trained on.
        held_out: the people that were set aside.
        world: the processes that embed together.
        listener: hears of the progress.

    Raises:
        WeightsError: a checkpoint is missing or damaged.
        OutputError: a checkpoint or the picture cannot be written.
        RunError: the result cannot be written.
        Stopped: the listener wants to stop.
    """
    measured = None
    path = folder.last
    if held_out is not None:
        measured = _calibrate(path, held_out, half=recipe.half, world=world, listener=listener)
        if folder.best.exists():
            path = folder.best
            measured = _calibrate(path, held_out, half=recipe.half, world=world, listener=listener)
    if measured is not None and world.is_main:
        draw_calibration(measured, folder.calibration, title=f"{data_set.name}: {path.name}")
    embedder = _open(path, world)
    total = len(scored_rows(data_set))
    scores = evaluate_data_set(
        embedder,
        data_set,
        variants=tuple(embedder.variant_widths),
        world=world,
        on_tracklets=_teller(listener, "test set", total),
    )
    gallery = [data_set.test[row] for row in data_set.gallery]
    judgement = Judgement(
        checkpoint=path,
        epochs=int(embedder.describe()["epochs"]),
        scores=scores,
        run_variant=embedder.variant,
        chance_map=chance_map(data_set.queries, gallery),
        colour_histograms=colour_histogram_scores(data_set) if world.is_main else {},
        measured=measured,
        expected_map=recipe.expected_map,
    )
    if world.is_main:
        write_text(folder.result, json.dumps(_content(judgement, data_set), indent=2, allow_nan=False) + "\n")
    return judgement


def _teller(listener: TrainingListener, what: str, total: int) -> Callable[[int], None]:
    """Return what tells the listener of further tracklets, and stops if it wants to."""

    def tell(number: int) -> None:
        listener.on_look(what, number, total)
        stop_if_asked(listener)

    return tell


def _open(path: Path, world: World) -> Embedder:
    return Embedder.from_checkpoint(path, device=str(world.device))


def _calibrate(path: Path, held_out: DataSet, *, half: bool, world: World, listener: TrainingListener) -> Measured:
    """Measure what one checkpoint makes of the held-out people, and write it into the checkpoint."""
    measured = measure_places(
        _open(path, world),
        [(held_out.test, held_out.source)],
        world=world,
        on_tracklets=_teller(listener, "held-out people", len(held_out.test)),
    )
    if world.is_main:
        checkpoint = load_checkpoint(path)
        metadata = checkpoint.metadata
        save_checkpoint(
            path,
            checkpoint.model,
            metadata.provenance,
            preprocessing=metadata.preprocessing,
            run_variant=metadata.run_variant,
            calibration=measured.calibration,
            half=half,
        )
    barrier()
    return measured


def _content(judgement: Judgement, data_set: DataSet) -> dict[str, Any]:
    """Return the result ready for JSON."""
    return {
        "checkpoint": judgement.checkpoint.name,
        "epochs": judgement.epochs,
        "data_set": data_set.name,
        "run_variant": judgement.run_variant,
        "expected_map": judgement.expected_map,
        "chance_map": judgement.chance_map,
        "colour_histograms": {kind: _row(scores) for kind, scores in judgement.colour_histograms.items()},
        "scores": {variant: _row(scores) for variant, scores in judgement.scores.items()},
        "calibration": judgement.measured.calibration.to_dict() if judgement.measured else None,
        "rates": [rate._asdict() for rate in judgement.measured.rates] if judgement.measured else None,
    }


def _row(scores: RankingScores) -> dict[str, Any]:
    ranks = {f"r{k}": scores.rank(k) for k in _RANKS}
    return {"map": scores.mean_ap, **ranks, "queries": scores.queries, "without_match": scores.without_match}
