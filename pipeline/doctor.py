"""What this machine has, what `auto` would choose here, and whether a run would work."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from rich.filesize import decimal

from pipeline.camera import check_tracker
from pipeline.config import AssociationConfig, DetectorConfig, TrackerConfig
from pipeline.detection import DEFAULT_YOLO, can_download, create_detector, find_weights
from reid.benchmark.finding import data_sets_there
from reid.data.finding import VARIABLE as DATA
from reid.data.synthetic.kept import tracklets_folder
from reid.device import choose_device
from reid.embedding_cache import embeddings_folder
from reid.errors import VreidError
from reid.named_weights import find_named, kept_checkpoints
from reid.version import package_version
from reid.weights_folder import weights_folder

_PEOPLE = 100  # in the gallery that a threshold is quoted for
_PROBE_HW = (128, 64)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        topic: what.
        found: what there is.
        advice: what to do, or what one may do, about it; None where there is nothing to say.
        state: "good"; "poor", where a run works but could do better; "bad", where it does not work.
    """

    topic: str
    found: str
    advice: str | None = None
    state: Literal["good", "poor", "bad"] = "good"


def examine() -> Iterator[Check]:
    """Look at everything that a run needs or would choose by itself; nothing is downloaded or written.

    The only thing that can take a moment is to ask whether there is a network: three seconds at most.
    """
    yield Check("vreid", f"{package_version()}, Python {platform.python_version()}, torch {torch.__version__}")
    for topic, look, needed in (
        ("device", _device, True),
        ("reading videos", _videos, True),
        ("finding people", _detector, True),
        ("following people", _tracker, True),
        ("telling apart", _embedder, True),
        ("searching", _index, True),
        ("your weights", _weights, False),
        ("start weights", _start_weights, False),
        ("data sets", _data_sets, False),
        ("kept for later", _kept, False),
    ):
        try:
            yield look()
        except (VreidError, ImportError, OSError, RuntimeError) as error:
            if needed:
                yield Check(topic, _line(error), "mend what is named here, or install vreid anew", "bad")
            else:
                yield Check(topic, _line(error), "a run does not need it", "poor")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _device() -> Check:
    device = choose_device("auto")
    if device == "cuda":
        index = torch.cuda.current_device()
        gib = torch.cuda.get_device_properties(index).total_memory / 2**30
        return Check("device", f"{torch.cuda.get_device_name(index)}, {gib:.0f} GiB")
    return Check("device", f"processor with {os.cpu_count()} cores; torch sees no GPU")


def _videos() -> Check:
    import av

    picks = "decord" if importlib.util.find_spec("decord") else "PyAV, as decord has no wheel for this machine"
    lacking = [name for name in ("h264", "hevc", "mpeg4", "mjpeg") if name not in av.codec.codecs_available]
    found = f"PyAV {av.__version__}; single frames by {picks}"
    if lacking:
        return Check(
            "reading videos", f"{found}; it cannot decode {', '.join(lacking)}", "install av from PyPI", "poor"
        )
    if "libx264" not in av.codec.codecs_available:
        return Check("reading videos", f"{found}; no H.264 encoder", "run without --save-video", "poor")
    return Check("reading videos", f"{found}; H.264, also for --save-video")


def _detector() -> Check:
    topic, settings = "finding people", DetectorConfig()
    weights = find_weights(DEFAULT_YOLO)
    if weights is None and can_download():
        return Check(topic, f"YOLO: {DEFAULT_YOLO} is fetched by the first run; ultralytics {_version('ultralytics')}")
    warnings: list[str] = []
    if weights is None:
        settings = settings.model_copy(update={"name": "hog"})
        warnings = [
            f"HOG misses many people and is slow: copy {DEFAULT_YOLO} into {weights_folder()}, or pass --detector PATH"
        ]
    create_detector(settings, device=choose_device("auto"), warn=warnings.append)
    if weights is None:
        return Check(topic, f"HOG of OpenCV: {DEFAULT_YOLO} is not here and cannot be fetched", warnings[0], "poor")
    return Check(topic, f"YOLO, {weights}, ultralytics {_version('ultralytics')}")


def _tracker() -> Check:
    settings = TrackerConfig()
    check_tracker(settings.name)
    return Check("following people", f"{settings.name}, boxmot {_version('boxmot')}")


def _embedder() -> Check:
    named = find_named()
    embedder = named.open(choose_device("auto"))
    embedder.embed([[np.zeros((*_PROBE_HW, 3), np.uint8)]])
    found = f"{embedder.model_name}: {named.reason}"
    if embedder.calibration is None:
        return Check("telling apart", found, "it was never calibrated: pass --threshold", "poor")
    threshold = embedder.calibration.threshold(AssociationConfig().far, _PEOPLE).similarity
    return Check("telling apart", f"{found}; linked from a similarity of {threshold:.2f} on among {_PEOPLE} people")


def _index() -> Check:
    import pipeline.vector_index  # noqa: F401 (which is what needs it)

    return Check("searching", f"FAISS {_version('faiss-cpu')}")


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"


def _weights() -> Check:
    folder = weights_folder()
    files = [
        path.name for path in _inside(folder) if path.suffix in (".pt", ".onnx", ".pth", ".safetensors", ".engine")
    ]
    files += [path.name for path in _inside(folder) if path.name.endswith("_openvino_model")]
    checkpoints = {path.name: facts for path, facts in kept_checkpoints()}
    listed = [
        f"{name} ({checkpoints[name].metadata.model}{'' if checkpoints[name].ready else ', not calibrated'})"
        if name in checkpoints
        else name
        for name in sorted(files)
    ]
    return Check("your weights", f"{', '.join(listed) or 'none'} in {folder}")


def _start_weights() -> Check:
    from huggingface_hub.constants import HF_HUB_CACHE

    kept = [
        path.name.removeprefix("models--") for path in _inside(Path(HF_HUB_CACHE)) if path.name.startswith("models--")
    ]
    return Check("start weights", f"{', '.join(kept) or 'none'} in {HF_HUB_CACHE}; only a training asks for any")


def _data_sets() -> Check:
    if not os.environ.get(DATA):
        return Check("data sets", f"none: {DATA} is not set; benchmark and train make people up")
    try:
        return Check("data sets", f"{', '.join(data_sets_there())} in {os.environ[DATA]}")
    except VreidError as error:
        return Check("data sets", str(error), f"let {DATA} name the folder that holds them", "poor")


def _kept() -> Check:
    from pipeline.demo import scenes_folder

    folders: dict[str, Callable[[], Path]] = {
        "made-up scenes": scenes_folder,
        "made-up tracklets": tracklets_folder,
        "benchmarks' vectors, which can recognise people": embeddings_folder,
    }
    kept = [f"{_size(folder())} of {what} in {folder()}" for what, folder in folders.items() if folder().is_dir()]
    return Check("kept for later", "; ".join(kept) or "nothing", "delete the folders at will" if kept else None)


def _size(folder: Path) -> str:
    return decimal(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
