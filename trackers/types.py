"""What goes into a tracker and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Detections:
    """The people found in one frame.

    Attributes:
        boxes_xyxy: (N, 4) float32, source pixels.
        confidences: (N,) float32 in [0, 1].
    """

    boxes_xyxy: np.ndarray
    confidences: np.ndarray

    def __len__(self) -> int:
        return len(self.boxes_xyxy)

    @classmethod
    def empty(cls) -> Detections:
        """A frame without anyone."""
        return cls(np.empty((0, 4), np.float32), np.empty(0, np.float32))


@dataclass(frozen=True)
class TrackedBoxes:
    """The tracks seen in one frame; a track that was not matched in this frame is not among them.

    Attributes:
        track_ids: (M,) int64, numbered from 1 in order of appearance in this tracker, never reused.
        boxes_xyxy: (M, 4) float32, source pixels; may lie some pixels off the detection and beyond the frame.
        confidences: (M,) float32, of the detection.
    """

    track_ids: np.ndarray
    boxes_xyxy: np.ndarray
    confidences: np.ndarray

    def __len__(self) -> int:
        return len(self.track_ids)


class Tracker(Protocol):
    """Follows people through the frames of one camera; every camera has its own."""

    @property
    def lost_after_s(self) -> float:
        """Seconds that a track may stay unseen and still be taken up again; after that its id never comes back."""
        ...

    def update(self, detections: Detections, time_s: float) -> TrackedBoxes:
        """Take in the next frame.

        Args:
            detections: the people in it.
            time_s: its presentation time; must grow from call to call. A jump stands for frames that were lost.

        Returns:
            The tracks that were matched in this frame.
        """
        ...

    def reset(self) -> None:
        """Forget everything; numbering starts at 1 again."""
        ...
