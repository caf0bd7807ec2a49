"""Start weights: what a model's parts know before training.

They come from a file or folder that the user names, or are looked for under the names that they are published by: in
vreid's folder of weights, in the local cache of the model hub, and on the hub itself. Where none can be had, a part
keeps its seeded random weights and the report says so.
"""

from __future__ import annotations

import glob
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import timm

from reid.errors import WeightsError
from reid.foreign_weights import load_foreign_state_dict
from reid.hub import Hub, NotOnHubError
from reid.published import Fit, Published, StartPart, State, fit, some_of, timm_part
from reid.weights_folder import weights_folder

__all__ = [
    "IMAGENET",
    "PartReport",
    "Published",
    "StartPart",
    "StartReport",
    "State",
    "apply_start_weights",
    "timm_part",
]

IMAGENET = "imagenet"
_SUFFIXES = (".pth", ".safetensors", ".pyth", ".pt", ".bin", ".ckpt", ".tar")
_UNPUBLISHED = "nothing is published for it"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PartReport:
    """What started one part.

    Args:
        published: the name of the publication.
        origin: the file, or the hub's repository.
        matched: tensors taken over, resized ones included.
        resized: names of the tensors that were taken over after resizing: position embeddings.
        missing: names of the tensors that stayed at their initial values.
        unused: names of the publication's tensors that the part has no place for, such as a classifier's.
    """

    published: str
    origin: str
    matched: int
    resized: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    def __str__(self) -> str:
        line = f"{self.published} from {self.origin}: {self.matched} of {self.matched + len(self.missing)} tensors"
        for what, names in (
            ("resized", self.resized),
            ("at their initial values", self.missing),
            ("of the file not used", self.unused),
        ):
            if names:
                line += f", {len(names)} {what} ({some_of(names)})"
        return line


@dataclass(frozen=True)
class StartReport:
    """Where a model's weights come from.

    Args:
        source: "random", "imagenet", or the file or folder that was read.
        parts: name -> what started it, for every part that was started.
        notes: one line for each part that was not started, or not from its first choice, and why.
    """

    source: str
    parts: Mapping[str, PartReport] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def matched(self) -> int:
        """Tensors taken over, resized ones included."""
        return sum(part.matched for part in self.parts.values())

    @property
    def resized(self) -> int:
        """Tensors taken over after resizing."""
        return sum(len(part.resized) for part in self.parts.values())

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the started parts' tensors that stayed at their initial values."""
        return tuple(f"{name}.{key}" for name, part in self.parts.items() for key in part.missing)


def apply_start_weights(parts: Mapping[str, StartPart], source: str | Path | None) -> StartReport:
    """Load start weights into a model's parts, in place; either all that is found or, on an error, nothing.

    Args:
        parts: name -> part.
        source: None leaves everything as it is. "imagenet" asks for what is published for each part, be it made with
            ImageNet or, for parts that see time, with Kinetics: first a file of that name in vreid's folder of weights,
            then the hub's cache, then, where it answers, the hub. A folder is searched for files of those names. A file
            goes to every part that it fits.

    Raises:
        WeightsError: a file or folder is missing or unreadable, or is of another network.
    """
    if source is None:
        return StartReport("random")
    path = Path(source)
    if source == IMAGENET:
        found, reasons = _look_up(parts, weights_folder(), Hub())
    elif path.is_dir():
        found, reasons = _look_up(parts, path, None)
    elif path.is_file():
        found, reasons = _hand_out(parts, path)
    else:
        raise WeightsError(f"start weights: no such file or folder: {path}; the only word is {IMAGENET!r}")
    if not found and source != IMAGENET:
        every = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise WeightsError(f"start weights: nothing in {path} fits: {every or 'no part of the model can be started'}")
    reports = {}
    for name, (origin, match) in found.items():
        parts[name].module.load_state_dict(match.taken, strict=False)
        reports[name] = PartReport(
            match.published.name, origin, len(match.taken), match.resized, match.left, match.unused
        )
        _LOG.info("start weights: %s: %s", name, reports[name])
    notes = []
    for name, reason in reasons.items():
        start = f"starts from {reports[name].published}" if name in reports else "stays at its initial values"
        notes.append(f"{name}: {start}; {reason}")
    return StartReport(str(source) if reports else "random", reports, tuple(notes))


