"""What a network costs, measured in a process of its own."""

from __future__ import annotations

from functools import partial

from reid.benchmark.speed import measure_speed
from reid.embedder import Embedder
from reid.models import build_model
from reid.models.macs import count_parameters


def test_a_networks_cost() -> None:
    speed = measure_speed(partial(Embedder.untrained, "stca-micro", batch_size=2), seconds=0.2)
    assert speed.parameters == count_parameters(build_model("stca-micro"))
    assert 1e6 < speed.macs < 1e9
    assert speed.clips_per_s > 1
    assert 100 < speed.peak_mib < 10_000
    assert speed.device == "cpu"
