"""From rows of the table to identities: thresholds, a common clock, and the association's answer written back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.association.assignments import Assignment, associate
from pipeline.config import AssociationConfig, TopologyConfig
from pipeline.constraints import Constraints, Stay
from pipeline.corrections import Corrections
from pipeline.inputs import CameraClock
from pipeline.run_directory import TrackletRow, assign_mot_ids
from pipeline.tracklets import ENOUGH
from pipeline.vector_index import VectorIndex
from reid.calibration import Calibration

# Without calibration nothing says which similarity means the same person, and an untrained network finds everyone
# alike; only what is practically the same picture is then joined.
UNCALIBRATED_THRESHOLD = 0.9999

FROM_CHECKPOINT = "checkpoint"  # a threshold that the calibration gave


@dataclass(frozen=True)
class MatchThreshold:
    """A similarity and where it comes from.

    Attributes:
        value: cosine similarity.
        source: `flag or config`, `checkpoint` or `uncalibrated default`.
        far: the rate of false alarms that it was set for; None where none was, or where it could not be reached.
    """

    value: float
    source: str
    far: float | None = None


def choose_threshold(
    settings: AssociationConfig, calibration: Calibration | None, gallery_size: int, *, warn: Callable[[str], None]
) -> MatchThreshold:
    """Set the similarity from which two groups of tracklets are one person.

    Args:
        settings: its `threshold` goes before everything; `far` is wanted of a calibrated one.
        calibration: of the vectors that are compared.
        gallery_size: people that somebody could be taken for.
        warn: is told if the calibration does not reach as far as `far` asks.

    Returns:
        The threshold.
    """
    if settings.threshold is not None:
        return MatchThreshold(settings.threshold, "flag or config")
    if calibration is None:
        return MatchThreshold(UNCALIBRATED_THRESHOLD, "uncalibrated default")
    chosen = calibration.threshold(settings.far, max(1, gallery_size))
    if not chosen.measured:
        warn(
            f"the calibration does not reach --far {settings.far} among {gallery_size}; its strictest threshold is used"
        )
    return MatchThreshold(chosen.similarity, FROM_CHECKPOINT, settings.far if chosen.measured else None)


def stays_of(rows: Sequence[TrackletRow], clocks: Mapping[str, CameraClock]) -> list[Stay]:
    """Put all tracklets on one clock.

    Where no camera's start is known, the recordings are taken to begin together. Where only some are known, the others
    cannot be compared with anyone.

    Args:
        rows: the tracklets.
        clocks: each camera's clock.

    Returns:
        One stay a row, in order.
    """
    together = all(clock.start_time is None for clock in clocks.values())
    stays = []
    for row in rows:
        origin_s, rate = _origin_s(clocks, row.camera_id), clocks[row.camera_id].rate
        known = together or clocks[row.camera_id].start_time is not None
        start_s, end_s = origin_s + rate * row.start_s, origin_s + rate * row.end_s
        stays.append(Stay(row.camera_id, start_s, end_s, known, row.track_id, row.entered_by, row.left_by))
    return stays


def recording_time(clocks: Mapping[str, CameraClock], camera_id: str, time_s: float) -> float:
    """Turn a time on the clock of `stays_of` back into seconds of a camera's own recording."""
    return (time_s - _origin_s(clocks, camera_id)) / clocks[camera_id].rate


def _origin_s(clocks: Mapping[str, CameraClock], camera_id: str) -> float:
    """When a camera's recording begins on the clock of `stays_of`."""
    starts = {name: clock.start_time.timestamp() for name, clock in clocks.items() if clock.start_time is not None}
    return starts[camera_id] - min(starts.values()) if camera_id in starts else 0.0


def clock_basis(clocks: Mapping[str, CameraClock]) -> str:
    """Say how the cameras' times were compared, for `run.json`."""
    known = [clock.start_time is not None for clock in clocks.values()]
    if all(known):
        return "known start times"
    return "partly known: cameras without a start time are not compared" if any(known) else "assumed to start together"


