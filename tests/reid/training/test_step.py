"""Steps of a training against the same ones taken by hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from reid.data.catalogue import load_data_set
from reid.data.synthetic.kept import keep_tracklets
from reid.data.synthetic.tracklets import SyntheticTracklets
from reid.distributed import World
from reid.training import TrainingListener, load_recipe
from reid.training.folder import TrainingFolder
from reid.training.loop import Training, _averaging

RATE, LONGEST, KEPT = 0.001, 35.0, 0.75
VALUES = {
    "seed": 3,
    "epochs": 4,
    "held_out_people": 0,
    "accumulate": 4,
    "clip_norm": LONGEST,
    "ema": KEPT,
    "optimiser": {"name": "sgd", "lr": RATE, "momentum": 0.0},
    "schedule": {"warm_up_epochs": 1, "warm_up_from": 0.2},
    "losses.weights": {"ce": 1, "triplet/final": 2},
    "model_settings": {"drop_path": 0.5},  # what the network draws by itself
}


class TakesSteps(TrainingListener):
    def __init__(self, steps: int) -> None:
        self.left = steps

    def should_stop(self) -> bool:
        self.left -= 1
        return self.left == 0


def flat(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().double().ravel() for tensor in tensors])


def test_an_epoch_of_seven_batches_in_steps_of_four(tmp_path: Path) -> None:
    recipe = load_recipe("synthetic", "dcct-micro", config="smoke", values=VALUES)
    size_hw = recipe.synthetic.size_hw
    place = keep_tracklets(SyntheticTracklets(**recipe.synthetic.model_dump(exclude={"size_hw"})), size_hw)
    loaded, world = load_data_set("synthetic", place), World(0, 1, torch.device("cpu"))
    folder = TrainingFolder(tmp_path)
    training = Training(recipe, loaded, folder, world=world, listener=TakesSteps(2))
    assert not training.run()
    assert (training.step, training.batch) == (2, 7)

    fresh = Training(recipe, loaded, folder, world=world, listener=TrainingListener())
    parameters = list(fresh.model.parameters())
    fresh.model.train()
    assert len(fresh.batches_of(0)) == 7
    start = flat(parameters)
    norms: list[float] = []
    weights: list[Tensor] = []
    averages: list[Tensor] = []
    losses: list[float] = []
    for number, clips in zip(range(7), fresh.loader.epoch(0), strict=False):
        torch.manual_seed(int(np.random.SeedSequence([3, 0, number, 0]).generate_state(1)[0]))
        terms = fresh.criterion(fresh.model(fresh.preprocessing.normalise(clips.frames)), clips.labels)
        loss = sum(term for name, term in terms.items() if name.startswith("ce/")) + 2 * terms["triplet/final"]
        (loss / (4 if number < 4 else 3)).backward()
        losses.append(float(loss.detach()))
        if number not in (3, 6):
            continue
        norms.append(float(torch.cat([p.grad.ravel() for p in parameters if p.grad is not None]).norm()))
        rate = RATE * (0.2 + 0.8 * (0 if number == 3 else 4) / 7)
        with torch.no_grad():
            for parameter in parameters:
                if parameter.grad is not None:
                    parameter -= rate * parameter.grad * min(1, LONGEST / norms[-1])
                parameter.grad = None
        weights = [parameter.detach().clone() for parameter in parameters]
        averages = [KEPT * before + (1 - KEPT) * now for before, now in zip(averages or weights, weights, strict=True)]

    assert sorted(norm > LONGEST for norm in norms) == [False, True], norms
    assert training.average is not None
    for taken, by_hand in ((training.model, weights), (training.average.module, averages)):
        apart, moved = flat(taken.parameters()) - flat(by_hand), flat(by_hand) - start
        assert apart.norm() < 1e-3 * moved.norm()
    assert training._judged() is training.average.module
    assert float(training.sums["loss"]) == pytest.approx(sum(losses), rel=1e-5)


def test_single_frames_come_before_clips(tmp_path: Path) -> None:
    values = {"epochs": 3, "single_frames": 0.5, "held_out_people": 0}
    recipe = load_recipe("synthetic", "dcct-micro", config="smoke", values=values)
    place = keep_tracklets(recipe.synthetic.protocol, recipe.synthetic.size_hw)
    training = Training(
        recipe,
        load_data_set("synthetic", place),
        TrainingFolder(tmp_path),
        world=World(0, 1, torch.device("cpu")),
        listener=TrainingListener(),
    )
    seen = set()
    training.model.register_forward_pre_hook(lambda _, inputs: seen.add((training.epoch, inputs[0].shape[1])))
    assert training.run()
    assert seen == {(0, 1), (1, 1), (2, 4)}


def test_averages_take_statistics_along_and_copy_counters() -> None:
    old = [torch.tensor([1.0, 3.0]), torch.tensor(7)]
    _averaging(0.75)(old, [torch.tensor([5.0, 3.0]), torch.tensor(9)], 1)
    assert [each.tolist() for each in old] == [[2.0, 3.0], 9]
