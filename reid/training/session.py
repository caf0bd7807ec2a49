"""From a recipe and the name of a data set to a folder with a trained, scored and calibrated checkpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from reid.config import parse_settings, read_yaml
from reid.data.catalogue import LoadedData, find_root, load_data_set
from reid.data.made_up import SYNTHETIC, SyntheticSettings, made_up_people
from reid.data.synthetic.kept import kept_tracklets
from reid.distributed import World, barrier, broadcast_object, start_world
from reid.errors import ConfigError, InputError, RunError, VreidError
from reid.metrics import Search
from reid.training.finishing import Judgement, judge
from reid.training.folder import TrainingFolder, describe, write_recipe, write_text
from reid.training.listener import Stopped, TrainingListener, stop_if_asked
from reid.training.loop import Training
from reid.training.recipe import Recipe


def train(
    recipe: Recipe,
    data_set: str,
    root: Path | None,
    out: Path,
    *,
    device: str = "cpu",
    overwrite: bool = False,
    listener: TrainingListener | None = None,
) -> Judgement | None:
    """Train a model, score it, calibrate it.

    Under `torchrun` every process calls this; the first one writes, and where it writes the others read.

    Args:
        recipe: what to do.
        data_set: a name in `reid.data.catalogue.CATALOGUE`.
        root: where it lies, as for `find_root`. Made-up people are rendered where no folder is given.
        out: the folder for the results.
        device: "cpu", "cuda" or "cuda:1".
        overwrite: replace a training that stands there.
        listener: hears of the progress, and may stop it.

    Returns:
        What came of it; None if the listener stopped it, and `resume` goes on.

    Raises:
        InputError: something that was given cannot be used; nothing was written, or nothing but the folder.
        RunError: it broke off: the loss is not finite any more, something cannot be written, or none of a person's
            pictures can be read; what was saved before is still there.
    """
    listener = listener or TrainingListener()
    with start_world(device) as world, suppress(Stopped):
        folder = TrainingFolder(broadcast_object(out))  # a place named by the time of day has one name
        if world.is_main:
            folder.check(overwrite=overwrite)
        place, loaded = _load(recipe, data_set, root, world, listener)
        index = describe(recipe, data_set, place, loaded, device=str(world.device), processes=world.size)
        with _as_one_of_ours():
            training = Training(recipe, loaded, folder, world=world, listener=listener)
        if world.is_main:
            folder.create()
            write_recipe(folder, recipe)
            if loaded.splits is not None:
                write_text(folder.splits, loaded.splits.to_json(recipe.split))
            folder.write_index(index)
        barrier()
        return _run(training, index)
    return None


def resume(
    out: Path, *, root: Path | None = None, device: str = "cpu", listener: TrainingListener | None = None
) -> Judgement | None:
    """Go on with a training that was stopped, or whose process was killed; from the start if nothing was saved yet.

    Args:
        out: its folder.
        root: where the data set lies now, if it was moved; it must be the same.
        device: as for `train`.
        listener: as for `train`.

    Returns:
        As `train`.

    Raises:
        InputError: there is no training to go on with, or the data set is not the same.
        RunError: as for `train`.
    """
    listener = listener or TrainingListener()
    folder = TrainingFolder(out)
    with start_world(device) as world, suppress(Stopped):
        index = folder.read_index()
        recipe = parse_settings(read_yaml(folder.recipe), Recipe, where=str(folder.recipe))
        about = index["data_set"]
        given = root or (Path(about["root"]) if about["root"] else None)
        _, loaded = _load(recipe, about["name"], given, world, listener)
        if loaded.fingerprint != about["fingerprint"]:
            raise InputError(
                f"{folder.path} was trained on another data set than what is now in {given or 'the cache'}: "
                "other tracklets, people or splits"
            )
        with _as_one_of_ours():
            training = Training(recipe, loaded, folder, world=world, listener=listener, resume=folder.state.exists())
        return _run(training, {**index, "device": str(world.device), "processes": world.size})
    return None


def _run(training: Training, index: dict[str, Any]) -> Judgement | None:
    """Train to the end, and judge what came of it."""
    folder = training.folder
    with folder.held() if training.world.is_main else nullcontext(), _broken_off(folder):
        training.listener.on_begin({**index, **training.about()})
        if not training.run():
            return None
        barrier()  # the first process may still be writing what all of them read now
        return judge(
            folder,
            training.recipe,
            training.data_set,
            training.held_out,
            world=training.world,
            listener=training.listener,
        )


@contextmanager
def _broken_off(folder: TrainingFolder) -> Iterator[None]:
    """Say of what ends a training that has begun what it was, and that it can go on."""
    try:
        with _as_one_of_ours():
            yield
    except VreidError as error:
        raise RunError(f"{error}; vreid train --resume {folder.path} goes on from what was last saved") from error


@contextmanager
def _as_one_of_ours() -> Iterator[None]:
    """Say in one line what the machine lacks: memory, room on a disk, a worker that was killed."""
    try:
        yield
    except (OSError, MemoryError, RuntimeError) as error:
        # torch tells of workers that died wherever the training is just then.
        worker_died = str(error).startswith("DataLoader worker")
        if isinstance(error, RuntimeError) and not worker_died and not isinstance(error, torch.OutOfMemoryError):
            raise
        raise RunError(str(error).splitlines()[0] if str(error) else "memory ran out") from error


def _load(
    recipe: Recipe, name: str, root: Path | None, world: World, listener: TrainingListener
) -> tuple[Path | None, LoadedData]:
    """Read the data set, rendering made-up people first where there is no folder of them."""
    if name == SYNTHETIC and root is None:
        place, loaded = None, _load_rendered(_rendered(recipe.synthetic, world, listener))
    else:
        place = find_root(name, root).absolute()
        loaded = load_data_set(name, place, split=recipe.split)
    try:
        Search.of_data_set(loaded.data_set).check()
    except InputError as error:  # which the end of the training would meet
        raise InputError(f"{place or name}: {error}; a training is scored on the test half") from error
    if recipe.split and loaded.splits is None:
        raise ConfigError(f"split: {recipe.split} cannot be chosen, {loaded.data_set.name} has no splits")
    return place, loaded


def _load_rendered(folder: Path) -> LoadedData:
    """Read made-up people; the folder's name stands for what the pictures look like, which names of pictures do not."""
    loaded = load_data_set(SYNTHETIC, folder)
    fingerprint = hashlib.sha256(f"{loaded.fingerprint} {folder.name}".encode()).hexdigest()
    return replace(loaded, fingerprint=fingerprint)


def _rendered(settings: SyntheticSettings, world: World, listener: TrainingListener) -> Path:
    """Return the folder of made-up people; the first process renders it if there is none."""

    def tell(number: int, images: int) -> None:
        listener.on_rendered(number, images)
        stop_if_asked(listener)

    if world.is_main:
        made_up_people(settings, device=str(world.device), on_rendered=tell)
    barrier()
    folder = kept_tracklets(settings.protocol, settings.size_hw)
    if folder is None:
        raise InputError("the made-up people that were just rendered are gone; is something emptying the cache?")
    return folder
