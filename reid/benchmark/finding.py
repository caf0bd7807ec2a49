"""What there is to benchmark: data sets, checkpoints, and what stands in for them where there are none."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from reid.benchmark.contestants import Colours, Contestant, Network
from reid.data.catalogue import find_entry, find_root, load_data_set, read_data_set
from reid.data.entries import CATALOGUE
from reid.data.finding import VARIABLE
from reid.data.made_up import SYNTHETIC, SyntheticSettings, made_up_people
from reid.data.records import DataSet
from reid.embedder import Embedder
from reid.errors import InputError, PartlyThereError, WeightsError
from reid.training.folder import TrainingFolder

UNTRAINED = "dcct-compact"
_LOG = logging.getLogger(__name__)
_UNNAMED = (SYNTHETIC, "folder")  # found by nothing that lies about


def data_sets_there() -> tuple[str, ...]:
    """List the data sets that lie whole in `VREID_DATA`; the made-up one where there are none.

    A warning names those of which only a part is there.

    Raises:
        InputError: `VREID_DATA` names something that is not a folder.
    """
    found = []
    variable = os.environ.get(VARIABLE)
    if variable and not Path(variable).is_dir():
        raise InputError(f"{VARIABLE} names {variable}, which is not a folder")
    for name in CATALOGUE:
        if name not in _UNNAMED:
            try:
                find_root(name, None)
            except PartlyThereError as error:
                _LOG.warning("left out: %s", error)
                continue
            except InputError:
                continue
            found.append(name)
    return tuple(found) or (SYNTHETIC,)


def open_splits(
    name: str, root: Path | None, *, device: str = "cpu", on_rendered: Callable[[int, int], None] = lambda *_: None
) -> tuple[DataSet, ...]:
    """Open a data set in every way that it is used; made-up people are rendered where no folder is given.

    Args:
        name: a name in `reid.data.catalogue.CATALOGUE`.
        root: as for `find_root`.
        device: what to render on.
        on_rendered: told of so many more of so many images.

    Returns:
        One data set, or one for each of ten splits.

    Raises:
        InputError: it is not there, or cannot be read.
    """
    entry = find_entry(name)
    if name == SYNTHETIC and root is None:
        root = made_up_people(SyntheticSettings(), device=device, on_rendered=on_rendered)
    if root is None and not (os.environ.get(VARIABLE) and entry.layouts):
        raise InputError(f"where is {entry.title}? Say {name}=PATH, or name the folder of all data sets in {VARIABLE}")
    first = load_data_set(name, root).data_set
    return (first,) if entry.num_splits == 1 else read_data_set(name, root).data_sets


def checkpoints_there(runs: Path = Path("runs")) -> tuple[Path, ...]:
    """List the checkpoints of the trainings in a folder: of each the best, or the last where nobody chose one."""
    folders = [TrainingFolder(index.parent) for index in sorted(runs.glob("*/training.json"))]
    chosen = [folder.best if folder.best.exists() else folder.last for folder in folders]
    return tuple(path for path in chosen if path.exists())


def open_contestants(
    checkpoints: Sequence[Path], *, device: str, half: bool, batch_size: int, policy: str, flip: bool
) -> list[Contestant]:
    """Open checkpoints; colours and a network that was never trained where there are none.

    Args:
        checkpoints: files, or folders of trainings.
        device: "cpu", "cuda" or "cuda:1".
        half: compute in half precision; on CUDA only.
        batch_size: clips in one forward.
        policy: which clips stand for a tracklet, as in `reid.clips`.
        flip: embed mirror images too.

    Raises:
        WeightsError: one is missing, damaged or no checkpoint.
        ConfigError: an option does not fit this machine.
    """
    options: dict[str, Any] = {"device": device, "half": half, "batch_size": batch_size, "policy": policy, "flip": flip}
    if not checkpoints:
        return [Colours(), Network(partial(Embedder.untrained, UNTRAINED, **options), f"{UNTRAINED} (untrained)")]
    files = [_file(path) for path in checkpoints]
    names = _names(files)
    return [
        Network(partial(Embedder.from_checkpoint, path, **options), name)
        for path, name in zip(files, names, strict=True)
    ]


def _file(path: Path) -> Path:
    """Return the checkpoint of a training's folder; a file as it is."""
    if not path.is_dir():
        return path
    folder = TrainingFolder(path)
    for file in (folder.best, folder.last):
        if file.exists():
            return file
    raise WeightsError(f"{path} holds no checkpoint: neither {folder.best.name} nor {folder.last.name}")


def _names(files: Sequence[Path]) -> list[str]:
    """Name checkpoints shortly and apart: by file, or by folder where the file is called as in every training."""
    short = [path.parent.name if path.stem in ("best", "last") and path.parent.name else path.stem for path in files]
    return [name if short.count(name) == 1 else str(path) for name, path in zip(short, files, strict=True)]