class _Found(NamedTuple):
    """Weights for a part: the file or repository they come from, and how they fit."""

    origin: str
    match: Fit


class _AbsentError(Exception):
    """A publication is not to be had; the text says where it was looked for."""


def _hand_out(parts: Mapping[str, StartPart], path: Path) -> tuple[dict[str, _Found], dict[str, str]]:
    """Give one file to every part that it fits, as the publication that it fits best; say why to no other."""
    state = load_foreign_state_dict(path)
    found, reasons = {}, {}
    for name, part in parts.items():
        fits = [fit(part, published, state) for published in part.published]
        if not fits:
            reasons[name] = _UNPUBLISHED
            continue
        best = max(fits, key=lambda match: (match.good, match.matched, _is_named(path, match.published.name)))
        if best.good:
            found[name] = _Found(str(path), best)
        else:
            reasons[name] = f"{path.name} does not fit: {best.shortfall()}"
    return found, reasons


def _look_up(parts: Mapping[str, StartPart], folder: Path, hub: Hub | None) -> tuple[dict[str, _Found], dict[str, str]]:
    """Find the first of each part's publications that can be had; say why it is not the very first."""
    found, reasons = {}, {}
    for name, part in parts.items():
        absent = [] if part.published else [_UNPUBLISHED]
        for published in part.published:
            try:
                found[name] = _find(name, part, published, folder, hub)
                break
            except _AbsentError as error:
                absent.append(str(error))
        if absent:
            reasons[name] = "; ".join(absent)
    return found, reasons


def _find(name: str, part: StartPart, published: Published, folder: Path, hub: Hub | None) -> _Found:
    """Look for one publication: in the folder, then on the hub.

    Raises:
        WeightsError: a file or the hub's weights are of another network.
        _AbsentError: it is not to be had.
    """
    publisher = f" (published by {published.publisher})" if published.publisher else ""
    absent = f"no {published.name}*.pth or .safetensors{publisher} in {folder}"
    files = _files(folder, published.name)
    if files:
        return _Found(str(files[0]), _good_fit(name, part, published, files[0]))
    if hub is None:
        raise _AbsentError(absent)
    if published.hub is None:
        raise _AbsentError(f"{absent}, and no hub holds it")
    try:
        path = hub.weights(published.hub)
    except NotOnHubError as error:
        raise _AbsentError(f"{absent}, {published.hub} is not in the hub's cache, and {error}") from None
    return _Found(published.hub, _good_fit(name, part, published, path))


def _good_fit(name: str, part: StartPart, published: Published, path: Path) -> Fit:
    """Fit a file to a part, or refuse it."""
    match = fit(part, published, load_foreign_state_dict(path))
    if not match.good:
        raise WeightsError(f"start weights: {path} does not fit {name}: {match.shortfall()}")
    return match


def _files(folder: Path, name: str) -> list[Path]:
    """Return a folder's weights files that bear a publication's name, in order of their names."""
    paths = folder.glob(f"{glob.escape(name)}*")
    return sorted(path for path in paths if path.suffix in _SUFFIXES and _is_named(path, name) and path.is_file())


def _is_named(path: Path, name: str) -> bool:
    """Say whether a file's name begins with a publication's name, and not with a longer one.

    Dates, tags and hashes may follow. Behind the name of a network of timm an underscore makes it another network:
    `resnet50_ibn_a` is no `resnet50`, while `r3d50_K_200ep` is an `r3d50_K`.
    """
    longer = r"\w" if timm.is_model(name) else r"[^\W_]"
    return re.match(rf"{re.escape(name)}(?!{longer})", path.name) is not None
