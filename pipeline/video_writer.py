"""Writing video that every browser plays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from reid.errors import OutputError

# Fine enough for a millisecond, and divides evenly by the usual frame rates.
_TIME_BASE = Fraction(1, 90_000)
_DEFAULT_FPS = 25.0
_SECONDS_BETWEEN_KEYFRAMES = 2.0


class VideoWriter:
    """An MP4 that grows frame by frame: H.264, yuv420p, fast start, every frame at its own time.

    Args:
        path: the file to write.
        size_hw: height and width of the frames; one pixel is added where they are odd.
        fps: the average frame rate, None if it is not known; it only guides the encoder.
        crf: how much may be lost, from 0 (nothing) to 51.
        is_repeatable: the same frames give the same bytes again, on any number of cores. Takes longer and more space:
            x264's threads and its macroblock tree (in its AVX-512 code) do not always decide alike.

    Raises:
        OutputError: the file cannot be written, or the disk is full; here and in every method.
    """

    def __init__(
        self, path: Path, size_hw: tuple[int, int], fps: float | None, *, crf: int = 20, is_repeatable: bool = False
    ) -> None:
        self._path = path
        height_px, width_px = size_hw
        fps = fps or _DEFAULT_FPS
        self._height_px = height_px + height_px % 2
        self._width_px = width_px + width_px % 2
        self._last_pts = -1
        with _output_errors(path):
            self._container = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        rate = Fraction(fps).limit_denominator(1001)
        options = {"crf": str(crf), "preset": "veryfast"} | ({"mbtree": "0"} if is_repeatable else {})
        self._stream = self._container.add_stream("libx264", rate=rate, options=options)
        context = self._stream.codec_context
        context.width, context.height, context.pix_fmt = self._width_px, self._height_px, "yuv420p"
        context.thread_count = 1 if is_repeatable else 0
        context.time_base = _TIME_BASE
        context.gop_size = max(1, round(fps * _SECONDS_BETWEEN_KEYFRAMES))
        # OpenCV converts by BT.601; without the mark a browser takes BT.709 for large frames and shifts the colours.
        context.colorspace = int(Colorspace.ITU601)
        context.color_range = int(ColorRange.MPEG)

    def write(self, rgb: np.ndarray, time_s: float) -> None:
        """Add a frame; one that does not come after the last is moved to just behind it."""
        planes = cv2.cvtColor(self._fit(rgb), cv2.COLOR_RGB2YUV_I420)  # (H * 3 / 2, W)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.time_base = _TIME_BASE
        frame.pts = max(self._last_pts + 1, round(time_s / _TIME_BASE))
        self._last_pts = frame.pts
        self._encode(frame)

    def close(self) -> None:
        """Write what is still waiting, and the index."""
        try:
            self._encode(None)
        finally:
            with _output_errors(self._path):
                self._container.close()

    def _encode(self, frame: av.VideoFrame | None) -> None:
        with _output_errors(self._path):
            for packet in self._stream.encode(frame):
                self._container.mux(packet)

    def _fit(self, rgb: np.ndarray) -> np.ndarray:
        height_px, width_px = rgb.shape[:2]
        missing = (self._height_px - height_px, self._width_px - width_px)
        if missing == (0, 0):
            return rgb
        if all(0 <= pixels <= 1 for pixels in missing):
            padded: np.ndarray = cv2.copyMakeBorder(rgb, 0, missing[0], 0, missing[1], cv2.BORDER_REPLICATE)
            return padded
        resized: np.ndarray = cv2.resize(rgb, (self._width_px, self._height_px), interpolation=cv2.INTER_AREA)
        return resized


@contextmanager
def _output_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        raise OutputError(f"cannot write the video {path}: {error.strerror}") from error
