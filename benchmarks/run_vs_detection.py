"""How much a whole `vreid run` costs beside the detection it cannot do without.

    python benchmarks/run_vs_detection.py --data ../shared/data [--runs 3]

Definition. Two whole processes, from start to exit, in turn (A B A B ...) on the same machine:

  A  detection alone: ultralytics' own `predict`, as its documentation shows it, over every frame of the two videos
     `one-by-one.mp4` and `street.mp4` with YOLO11n int8 (OpenVINO), all its settings at their defaults.
  B  `vreid run` over the same two videos with the same weights, all other settings at their defaults: detection,
     tracking, crops, embedding, association, tables, report.

Figures: wall seconds of each process (median over the runs), the ratio B / A of each pair (median), peak resident
memory, and the share of B that each stage takes: the seconds for which B's main thread stood in that stage or waited
for it (`timings.stages.*.blocking_s` of run.json) over B's wall seconds. What no stage claims is start-up and exit.

Wanted: a median ratio of at most 1.4, and no stage but detection and embedding above 10 %.

Results, two cores (processor without GPU), medians:

  first, other work on the machine   alone 34.9 s, run 47.9 s, ratio 1.36 (1.22, 1.50); embedding 8.5 %, tracking 4.6 %,
                                     start-up and exit 9.9 %
  last, idle machine, five runs      alone 25.9 s, run 29.7 s, ratio 1.20 (1.10 to 1.23); detection 73.0 %, tracking
                                     5.5 %, embedding 4.9 %, scenes 3.4 %, start 3.3 %, start-up and exit 8.5 %, all
                                     others below 1 %
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VIDEOS = ("videos/one-by-one.mp4", "videos/street.mp4")
WEIGHTS = "weights/yolo11n_int8_openvino_model"

DETECTION_ALONE = """
import sys
from ultralytics import YOLO
model = YOLO(sys.argv[1], task="detect")
frames = 0
for video in sys.argv[2:]:
    for result in model.predict(video, stream=True, verbose=False):
        frames += 1
print(frames, "frames")
"""


def timed(command: list[str]) -> tuple[float, float]:
    """Run a process; return its wall seconds and its peak resident memory in MiB."""
    start_s = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - start_s
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"exit code {process.returncode}: {' '.join(command[:4])} ...")
    return wall_s, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with videos/ and weights/")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    videos = [str(options.data / video) for video in VIDEOS]
    weights = str(options.data / WEIGHTS)
    alone = [sys.executable, "-c", DETECTION_ALONE, weights, *videos]
    ratios, alone_walls, run_walls = [], [], []
    shares: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder) / "run"
        whole = [sys.executable, "-m", "cli", "run", "--videos", *videos, "--detector", weights]
        whole += ["--out", str(run_dir), "--overwrite"]
        for number in range(options.runs):
            alone_s, alone_mib = timed(alone)
            run_s, run_mib = timed(whole)
            alone_walls.append(alone_s)
            run_walls.append(run_s)
            ratios.append(run_s / alone_s)
            print(
                f"run {number + 1}: detection alone {alone_s:.1f} s ({alone_mib:.0f} MiB), "
                f"vreid run {run_s:.1f} s ({run_mib:.0f} MiB), ratio {ratios[-1]:.2f}",
                flush=True,
            )
            stages = json.loads((run_dir / "run.json").read_text())["timings"]["stages"]
            for stage, times in stages.items():
                shares.setdefault(stage, []).append(times["blocking_s"] / run_s)
    print(
        f"\nmedians: detection alone {statistics.median(alone_walls):.1f} s, "
        f"vreid run {statistics.median(run_walls):.1f} s, ratio {statistics.median(ratios):.2f}"
    )
    print("\nshare of vreid run's wall time:")
    named = {stage: statistics.median(values) for stage, values in shares.items()}
    for stage, share in sorted(named.items(), key=lambda item: -item[1]):
        print(f"  {stage:12} {share:6.1%}")
    print(f"  {'(start, exit)':12} {1 - sum(named.values()):6.1%}")


if __name__ == "__main__":
    main()
