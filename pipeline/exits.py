"""Through which parts of a picture people came and went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from pipeline.config import ExitConfig, TopologyConfig
from pipeline.mot import TrackBox
from pipeline.run_directory import TrackletRow
from pipeline.zones import inside

Boxes = Callable[[str], Iterable[TrackBox]]


def with_exits(
    rows: Sequence[TrackletRow], topology: TopologyConfig, boxes: Boxes, sizes_px: Mapping[str, tuple[int, int] | None]
) -> list[TrackletRow]:
    """Say through which exit each tracklet came and went: where its first and its last box stand.

    Args:
        rows: the tracklets.
        topology: its exits count.
        boxes: gives a camera's boxes in order of frames, `mot_id` being the tracklet's `track_id`.
        sizes_px: width and height of each camera's frames; None where they are not known.

    Returns:
        The rows with `entered_by` and `left_by`.
    """
    exits: dict[str, list[ExitConfig]] = defaultdict(list)
    for way_out in topology.exits:
        exits[way_out.camera].append(way_out)
    ends = {camera_id: _ends(boxes(camera_id)) for camera_id in exits}
    named = []
    for row in rows:
        first_and_last = ends.get(row.camera_id, {}).get(row.track_id)
        size_px = sizes_px.get(row.camera_id)
        by: list[str | None] = [None, None]
        if first_and_last is not None and size_px is not None:
            for way_out in exits[row.camera_id]:
                there = inside([way_out.polygon], first_and_last, size_px)
                by = [
                    name if name is not None or not here else way_out.name for name, here in zip(by, there, strict=True)
                ]
        named.append(replace(row, entered_by=by[0], left_by=by[1]))
    return named


def _ends(boxes: Iterable[TrackBox]) -> dict[int, np.ndarray]:
    """Give of each track its first and its last box, (2, 4)."""
    ends: dict[int, list[tuple[float, float, float, float]]] = {}
    for box in boxes:
        ends.setdefault(box.mot_id, [box.box_xyxy, box.box_xyxy])[1] = box.box_xyxy
    return {track_id: np.array(both, dtype=np.float32) for track_id, both in ends.items()}
