"""How fast recordings are read, by decoder, threading and conversion to RGB.

    python benchmarks/decode.py VIDEO [VIDEO ...] [--runs 5] [--frames 300]

Every variant reads the same first frames with true times and hands out RGB arrays. The variants take turns, so that
a busy moment of the machine hits all alike; printed are medians in frames/s and the largest difference in levels from
PyAV's plain conversion. The last line is the package's own reader, with its accounting.

On two shared cores of an AMD EPYC, PyAV 18.1 and OpenCV 4.14, H.264, medians of 5 runs in frames/s:

    variant                        1920x1080   768x432   levels off at most
    OpenCV                               221      1741                    0
    PyAV AUTO, plain                     212      1036                    0
    PyAV AUTO, kept                      294      2032                    0
    PyAV AUTO, kept, one thread          242      1887                    0
    PyAV AUTO, cvtColor                  268      2192                   20
    PyAV SLICE, kept                     216      1720                    0
    pipeline.sources                     283      1956                    0
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import islice

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from pipeline.sources import open_source, parse_sources


def opencv(path: str) -> Iterator[tuple[float, np.ndarray]]:
    """OpenCV, with the time it reports."""
    capture = cv2.VideoCapture(path)
    while True:
        read, bgr = capture.read()
        if not read:
            capture.release()
            return
        yield capture.get(cv2.CAP_PROP_POS_MSEC) / 1000, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def pyav(convert: Callable[[], Callable[[av.VideoFrame], np.ndarray]], threads: str) -> Callable[[str], Iterator]:
    """PyAV with a way of threading and a conversion that is set up once a file."""

    def read(path: str) -> Iterator[tuple[float, np.ndarray]]:
        to_rgb = convert()
        with av.open(path) as container:
            stream = container.streams.video[0]
            stream.thread_type = threads
            for frame in container.decode(stream):
                yield frame.time, to_rgb(frame)

    return read


def plain() -> Callable[[av.VideoFrame], np.ndarray]:
    """A conversion set up anew for every frame."""
    return lambda frame: frame.to_ndarray(format="rgb24")


def kept() -> Callable[[av.VideoFrame], np.ndarray]:
    """A conversion whose set-up is kept from frame to frame."""
    reformatter = VideoReformatter()
    return lambda frame: reformatter.reformat(frame, format="rgb24").to_ndarray()


def kept_one_thread() -> Callable[[av.VideoFrame], np.ndarray]:
    """The same, in one thread."""
    reformatter = VideoReformatter()
    return lambda frame: reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()


def by_opencv() -> Callable[[av.VideoFrame], np.ndarray]:
    """OpenCV's conversion from planar YUV, which knows BT.601 in limited range only."""
    return lambda frame: cv2.cvtColor(frame.to_ndarray(), cv2.COLOR_YUV2RGB_I420)


def package(path: str) -> Iterator[tuple[float, np.ndarray]]:
    """The package's reader."""
    for frame in open_source(parse_sources([path])[0]).frames():
        yield frame.time_s, frame.rgb


VARIANTS: dict[str, Callable[[str], Iterator[tuple[float, np.ndarray]]]] = {
    "OpenCV": opencv,
    "PyAV AUTO, plain": pyav(plain, "AUTO"),
    "PyAV AUTO, kept": pyav(kept, "AUTO"),
    "PyAV AUTO, kept, one thread": pyav(kept_one_thread, "AUTO"),
    "PyAV AUTO, cvtColor": pyav(by_opencv, "AUTO"),
    "PyAV SLICE, kept": pyav(kept, "SLICE"),
    "pipeline.sources": package,
}


def measure(read: Callable[[str], Iterator[tuple[float, np.ndarray]]], path: str, frames: int) -> float:
    """Frames a second over the first `frames` frames, opening included."""
    started_s = time.perf_counter()
    count = sum(1 for _ in islice(read(path), frames))
    return count / (time.perf_counter() - started_s)


def main() -> None:
    """Print one table a video."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--frames", type=int, default=300)
    options = parser.parse_args()
    for path in options.videos:
        rates: dict[str, list[float]] = {name: [] for name in VARIANTS}
        for _ in range(options.runs):
            for name, read in VARIANTS.items():
                rates[name].append(measure(read, path, options.frames))
        truth_s, truth = next(VARIANTS["PyAV AUTO, plain"](path))
        print(path)
        for name, read in VARIANTS.items():
            time_s, rgb = next(read(path))
            difference = np.abs(rgb.astype(int) - truth).max()
            print(f"  {name:28} {statistics.median(rates[name]):7.0f} frames/s   {difference:3d} levels", end="")
            print(f"   first frame at {time_s:.3f} s" if abs(time_s - truth_s) > 1e-3 else "")


if __name__ == "__main__":
    main()
