"""Detectors by name, and which one `auto` takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pipeline.config import DetectorConfig
from reid.errors import WeightsError
from reid.network import can_connect
from reid.weights_folder import weights_folder
from trackers.types import Detections

DEFAULT_YOLO = "yolo26n.pt"
_DOWNLOAD_HOST = ("github.com", 443)
_ONLINE_TIMEOUT_S = 3.0


class Detector(Protocol):
    """Finds people in frames."""

    def detect(self, frames_rgb: Sequence[np.ndarray]) -> list[Detections]:
        """Find the people in some frames, of one camera or several.

        Args:
            frames_rgb: (H, W, 3) uint8 each, of any sizes.

        Returns:
            One entry a frame, in order. What is found in a frame does not depend on the others.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """What ran, for `run.json`."""
        ...


def create_detector(settings: DetectorConfig, *, device: str, warn: Callable[[str], None]) -> Detector:
    """Build the detector that the settings name.

    Args:
        settings: `name` is `auto`, `hog`, or weights that ultralytics can load: a path or one of its own names.
        device: `cpu`, `cuda`, `cuda:1`, ...
        warn: is told in one line when `auto` has to fall back.

    Returns:
        A detector whose weights are loaded and have run once.

    Raises:
        WeightsError: the weights are missing, cannot be had offline, or are not a detector that knows people.
    """
    if settings.name == "hog":
        return _hog(settings)
    name = DEFAULT_YOLO if settings.name == "auto" else settings.name
    weights = find_weights(name)
    if weights is None and _is_published_name(name):
        weights = _download(name)
    if weights is not None:
        from pipeline.yolo import YoloDetector

        return YoloDetector(weights, conf=settings.conf, imgsz=settings.imgsz, half=settings.half, device=device)
    if settings.name == "auto":
        warn(
            f"no YOLO weights here and no network: falling back to OpenCV's HOG people detector, which misses many "
            f"people and is slow; for YOLO, copy {DEFAULT_YOLO} into {weights_folder()} or pass --detector PATH"
        )
        return _hog(settings)
    if _is_published_name(name):
        raise WeightsError(
            f"detector weights {name} are not on this machine and {_DOWNLOAD_HOST[0]} cannot be reached; copy the file "
            f"into {weights_folder()}, pass --detector PATH, or use --detector hog"
        )
    raise WeightsError(f"detector weights {name} do not exist; pass the path of YOLO weights, a YOLO name, or hog")


def find_weights(name: str) -> Path | None:
    """Look for weights by path, then by name in vreid's folder of weights.

    Args:
        name: a path, or a file's name.

    Returns:
        The file or folder, or None.
    """
    for candidate in (Path(name), weights_folder() / name):
        if candidate.exists():
            return candidate
    return None


def _hog(settings: DetectorConfig) -> Detector:
    from pipeline.hog import HogDetector

    return HogDetector(conf=settings.conf, imgsz=settings.imgsz)


def _is_published_name(name: str) -> bool:
    """Whether the name is one under which ultralytics publishes weights, such as `yolo26n.pt`."""
    return Path(name).name == name and name.startswith("yolo") and name.endswith(".pt")


def can_download() -> bool:
    """Whether YOLO weights could be fetched; takes three seconds at most."""
    return can_connect(*_DOWNLOAD_HOST, _ONLINE_TIMEOUT_S)


def _download(name: str) -> Path | None:
    """Fetch published weights into vreid's folder; None without a network, which is found out within seconds."""
    if not can_download():
        return None
    from pipeline.yolo import download_weights

    return download_weights(name, weights_folder())
