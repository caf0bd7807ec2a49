"""A camera's boxes, kept on disk while the run goes on: identities are only known when it ends."""

from __future__ import annotations

import contextlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from pipeline.mot import TrackBox
from trackers.types import TrackedBoxes

_RECORD = np.dtype([("frame_index", "<i8"), ("track_id", "<i8"), ("box_xyxy", "<f4", (4,)), ("confidence", "<f4")])
_BLOCK = 65_536


class BoxSpool:
    """Boxes of one camera in order of frames, in a file that only this run reads.

    Args:
        path: the file; it is removed by `remove`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")
        self._cuts: dict[int, list[tuple[int, int]]] = defaultdict(list)  # track_id: from which frame on, which other

    def append(self, frame_index: int, tracked: TrackedBoxes) -> None:
        """Add the boxes of the next frame."""
        records = np.empty(len(tracked), dtype=_RECORD)
        records["frame_index"] = frame_index
        records["track_id"] = tracked.track_ids
        records["box_xyxy"] = tracked.boxes_xyxy
        records["confidence"] = tracked.confidences
        self._file.write(records.tobytes())

    def cut(self, track_id: int, frame_index: int, new_track_id: int) -> None:
        """Let the boxes of a track from this frame on belong to another one.

        Args:
            track_id: as it was appended.
            frame_index: greater than in the calls for this track before.
            new_track_id: of none that was ever appended.
        """
        self._cuts[track_id].append((frame_index, new_track_id))

    def read(self, mot_ids: Mapping[int, int]) -> Iterator[TrackBox]:
        """Yield every box under its final id.

        Args:
            mot_ids: track_id -> mot_id, for every track of the camera.

        Yields:
            The boxes in order of frames.
        """
        self._file.flush()
        with self._path.open("rb") as file:
            while len(records := np.frombuffer(file.read(_BLOCK * _RECORD.itemsize), dtype=_RECORD)):
                for frame_index, track_id, box_xyxy, confidence in records.tolist():
                    mot_id = mot_ids[self._track_at(track_id, frame_index)]
                    yield TrackBox(frame_index, mot_id, tuple(box_xyxy), confidence)

    def _track_at(self, track_id: int, frame_index: int) -> int:
        cuts = self._cuts.get(track_id, ())
        before = bisect_right(cuts, frame_index, key=lambda cut: cut[0])
        return cuts[before - 1][1] if before else track_id

    def remove(self) -> None:
        """Close the file and delete it."""
        with contextlib.suppress(OSError):  # what is still to be written does not matter any more
            self._file.close()
        self._path.unlink(missing_ok=True)