def with_identities(rows: Sequence[TrackletRow], assignments: Sequence[Assignment]) -> list[TrackletRow]:
    """Write the association's answer into the rows.

    Args:
        rows: the tracklets.
        assignments: one a row, in order.

    Returns:
        The rows with identities, scores and `mot_id`.
    """
    return assign_mot_ids(
        replace(
            row,
            identity_id=assignment.identity_id,
            match_score=assignment.match_score,
            way_score=assignment.way_score,
            runner_up_score=assignment.runner_up_score,
            runner_up_identity_id=assignment.runner_up_identity_id,
            runner_up_conflict=assignment.runner_up_conflict,
            margin=assignment.margin,
        )
        for row, assignment in zip(rows, assignments, strict=True)
    )


def identify(
    rows: Sequence[TrackletRow],
    embeddings: np.ndarray,
    clocks: Mapping[str, CameraClock],
    calibration: Calibration | None,
    settings: AssociationConfig,
    topology: TopologyConfig,
    *,
    index_path: Path,
    corrections: Corrections | None = None,
    warn: Callable[[str], None],
) -> tuple[list[TrackletRow], dict[str, Any]]:
    """Find out which tracklets are the same person.

    Args:
        rows: the tracklets.
        embeddings: (N, D) float32, in the order of the rows.
        clocks: each camera's clock.
        calibration: of these embeddings.
        settings: threshold, rate of false alarms, number of candidates.
        topology: what is known of the place.
        index_path: where to write the index over the embeddings.
        corrections: what was said about these identities before.
        warn: as in `choose_threshold`.

    Returns:
        The rows with identities, scores and `mot_id`; and what `run.json` says of it.
    """
    evidence = [row.evidence == ENOUGH for row in rows]
    index = VectorIndex(embeddings)
    index.save(index_path)
    stays = stays_of(rows, clocks)
    corrections = corrections or Corrections()
    constraints = Constraints(topology, corrections.apart)
    together = corrections.rows_together([(row.camera_id, row.track_id) for row in rows])
    warnings: list[str] = []
    gallery_size, threshold = 1, MatchThreshold(UNCALIBRATED_THRESHOLD, "uncalibrated default")

    # Without calibration only what is practically the same picture is joined, and a mean taken off would part it.
    camera_prior = None if calibration is None else settings.camera_prior

    def threshold_for(people: int) -> float:
        nonlocal gallery_size, threshold
        warnings.clear()
        gallery_size, threshold = people, choose_threshold(settings, calibration, people, warn=warnings.append)
        return threshold.value

    fixed = settings.threshold is not None or calibration is None
    if calibration is None and constraints.knows_times:
        warn("usual times of ways count nothing: the network was not calibrated, so nothing says what they are worth")
    assignments = associate(
        embeddings,
        stays,
        evidence,
        constraints,
        index,
        threshold=threshold_for(1) if fixed else threshold_for,
        candidates_k=settings.candidates_k,
        method=settings.method,
        k_reciprocal=settings.k_reciprocal,
        camera_prior=camera_prior,
        per_nat=0.0 if calibration is None else calibration.similarity_per_nat,
        together=together,
    )
    for warning in warnings:
        warn(warning)
    return with_identities(rows, assignments), {
        "method": settings.method,
        "threshold": threshold.value,
        "threshold_source": threshold.source,
        "far": threshold.far,
        "gallery_size": gallery_size if threshold.source == FROM_CHECKPOINT else None,
        "candidates_k": settings.candidates_k,
        "k_reciprocal": settings.k_reciprocal,
        "camera_prior": camera_prior,
        "clock": clock_basis(clocks),
        "constraints": topology.model_dump(mode="json"),
        "corrections": [str(said) for said in corrections.said],
        "warnings": warnings,
    }
