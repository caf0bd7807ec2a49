"""OpenCV's built-in people detector: needs no weights, finds few people, and is slow. A last resort."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from trackers.types import Detections

# The detector's window is 64x128 with a margin around the person; a box is shrunk to the person by these fractions.
_MARGIN_X = 0.15
_MARGIN_Y = 0.06
_NMS_IOU = 0.4
_MAX_SIDE_PX = 1920


class HogDetector:
    """Histograms of oriented gradients with a linear support vector machine.

    Args:
        conf: people below this confidence are left out.
        imgsz: frames are scaled down to this many pixels on their longer side; None takes them as they are, up to 1920.

    Source: Dalal and Triggs 2005; the weights are OpenCV's default people detector.
    """

    def __init__(self, *, conf: float, imgsz: int | None) -> None:
        self._conf = conf
        self._max_side_px = imgsz or _MAX_SIDE_PX
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())

    def detect(self, frames_rgb: Sequence[np.ndarray]) -> list[Detections]:
        """Find the people in some frames.

        Args:
            frames_rgb: (H, W, 3) uint8 each, of any sizes.

        Returns:
            One entry a frame; confidences are the margin of the support vector machine through a logistic curve.
        """
        return [self._detect_one(frame_rgb) for frame_rgb in frames_rgb]

    def describe(self) -> dict[str, Any]:
        """What ran, for `run.json`."""
        return {"name": "hog", "weights": None, "sha256": None, "conf": self._conf, "imgsz": self._max_side_px}

    def _detect_one(self, frame_rgb: np.ndarray) -> Detections:
        height, width = frame_rgb.shape[:2]
        scale = min(1.0, self._max_side_px / max(height, width))
        image = (
            cv2.resize(frame_rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else frame_rgb
        )
        if image.shape[0] < 128 or image.shape[1] < 64:
            return Detections.empty()
        rects, margins = self._hog.detectMultiScale(
            cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), winStride=(8, 8), padding=(8, 8), scale=1.05
        )
        if len(rects) == 0:
            return Detections.empty()
        confidences = 1.0 / (1.0 + np.exp(-2.0 * np.asarray(margins, dtype=np.float32).reshape(-1) + 1.0))
        keep = cv2.dnn.NMSBoxes(np.asarray(rects).tolist(), confidences.tolist(), self._conf, _NMS_IOU)
        kept = np.asarray(keep, dtype=np.int64).reshape(-1)
        left, top, box_width, box_height = (np.asarray(rects, dtype=np.float32)[kept] / scale).T
        boxes = np.stack(
            [
                left + _MARGIN_X * box_width,
                top + _MARGIN_Y * box_height,
                left + (1 - _MARGIN_X) * box_width,
                top + (1 - _MARGIN_Y) * box_height,
            ],
            axis=1,
        )
        return Detections(boxes, confidences[kept])
