"""Whether memory grows with the length of a recording.

    python benchmarks/memory.py --data ../shared/data [--times 10]

Definition. Peak resident memory (of the whole process, as the operating system counts it) of `vreid run` over
`street.mp4` once, and over the same recording looped: its packets, unchanged, one copy after another in one file.
YOLO11n int8 (OpenVINO), all other settings at their defaults.

Wanted: within 10 % of each other.

Results, two cores, ten times. First: 1806 and 1957 MiB, ratio 1.084. Last, three tries: 1624 and 1700, 1638 and 1680,
1678 and 1764 MiB, ratios 1.047, 1.026, 1.051.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import av

WEIGHTS = "weights/yolo11n_int8_openvino_model"


def loop_video(source: Path, target: Path, times: int) -> None:
    """Write a recording several times in a row into one file, without encoding it again."""
    with av.open(str(target), "w") as writer:
        stream = None
        offset = 0
        for _ in range(times):
            with av.open(str(source)) as reader:
                original = reader.streams.video[0]
                if stream is None:
                    stream = writer.add_stream_from_template(original)
                step = round(1 / original.average_rate / original.time_base)
                for packet in reader.demux(original):
                    if packet.dts is None:
                        continue
                    packet.pts, packet.dts = packet.pts + offset, packet.dts + offset
                    packet.stream = stream
                    writer.mux(packet)
                offset += original.frames * step


def peak_mib(video: Path, weights: Path, out: Path) -> float:
    """Run vreid over a video; return the process's peak resident memory."""
    command = [sys.executable, "-m", "cli", "run", "--videos", str(video), "--detector", str(weights)]
    process = subprocess.Popen([*command, "--out", str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"vreid run ended with exit code {process.returncode}")
    return usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with videos/ and weights/")
    parser.add_argument("--times", type=int, default=10)
    options = parser.parse_args()
    once = options.data / "videos" / "street.mp4"
    with tempfile.TemporaryDirectory() as folder:
        looped = Path(folder) / "looped.mp4"
        loop_video(once, looped, options.times)
        once_mib = peak_mib(once, options.data / WEIGHTS, Path(folder) / "once")
        print(f"once: {once_mib:.0f} MiB", flush=True)
        looped_mib = peak_mib(looped, options.data / WEIGHTS, Path(folder) / "looped-run")
        print(f"{options.times} times: {looped_mib:.0f} MiB, ratio {looped_mib / once_mib:.3f}")


if __name__ == "__main__":
    main()
