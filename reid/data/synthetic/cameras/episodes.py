"""Stretches of a tracklet's time in which a thing stays as it is."""

from __future__ import annotations

import numpy as np

from reid.data.synthetic.draws import Draws

_SHORTEST_FRAMES = 12
_LONGEST_FRAMES = 60


def episodes(tracklet_draws: Draws, frame_index: np.ndarray, name: str) -> tuple[Draws, np.ndarray]:
    """Cut the time of each tracklet into episodes of equal length, from 12 to 60 frames.

    Args:
        tracklet_draws: M seeds, equal for images of one tracklet.
        frame_index: (M,) int64 >= 0, each image's place in its tracklet.
        name: of what stays as it is; things of different names change at different times.

    Returns:
        M draws, equal for images of one tracklet and episode, and (M,) float32 in [0, 1): how much of it has passed.
    """
    timing = tracklet_draws.child(name + "/timing")
    length_frames = timing.integers("length", _SHORTEST_FRAMES, _LONGEST_FRAMES + 1)
    start_frames = (timing.uniform("start") * length_frames).astype(np.int64)
    number, passed_frames = np.divmod(np.asarray(frame_index) + start_frames, length_frames)
    return tracklet_draws.child(name, number), (passed_frames / length_frames).astype(np.float32)
