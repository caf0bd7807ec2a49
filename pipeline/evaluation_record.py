"""An evaluation as plain JSON values; every key is described in docs/formats.md."""

from __future__ import annotations

import math
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from pipeline.evaluation import Evaluation, Scored
from pipeline.evaluation_detection import HEIGHT_EDGES_PX, VISIBILITY_EDGES, DetectionScores, Share

FORMAT = "vreid-evaluation/1"


def evaluation_record(evaluation: Evaluation) -> dict[str, Any]:
    """Write an evaluation for JSON.

    Args:
        evaluation: the figures.

    Returns:
        Plain values, without infinities.
    """
    return {
        "format": FORMAT,
        "cameras": {name: _scored(scored) for name, scored in evaluation.cameras.items()},
        "all_cameras": _scored(evaluation.all_cameras),
        "warnings": list(evaluation.warnings),
    }


def _scored(scored: Scored) -> dict[str, Any]:
    return {
        "detection": _detection(scored.detection),
        "tracking": asdict(scored.tracking),
        "ceiling": asdict(scored.ceiling),
    }


def _detection(detection: DetectionScores) -> dict[str, Any]:
    return {
        "recall": _share(detection.recall),
        "precision": _share(detection.precision),
        "ignored_boxes": detection.ignored_boxes,
        "clear_recall": _share(detection.clear_recall),
        "clear_precision": _share(detection.clear_precision),
        "recall_by_height": [
            {"height_px": band, "visibility": visible, **_share(share)}
            for band, shares in zip(_bands(HEIGHT_EDGES_PX), detection.recall_by_height, strict=True)
            for visible, share in zip(_bands(VISIBILITY_EDGES), shares, strict=True)
        ],
        "precision_by_height": [
            {"height_px": band, **_share(share)}
            for band, share in zip(_bands(HEIGHT_EDGES_PX), detection.precision_by_height, strict=True)
        ],
    }


def _share(share: Share) -> dict[str, Any]:
    return {"part": share.part, "whole": share.whole, "value": share.value}


def _bands(edges: tuple[float, ...]) -> list[list[float | None]]:
    return [[low, high if math.isfinite(high) else None] for low, high in pairwise(edges)]
