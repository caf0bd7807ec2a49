"""How detectors do on real videos, against a detector that is taken for right.

    python benchmarks/detectors_on_videos.py --videos street.mp4 one-by-one.mp4 \\
        --truth yolo11n_int8_openvino_model --detectors hog [...] [--every 10]

Definition. Every N-th frame of each video. True are the boxes of `--truth` of confidence 0.4 or more and higher than
80 px; smaller ones are neither missed nor false. A detector's boxes are kept from confidence 0.4 on (hog from 0.1, as
`detectors_on_scenes.py` has it) and found where they overlap by half or more. Milliseconds a frame: median of the calls
with one frame each, first call left out, in the process that scores; the truth's own beside them.

A person detector of our own replaces HOG only if its recall and precision are higher on both videos and it takes a
fraction of the time.

Results (two cores, a training beside it, --every 10):

  video                 detector              frames  people  recall  precision  ms/frame  truth's
  street                hog                       31     282   0.759      0.833       290       20
  one-by-one            hog                      140     105   0.267      0.267        40       15
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import av
import numpy as np

from pipeline.config import DetectorConfig
from pipeline.detection import Detector, create_detector
from pipeline.evaluation import CameraTruth, evaluate
from pipeline.mot import TrackBox, TruthBox

SMALLEST_PX = 80


def frames(video: Path, every: int) -> Iterator[np.ndarray]:
    """Every N-th frame, (H, W, 3) uint8."""
    with av.open(str(video)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if index % every == 0:
                yield frame.to_ndarray(format="rgb24")


def found(detector: Detector, video: Path, every: int) -> tuple[list[TrackBox], float]:
    """What a detector finds, every box an id of its own, and milliseconds a frame."""
    boxes: list[TrackBox] = []
    times_ms = []
    for index, frame in enumerate(frames(video, every)):
        start = time.perf_counter()
        detections = detector.detect([frame])[0]
        times_ms.append(1000 * (time.perf_counter() - start))
        for box, confidence in zip(detections.boxes_xyxy.tolist(), detections.confidences.tolist(), strict=True):
            boxes.append(TrackBox(index, len(boxes) + 1, tuple(box), confidence))
    return boxes, median(times_ms[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", nargs="+", type=Path, required=True)
    parser.add_argument("--truth", required=True, help="YOLO weights that are taken for right")
    parser.add_argument("--detectors", nargs="+", required=True, help="hog, or YOLO weights")
    parser.add_argument("--every", type=int, default=10, help="only every N-th frame")
    arguments = parser.parse_args()
    print("video                 detector              frames  people  recall  precision  ms/frame  truth's")
    for video in arguments.videos:
        right = create_detector(DetectorConfig(name=arguments.truth, conf=0.4), device="cpu", warn=print)
        boxes, right_ms = found(right, video, arguments.every)
        people = [
            TruthBox(
                box.frame_index, box.mot_id, box.box_xyxy, consider=box.box_xyxy[3] - box.box_xyxy[1] > SMALLEST_PX
            )
            for box in boxes
        ]
        number = sum(1 for _ in frames(video, arguments.every))
        for name in arguments.detectors:
            conf = 0.1 if name == "hog" else 0.4
            detector = create_detector(DetectorConfig(name=name, conf=conf), device="cpu", warn=print)
            others, milliseconds = found(detector, video, arguments.every)
            scores = evaluate({video.stem: others}, {video.stem: CameraTruth(people, number)}).all_cameras.detection
            shares = f"{scores.recall.value or 0:7.3f} {scores.precision.value or 0:10.3f}"
            who = f"{video.stem:20}  {Path(name).name:20} {number:7} {scores.recall.whole:7}"
            print(who, shares, f"{milliseconds:9.0f} {right_ms:8.0f}", flush=True)


if __name__ == "__main__":
    main()
