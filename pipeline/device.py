"""Which device the networks run on, and what this machine is."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from typing import Any

import torch

_LIBRARIES = (
    "torch",
    "torchvision",
    "timm",
    "ultralytics",
    "boxmot",
    "opencv-python",
    "faiss-cpu",
    "av",
    "decord",
    "numpy",
    "onnxruntime",
    "openvino",
)


def describe_device(requested: str, used: str) -> dict[str, Any]:
    """Say what the run used, for `run.json`."""
    on_gpu = used.startswith("cuda")
    return {
        "requested": requested,
        "used": used,
        "name": torch.cuda.get_device_name(used) if on_gpu else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
    }


def describe_versions() -> dict[str, str]:
    """Name the versions of what took part, for `run.json`."""
    versions = {"python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            versions[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
