"""Training, in the order in which it happens: people, model, losses; epochs of batches; looks; saves.

A step's randomness comes from the seed and the step's number alone: which clips (`reid.data.sampler`), how they are cut
and changed (`reid.data.training_clips`), and what the network draws by itself (reseeded for every batch). So a training
that was killed goes on from its last saved state and ends where it would have ended.

In a group of processes (`torchrun`) every one has its share of each batch, and the gradients are those of the whole
batch in one process: losses see the features of all (`reid.criterion`), normalisations the statistics of all
(`reid.distributed`).
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from reid.checkpoints import Provenance, save_checkpoint
from reid.criterion import Criterion, SupervisedModel
from reid.data.catalogue import LoadedData
from reid.data.held_out import hold_out
from reid.data.records import DataSet
from reid.data.sampler import pk_batches
from reid.data.training_clips import ClipBatch, ClipLoader, TrainingClips
from reid.device import with_channels_last
from reid.distributed import World, broadcast_object, gather_objects, synchronise_batch_norm
from reid.embedder import Embedder
from reid.errors import ConfigError, InputError, RunError
from reid.evaluation import evaluate_data_set
from reid.models import ReidModel
from reid.preprocess import Preprocessing
from reid.run_log import RunLog
from reid.start_weights import StartReport
from reid.training.folder import TrainingFolder
from reid.training.listener import TrainingListener
from reid.training.optimisers import FACTOR, build_optimisers
from reid.training.recipe import Recipe
from reid.training.schedules import rate_factor
from reid.training.starting import starting_model
from reid.training.state import load_state, save_state

_Tensors = tuple[Tensor, ...] | list[Tensor]
_MOST_WORKERS = 8
_TELL_EVERY_S = 0.2
# What a saved state says of how far the training is.
_PROGRESS = ("epoch", "batch", "step", "best", "sums", "spent_s", "broken")


class Training:
    """A training on one data set, new or to be gone on with.

    Args:
        recipe: what to do.
        loaded: what to train on.
        folder: where results go; it exists when the training runs.
        world: the processes that train together.
        listener: hears of the progress.
        resume: go on from the folder's saved state.

    Raises:
        ConfigError: the recipe does not fit the data set or this machine.
        InputError: there is no state to go on from, or start weights cannot be used.
    """

    def __init__(
        self,
        recipe: Recipe,
        loaded: LoadedData,
        folder: TrainingFolder,
        *,
        world: World,
        listener: TrainingListener,
        resume: bool = False,
    ) -> None:
        self.recipe = recipe
        self.folder = folder
        self.world = world
        self.listener = listener
        self.data_set = loaded.data_set
        self.split = None if loaded.splits is None or len(loaded.splits.splits) == 1 else recipe.split

        self.records = self.data_set.train
        self.held_out: DataSet | None = None
        self.held_out_people = recipe.held_out_of(len({record.person_id for record in self.records}))
        if self.held_out_people:
            self.records, self.held_out = hold_out(self.data_set, self.held_out_people, recipe.seed)
        people = sorted({record.person_id for record in self.records})
        labels = {person_id: label for label, person_id in enumerate(people)}

        # A saved state holds all weights: those that the model began with need not be there any more.
        begins = recipe.model_copy(update={"start_weights": None}) if resume else recipe
        self.model, self.start = starting_model(begins, len(people))
        self.preprocessing = Preprocessing(self.model.config.image_size_hw)
        self.model = with_channels_last(self.model.to(world.device))
        self.criterion = Criterion(
            recipe.losses, self.model.stage_widths, len(people), self.model.aux_losses, seed=recipe.seed
        )
        self.criterion.to(world.device)
        self.average = (
            AveragedModel(self.model, multi_avg_fn=_averaging(recipe.ema), use_buffers=True)
            if recipe.ema is not None
            else None
        )
        self.optimisers = build_optimisers(self.model, self.criterion, recipe.optimiser)

        clips = TrainingClips(
            self.records,
            [labels[record.person_id] for record in self.records],
            self.data_set.source,
            clip_length=self.model.config.clip_length,
            preprocessing=self.preprocessing,
            augmentation=recipe.augmentation,
            seed=recipe.seed,
        )
        self.loader = ClipLoader(
            clips,
            self.batches_of,
            workers=_workers(world) if recipe.workers is None else recipe.workers,
            rank=world.rank,
            world_size=world.size,
            settings=recipe.batch,
        )
        self.batches_of(0)  # refuses here what it would refuse in the middle
        self.log: RunLog | None = None
        self.epoch, self.batch, self.step = 0, 0, 0
        self.best: dict[str, float] | None = None
        self.sums: dict[str, Tensor] = {}  # of this epoch's terms and of their "loss", over its batches so far
        self.spent_s = 0.0  # in this epoch
        self.broken: dict[str, str] = {}  # pictures, with reasons
        self._half = _halves(recipe, world)
        if resume:
            self._restore(load_state(folder.state))
        self.network = self._network()

    def about(self) -> dict[str, Any]:
        """Return what the user should see before it begins."""
        return {
            "people": len({record.person_id for record in self.records}),
            "tracklets": len(self.records),
            "held_out_people": self.held_out_people,
            "parameters": sum(parameter.numel() for parameter in self.model.parameters()),
            "start": self.start,
            "epochs": self.recipe.epochs,
            "epochs_done": self.epoch,
        }

    def batches_of(self, epoch: int) -> list[list[int]]:
        """Return an epoch's batches, rows of the records."""
        return pk_batches(self.records, self.recipe.batch, seed=self.recipe.seed, epoch=epoch)

    def run(self) -> bool:
        """Train to the end.

        Returns:
            False if the listener stopped it; the state is saved.

        Raises:
            RunError: the loss is not finite any more, or something cannot be written; the last state is kept.
        """
        if self.world.is_main:
            self.log = RunLog(self.folder.path, resume_after=self.epoch)
        try:
            while self.epoch < self.recipe.epochs:
                if not self._run_epoch():
                    return False
                self._end_epoch()
        finally:
            self.loader.close()
            if self.log is not None:
                self.log.close()
        return True

    def _run_epoch(self) -> bool:
        """Run what is left of an epoch; False if it was stopped."""
        self.model.train()
        batches = len(self.batches_of(self.epoch))
        began_s = told_s = saved_s = time.monotonic()
        before_s, group = self.spent_s, []
        for clips in self.loader.epoch(self.epoch, self.batch):
            group.append(clips)
            self.batch += 1
            if len(group) < self.recipe.accumulate and self.batch < batches:
                continue
            self._take_step(group, (self.batch - len(group)) / batches)
            group = []
            now_s = time.monotonic()
            self.spent_s = before_s + now_s - began_s
            if now_s - told_s >= _TELL_EVERY_S or self.batch == batches:
                told_s = now_s
                self.listener.on_batch(self.epoch, self.batch, batches, self._record())
            if self._asked_to_stop():
                self._save()
                return False
            if now_s - saved_s >= 60 * self.recipe.save_minutes:
                self._save()
                saved_s = time.monotonic()
        return True

    def _take_step(self, group: list[ClipBatch], share_of_epoch: float) -> None:
        """Take one step of the optimisers on the mean gradient of some batches."""
        factor = rate_factor(self.recipe.schedule, self.epoch + share_of_epoch, self.recipe.epochs)
        for parameters in self.optimisers[0].param_groups:
            parameters["lr"] = self.recipe.optimiser.lr * factor * parameters[FACTOR]
        for index, clips in enumerate(group):
            number = self.batch - len(group) + index
            seed = np.random.SeedSequence([self.recipe.seed, self.epoch, number, self.world.rank])
            torch.manual_seed(int(seed.generate_state(1)[0]))
            # The processes exchange gradients once a step, with the last of its batches.
            waits = index + 1 < len(group) and isinstance(self.network, DistributedDataParallel)
            with cast(DistributedDataParallel, self.network).no_sync() if waits else nullcontext():
                self._learn(clips, 1 / len(group))
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm or math.inf)
        if not torch.isfinite(norm):
            raise self._not_finite(f"the gradient's norm is {norm:g}")
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad()
        if self.average is not None:
            self.average.update_parameters(self.model)
        self.step += 1

    def _learn(self, clips: ClipBatch, weight: float) -> None:
        """Add a batch's gradients, times a weight, to those that are there."""
        device = self.world.device
        shown = clips.frames
        if self.epoch < self.recipe.single_frames * self.recipe.epochs:
            shown = shown[:, torch.randint(shown.shape[1], (1,))]
        frames = self.preprocessing.normalise(shown.to(device, non_blocking=True))  # (B, T, 3, H, W)
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self._half):
            terms = self.network(frames, clips.labels.to(device, non_blocking=True))
        loss = self._total(terms)
        torch.autograd.backward(weight * loss)
        for name, value in {**terms, "loss": loss}.items():
            self.sums[name] = self.sums.get(name, 0.0) + value.detach().double()
        self._note_broken(clips.broken)

    def _total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Add the terms up; where they are not finite, say when that was."""
        try:
            return self.criterion.total(terms)
        except RunError as error:
            raise self._not_finite(str(error)) from error

    def _not_finite(self, what: str) -> RunError:
        return RunError(
            f"epoch {self.epoch + 1}, batch {self.batch}: {what}; a lower optimiser.lr or a clip_norm in "
            f"{self.folder.recipe} may help"
        )

    def _note_broken(self, broken: Mapping[str, str]) -> None:
        """Remember pictures that cannot be read, and name those that were not known."""
        for name, reason in broken.items():  # a reason begins with the picture's name
            if name not in self.broken:
                self.broken[name] = reason
                self.listener.on_note(f"{reason}; another picture stands in")

    def _record(self) -> dict[str, Any]:
        """Return the epoch so far, ready for JSON: means over its batches."""
        means = {name: float(value) / self.batch for name, value in self.sums.items()}
        clips = self.batch * self.recipe.batch.people * self.recipe.batch.tracklets
        return {
            "epoch": self.epoch + 1,
            "step": self.step,
            "lr": self.optimisers[0].param_groups[0]["lr"],
            "loss": means.pop("loss"),
            "terms": means,
            "clips_per_s": clips / self.spent_s if self.spent_s else 0.0,
            "seconds": self.spent_s,
            "broken": len(self.broken),
            "held_out": None,
        }

    def _end_epoch(self) -> None:
        """Look at the held-out people if it is time to, write the log, save."""
        for broken in gather_objects(self.broken):
            self._note_broken(broken)
        record = self._record()
        done = self.epoch + 1
        is_last = done == self.recipe.epochs
        if is_last or done % self.recipe.evaluate_every == 0:
            if self.held_out is not None:
                record["held_out"] = self._look(self.held_out, done)
            self._write_checkpoint(self.folder.last, done)
        if self.log is not None:
            self.log.epoch(record)
        self.listener.on_epoch(record)
        self.epoch, self.batch, self.sums, self.spent_s = done, 0, {}, 0.0
        self._save()

    def _look(self, held_out: DataSet, done: int) -> dict[str, float]:
        """Score the held-out people, and keep the weights if they are the best so far."""
        embedder = Embedder(
            self._judged(),
            self.preprocessing,
            self._provenance(done),
            device=str(self.world.device),
        )
        total = len(held_out.test)
        scores = evaluate_data_set(
            embedder,
            held_out,
            variants=(embedder.variant,),
            world=self.world,
            on_tracklets=lambda number: self.listener.on_look("held-out people", number, total),
        )[embedder.variant]
        self.model.train()
        if self.best is None or scores.mean_ap > self.best["map"]:
            self.best = {"map": scores.mean_ap, "epoch": done}
            self._write_checkpoint(self.folder.best, done)
        return {"map": scores.mean_ap, "r1": scores.cmc[0], "r5": scores.cmc[4]}

    def _judged(self) -> ReidModel:
        """Return the model that is judged and kept: the average of the weights where there is one."""
        model = self.model if self.average is None else self.average.module
        assert isinstance(model, ReidModel)
        return model

    def _provenance(self, epochs: int) -> Provenance:
        return Provenance(
            trained=True,
            seed=self.recipe.seed,
            dataset=self.data_set.name,
            epochs=epochs,
            split=self.split,
            start_weights=self.start.source,
        )

    def _write_checkpoint(self, path: Path, epochs: int) -> None:
        if self.world.is_main:
            save_checkpoint(
                path,
                self._judged(),
                self._provenance(epochs),
                preprocessing=self.preprocessing,
                half=self.recipe.half,
            )

    def _save(self) -> None:
        """Save what a stopped training goes on from."""
        if not self.world.is_main:
            return
        save_state(
            self.folder.state,
            {
                "model": self.model.state_dict(),
                "criterion": self.criterion.state_dict(),
                "average": None if self.average is None else self.average.state_dict(),
                "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
                "start": self.start.source,
                "progress": {name: getattr(self, name) for name in _PROGRESS},
            },
        )

    def _restore(self, state: dict[str, Any]) -> None:
        """Go back to a saved state."""
        try:
            self.model.load_state_dict(state["model"])
            self.criterion.load_state_dict(state["criterion"])
            if self.average is not None:
                self.average.load_state_dict(state["average"])
            for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
                factors = [group.get(FACTOR) for group in optimiser.param_groups]  # which older states lack
                optimiser.load_state_dict(saved)
                for group, factor in zip(optimiser.param_groups, factors, strict=True):
                    if factor is not None:
                        group[FACTOR] = factor
            self.start = StartReport(state["start"])
            for name in _PROGRESS:
                setattr(self, name, state["progress"][name])
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            reason = (str(error).splitlines() or [""])[0]
            raise InputError(f"{self.folder.state} does not fit its recipe: {reason}") from error
        self.sums = {name: value.to(self.world.device) for name, value in self.sums.items()}
        if self.best is not None and not self.folder.best.exists():
            self.best = None
            self.listener.on_note(f"{self.folder.best} is gone; the best of what comes from here on will be kept there")

    def _network(self) -> nn.Module:
        """Return what is called in training: from clips and labels to the terms of the loss."""
        supervised = SupervisedModel(self.model, self.criterion)
        if self.world.size == 1:
            return supervised
        synchronise_batch_norm(self.model)
        on = [self.world.device.index] if self.world.device.type == "cuda" else None
        # A model may have parts that no weighted term needs, such as its classifiers.
        return DistributedDataParallel(supervised, device_ids=on, find_unused_parameters=True)

    def _asked_to_stop(self) -> bool:
        """Ask the listener; in a group of processes the first one's listener, so that all leave together."""
        asked = self.listener.should_stop()
        return bool(broadcast_object(asked)) if self.world.size > 1 else asked


def _averaging(kept: float) -> Callable[[_Tensors, _Tensors, Tensor | int], None]:
    """Return how averages take a step: floating-point numbers keep a share of their value, counters are copied."""

    def average(averages: _Tensors, values: _Tensors, _: Tensor | int) -> None:
        with torch.no_grad():
            for old, new in zip(averages, values, strict=True):
                if old.is_floating_point():
                    old.lerp_(new.to(old.device), 1 - kept)
                else:
                    old.copy_(new)

    return average


def _workers(world: World) -> int:
    """Return how many processes read pictures where nobody says."""
    beside_each_other = int(os.environ.get("LOCAL_WORLD_SIZE", world.size))  # on this machine
    return max(0, min(_MOST_WORKERS, (os.cpu_count() or 1) // beside_each_other - 1))


def _halves(recipe: Recipe, world: World) -> bool:
    """Say whether to compute in bfloat16."""
    on_gpu = world.device.type == "cuda"
    has_it = on_gpu and torch.cuda.is_bf16_supported(including_emulation=False)
    if recipe.precision == "auto":
        return has_it
    if recipe.precision == "bfloat16" and on_gpu and not has_it:
        raise ConfigError("precision: this GPU has no bfloat16; use float32")
    return recipe.precision == "bfloat16"
