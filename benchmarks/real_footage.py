"""How well checkpoints know real people again: two videos, YOLO11n and ByteTrack, labels set by eye.

    python benchmarks/real_footage.py one-by-one --data ../shared/data --checkpoint best.safetensors [...]
    python benchmarks/real_footage.py street --data ../shared/data --checkpoint best.safetensors [...] [--out FOLDER]

Definition. Detector and tracker as `vreid run` uses them (YOLO11n int8, ByteTrack), every box of every frame. Tracks
of 60 frames or more with a label in `VIDEOS`, set by looking at their crops before any score. Left out is the track of
`street` that begins on a woman in a red coat and jumps to another. In `street` two people have two tracks each.

Each tracklet is cut in time: `one-by-one` into halves, `street` into thirds, of which the middle one is dropped. The
first part is the query, the last parts of all are the gallery. Embedded are

  tracklets  each part through `Embedder.embed` with the checkpoint's own clips;
  frames     ten evenly spread crops of each part, each by itself.

Each of them also as `vreid run` compares people, with what all of the camera have in common taken off (each part of a
tracklet counts as one person; `pipeline.association.centring`).

Figures: rank-1 and mAP over all queries; of all pairs of a query and a gallery entry, the share of true ones at or
above the similarity that 5 % of the false ones reach; of tracklets also the share of true and of false ones that pass
the checkpoint's own threshold, which `vreid run` sets for a gallery of that size. Beside checkpoints: histograms of
8x8x8 colours, and the network with random weights.

Models are chosen by `one-by-one`; `street` judges, and every look at it is written down in `docs/dcct-compact.md`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import matplotlib
import numpy as np

from pipeline.association.centring import centred
from pipeline.config import AssociationConfig, DetectorConfig, TrackerConfig
from pipeline.detection import create_detector
from pipeline.tracklets import cut
from reid.colour_histograms import crop_histograms, unit
from reid.data.records import TrackletRecord
from reid.embedder import Embedder
from reid.metrics import score_ranking
from reid.preprocess import Crop
from trackers.registry import create_tracker

matplotlib.use("Agg")
import matplotlib.pyplot as plt

WEIGHTS = "weights/yolo11n_int8_openvino_model"
SHORTEST = 60
FRAMES = 10
FAR = 0.01
FALSE_RATE = 0.05


@dataclass(frozen=True)
class Video:
    """Of how many parts a track's first and last are compared; track -> (its first and last frame, who it is)."""

    parts: int
    labels: dict[int, tuple[int, int, str]]


VIDEOS = {
    "one-by-one": Video(
        2,
        {
            1: (64, 196, "grey cardigan"),
            2: (232, 446, "black coat, cap"),
            3: (507, 699, "long hair, black"),
            4: (747, 866, "black T-shirt"),
            5: (927, 1196, "dark hair, grey jumper"),
            6: (1237, 1358, "grey shirt"),
        },
    ),
    "street": Video(
        3,
        {
            1: (0, 186, "navy jacket, jeans"),
            3: (0, 112, "tan coat, yellow trousers"),
            5: (0, 66, "dark jacket, white bag"),
            7: (0, 301, "black coat, dark hair"),
            8: (0, 301, "long black coat"),
            9: (0, 113, "black jacket, bicycle"),
            11: (0, 187, "cyclist"),
            12: (5, 301, "fair hair, dark coat"),
            13: (18, 85, "white jacket"),
            15: (27, 91, "bag 72"),
            16: (90, 275, "black jacket, jeans"),
            17: (127, 301, "white jacket"),
            18: (138, 301, "black, papers"),
            19: (155, 215, "bag 72"),
            20: (205, 301, "brown jacket, pale trousers"),
            21: (212, 301, "fair hair, black coat"),
            22: (228, 301, "blue jacket, pale trousers"),
        },
    ),
}


