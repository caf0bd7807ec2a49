"""What is looked for, as a vector: from a picture, from a clip, or from a stay that is known."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.config import CameraConfig, DetectorConfig, EmbedderConfig, RunConfig
from pipeline.detection import create_detector
from pipeline.listener import RunListener
from pipeline.report_texts import position_text
from pipeline.run import run_pipeline
from pipeline.run_directory import TrackletRow
from pipeline.search.target import Target
from pipeline.tracklets import ENOUGH, cut
from reid.embedder import Embedder
from reid.errors import ConfigError, InputError, SourceError
from reid.named_weights import find_named

WHOLE = "whole"
_LEAST_CONFIDENCE = 0.4  # of a person in a picture
_PICTURES = 4
_JPEG_QUALITY = 90
_MADE_OF = ("fingerprint", "variant", "policy")
Box = tuple[float, float, float, float]  # left, top, width, height in pixels


@dataclass(frozen=True)
class Query:
    """What is looked for.

    Attributes:
        vector: (D,) float32 of L2 norm 1.
        pictures: JPEGs of it, to be shown.
        said: what it is, in words.
        single: whether it is one picture only, which tells less than a stay.
        itself: run, camera and track of the stay that it is; None where it is none.
    """

    vector: np.ndarray
    pictures: list[bytes]
    said: str
    single: bool = False
    itself: tuple[Path, str, int] | None = None


def matching_embedder(target: Target, weights: str | None, *, device: str) -> Embedder:
    """Open the network that made a target's vectors.

    Args:
        target: what is searched.
        weights: a name or path as in `reid.named_weights`; None for the one that the target names.
        device: what to compute on.

    Raises:
        WeightsError: the weights are missing or cannot be used.
        InputError: they are not the ones that made the vectors.
    """
    name = weights or target.weights
    embedder = find_named(name).open(device, run_variant=target.made_of.get("variant"))
    made = embedder.describe()
    if any(made[fact] != target.made_of.get(fact) for fact in _MADE_OF):
        hint = "pass --weights with the checkpoint that made it" if weights is None else "they cannot be compared"
        raise InputError(
            f"the vectors of {target.path} are of {target.made_of.get('model')} "
            f"{str(target.made_of.get('fingerprint'))[:12]}…, not of {made['model']} {made['fingerprint'][:12]}… "
            f"({name}): {hint}"
        )
    return embedder


def parse_box(text: str) -> Box | None:
    """Read `LEFT,TOP,WIDTH,HEIGHT` or `whole`; None is the whole picture.

    Raises:
        ConfigError: it is neither.
    """
    if text == WHOLE:
        return None
    try:
        left, top, width, height = (float(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"--box: {text!r} is not LEFT,TOP,WIDTH,HEIGHT in pixels, nor {WHOLE!r}") from None
    if not all(map(math.isfinite, (left, top, width, height))):
        raise ConfigError(f"--box: {text!r} is not LEFT,TOP,WIDTH,HEIGHT in pixels")
    if not (width > 0 and height > 0):
        raise ConfigError(f"--box: {text!r} has no width or no height")
    return left, top, width, height


def from_image(
    path: Path, box: str | None, embedder: Embedder, *, detector: str, device: str, warn: Callable[[str], None]
) -> Query:
    """Look for the person in a picture.

    Args:
        path: the picture.
        box: where the person is, as for `parse_box`; None if a detector is to say.
        embedder: of the target's vectors.
        detector: by name, as for a run.
        device: what it computes on.
        warn: is told where the detector is not the wanted one.

    Raises:
        InputError: it is no picture; or nobody or several people are in it, then it says what to do.
        ConfigError: the box is no box, or not in the picture.
        WeightsError: the detector is not there.
    """
    rgb = _read(path)
    height, width = rgb.shape[:2]
    if box is not None:
        wanted = parse_box(box) or (0.0, 0.0, float(width), float(height))
    else:
        wanted = _only_person(path, rgb, detector=detector, device=device, warn=warn)
    left, top, box_width, box_height = wanted
    crop = cut(rgb, np.array([left, top, left + box_width, top + box_height]), 0)
    if crop is None:
        raise ConfigError(f"--box: nothing of {box} lies in {path}, which is {width} x {height} pixels")
    (vector,) = embedder.embed([[crop.rgb]])
    return Query(vector, [_jpeg(crop.rgb)], f"a picture, {path.name}", single=True)


def _only_person(path: Path, rgb: np.ndarray, *, detector: str, device: str, warn: Callable[[str], None]) -> Box:
    settings = DetectorConfig(name=detector)
    (found,) = create_detector(settings, device=device, warn=warn).detect([rgb])
    sure = found.boxes_xyxy[found.confidences >= _LEAST_CONFIDENCE]
    boxes = [(float(x1), float(y1), float(x2 - x1), float(y2 - y1)) for x1, y1, x2, y2 in sure]
    if len(boxes) == 1:
        return boxes[0]
    if not boxes:
        raise InputError(
            f"nobody was found in {path}; if somebody is in it, say where with --box LEFT,TOP,WIDTH,HEIGHT, or with "
            f"--box {WHOLE} if they fill it"
        )
    shown = "; ".join(f"--box {_shown(one)}" for one in sorted(boxes))
    raise InputError(f"{len(boxes)} people were found in {path}, from left to right; choose one: {shown}")


def _shown(box: Box) -> str:
    return ",".join(f"{value:.0f}" for value in box)


def from_video(
    path: str,
    person: int | None,
    target: Target,
    weights: str | None,
    *,
    detector: str,
    device: str,
    listener: RunListener,
) -> Query:
    """Look for the person in a clip; it is followed as in a run, of which nothing is kept.

    Args:
        path: the clip, as for a run's camera.
        person: which of several, by the number that the message gives; None if there is one.
        target: what is searched.
        weights: as for `matching_embedder`.
        detector: by name, as for a run.
        device: what to compute on.
        listener: is told how it goes on.

    Raises:
        SourceError: it is no video.
        InputError: nobody or several people are in it, then it says what to do.
        WeightsError: the detector is not there.
    """
    config = RunConfig(
        cameras=(CameraConfig(name="clip", source=path),),
        device=device,
        detector=DetectorConfig(name=detector),
        embedder=EmbedderConfig(weights=weights or target.weights, variant=target.made_of.get("variant")),
        association=target.association,
    )
    with tempfile.TemporaryDirectory() as folder:
        run = run_pipeline(config, Path(folder) / "clip", listener=listener)
        if run.manifest["counts"]["frames"] == 0:
            raise SourceError(f"--video {path}: no frame of it could be read")
        rows, embeddings = run.tracklets, run.embeddings
        people = sorted({row.identity_id for row in rows if row.identity_id is not None})
        number = _choose(path, rows, people, person)
        own_rows = [index for index, row in enumerate(rows) if row.identity_id == number]
        good = [index for index in own_rows if rows[index].evidence == ENOUGH] or own_rows
        mean = embeddings[good].mean(axis=0)
        row = max((rows[index] for index in good), key=lambda row: len(row.crop_frames))
        stored = len(row.crop_frames)
        numbers = sorted({(2 * n + 1) * stored // (2 * _PICTURES) for n in range(_PICTURES)})
        pictures = [(run.path / row.crops_path / f"{place:03d}.jpg").read_bytes() for place in numbers]
    vector = (mean / np.linalg.norm(mean)).astype(np.float32)
    return Query(vector, pictures, f"person {number} of a clip, {Path(path).name}")


def _choose(path: str, rows: Sequence[TrackletRow], people: Sequence[int], person: int | None) -> int:
    """Choose one of the people of a clip."""
    if not people:
        raise InputError(f"nobody was seen long and clearly enough in {path}")
    if person is None and len(people) > 1:
        told = []
        for number in people:
            spans = [(row.start_s, row.end_s) for row in rows if row.identity_id == number]
            begin_s, end_s = min(spans)[0], max(end_s for _, end_s in spans)
            told.append(f"--person {number} ({position_text(begin_s)} to {position_text(end_s)})")
        raise InputError(f"{len(people)} people were seen in {path}; choose one: {'; '.join(told)}")
    if person is not None and person not in people:
        known = ", ".join(map(str, people))
        raise ConfigError(f"--person: there is no person {person} in {path}; there are {known}")
    return people[0] if person is None else person


def from_tracklet(target: Target, camera_id: str, track_id: int) -> Query:
    """Look for the person of a stay that is in the target.

    Raises:
        ConfigError: there is no such stay, or there are several.
    """
    named = f"{camera_id}/{track_id}"
    found = target.named(camera_id, track_id)
    if not found:
        cameras = ", ".join(target.cameras) or "none"
        raise ConfigError(f"--tracklet: there is no stay {named} with a vector in {target.path}; cameras: {cameras}")
    if len(found) > 1:
        runs = ", ".join(str(place.run) for place, _ in found)
        raise ConfigError(f"--tracklet: several runs of the gallery have {named}; search with one of them: {runs}")
    ((place, vector),) = found
    return Query(vector, place.pictures(_PICTURES), f"stay {named}", itself=(place.run, camera_id, track_id))


def _read(path: Path) -> np.ndarray:
    """Read a picture as (H, W, 3) uint8 RGB, turned as its camera was held."""
    if not path.is_file():
        raise InputError(f"--image {path} does not exist")
    bgr = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR) if path.stat().st_size else None
    if bgr is None:
        raise InputError(f"--image {path} is no picture that can be read")
    return np.ascontiguousarray(bgr[..., ::-1])


def _jpeg(rgb: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", rgb[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))[1].tobytes()
