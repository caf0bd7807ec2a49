"""Boxes as a detector draws them."""

from __future__ import annotations

import numpy as np
import pytest

from reid.data.synthetic.cameras.detector_boxes import LEAST_SHARE, MOST_SHARE, _parts, detector_boxes
from reid.data.synthetic.draws import Draws

TRUE_XYXY = np.array([[100.0, 50.0, 180.0, 250.0]])


def _boxes(number: int, probability: float, frames: int = 1) -> np.ndarray:
    """(number * frames, 4), in a true box that goes from 0 to 1."""
    tracklet, frame_index = np.repeat(np.arange(number), frames), np.tile(np.arange(frames), number)
    draws = Draws(np.arange(number * frames))
    found = detector_boxes(TRUE_XYXY.repeat(number * frames, axis=0), Draws(tracklet), draws, frame_index, probability)
    return (found - TRUE_XYXY[0, [0, 1, 0, 1]]) / np.array([80.0, 200.0, 80.0, 200.0])


def test_whole_bodies_are_off_by_a_few_per_cent() -> None:
    boxes = _boxes(20_000, 0.0)
    sizes, middles = boxes[:, 2:] - boxes[:, :2], (boxes[:, 2:] + boxes[:, :2]) / 2
    assert np.abs(sizes.mean(axis=0) - 1.03).max() < 0.01
    assert np.abs(middles.mean(axis=0) - 0.5).max() < 0.005
    assert ((sizes.std(axis=0) > 0.03) & (sizes.std(axis=0) < 0.07)).all()
    assert ((middles.std(axis=0) > 0.015) & (middles.std(axis=0) < 0.04)).all()
    assert np.abs(middles - 0.5).max() < 0.5
    assert sizes.min() > 0.6


@pytest.mark.parametrize("probability", [0.4, 1.0])
def test_share_of_partial_boxes_and_what_they_cover(probability: float) -> None:
    number = 20_000
    parts = _parts(Draws(np.arange(number)), np.full(number, 31), probability)
    shares = (parts[:, 2] - parts[:, 0]) * (parts[:, 3] - parts[:, 1])
    partial = shares < 0.999
    assert abs(partial.mean() - probability) < 0.02
    covered = shares[partial]
    assert covered.min() >= LEAST_SHARE - 1e-4 and covered.max() <= MOST_SHARE + 1e-4
    assert (covered < 0.45).mean() > 0.12 and (covered > 0.8).mean() > 0.12
    # Mostly the head is seen and the feet are not.
    assert (parts[partial, 1] == 0).mean() > 0.85
    assert 0.65 < (parts[partial, 3] < 0.99).mean() < 0.9
    assert parts.min() >= 0 and parts.max() <= 1.0001


def test_without_partial_boxes_bodies_are_whole() -> None:
    assert (_parts(Draws(np.arange(50)), np.zeros(50, dtype=np.int64), 0.0) == [0, 0, 1, 1]).all()


def test_a_part_stays_for_a_while() -> None:
    boxes = _boxes(400, 0.4, frames=30).reshape(400, 30, 4)
    heights = boxes[:, :, 3] - boxes[:, :, 1]
    partial = heights < 0.75
    changes = (partial[:, 1:] != partial[:, :-1]).mean()
    assert 0.15 < partial.mean() < 0.4
    assert 0.0 < changes < 0.03  # 0.37 if every frame were drawn anew
    steps = np.abs(np.diff(heights, axis=1))[~(partial[:, 1:] != partial[:, :-1])]
    assert np.median(steps) < 0.03


def test_a_box_depends_on_its_own_draws_alone() -> None:
    seeds, frame_index = np.arange(50), np.arange(50) % 7
    true_xyxy = TRUE_XYXY + np.arange(50)[:, None]
    together = detector_boxes(true_xyxy, Draws(seeds // 7), Draws(seeds), frame_index, 0.4)
    assert together.dtype == np.float32
    for row in (0, 13, 49):
        one = slice(row, row + 1)
        alone = detector_boxes(true_xyxy[one], Draws(seeds[one] // 7), Draws(seeds[one]), frame_index[one], 0.4)
        assert np.array_equal(alone, together[one])
