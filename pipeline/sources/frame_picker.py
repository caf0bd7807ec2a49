"""Single frames out of a file, by number: decord where it is installed and answers, PyAV everywhere else."""

from __future__ import annotations

import importlib.util
import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np

from pipeline.sources.bounded import call_bounded
from pipeline.sources.connections import open_container, video_stream
from pipeline.sources.conversion import RgbConverter
from pipeline.sources.frame import RgbImage
from pipeline.sources.packets import ShownPackets
from reid.errors import SourceError

log = logging.getLogger(__name__)


class FramePicker:
    """Random access to a file's frames, by the same numbers as reading it through.

    decord is asked for one frame at a time, as an error loses it everything that was asked for together, and each time
    in a thread that is left behind if it hangs. After its first failure, or where it counts other frames than the
    container has, PyAV does the rest.
    """

    def __init__(self, path: Path, *, use_decord: bool = True, timeout_s: float = 10.0) -> None:
        """Open the file and list its frames; nothing is decoded.

        Args:
            path: a video file.
            use_decord: False for a file known to be damaged, where decord may hand out the wrong frame unasked.
            timeout_s: how long decord may take for one frame.

        Raises:
            SourceError: the file cannot be opened or holds no video.
        """
        self._path = path
        self._timeout_s = timeout_s
        self._seeker = _SeekingReader(path)
        self._decord: Any = self._open_decord() if use_decord else None

    def __len__(self) -> int:
        """How many frames the file has."""
        return len(self._seeker.times)

    def pick(self, indices: Sequence[int]) -> list[RgbImage | None]:
        """Decode frames.

        Args:
            indices: 0-based numbers in order of presentation, in any order and with repetitions.

        Returns:
            (H, W, 3) uint8 RGB an index, in the order asked for; None for a frame that is damaged.

        Raises:
            IndexError: an index is outside the file.
        """
        for index in indices:
            if not 0 <= index < len(self):
                raise IndexError(f"{self._path}: frame {index} was asked for, there are {len(self)}")
        picked: dict[int, RgbImage | None] = {}
        for index in sorted(set(indices)):
            frame = self._pick_with_decord(index)
            picked[index] = frame if frame is not None else self._seeker.read(index)
        return [picked[index] for index in indices]

    def close(self) -> None:
        """Let go of the file."""
        self._decord = None
        self._seeker.close()

    def __enter__(self) -> Self:
        """The picker itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _open_decord(self) -> Any:
        if importlib.util.find_spec("decord") is None:
            return None

        def open_it() -> Any:
            import decord

            decord.logging.set_level(decord.logging.QUIET)
            return decord.VideoReader(str(self._path), num_threads=1)

        reader = self._guarded(open_it)
        if reader is not None and len(reader) != len(self):
            log.debug("%s: decord counts %d frames, the container %d", self._path, len(reader), len(self))
            return None
        return reader

    def _pick_with_decord(self, index: int) -> RgbImage | None:
        if self._decord is None:
            return None
        reader = self._decord
        frame: RgbImage | None = self._guarded(lambda: np.ascontiguousarray(reader[index].asnumpy()))
        if frame is None:
            self._decord = None
        return frame

    def _guarded(self, function: Callable[[], Any]) -> Any:
        """Call into decord; None if it failed or hung."""
        try:
            return call_bounded(function, self._timeout_s, discard=lambda _: None)
        except Exception as error:  # decord raises errors of its own kinds, and plain RuntimeErrors
            log.debug("%s: decord gave up (%s), PyAV goes on", self._path, type(error).__name__)
            return None


class _SeekingReader:
    """Frames by number through PyAV: seek to the key frame before, then decode up to the one wanted."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._container = open_container(self._path)
        self._stream = video_stream(self._container)
        shown = ShownPackets(self._stream)
        listed = [packet.pts for packet in self._packets() if shown.accepts(packet)]
        if any(pts is None for pts in listed):
            self._container.close()
            raise SourceError(f"{path}: its frames carry no times, so single ones cannot be picked")
        self.times: list[int] = sorted(listed)
        self._convert = RgbConverter()
        self._frames: Iterator[av.VideoFrame] | None = None
        self._position: int | None = None
        self._lost_picture = False

    def close(self) -> None:
        self._frames = None
        self._container.close()

    def read(self, index: int) -> RgbImage | None:
        """The frame of this number, None if it is damaged."""
        wanted = self.times[index]
        near = self._position is not None and 0 < wanted - self._position <= self._step() * 30
        if self._frames is not None and near:
            return self._advance(self._frames, wanted)
        for seconds_before in (0, 2, 10, None):
            frames = self._decode_from(wanted, seconds_before)
            first = next(frames, None)
            # Some containers seek by guesswork and land too late.
            if first is not None and first.pts <= wanted:
                self._frames = frames
                return self._advance(itertools.chain([first], frames), wanted)
            if self._lost_picture:
                return None
        return None

    def _advance(self, frames: Iterator[av.VideoFrame], wanted: int) -> RgbImage | None:
        for frame in frames:
            self._position = frame.pts
            if frame.pts == wanted:
                return None if frame.is_corrupt else self._convert(frame)
            if frame.pts > wanted:
                break
        self._frames = None
        return None

    def _decode_from(self, pts: int, seconds_before: int | None) -> Iterator[av.VideoFrame]:
        """Decode from the key frame before a time; from the beginning of the file if `seconds_before` is None."""
        if seconds_before is None:
            self._container.close()
            self._container = open_container(self._path)
            self._stream = video_stream(self._container)
        else:
            ticks = int(seconds_before / (self._stream.time_base or 1))
            self._container.seek(max(pts - ticks, self.times[0]), stream=self._stream, backward=True)
            self._stream.codec_context.flush_buffers()
        return self._decode()

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Decode from here on; after a lost picture nothing up to the next key frame, as in reading through."""
        self._lost_picture = False
        for packet in self._packets():
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                self._lost_picture = True
                continue
            for frame in frames:
                self._lost_picture = self._lost_picture and not frame.key_frame
                if frame.pts is not None and not self._lost_picture:
                    yield frame

    def _packets(self) -> Iterator[av.Packet]:
        """Packets from here on; errors that the file goes on behind are passed over."""
        for _ in range(100):
            try:
                yield from self._container.demux(self._stream)
                return
            except (av.error.InvalidDataError, av.error.BlockingIOError):
                continue
            except av.error.FFmpegError:
                return

    def _step(self) -> int:
        return max(1, (self.times[-1] - self.times[0]) // max(1, len(self.times) - 1))
