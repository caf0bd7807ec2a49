"""The folder of a training: what stands in it, and under which names."""

from __future__ import annotations

import errno
import json
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from reid.data.catalogue import LoadedData
from reid.data.records import Counts
from reid.errors import InputError, OutputError, RunError
from reid.output_file import whole_file
from reid.output_folder import check_output
from reid.training.recipe import Recipe, recipe_text
from reid.version import package_version

try:
    import fcntl
except ImportError:  # not on Windows, where nothing watches that one process alone trains in a folder
    fcntl = None  # type: ignore[assignment]

FORMAT = "vreid-training/1"
_LIBRARIES = (
    "torch",
    "torchvision",
    "timm",
    "numpy",
    "opencv-python",
    "opencv-python-headless",
    "scipy",
    "safetensors",
)


@dataclass(frozen=True)
class TrainingFolder:
    """Paths of what a training writes.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def index(self) -> Path:
        """What is trained on what, where and with which versions; by it the folder is known."""
        return self.path / "training.json"

    @property
    def recipe(self) -> Path:
        """The resolved recipe."""
        return self.path / "recipe.yaml"

    @property
    def splits(self) -> Path:
        """Who is in which of ten splits, where a set has them."""
        return self.path / "splits.json"

    @property
    def state(self) -> Path:
        """What a stopped training goes on from."""
        return self.path / "state.pt"

    @property
    def last(self) -> Path:
        """The last weights, as a checkpoint."""
        return self.path / "last.safetensors"

    @property
    def best(self) -> Path:
        """The weights that were best on the held-out people, as a checkpoint; absent where nobody was held out."""
        return self.path / "best.safetensors"

    @property
    def result(self) -> Path:
        """The scores on the test set and the match threshold; the last thing that is written."""
        return self.path / "result.json"

    @property
    def calibration(self) -> Path:
        """The picture of similarities and threshold."""
        return self.path / "calibration.png"

    def check(self, *, overwrite: bool) -> None:
        """Refuse a place that is taken, in use or cannot be written, before any work is done.

        Raises:
            OutputError: with what to do.
        """
        check_output(self.path, marker=self.index.name, what="a training", overwrite=overwrite)
        if self.index.exists():
            with self.held():
                pass

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the folder, which has its index, to this process; what one that was killed left half written goes.

        The system ends the hold with the process, and does not hand it on to the workers that are forked from it.

        Raises:
            OutputError: another process trains in it, or it cannot be written.
        """
        try:
            index = self.index.open("r+b")
        except OSError as error:
            raise OutputError(f"{self.path} cannot be written: {error.strerror}") from error
        with index:
            if fcntl is not None:
                try:
                    fcntl.lockf(index, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError as error:
                    if error.errno in (errno.EACCES, errno.EAGAIN):
                        raise OutputError(f"another process is training in {self.path}; stop it first") from error
                    # else a file system without locks
            for left in self.path.glob(".*.*.*"):  # as `whole_file` names them
                shutil.rmtree(left, ignore_errors=True)
            yield

    def create(self) -> None:
        """Make the folder; of a training that stood there all goes that a new one might not write again.

        Raises:
            OutputError: the place cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for old in (self.state, self.last, self.best, self.result, self.calibration, self.splits):
                old.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"--out {self.path} cannot be written: {error.strerror}") from error

    def write_index(self, content: dict[str, Any]) -> None:
        """Write what the training is."""
        write_text(self.index, json.dumps({"format": FORMAT, **content}, indent=2, allow_nan=False) + "\n")

    def read_index(self) -> dict[str, Any]:
        """Read what the training is.

        Raises:
            InputError: the folder holds no training.
        """
        try:
            content = json.loads(self.index.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"{self.path} holds no training of vreid: it has no {self.index.name}") from error
        except ValueError as error:
            raise InputError(f"{self.index} is damaged") from error
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise InputError(f"{self.index} is not what this vreid writes ({FORMAT})")
        return content


def describe(
    recipe: Recipe, name: str, root: Path | None, loaded: LoadedData, *, device: str, processes: int
) -> dict[str, Any]:
    """Return what a training's index says of it, ready for JSON.

    Args:
        recipe: resolved.
        name: the data set's.
        root: where it lies; None for one that was rendered.
        loaded: the data set.
        device: what it is trained on.
        processes: how many train together.
    """
    data_set = loaded.data_set
    counts = {"train": Counts.of(data_set.train), "test": Counts.of(data_set.test)}
    return {
        "vreid_version": package_version(),
        "model": recipe.model,
        "seed": recipe.seed,
        "data_set": {
            "name": name,
            "root": str(root) if root else None,
            "split": recipe.split,
            "fingerprint": loaded.fingerprint,
            **{
                part: {"people": count.people, "tracklets": count.tracklets, "images": count.images}
                for part, count in counts.items()
            },
        },
        "device": device,
        "processes": processes,
        "versions": {"python": platform.python_version(), **_versions()},
    }


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        RunError: it cannot be written; what stood there is still there.
    """
    try:
        with whole_file(path) as building:
            building.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}") from error


def write_recipe(folder: TrainingFolder, recipe: Recipe) -> None:
    """Write the resolved recipe."""
    write_text(folder.recipe, recipe_text(recipe))


def _versions() -> dict[str, str]:
    found = {}
    for library in _LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found
