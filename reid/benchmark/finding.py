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
from reid.errors import InputError, PartlyThereError
from reid.named_weights import NamedWeights, find_named
from reid.training.folder import TrainingFolder

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


def checkpoints_there(runs: Path = Path("runs")) -> tuple[str, ...]:
    """List the checkpoints of the trainings in a folder: of each the best, or the last where nobody chose one."""
    folders = [TrainingFolder(index.parent) for index in sorted(runs.glob("*/training.json"))]
    chosen = [folder.best if folder.best.exists() else folder.last for folder in folders]
    return tuple(str(path) for path in chosen if path.exists())


def open_contestants(
    checkpoints: Sequence[str],
    *,
    device: str,
    half: bool,
    batch_size: int,
    policy: str,
    flip: bool,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Contestant]:
    """Open checkpoints; colours and what `reid.named_weights` chooses where there are none.

    Args:
        checkpoints: names or paths as in `reid.named_weights`.
        device: "cpu", "cuda" or "cuda:1".
        half: compute in half precision; on CUDA only.
        batch_size: clips in one forward.
        policy: which clips stand for a tracklet, as in `reid.clips`.
        flip: embed mirror images too.
        tell: is told in one line what was chosen where nothing was named.

    Raises:
        WeightsError: one is missing, damaged or no checkpoint.
        ConfigError: an option does not fit this machine.
    """
    options: dict[str, Any] = {"device": device, "half": half, "batch_size": batch_size, "policy": policy, "flip": flip}
    found = [find_named(checkpoint) for checkpoint in checkpoints] or [find_named()]
    if not checkpoints:
        tell(f"no checkpoints: colour histograms, and what vreid run would take ({found[0].reason})")
    networks = [Network(partial(each.open, **options), name) for each, name in zip(found, _names(found), strict=True)]
    return [*networks] if checkpoints else [Colours(), *networks]


def _names(found: Sequence[NamedWeights]) -> list[str]:
    """Name networks shortly and apart: by file, or by folder where the file is called as in every training."""
    short = [
        f"{each.preset} (untrained)"
        if each.path is None
        else each.path.parent.name
        if each.path.stem in ("best", "last") and each.path.parent.name
        else each.path.stem
        for each in found
    ]
    return [
        name if short.count(name) == 1 or each.path is None else str(each.path)
        for name, each in zip(short, found, strict=True)
    ]