def follow(video: Path, weights: Path) -> dict[int, tuple[list[int], list[Crop]]]:
    """Detect and track as `vreid run` does: track -> its frames and what its boxes show."""
    detector = create_detector(DetectorConfig(name=str(weights)), device="cpu", warn=print)
    capture = cv2.VideoCapture(str(video))
    rate = capture.get(cv2.CAP_PROP_FPS)
    tracker = create_tracker(
        "bytetrack",
        frame_rate=rate,
        lost_after_s=TrackerConfig().lost_seconds,
        high_confidence=TrackerConfig().new_track_conf,
        low_confidence=DetectorConfig().conf,
    )
    tracks: dict[int, tuple[list[int], list[Crop]]] = {}
    number = 0
    while True:
        there, frame = capture.read()
        if not there:
            return tracks
        rgb = np.ascontiguousarray(frame[..., ::-1])
        (found,) = detector.detect([rgb])
        tracked = tracker.update(found, number / rate)
        for track, box in zip(tracked.track_ids.tolist(), tracked.boxes_xyxy, strict=True):
            crop = cut(rgb, box, number)
            if crop is not None:
                frames, crops = tracks.setdefault(track, ([], []))
                frames.append(number)
                crops.append(crop.rgb)
        number += 1


def labelled(name: str, data: Path, kept: Path) -> list[tuple[str, list[Crop]]]:
    """Return who is in each labelled track, and its crops; tracks are kept in a file for the next time."""
    file = kept / f"{name}.npz"
    tracks: dict[int, tuple[list[int], list[Crop]]] = {}
    if file.exists():
        with np.load(file) as content:
            for key in content.files:
                track, frame = map(int, key.split("/"))
                frames, crops = tracks.setdefault(track, ([], []))
                frames.append(frame)
                crops.append(content[key])
    else:
        tracks = follow(data / "videos" / f"{name}.mp4", data / WEIGHTS)
        kept.mkdir(parents=True, exist_ok=True)
        named = {
            f"{track}/{number}": crop for track, each in tracks.items() for number, crop in zip(*each, strict=True)
        }
        np.savez(file, **named)  # type: ignore[arg-type]
    labels = VIDEOS[name].labels
    for track, (first, last, _) in labels.items():
        frames = tracks.get(track, ([-1], []))[0]
        if max(abs(frames[0] - first), abs(frames[-1] - last)) > 3 or len(frames) < SHORTEST:
            raise SystemExit(
                f"track {track} of {name} is not the one that was looked at: frames {frames[0]} to {frames[-1]}"
            )
    return [(person, tracks[track][1]) for track, (_, _, person) in labels.items()]


def evenly(items: Sequence[Crop], count: int) -> list[Crop]:
    return [items[index] for index in np.linspace(0, len(items) - 1, count).round().astype(int)]


@dataclass(frozen=True)
class Figures:
    rank_1: float
    mean_ap: float
    true_at_false: float
    same: np.ndarray
    different: np.ndarray


def compare(people: Sequence[str], query: np.ndarray, gallery: np.ndarray) -> Figures:
    """Score vectors (N, D) of N first parts against those of the last parts; `people` says whose they are."""
    names = list(dict.fromkeys(people))
    seen = [[TrackletRecord(names.index(person) + 1, camera, ("-",)) for person in people] for camera in (1, 2)]
    scores = score_ranking(query, seen[0], gallery, seen[1])
    alike = query @ gallery.T
    same = np.array([[one == other for other in people] for one in people])
    limit = np.quantile(alike[~same], 1 - FALSE_RATE)
    return Figures(
        rank_1=scores.cmc[0],
        mean_ap=scores.mean_ap,
        true_at_false=float((alike[same] >= limit).mean()),
        same=alike[same],
        different=alike[~same],
    )


