"""Parts of a camera's picture: where nobody is looked for, and through which people come and go."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

Polygon = Sequence[tuple[float, float]]


def inside(polygons: Sequence[Polygon], boxes_xyxy: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """Tell which boxes stand in some parts of a picture: those whose feet, the middle of the lower edge, are there.

    Args:
        polygons: corners as fractions of width and height; the edge belongs to it.
        boxes_xyxy: (N, 4) source pixels.
        size_px: width and height of the picture.

    Returns:
        (N,) bool.
    """
    standing = np.zeros(len(boxes_xyxy), dtype=bool)
    if not polygons or not len(boxes_xyxy):
        return standing
    feet = np.column_stack([boxes_xyxy[:, [0, 2]].mean(axis=1), boxes_xyxy[:, 3]]) / size_px
    # People at the lower edge of the picture stand below it.
    feet = np.clip(feet, 0.0, 1.0)
    for polygon in polygons:
        corners = np.array(polygon, dtype=np.float32)
        standing |= [cv2.pointPolygonTest(corners, (float(x), float(y)), False) >= 0 for x, y in feet]
    return standing
