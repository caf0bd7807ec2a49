"""A site's file: the settings of a run in YAML, with the recordings beside it."""

from __future__ import annotations

import glob
from pathlib import Path

from pipeline.config import RunConfig
from pipeline.sources.spec import split_name
from pipeline.sources.urls import is_url
from reid.config import load_settings


def load_site(path: Path) -> RunConfig:
    """Read the settings of a run; relative paths of cameras count from the file's folder.

    Args:
        path: the YAML file.

    Returns:
        The checked settings.

    Raises:
        ConfigError: the file is missing, not YAML, or holds a key or value that is not understood.
        SourceError: a camera's source is blank.
    """
    settings = load_settings(path, RunConfig)
    cameras = tuple(
        camera.model_copy(update={"source": _from_folder(camera.source, path.parent)}) for camera in settings.cameras
    )
    return settings.model_copy(update={"cameras": cameras})


def _from_folder(entry: str, folder: Path) -> str:
    if (folder / entry).exists():
        return str(folder / entry)
    name, source = split_name(entry)
    if is_url(source) or (source.isascii() and source.isdecimal()):
        return entry
    base = glob.escape(str(folder)) if glob.has_magic(source) else str(folder)
    moved = str(Path(base) / Path(source).expanduser())
    return moved if name is None else f"{name}={moved}"
