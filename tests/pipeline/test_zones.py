"""Parts of a picture in which nobody is looked for."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.config import CameraConfig
from pipeline.zones import inside
from reid.config import parse_settings
from reid.errors import ConfigError

LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
CORNER = ((1.0, 1.0), (0.8, 1.0), (1.0, 0.8))


def box(x: float, foot: float) -> tuple[float, ...]:
    """Someone 10 pixels wide and 50 tall whose feet are there."""
    return (x - 5, foot - 50, x + 5, foot)


def test_whoever_has_their_feet_in_a_part_stands_in_it() -> None:
    boxes = np.array([box(20, 60), box(99, 60), box(101, 60), box(195, 99), box(195, 120), box(150, 99)], np.float32)
    assert inside([LEFT_HALF, CORNER], boxes, (200, 100)).tolist() == [True, True, False, True, True, False]
    assert inside([], boxes, (200, 100)).tolist() == [False] * 6
    assert inside([LEFT_HALF], np.empty((0, 4), np.float32), (200, 100)).shape == (0,)


@pytest.mark.parametrize("polygon", [[[0, 0], [1, 1]], [[0, 0], [1, 1], [0, 2]], [[0, 0], [1, 1], [0]]])
def test_what_is_no_part_of_a_picture_is_refused(polygon: list[list[float]]) -> None:
    with pytest.raises(ConfigError, match="ignore"):
        parse_settings({"source": "gate.mp4", "ignore": [polygon]}, CameraConfig, where="site.yaml")
