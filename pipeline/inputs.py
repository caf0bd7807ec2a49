"""From the cameras of a configuration to opened sources, their clocks, and a record of the files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline.config import CameraConfig
from pipeline.sources import CameraHealth, CameraSpec, RunClock, Source, check_name, open_source, parse_sources
from reid.errors import SourceError

_MIB = 1 << 20


@dataclass(frozen=True)
class CameraClock:
    """The clock at a camera's `time_s` = 0.

    Attributes:
        start_time: aware, corrected by the camera's offset; None if it is not known.
        origin: where it comes from: `flag or config`, `file`, `live`; None if it is not known.
        rate: seconds that pass in a second of the source, by the camera's drift.
    """

    start_time: datetime | None
    origin: str | None
    rate: float = 1.0

    def at(self, time_s: float) -> datetime | None:
        """The clock at a moment of the source; None if the start is not known."""
        return None if self.start_time is None else self.start_time + timedelta(seconds=time_s * self.rate)


@dataclass(frozen=True)
class Input:
    """One camera of a run.

    Attributes:
        spec: the camera.
        settings: what the configuration says of it.
        source: None if it could not be opened, for the reason in `health`.
        health: the account of what can be read of it.
        files: a record of each file as it was when the run began.
    """

    spec: CameraSpec
    settings: CameraConfig
    source: Source | None
    health: CameraHealth
    files: tuple[dict[str, Any], ...] = ()

    @property
    def camera_id(self) -> str:
        """The camera's name."""
        return self.spec.name

    @property
    def answers(self) -> bool:
        """Whether frames can be read now; a stream that does not answer yet may do so later."""
        return self.source is not None and self.source.connected

    def clock(self) -> CameraClock:
        """The camera's clock; what the user says goes before what the file says."""
        offset, rate = timedelta(seconds=self.settings.offset_s), self.settings.clock_rate
        if self.settings.start is not None:
            # A time without a zone is meant on the clock of this machine.
            return CameraClock(self.settings.start.astimezone(UTC) + offset, "flag or config", rate)
        if self.source is None or self.source.start_time_utc is None:
            return CameraClock(None, None, rate)
        return CameraClock(self.source.start_time_utc + offset, "live" if self.source.live else "file", rate)


def resolve_cameras(cameras: Sequence[CameraConfig]) -> list[tuple[CameraSpec, CameraConfig]]:
    """Find every camera's source and name; a glob of videos becomes several cameras.

    Args:
        cameras: as configured.

    Returns:
        The cameras in order, each with the configuration it comes from.

    Raises:
        SourceError: no camera is given, a path does not exist, or two cameras have one name.
    """
    if not cameras:
        raise SourceError("no camera given; pass --videos cam1.mp4 cam2.mp4, or list cameras in --config")
    for camera in cameras:
        if camera.name is not None:
            check_name(camera.name)
    entries = [f"{camera.name}={camera.source}" if camera.name else camera.source for camera in cameras]
    try:
        origins = [camera for camera, entry in zip(cameras, entries, strict=True) for _ in parse_sources([entry])]
        return list(zip(parse_sources(entries), origins, strict=True))
    except OSError as error:
        raise SourceError(f"{error.filename}: {error.strerror}") from error


def with_starts(cameras: Sequence[CameraConfig], starts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Give cameras their start times by name.

    Args:
        cameras: as configured; they may still be unnamed.
        starts: camera's name -> ISO 8601 time.

    Returns:
        Every camera with its final name, as plain values.

    Raises:
        SourceError: no camera has one of the names, or as `resolve_cameras`.
    """
    resolved = resolve_cameras(cameras)
    names = [spec.name for spec, _ in resolved]
    for name in starts:
        if name not in names:
            raise SourceError(f"--start names a camera {name!r} that is not there; cameras: {', '.join(names)}")
    return [
        {**settings.model_dump(), "name": spec.name, "source": spec.source}
        | ({"start": starts[spec.name]} if spec.name in starts else {})
        for spec, settings in resolved
    ]


def open_inputs(
    cameras: Sequence[tuple[CameraSpec, CameraConfig]],
    *,
    every: int,
    stall_timeout_s: float,
    clock: RunClock,
    hash_whole: bool,
) -> list[Input]:
    """Open every camera; one that does not open does not keep the others from it.

    Args:
        cameras: as `resolve_cameras` gives them.
        every: only every N-th frame is analysed.
        stall_timeout_s: how long a source may take to open.
        clock: the run's, which live cameras share.
        hash_whole: hash every byte of every file.

    Returns:
        One input a camera, in order.

    Raises:
        SourceError: none of them opened; says why for each.
    """

    def open_one(camera: tuple[CameraSpec, CameraConfig]) -> Input:
        spec, settings = camera
        try:
            source = open_source(
                spec, every=every, image_fps=settings.fps, stall_timeout_s=stall_timeout_s, clock=clock
            )
        except SourceError as error:
            return Input(spec, settings, None, CameraHealth.failed(error), describe_files(spec, whole=hash_whole))
        return Input(spec, settings, source, source.health, describe_files(spec, whole=hash_whole))

    # Side by side: a stream that does not answer takes its time.
    with ThreadPoolExecutor(max_workers=len(cameras)) as pool:
        inputs = list(pool.map(open_one, cameras))
    if not any(camera.answers for camera in inputs):
        for camera in inputs:
            if camera.source is not None:
                camera.source.close()
        raise SourceError("no camera can be used: " + "; ".join(str(camera.health.last_error) for camera in inputs))
    return inputs


def describe_files(spec: CameraSpec, *, whole: bool) -> tuple[dict[str, Any], ...]:
    """Record the files of a source, so that a result can be traced to them.

    Args:
        spec: the camera.
        whole: also hash every byte; reads the whole file.

    Returns:
        One record a file (for a folder of images its first and last); nothing for devices, streams and what cannot be
        read.
    """
    if spec.images:
        paths = sorted({spec.images[0], spec.images[-1]})
    else:
        paths = [Path(spec.source)] if Path(spec.source).is_file() else []
    try:
        return tuple(_describe_file(path, whole=whole) for path in paths)
    except OSError:
        return ()


def _describe_file(path: Path, *, whole: bool) -> dict[str, Any]:
    status = path.stat()
    return {
        "path": str(path),
        "size_bytes": status.st_size,
        "mtime": datetime.fromtimestamp(status.st_mtime, UTC).isoformat(timespec="seconds"),
        "sha256_ends": _sha256(_ends(path, status.st_size)),
        "sha256": _sha256(_blocks(path)) if whole else None,
    }


def _sha256(blocks: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()


def _ends(path: Path, size_bytes: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield file.read(_MIB)
        file.seek(max(_MIB, size_bytes - _MIB))
        yield file.read(_MIB)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_MIB):
            yield block
