"""YOLO through ultralytics, in every format it loads. The only file of the packages that imports ultralytics."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

from reid.errors import WeightsError
from trackers.types import Detections

_OFFLINE = {
    "YOLO_OFFLINE": "true",  # no look-ups and no statistics sent
    "YOLO_AUTOINSTALL": "false",  # never pip-install anything
    "YOLO_VERBOSE": "false",
}


# Functions of other libraries that ultralytics replaces by its own when it is imported.
_PATCHED = ((Image, "open"), (cv2, "imread"), (cv2, "imwrite"), (cv2, "imshow"), (torch, "save"), (torch, "load"))


@contextmanager
def _quiet_ultralytics() -> Iterator[Any]:
    """Use ultralytics without its side effects on the process: network, output, threads, other libraries' functions."""
    torch_threads, cv2_threads = torch.get_num_threads(), cv2.getNumThreads()
    omp, print_options = os.environ.get("OMP_NUM_THREADS"), np.get_printoptions()
    originals = [(module, name, getattr(module, name)) for module, name in _PATCHED]
    os.environ.update(_OFFLINE)
    # Importing openvino reports itself to a statistics service; without this module it uses a stub that does not.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import ultralytics

        logging.getLogger("ultralytics").setLevel(logging.ERROR)
        yield ultralytics
    finally:
        for module, name, original in originals:
            setattr(module, name, original)
        torch.set_num_threads(torch_threads)
        cv2.setNumThreads(cv2_threads)
        np.set_printoptions(**print_options)
        if omp is None:
            os.environ.pop("OMP_NUM_THREADS", None)
        else:
            os.environ["OMP_NUM_THREADS"] = omp


class YoloDetector:
    """A YOLO detector, person class only.

    Args:
        weights: `.pt` (runs code when opened: trusted files only), `.onnx`, an OpenVINO folder, `.engine`, ...
        conf: people below this confidence are left out.
        imgsz: the longer side that frames are scaled to; None takes the weights' own. Exports of a fixed size keep it.
        half: half precision, on a GPU.
        device: `cpu`, `cuda`, `cuda:1`, ...

    Raises:
        WeightsError: the weights cannot be opened, are no detector, or do not know people.
    """

    def __init__(self, weights: Path, *, conf: float, imgsz: int | None, half: bool, device: str) -> None:
        self._weights = weights
        self._settings: dict[str, Any] = {"conf": conf, "half": half, "device": device, "verbose": False}
        if imgsz is not None:
            self._settings["imgsz"] = imgsz
        with _quiet_ultralytics() as ultralytics:
            try:
                self._model = ultralytics.YOLO(str(weights), task="detect")
                blank = np.zeros((64, 64, 3), dtype=np.uint8)
                boxes = self._model.predict([blank], **self._settings)[0].boxes
                names = dict(self._model.names)
            except Exception as error:  # ultralytics raises whatever its back-ends raise
                reason = str(error).strip().split("\n")[0] or type(error).__name__
                raise WeightsError(f"{weights} cannot be used as detector weights: {reason}") from error
        person_classes = [index for index, name in names.items() if name == "person"]
        if boxes is None or not person_classes:
            known = ", ".join(str(name) for name in list(names.values())[:5])
            raise WeightsError(f"{weights} is not a detector that knows the class 'person' (it knows: {known}, ...)")
        self._settings["classes"] = person_classes
        self._name = f"{self._model.task} {weights.name}"

    def detect(self, frames_rgb: Sequence[np.ndarray]) -> list[Detections]:
        """Find the people in some frames.

        Args:
            frames_rgb: (H, W, 3) uint8 each, of any sizes; frames of one size go through the network together.

        Returns:
            One entry a frame, in order.
        """
        by_shape: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for index, frame_rgb in enumerate(frames_rgb):
            by_shape[frame_rgb.shape].append(index)
        found: dict[int, Detections] = {}
        for indices in by_shape.values():
            # ultralytics takes arrays to be BGR.
            frames_bgr = [np.ascontiguousarray(frames_rgb[index][:, :, ::-1]) for index in indices]
            for index, result in zip(indices, self._model.predict(frames_bgr, **self._settings), strict=True):
                boxes = result.boxes.cpu().numpy()
                found[index] = Detections(
                    boxes.xyxy.astype(np.float32).reshape(-1, 4), boxes.conf.astype(np.float32).reshape(-1)
                )
        return [found[index] for index in range(len(frames_rgb))]

    def describe(self) -> dict[str, Any]:
        """What ran, for `run.json`."""
        return {
            "name": "yolo",
            "weights": str(self._weights),
            "sha256": _sha256(self._weights),
            **{key: self._settings.get(key) for key in ("conf", "imgsz", "half")},
        }


def download_weights(name: str, folder: Path) -> Path:
    """Fetch weights that ultralytics publishes.

    Args:
        name: such as `yolo26n.pt`.
        folder: where to put them.

    Returns:
        The file.

    Raises:
        WeightsError: there is no such file, or the download broke off.
    """
    path = folder / name
    with _quiet_ultralytics():
        from ultralytics.utils.downloads import attempt_download_asset

        try:
            folder.mkdir(parents=True, exist_ok=True)
            attempt_download_asset(path)
        except Exception as error:  # whatever requests, curl or the disk raise
            raise WeightsError(f"detector weights {name} could not be downloaded: {error}") from error
    if not path.is_file():
        raise WeightsError(f"detector weights {name} could not be downloaded: ultralytics publishes no such file")
    return path


def _sha256(weights: Path) -> str:
    """Hash a weights file, or every file of a weights folder in order of name."""
    files = sorted(path for path in weights.rglob("*") if path.is_file()) if weights.is_dir() else [weights]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
