"""What the user wrote after `--videos`, turned into named cameras before anything is opened."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pipeline.sources.names import check_name, distinct_names
from pipeline.sources.urls import is_url, redact_url, url_name, url_scheme
from reid.errors import SourceError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
STREAM_SCHEMES = frozenset({"rtsp", "rtsps", "http", "https", "rtmp", "rtmps", "udp", "srt"})


class SourceKind(StrEnum):
    """How a source is read."""

    VIDEO = "video"
    IMAGES = "images"
    DEVICE = "device"
    STREAM = "stream"


@dataclass(frozen=True, repr=False)
class CameraSpec:
    """One camera as the user gave it.

    Attributes:
        name: the camera's id; unique in its run and safe as a file name.
        kind: how the source is read.
        source: path, folder or pattern, device index, or URL with its credentials. For messages and records there is
            `shown`.
        images: the files of an image source in the order in which they are read; empty for the other kinds.
    """

    name: str
    kind: SourceKind
    source: str
    images: tuple[Path, ...] = ()

    @property
    def shown(self) -> str:
        """The source without credentials."""
        return redact_url(self.source)

    def __repr__(self) -> str:
        """Name, kind and the source without credentials."""
        return f"CameraSpec(name={self.name!r}, kind={self.kind.value!r}, source={self.shown!r})"


@dataclass(frozen=True)
class _Found:
    """A source whose camera has no final name yet."""

    kind: SourceKind
    source: str
    suggested_name: str
    images: tuple[Path, ...] = ()


def parse_sources(entries: Sequence[str]) -> list[CameraSpec]:
    """Turn SOURCE and NAME=SOURCE entries into cameras with distinct names.

    A path that exists is taken whole, even with '=' in it. Equal derived names are numbered in the order given:
    cam, cam-2, cam-3.

    Args:
        entries: each a video file, folder of images, pattern, device index or URL, with or without NAME= before it.

    Returns:
        One camera an entry; several where a pattern matches several videos or folders.

    Raises:
        SourceError: nothing was given, a path is missing, a pattern matches nothing, or a name is bad or taken.
    """
    if not entries:
        raise SourceError("no camera was given; name at least one video file, folder of images, device or stream URL")
    explicit_names: list[str | None] = []
    found: list[_Found] = []
    for entry in entries:
        name, source = split_name(entry)
        if name is not None:
            check_name(name)
        matches = _find(source)
        if name is not None and len(matches) > 1:
            raise SourceError(
                f"{name}={source}: the pattern matches {len(matches)} cameras, which cannot share one name; "
                "leave the name out or name each file"
            )
        explicit_names += [name] * len(matches)
        found += matches
    names = distinct_names(explicit_names, [match.suggested_name for match in found])
    return [CameraSpec(name, match.kind, match.source, match.images) for name, match in zip(names, found, strict=True)]


def split_name(entry: str) -> tuple[str | None, str]:
    """Split NAME=SOURCE.

    Args:
        entry: what the user wrote.

    Returns:
        The name, or None where there is none, and the source.

    Raises:
        SourceError: the entry is blank, or one side of its '=' is.
    """
    if not entry.strip():
        raise SourceError("a camera's source is blank; give a video file, folder of images, device or stream URL")
    name, equals, source = entry.partition("=")
    # What stands before '=' is no name if it belongs to a URL, a path or a pattern.
    if not equals or is_url(entry) or re.search(r"[/\\:*?\[]", name) or Path(entry).exists():
        return None, entry
    if not name or not source:
        raise SourceError(f"{entry!r}: expected NAME=SOURCE with something on both sides of '='")
    return name, source


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Sort key that puts frame2 before frame10."""
    parts = re.split(r"(\d+)", str(path))
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _find(source: str) -> list[_Found]:
    if is_url(source):
        if url_scheme(source) not in STREAM_SCHEMES:
            raise SourceError(
                f"{redact_url(source)}: streams of this kind are not read; expected one of "
                f"{', '.join(sorted(STREAM_SCHEMES))}"
            )
        return [_Found(SourceKind.STREAM, source, url_name(source))]
    path = Path(source).expanduser()
    if path.exists():
        return [_from_path(path)]
    if source.isascii() and source.isdecimal():
        return [_Found(SourceKind.DEVICE, source, f"device-{int(source)}")]
    if glob.has_magic(source):
        return _from_pattern(str(path))
    raise SourceError(f"{source}: no such file or folder; check the path, or quote it if it holds spaces")


def _from_path(path: Path) -> _Found:
    if not path.is_dir():
        if path.suffix.lower() in IMAGE_SUFFIXES:
            raise SourceError(
                f"{path}: a single image is no camera; give its folder, or a quoted pattern such as "
                f"'{path.parent / ('*' + path.suffix)}'"
            )
        return _Found(SourceKind.VIDEO, str(path), path.stem)
    images = _images_among(path.iterdir())
    if not images:
        raise SourceError(f"{path}: the folder holds no images; for a folder of videos give '{path / '*.mp4'}'")
    return _Found(SourceKind.IMAGES, str(path), path.resolve().name, images)


def _from_pattern(pattern: str) -> list[_Found]:
    matches = sorted((Path(match) for match in glob.glob(pattern, recursive=True)), key=natural_key)  # noqa: PTH207
    if not matches:
        raise SourceError(f"{pattern}: the pattern matches no file; check it, and that the shell has not changed it")
    images = _images_among(matches)
    others = [match for match in matches if match not in set(images)]
    if not images:
        return [_from_path(match) for match in others]
    if others:
        raise SourceError(f"{pattern}: the pattern matches images and other files ({others[0].name}); narrow it")
    return [_Found(SourceKind.IMAGES, pattern, images[0].resolve().parent.name, images)]


def _images_among(paths: Iterable[Path]) -> tuple[Path, ...]:
    kept = [
        path
        for path in paths
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]
    return tuple(sorted(kept, key=natural_key))
