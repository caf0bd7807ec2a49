"""Made-up tracklets that are rendered once and kept, for all that trains or tests with them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from reid.data import mars_layout, synthetic
from reid.data.listing import files_below
from reid.data.mars import IMAGE_FOLDERS, read_synthetic
from reid.data.mars_layout import write_mars
from reid.data.synthetic.tracklets import SIZE_HW, SyntheticTracklets
from reid.errors import InputError, OutputError

VARIABLE = "VREID_TRACKLETS"  # environment variable: where they are kept


def tracklets_folder() -> Path:
    """Where made-up tracklets are kept: `VREID_TRACKLETS`, else `~/.cache/vreid/tracklets`."""
    return Path(os.environ.get(VARIABLE) or Path.home() / ".cache" / "vreid" / "tracklets")


def kept_tracklets(protocol: SyntheticTracklets, size_hw: tuple[int, int] = SIZE_HW) -> Path | None:
    """Find a kept data set that this version of the made-up world gave.

    Args:
        protocol: what it is to hold.
        size_hw: height and width of its images.

    Returns:
        Its folder, in MARS's layout; None if there is none, or not all of its images.
    """
    place = _place(protocol, size_hw)
    try:
        data_set = read_synthetic(place).data_sets[0]
    except InputError:
        return None
    needed = {frame for record in (*data_set.train, *data_set.test) for frame in record.frames}
    there = {path for folder in IMAGE_FOLDERS for path in files_below(place, folder)}
    # A file without content is what a machine that lost its power leaves of one.
    whole = needed <= there and all((place / frame).stat().st_size for frame in needed)
    return place if whole else None


def keep_tracklets(
    protocol: SyntheticTracklets,
    size_hw: tuple[int, int] = SIZE_HW,
    device: str = "cpu",
    on_images: Callable[[int], None] = lambda _: None,
) -> Path:
    """Render a data set and keep it, unless it is kept already; one that is not whole is replaced.

    Args:
        protocol: what it is to hold.
        size_hw: height and width of its images.
        device: what to render on. Devices differ in the last bits of colours, so it does not tell data sets apart.
        on_images: told how many more images were written, after every hundred or so.

    Returns:
        Its folder, in MARS's layout.

    Raises:
        OutputError: it cannot be kept there.
        RunError: writing failed on the way; nothing is left.
    """
    kept = kept_tracklets(protocol, size_hw)
    if kept is not None:
        return kept
    place = _place(protocol, size_hw)
    about = {"made_up": True, **asdict(protocol), "size_hw": size_hw, "device": device}
    data_set = protocol.data_set(size_hw=size_hw, device=device)
    try:
        write_mars(data_set, place, about, overwrite=True, on_images=on_images)
    except OutputError as error:
        raise OutputError(
            f"made-up tracklets cannot be kept in {tracklets_folder()}; name another folder in the variable "
            f"{VARIABLE} ({str(error).removeprefix('--out ')})"
        ) from error
    return place


def world_digest(options: object, makers: Sequence[Path]) -> str:
    """Name something that was made of the made-up world, so that the name changes when it would come out differently.

    Args:
        options: what it is made from; its `repr` says all of it.
        makers: code outside `reid.data.synthetic` that it depends on.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256(repr(options).encode())
    world = sorted(Path(synthetic.__file__).parent.rglob("*.py"))
    for path in (*makers, *world):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _place(protocol: SyntheticTracklets, size_hw: tuple[int, int]) -> Path:
    return tracklets_folder() / world_digest((protocol, tuple(size_hw)), [Path(mars_layout.__file__)])
