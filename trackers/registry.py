"""The trackers by name."""

from __future__ import annotations

from trackers.boxmot_tracker import CLASSES, BoxmotTracker
from trackers.types import Tracker

TRACKERS = tuple(CLASSES)


def create_tracker(
    name: str, *, frame_rate: float, lost_after_s: float, high_confidence: float, low_confidence: float
) -> Tracker:
    """Build a tracker for one camera.

    Args:
        name: one of `TRACKERS`.
        frame_rate: frames per second that the tracker will see, > 0.
        lost_after_s: how long a track may stay unseen and still be taken up again.
        high_confidence: detections from here on may start a track.
        low_confidence: detections below are not used.

    Returns:
        A tracker that has seen nothing yet and shares nothing with any other.

    Raises:
        ValueError: the name is none of `TRACKERS`, or the frame rate is not above 0.
    """
    if name not in TRACKERS:
        raise ValueError(f"unknown tracker {name!r}; known are {', '.join(TRACKERS)}")
    return BoxmotTracker(
        name,
        frame_rate=frame_rate,
        lost_after_s=lost_after_s,
        high_confidence=high_confidence,
        low_confidence=low_confidence,
    )
