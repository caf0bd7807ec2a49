"""What a live camera showed, kept until its people have names: a stream cannot be read a second time."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from pipeline.sources import Frame
from pipeline.video_writer import VideoWriter


@dataclass(frozen=True)
class RecordedFrame:
    """A frame of a recording, under the index and time that it had when it was live."""

    index: int
    time_s: float
    rgb: np.ndarray


class LiveRecording:
    """The analysed frames of a live camera, in a file that only this run reads.

    Args:
        path: the file; it is removed by `remove`.
        fps: the camera's average frame rate.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self._path = path
        self._fps = fps
        self._writer: VideoWriter | None = None
        self._indices = array("q")
        self._times_s = array("d")

    def add(self, frame: Frame) -> None:
        """Write the next frame.

        Raises:
            OutputError: the file cannot be written, or the disk is full.
        """
        if self._writer is None:
            self._writer = VideoWriter(self._path, (frame.rgb.shape[0], frame.rgb.shape[1]), self._fps)
        self._writer.write(frame.rgb, frame.time_s)
        self._indices.append(frame.index)
        self._times_s.append(frame.time_s)

    def frames(self) -> Iterator[RecordedFrame]:
        """Yield what was recorded, in order; nothing can be added after that."""
        if self._writer is None:
            return
        self._writer.close()
        with av.open(str(self._path)) as container:
            decoded = container.decode(video=0)
            for index, time_s, picture in zip(self._indices, self._times_s, decoded, strict=False):
                yield RecordedFrame(index, time_s, picture.to_ndarray(format="rgb24"))

    def remove(self) -> None:
        """Delete the file."""
        self._path.unlink(missing_ok=True)
