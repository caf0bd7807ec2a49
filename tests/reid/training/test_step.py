"""Steps of a training against the same ones taken by hand."""

from __future__ import annotations

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
from reid.training.loop import Training

RATE, LONGEST, KEPT = 0.1, 0.5, 0.75
VALUES = {
    "seed": 3,
    "epochs": 4,
    "held_out_people": 0,
    "accumulate": 2,
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


def test_two_steps_of_two_batches_each(tmp_path: Path) -> None:
    recipe = load_recipe("synthetic", "dcct-micro", config="smoke", values=VALUES)
    size_hw = recipe.synthetic.size_hw
    place = keep_tracklets(SyntheticTracklets(**recipe.synthetic.model_dump(exclude={"size_hw"})), size_hw)
    loaded, world = load_data_set("synthetic", place), World(0, 1, torch.device("cpu"))
    folder = TrainingFolder(tmp_path)
    training = Training(recipe, loaded, folder, world=world, listener=TakesSteps(2))
    assert not training.run()
    assert (training.step, training.batch) == (2, 4)

    fresh = Training(recipe, loaded, folder, world=world, listener=TrainingListener())
    parameters = list(fresh.model.parameters())
    fresh.model.train()
    batches = len(fresh.batches_of(0))
    averages: list[Tensor] = []
    losses: list[float] = []
    for number, clips in zip(range(4), fresh.loader.epoch(0), strict=False):
        torch.manual_seed(int(np.random.SeedSequence([3, 0, number, 0]).generate_state(1)[0]))
        terms = fresh.criterion(fresh.model(fresh.preprocessing.normalise(clips.frames)), clips.labels)
        loss = sum(term for name, term in terms.items() if name.startswith("ce/")) + 2 * terms["triplet/final"]
        (loss / 2).backward()
        losses.append(float(loss.detach()))
        if number % 2 == 0:
            continue
        norm = torch.cat([p.grad.ravel() for p in parameters if p.grad is not None]).norm()
        assert norm > LONGEST
        rate = RATE * (0.2 + 0.8 * (number - 1) / batches)
        with torch.no_grad():
            for parameter in parameters:
                if parameter.grad is not None:
                    parameter -= rate * parameter.grad * LONGEST / norm
                parameter.grad = None
        weights = [parameter.detach().clone() for parameter in parameters]
        averages = [KEPT * before + (1 - KEPT) * now for before, now in zip(averages or weights, weights, strict=True)]

    for by_hand, taken in zip(parameters, training.model.parameters(), strict=True):
        torch.testing.assert_close(taken, by_hand, rtol=1e-4, atol=1e-6)
    assert training.average is not None
    for average, kept in zip(averages, training.average.module.parameters(), strict=True):
        torch.testing.assert_close(kept, average, rtol=1e-4, atol=1e-6)
    assert training._judged() is training.average.module
    assert float(training.sums["loss"]) == pytest.approx(sum(losses), rel=1e-5)
