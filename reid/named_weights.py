"""Networks by name: what ships with vreid, what the user keeps, a file, or random weights.

auto               the user's own checkpoint if it is bigger than what ships, else what ships
dcct-compact       what ships
NAME, PATH         a checkpoint in the folder of weights, or anywhere; or the folder of a training
untrained:PRESET   a model with random weights, for comparison
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reid.checkpoints import SUFFIX, Facts, read_facts
from reid.embedder import Embedder
from reid.errors import WeightsError
from reid.models import PRESETS
from reid.training.folder import TrainingFolder
from reid.weights_folder import weights_folder

AUTO = "auto"
SHIPPED = "dcct-compact"
UNTRAINED = "untrained:"


@dataclass(frozen=True)
class NamedWeights:
    """What a name stands for.

    Attributes:
        path: a checkpoint; None for random weights.
        preset: the model that gets random weights; None where there is a checkpoint.
        reason: why it is this one, to be printed.
    """

    path: Path | None
    preset: str | None
    reason: str

    def open(self, device: str = "cpu", **options: Any) -> Embedder:
        """Open it; arguments as for `Embedder.from_checkpoint`. Random weights are those of seed 0."""
        if self.path is not None:
            return Embedder.from_checkpoint(self.path, device, **options)
        return Embedder.untrained(str(self.preset), device, **options)


def shipped_checkpoint() -> Path:
    """Where the checkpoint lies that comes with the package."""
    return Path(__file__).parent / "weights" / f"{SHIPPED}{SUFFIX}"


def find_named(name: str = AUTO) -> NamedWeights:
    """Find what a name stands for; nothing is loaded yet.

    Args:
        name: as above. A file goes before a name in the folder of weights, that before what ships.

    Raises:
        WeightsError: nothing goes by that name.
    """
    if name == AUTO:
        return _automatic()
    if name.startswith(UNTRAINED):
        preset = name.removeprefix(UNTRAINED)
        if preset not in PRESETS:
            raise WeightsError(f"weights: {name}: there is no model {preset!r}; models: {', '.join(PRESETS)}")
        return NamedWeights(None, preset, "random weights, as asked for")
    for path in (Path(name), weights_folder() / name, weights_folder() / f"{name}{SUFFIX}"):
        if _is(path, Path.is_file):
            return NamedWeights(path, None, f"{path}, as asked for")
    if _is(Path(name), Path.is_dir):
        folder = TrainingFolder(Path(name))
        for file in (folder.best, folder.last):
            if _is(file, Path.is_file):
                return NamedWeights(file, None, f"{file}, as asked for")
        raise WeightsError(f"{name} holds no checkpoint: neither {folder.best.name} nor {folder.last.name}")
    if name == SHIPPED:
        return NamedWeights(shipped_checkpoint(), None, "comes with vreid, as asked for")
    if name in PRESETS:
        raise WeightsError(
            f"weights: {name} is a model, and no trained weights of that name are in {weights_folder()}; pass a "
            f"checkpoint's path, or {UNTRAINED}{name} for random weights"
        )
    nearest = difflib.get_close_matches(name, [SHIPPED, *(path.stem for path, _ in kept_checkpoints())], n=1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"{SHIPPED} comes with vreid, and auto chooses."
    raise WeightsError(f"weights: no such file: {name}, nor is it in {weights_folder()}; {hint}")


def kept_checkpoints() -> list[tuple[Path, Facts]]:
    """List the checkpoints that the user keeps in the folder of weights, biggest first, passing over what is none."""
    found = []
    try:
        paths = sorted(weights_folder().glob(f"*{SUFFIX}"))
    except OSError:
        return []
    for path in paths:
        try:
            found.append((path, read_facts(path)))
        except WeightsError:
            continue
    return sorted(found, key=lambda each: -each[1].parameters)


def _is(path: Path, what: Callable[[Path], bool]) -> bool:
    """Ask the file system; a name that it does not take is nothing."""
    try:
        return what(path)
    except OSError:
        return False


def _automatic() -> NamedWeights:
    """Take the biggest of the user's checkpoints that knows what its similarities mean, if it is bigger than ours."""
    own = read_facts(shipped_checkpoint()).parameters
    for path, facts in kept_checkpoints():
        metadata = facts.metadata
        if facts.parameters > own and facts.ready:
            why = f"trained on {metadata.provenance.dataset}, {facts.parameters / 1e6:.1f} M parameters"
            return NamedWeights(path, None, f"{path}: {why}; {SHIPPED}, which comes with vreid, has {own / 1e6:.1f} M")
    return NamedWeights(shipped_checkpoint(), None, "comes with vreid")
