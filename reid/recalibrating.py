"""A checkpoint's thresholds, measured on people of whom somebody says that the network has not seen them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from reid.calibrating import Measured, measure_calibration
from reid.clips import RUN_SELECTION, kept_indices
from reid.data.records import CropSource, TrackletRecord
from reid.distributed import World
from reid.embedder import Embedder
from reid.evaluation import embed_records

Place = tuple[Sequence[TrackletRecord], CropSource]


def measure_places(
    embedder: Embedder, places: Sequence[Place], *, world: World | None = None, on_tracklets: Callable[[int], None]
) -> Measured:
    """Measure the curve of false matches of a network, on tracklets as `vreid run` keeps them.

    Args:
        embedder: the network, with the clips and the variant that it uses for runs.
        places: of each the tracklets, and where their pictures come from; as for `measure_calibration`.
        world: the processes that embed together; None for this one alone.
        on_tracklets: told how many more were embedded.

    Returns:
        The curve, and what it means.

    Raises:
        InputError: as `measure_calibration`.
    """
    embedded = []
    for tracklets, source in places:
        records = [_as_run_keeps(record) for record in tracklets]
        found = embed_records(embedder, records, source, world=world, on_tracklets=on_tracklets)
        embedded.append((found.vectors[embedder.variant], [records[row] for row in found.rows]))
    return measure_calibration(embedded, crop_selection=RUN_SELECTION, policy=embedder.policy, variant=embedder.variant)


def _as_run_keeps(record: TrackletRecord) -> TrackletRecord:
    """Leave a tracklet the pictures that `vreid run` would keep of it; a data set's pictures pass for good ones."""
    return replace(record, frames=tuple(record.frames[index] for index in kept_indices(len(record.frames))))
