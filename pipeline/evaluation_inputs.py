"""Read what is to be scored: a run or a folder of result texts, and a folder of ground truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pipeline.evaluation import Analysed, CameraTruth
from pipeline.mot import TrackBox, read_tracks, read_truth
from pipeline.run_directory import FORMAT
from reid.errors import InputError


@dataclass(frozen=True)
class Result:
    """What is to be scored.

    Attributes:
        boxes: camera -> its boxes.
        analysed: which frames they speak of.
        trained: whether the network that told people apart was; None where that is not known.
    """

    boxes: dict[str, list[TrackBox]]
    analysed: Analysed
    trained: bool | None = None


def read_result(folder: Path) -> Result:
    """Read a run of `vreid run`, or a folder of `<camera>.txt` in MOTChallenge's result format.

    Args:
        folder: the one or the other.

    Returns:
        Its boxes. Of a folder of texts every frame counts as analysed.

    Raises:
        InputError: it is neither, or a file of it cannot be read.
    """
    manifest_path = folder / "run.json"
    if not manifest_path.is_file():
        return Result(_read_folder(folder, "results", read_tracks), Analysed())
    manifest = _read_json(manifest_path)
    if manifest.get("format") != FORMAT:
        raise InputError(f"{manifest_path}: expected a run of format {FORMAT}, got {manifest.get('format')!r}")
    try:
        every, trained = int(manifest["config"]["every"]), bool(manifest["embedder"]["trained"])
        until = _stops(manifest, every)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{manifest_path} is incomplete or damaged: {error!r}") from error
    boxes = {path.stem: read_tracks(path) for path in sorted((folder / "tracks").glob("*.txt"))}
    return Result(boxes, Analysed(every, until), trained)


def read_truth_folder(folder: Path) -> dict[str, CameraTruth]:
    """Read ground truth: `<camera>.txt` in MOTChallenge's format, in the folder itself or in its `truth`.

    A `scene.json` in the folder of the texts or beside it says how many frames a camera has.

    Args:
        folder: where to look.

    Returns:
        camera -> its truth, in order of names.

    Raises:
        InputError: there is none, or a file of it cannot be read.
    """
    if (folder / "truth").is_dir():
        folder = folder / "truth"
    boxes = _read_folder(folder, "ground truth", read_truth)
    frames: dict[str, int] = {}
    for path in (folder.parent / "scene.json", folder / "scene.json"):
        if path.is_file():
            frames = _scene_frames(path)
    return {name: CameraTruth(of_camera, frames.get(name)) for name, of_camera in boxes.items()}


def _stops(manifest: dict[str, Any], every: int) -> dict[str, int]:
    """Find where recordings were stopped: after the analysed frames and those that were lost among them."""
    stops = {}
    for camera in manifest["cameras"]:
        counts, health = camera["counts"], camera["health"]
        if counts is not None and (camera["cut_short"] or manifest["stopped_by"] == "duration"):
            lost = int(health["frames_skipped"]) + int(health["frames_corrupt"])
            stops[camera["camera_id"]] = every * int(counts["frames"]) + lost
    return stops


def _scene_frames(path: Path) -> dict[str, int]:
    try:
        return {name: int(camera["frames"]) for name, camera in _read_json(path)["cameras"].items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} does not say how many frames each camera has: {error!r}") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a JSON object")
    return content


_Box = TypeVar("_Box")


def _read_folder(folder: Path, what: str, read: Callable[[Path], list[_Box]]) -> dict[str, list[_Box]]:
    if not folder.is_dir():
        raise InputError(f"{'not a folder' if folder.exists() else 'no folder'} of {what}: {folder}")
    paths = sorted(folder.glob("*.txt"))
    if not paths:
        raise InputError(f"no {what} in {folder}: it holds no <camera>.txt")
    return {path.stem: read(path) for path in paths}
