"""Whether detectors take made-up people for people.

    python benchmarks/detectors_on_scenes.py --detectors hog yolo11n_int8_openvino_model [--seeds 0 1 2 3 4 5 6 7]

Definition. The demo's scene (two cameras, 12 people, 20 s at 10 frames a second, 960x540) of each seed, read back from
its H.264 videos; every frame through the detector; boxes of at least confidence 0.1 (hog) or 0.4 (YOLO) are kept, no
tracking. Scored as `vreid evaluate` does, boxes that overlap by half or more, both cameras together. "Clear" is people
of whom 0.9 or more is seen and that are at least 100 px high. Scenes are kept where the demo keeps them.

Wanted, on the demo's own scene (seed 0), clear people: YOLO11n recall and precision 0.95, HOG recall 0.6. The other
seeds say how much of that is luck.

Results:

  YOLO11n, int8, OpenVINO
  seed  clear recall  precision  people | recall, seen <0.5, 0.5-0.9, 0.9+: 100-200 px | 200+ px
     0         0.994      0.971    1200 | 0.690 0.872 0.995 | 0.467 0.875 0.993
     1         0.994      0.986     907 | 0.580 0.858 0.998 | 0.647 0.922 0.992
     2         0.990      0.976    1098 | 0.377 0.776 0.988 | 1.000 0.946 0.993
     3         0.992      0.976    1190 | 0.541 0.805 0.987 | 0.667 0.956 0.998
     4         0.970      0.984    1089 | 0.375 0.798 0.980 | 0.625 1.000 0.944
     5         0.997      0.982    1165 | 0.641 0.925 1.000 | 0.543 0.965 0.993
     6         0.939      0.981    1155 | 0.227 0.631 0.912 | 0.412 0.870 0.982
     7         0.968      0.986    1046 | 0.275 0.577 0.964 | 0.556 0.935 0.979
  hog
  seed  clear recall  precision  people | recall, seen <0.5, 0.5-0.9, 0.9+: 100-200 px | 200+ px
     0         0.709      0.756    1200 | 0.103 0.414 0.701 | 0.000 0.056 0.725
     1         0.734      0.806     907 | 0.000 0.205 0.792 | 0.059 0.132 0.687
     2         0.633      0.881    1098 | 0.049 0.136 0.722 | 0.000 0.081 0.499
     3         0.544      0.793    1190 | 0.016 0.078 0.515 | 0.056 0.044 0.587
     4         0.734      0.831    1089 | 0.150 0.209 0.753 | 0.000 0.000 0.688
     5         0.651      0.817    1165 | 0.090 0.290 0.755 | 0.057 0.044 0.537
     6         0.413      0.807    1155 | 0.000 0.071 0.268 | 0.000 0.117 0.653
     7         0.313      0.852    1046 | 0.059 0.065 0.347 | 0.000 0.000 0.224

HOG fails where clothes and ground are alike (seed 7: dark clothes on a dark carpet) and in the dark (seed 6: a night
camera in black and white).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import av

from pipeline.config import DetectorConfig
from pipeline.demo import demo_options, keep_scene, kept_scene
from pipeline.detection import Detector, create_detector
from pipeline.evaluation import evaluate
from pipeline.evaluation_detection import DetectionScores, Share
from pipeline.evaluation_inputs import read_truth_folder
from pipeline.mot import TrackBox
from pipeline.synthetic_scene import SceneFolder


def boxes(detector: Detector, video: Path) -> Iterator[TrackBox]:
    """What a detector finds in a video; every box an id of its own."""
    with av.open(str(video)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            found = detector.detect([frame.to_ndarray(format="rgb24")])[0]
            for number, (box, confidence) in enumerate(
                zip(found.boxes_xyxy.tolist(), found.confidences.tolist(), strict=True), start=1
            ):
                yield TrackBox(index, 1000 * index + number, tuple(box), confidence)


def score(scene: SceneFolder, name: str) -> DetectionScores:
    """Score one detector on one scene."""
    conf = 0.1 if name == "hog" else 0.4
    detector = create_detector(DetectorConfig(name=name, conf=conf), device="cpu", warn=print)
    found = {camera: list(boxes(detector, scene.path / "videos" / f"{camera}.mp4")) for camera in scene.frames}
    return evaluate(found, read_truth_folder(scene.path)).all_cameras.detection


def shown(share: Share) -> str:
    """A figure in five places; `-` where there is nothing."""
    return "-".rjust(5) if share.value is None else f"{share.value:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--detectors", nargs="+", required=True, help="hog, or YOLO weights")
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(8)))
    arguments = parser.parse_args()
    for name in arguments.detectors:
        print(Path(name).name)
        print("seed  clear recall  precision  people | recall, seen <0.5, 0.5-0.9, 0.9+: 100-200 px | 200+ px")
        for seed in arguments.seeds:
            options = demo_options(seed)
            scores = score(kept_scene(options) or keep_scene(options), name)
            bands = " | ".join(" ".join(map(shown, band)) for band in scores.recall_by_height[1:])
            figures = (
                f"{shown(scores.clear_recall):>12} {shown(scores.clear_precision):>10} {scores.clear_recall.whole:>7}"
            )
            print(f"{seed:4}  {figures} | {bands}", flush=True)


if __name__ == "__main__":
    main()
