"""One connection to a live camera: a network stream through PyAV, a local device through OpenCV."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import av
import cv2
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from pipeline.sources.conversion import RgbConverter
from pipeline.sources.frame import RgbImage
from pipeline.sources.urls import redact_url, url_scheme
from reid.errors import SourceError


@dataclass(frozen=True, slots=True, eq=False)
class LivePicture:
    """What a camera sent.

    Attributes:
        stream_s: the stream's own time in seconds, None where it has none.
        rgb: (H, W, 3) uint8, None for a picture that arrived damaged.
    """

    stream_s: float | None
    rgb: RgbImage | None


class Connection(Protocol):
    """An open connection; `pictures` ends when the camera goes away and raises SourceError when it breaks."""

    fps: float | None

    def pictures(self) -> Iterator[LivePicture]:
        """Yield pictures as they arrive."""
        ...

    def close(self) -> None:
        """Let go; only from the thread that reads."""
        ...


class StreamConnection:
    """A network stream."""

    def __init__(self, container: InputContainer) -> None:
        """Set up the decoder for low delay.

        Args:
            container: opened, with at least one video stream.
        """
        self._container = container
        self._stream = video_stream(container)
        self._stream.thread_type = "SLICE"  # threads over frames would hold frames back
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.fps = float(rate) if rate else None
        self._convert = RgbConverter()

    def pictures(self) -> Iterator[LivePicture]:
        """Yield pictures; after a lost one all count as damaged until the next key frame."""
        wait_for_key_frame = False
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.error.FFmpegError as error:
                raise SourceError(redact_url(error.strerror or str(error))) from None
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                wait_for_key_frame = True
                yield LivePicture(None, None)
                continue
            for frame in frames:
                wait_for_key_frame = wait_for_key_frame and not frame.key_frame
                damaged = frame.is_corrupt or wait_for_key_frame
                yield LivePicture(frame.time, None if damaged else self._convert(frame))

    def close(self) -> None:
        """Close the connection."""
        self._container.close()


class DeviceConnection:
    """A camera on this machine, by its index."""

    def __init__(self, index: int) -> None:
        """Open the device.

        Args:
            index: as OpenCV counts devices, from 0.

        Raises:
            SourceError: no such device, or it is in use.
        """
        with _quiet_opencv():
            self._capture = cv2.VideoCapture(index)
        if not self._capture.isOpened():
            raise SourceError(f"device {index} cannot be opened; check that it is plugged in and not in use")
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS)) or None

    def pictures(self) -> Iterator[LivePicture]:
        """Yield pictures; a device has no clock of its own that could be relied on."""
        while True:
            received, bgr = self._capture.read()
            if not received:
                return
            yield LivePicture(None, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))

    def close(self) -> None:
        """Give the device back."""
        self._capture.release()


def open_container(source: str, timeout_s: tuple[float, float] | None = None) -> InputContainer:
    """Open a file or URL that holds video.

    Args:
        source: path or URL.
        timeout_s: how long a network may take to (open, answer a read).

    Returns:
        A container whose `video_stream` can be read.

    Raises:
        SourceError: it does not open or holds no video; the message names no credentials.
    """
    options = {"rtsp_transport": "tcp"} if url_scheme(source) in {"rtsp", "rtsps"} else {}
    shown = redact_url(source)
    try:
        container: InputContainer = av.open(source, options=options, timeout=timeout_s, metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        # Without its cause: that one's message has the URL as it was given.
        reason = redact_url(getattr(error, "strerror", None) or str(error))
        raise SourceError(f"{shown}: cannot be opened as a video ({reason})") from None
    try:
        video_stream(container)
    except SourceError as error:
        container.close()
        raise SourceError(f"{shown}: {error}") from None
    return container


def video_stream(container: InputContainer) -> VideoStream:
    """The stream to read: the best one that is a video and no cover picture.

    Args:
        container: opened for reading.

    Returns:
        A stream that can be decoded.

    Raises:
        SourceError: there is none.
    """
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream) or stream.disposition & Disposition.attached_pic:
        raise SourceError("holds no video stream")
    return stream


@contextlib.contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Keep OpenCV from writing to stderr that a device is not there; the error says so."""
    logging: Any = cv2.utils.logging
    level = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(level)
