"""From a camera's specification to an opened source."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from av.container import InputContainer

from pipeline.sources.bounded import call_bounded
from pipeline.sources.clock import RunClock
from pipeline.sources.connections import Connection, DeviceConnection, StreamConnection, open_container
from pipeline.sources.frame import Source
from pipeline.sources.image_source import ImageSource
from pipeline.sources.live_source import LiveSettings, LiveSource
from pipeline.sources.spec import CameraSpec, SourceKind
from pipeline.sources.urls import url_scheme
from pipeline.sources.video_source import VideoSource
from reid.errors import SourceError

DEFAULT_IMAGE_FPS = 25.0

C = TypeVar("C", VideoSource, DeviceConnection)


def open_source(
    spec: CameraSpec,
    *,
    every: int = 1,
    image_fps: float = DEFAULT_IMAGE_FPS,
    stall_timeout_s: float = 20.0,
    live: LiveSettings | None = None,
    clock: RunClock | None = None,
) -> Source:
    """Open a camera.

    An http URL whose length is known is a recording; any other stream is live. A stream that does not answer is no
    error: its source goes on trying while it is read, and has `fps` None until then.

    Args:
        spec: the camera.
        every: N >= 1; only frames whose index N divides are converted and yielded.
        image_fps: frames a second of a folder of images.
        stall_timeout_s: how long a file or a device may take to open.
        live: patience with live cameras; the defaults if None.
        clock: the run's clock, shared by all live cameras; one that starts now if None.

    Returns:
        A source that nothing was read from beyond what its size and rate need.

    Raises:
        SourceError: a file, folder or device cannot be opened or holds no video.
        ValueError: `every`, `image_fps` or `stall_timeout_s` is out of range.
    """
    if every < 1:
        raise ValueError(f"every is {every}, expected 1 or more")
    if image_fps <= 0 or stall_timeout_s <= 0:
        raise ValueError(f"image_fps is {image_fps} and stall_timeout_s {stall_timeout_s}, expected more than 0")
    live, clock = live or LiveSettings(), clock or RunClock()
    match spec.kind:
        case SourceKind.IMAGES:
            return ImageSource(spec, fps=image_fps, every=every)
        case SourceKind.VIDEO:
            _check_file(Path(spec.source))
            return _bounded(lambda: VideoSource(spec, open_container(spec.source), every=every), spec, stall_timeout_s)
        case SourceKind.DEVICE:
            connect_device = functools.partial(_connect_device, spec, stall_timeout_s)
            return LiveSource(spec, connect_device, connect_device(), settings=live, clock=clock, every=every)
        case SourceKind.STREAM:
            return _open_stream(spec, every, live, clock)


def _open_stream(spec: CameraSpec, every: int, live: LiveSettings, clock: RunClock) -> Source:
    timeouts_s = (live.open_timeout_s, live.read_timeout_s)

    def connect() -> Connection:
        return StreamConnection(open_container(spec.source, timeouts_s))

    first: Connection | None = None
    first_error: str | None = None
    try:
        container = open_container(spec.source, timeouts_s)
    except SourceError as error:
        first_error = str(error)
    else:
        if _is_recording(spec, container):
            source = VideoSource(spec, container, every=every)
            source.longest_wait_s = live.read_timeout_s
            return source
        first = StreamConnection(container)
    return LiveSource(spec, connect, first, settings=live, clock=clock, every=every, first_error=first_error)


def _is_recording(spec: CameraSpec, container: InputContainer) -> bool:
    """A live stream promises no end."""
    return url_scheme(spec.source) in {"http", "https"} and container.duration is not None


def _connect_device(spec: CameraSpec, timeout_s: float) -> Connection:
    return _bounded(lambda: DeviceConnection(int(spec.source)), spec, timeout_s)


def _check_file(path: Path) -> None:
    try:
        if path.is_file() and path.stat().st_size == 0:
            raise SourceError(f"{path}: the file is empty (0 bytes); was the recording copied whole?")
        if not os.access(path, os.R_OK):
            raise SourceError(f"{path}: no permission to read, or no longer there")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error


def _bounded(opener: Callable[[], C], spec: CameraSpec, timeout_s: float) -> C:
    try:
        return call_bounded(opener, timeout_s, discard=lambda late: late.close())
    except TimeoutError as error:
        raise SourceError(f"{spec.shown}: gave nothing within {timeout_s:g} s while it was opened") from error