def colours(tracklets: Sequence[Sequence[Crop]]) -> np.ndarray:
    return unit(np.stack([np.mean([crop_histograms(crop, 1)[0] for crop in each], axis=0) for each in tracklets]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", choices=list(VIDEOS))
    parser.add_argument("--data", type=Path, required=True, help="folder with videos/ and weights/")
    parser.add_argument("--checkpoint", type=Path, nargs="*", default=[])
    parser.add_argument("--variant", nargs="*", help="default: the one that `vreid run` uses")
    parser.add_argument("--out", type=Path, help="a folder for histograms of similarities")
    parser.add_argument("--kept", type=Path, default=Path(tempfile.gettempdir()) / "vreid-real-footage")
    options = parser.parse_args()
    tracks = labelled(options.video, options.data, options.kept)
    parts = VIDEOS[options.video].parts
    people = [person for person, _ in tracks]
    first = [crops[: len(crops) // parts] for _, crops in tracks]
    last = [crops[-(len(crops) // parts) :] for _, crops in tracks]
    both = [*first, *last]
    single = [[crop] for crops in both for crop in evenly(crops, FRAMES)]
    framed = [person for person in people for _ in range(FRAMES)]

    print(f"{options.video}: {len(people)} tracklets of {len(set(people))} people")
    print(f"{'':40s} tracklets: R1    mAP   true@5%   frames: R1    mAP   true@5%   at its threshold: true  false")
    ways: list[tuple[str, Embedder | None, str | None]] = [("colour histogram", None, None)]
    embedders = [("random network", Embedder.untrained("dcct-compact"))]
    embedders += [(str(path), Embedder.from_checkpoint(path)) for path in options.checkpoint]
    for name, embedder in embedders:
        ways += [(name, embedder, variant) for variant in options.variant or [embedder.variant]]
    for name, embedder, variant in ways:
        embed: Callable[[Sequence[Sequence[Crop]]], np.ndarray] = (
            colours if embedder is None else lambda crops, by=embedder, what=variant: by.embed(crops, what)
        )
        vectors = embed(both), embed(single)
        owners = range(len(both)), [part for part in range(len(both)) for _ in range(FRAMES)]
        for is_centred in (False, True) if embedder is not None else (False,):
            if is_centred:
                prior = AssociationConfig().camera_prior or 0.0
                vectors = tuple(  # type: ignore[assignment]
                    centred(rows.astype(np.float64), ["one"] * len(rows), list(own), prior)
                    for rows, own in zip(vectors, owners, strict=True)
                )
            whole, frame = (
                compare(who, *np.split(rows, 2)) for who, rows in zip((people, framed), vectors, strict=True)
            )
            report(name, variant, embedder, is_centred, whole, frame, people, options)


def report(
    name: str,
    variant: str | None,
    embedder: Embedder | None,
    is_centred: bool,
    whole: Figures,
    frame: Figures,
    people: Sequence[str],
    options: argparse.Namespace,
) -> None:
    line = f"{' '.join((name[-32:], variant or '', 'centred' if is_centred else '')):40s}"
    for figures in (whole, frame):
        line += f"      {figures.rank_1:.3f}  {figures.mean_ap:.3f}  {figures.true_at_false:.3f}   "
    if embedder is not None and embedder.calibration is not None and variant == embedder.variant:
        threshold = embedder.calibration.threshold(FAR, len(people)).similarity
        passed = [float((each >= threshold).mean()) for each in (whole.same, whole.different)]
        line += f"        {threshold:.3f}:  {passed[0]:.3f} {passed[1]:.3f}"
    print(line, flush=True)
    if options.out is not None:
        title = f"{Path(name).name} {variant or ''} {'centred' if is_centred else ''}, {options.video}"
        draw(title, whole, frame, options.out)


def draw(title: str, whole: Figures, frame: Figures, folder: Path) -> None:
    """Draw similarities of the same and of different people."""
    folder.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(2, 1, figsize=(8, 6), sharex=True, layout="constrained")
    for axis, figures, what in zip(axes, (whole, frame), ("tracklets", "frames"), strict=True):
        bins = np.linspace(-0.5, 1, 61).tolist()
        axis.hist(
            figures.different, bins, density=True, alpha=0.6, label=f"different people ({len(figures.different)})"
        )
        axis.hist(figures.same, bins, density=True, alpha=0.6, label=f"same person ({len(figures.same)})")
        axis.set(title=what, yticks=[])
        axis.legend(frameon=False)
    axes[-1].set_xlabel("cosine similarity")
    figure.suptitle(title)
    figure.savefig(folder / f"{title.replace(',', '').replace(' ', '-')}.png")
    plt.close(figure)


if __name__ == "__main__":
    main()
