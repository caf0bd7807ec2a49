"""Boxes as a detector gives them: never quite where the person is, and often around a part of the body only."""

from __future__ import annotations

import numpy as np

from reid.data.synthetic.cameras.episodes import episodes
from reid.data.synthetic.draws import Draws

LEAST_SHARE = 0.30
MOST_SHARE = 0.95
_UPPER, _LOWER, _SIDE, _CORNER = range(4)
_PART_WEIGHTS = (0.60, 0.07, 0.13, 0.20)
_NARROWEST_SHARE = 0.5
_BAD_FRAMES = 0.02


def detector_boxes(
    true_xyxy: np.ndarray,
    tracklet_draws: Draws,
    draws: Draws,
    frame_index: np.ndarray,
    partial_probability: float = 0.4,
) -> np.ndarray:
    """Draw the boxes that a detector would give around people.

    Some cover `LEAST_SHARE` to `MOST_SHARE` of the true box: mostly the upper body, as of someone behind a counter or
    cut off by the picture's border, sometimes the lower, one side or an upper corner. A tracklet stays so for an
    episode, while the share changes slowly. Then all are moved and sized by a few per cent, partly the same way in the
    whole tracklet, partly in every frame anew.

    Args:
        true_xyxy: (M, 4), around the whole bodies.
        tracklet_draws: M seeds, equal for images of one tracklet.
        draws: M seeds, one an image.
        frame_index: (M,) int64 >= 0, each image's place in its tracklet.
        partial_probability: the share of boxes around parts of bodies.

    Returns:
        (M, 4) float32; may reach beyond the picture where the true boxes do.
    """
    parts = _parts(tracklet_draws, frame_index, partial_probability)
    sizes = (true_xyxy[:, 2:] - true_xyxy[:, :2]).astype(np.float32)  # (M, 2) width, height
    first = true_xyxy[:, :2] + parts[:, :2] * sizes
    last = true_xyxy[:, :2] + parts[:, 2:] * sizes
    return _jittered(np.concatenate([first, last], axis=1).astype(np.float32), tracklet_draws, draws)


def _parts(tracklet_draws: Draws, frame_index: np.ndarray, probability: float) -> np.ndarray:
    """(M, 4) float32 xyxy: what is covered, in a true box that goes from 0 to 1."""
    episode, passed = episodes(tracklet_draws, frame_index, "part of the body")
    whole = ~episode.chance("partial", probability)
    part = episode.choice("which", _PART_WEIGHTS)
    swing = episode.uniform("swing", -0.2, 0.2) * (passed - 0.5)
    share = np.clip(episode.uniform("share", LEAST_SHARE, MOST_SHARE) + swing, LEAST_SHARE, MOST_SHARE)
    corner_width = episode.uniform("corner", 0.6, MOST_SHARE)
    side_width = _NARROWEST_SHARE + (MOST_SHARE - _NARROWEST_SHARE) * (share - LEAST_SHARE) / (MOST_SHARE - LEAST_SHARE)
    width = np.select([whole, part == _SIDE, part == _CORNER], [1.0, side_width, corner_width], 1.0)
    height = np.select([whole | (part == _SIDE), part == _CORNER], [1.0, np.minimum(share / corner_width, 1.0)], share)
    left = np.where(episode.chance("right", 0.5), 1.0 - width, 0.0)
    top = np.where(part == _LOWER, 1.0 - height, 0.0)
    return np.stack([left, top, left + width, top + height], axis=1).astype(np.float32)


def _jittered(boxes_xyxy: np.ndarray, tracklet_draws: Draws, draws: Draws) -> np.ndarray:
    habit, now = tracklet_draws.child("detector"), draws.child("detector")
    bad = np.where(now.chance("bad", _BAD_FRAMES), 4.0, 1.0)[:, None]
    move = habit.normal("move", 0.0, 0.015, size=2) + bad * now.normal(
        "move", 0.0, 0.015, size=2
    )  # (M, 2), of the size
    growth = habit.normal("size", 0.03, 0.04, size=2) + bad * now.normal("size", 0.0, 0.02, size=2)
    sizes = boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]
    middles = boxes_xyxy[:, :2] + sizes * (0.5 + move)
    halves = 0.5 * sizes * np.exp(growth)
    return np.concatenate([middles - halves, middles + halves], axis=1).astype(np.float32)
