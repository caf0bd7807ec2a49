"""Counting MACs by hand, and parts that run their equation in another order."""

from __future__ import annotations

import torch
from torch import nn

from reid.models import build_model
from reid.models.cca import AttentionHead
from reid.models.macs import count_macs, count_parameters, model_cost


def test_layers_are_counted_by_hand() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 8, (5, 3), stride=(2, 1), groups=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 4, 1, groups=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 7),
        nn.LayerNorm(7),
    )
    counts = count_macs(network.eval(), torch.zeros(2, 3, 9, 6))  # maps of 3 x 4
    assert counts == {
        "0": 2 * 8 * 3 * 4 * (3 * 5 * 3),
        "1": 2 * 8 * 3 * 4,
        "3": 2 * 4 * 3 * 4 * (8 // 2),
        "6": 2 * 4 * 7,
        "7": 2 * 7,
    }


def test_convolutions_in_time_and_recurrent_layers_are_counted_by_hand() -> None:
    assert count_macs(nn.Conv3d(2, 5, 3, padding=1), torch.zeros(1, 2, 4, 6, 3)) == {"": 5 * 4 * 6 * 3 * 2 * 27}
    assert count_macs(nn.LSTM(3, 4, batch_first=True), torch.zeros(2, 5, 3)) == {"": 2 * 5 * 4 * 4 * (3 + 4)}


def test_a_layer_that_is_called_twice_counts_twice() -> None:
    layer = nn.Linear(3, 4)
    assert count_macs(nn.Sequential(layer, nn.Linear(4, 3), layer), torch.zeros(1, 3)) == {"0": 24, "1": 12}


def test_an_equation_counts_as_written_however_it_is_run() -> None:
    head = AttentionHead(query_width=6, map_width=10, value_width=4)
    counts = count_macs(nn.ModuleDict({"head": head})["head"], torch.zeros(3, 6), torch.zeros(3, 10, 7))
    theta, phi, eta = 6 * 5, 7 * 10 * 5, 7 * 10 * 4
    assert counts == {"": 3 * (theta + phi + eta)}


def test_the_costs_of_the_parts_add_up_to_the_model() -> None:
    model = build_model("dcct-micro")
    costs = model_cost(model)
    assert sum(cost.parameters for cost in costs) == count_parameters(model)
    assert sum(cost.macs for cost in costs) == sum(count_macs(model, torch.zeros(1, 4, 3, 64, 32)).values())
    by_name = {cost.name: cost for cost in costs}
    assert by_name["cnn"].inputs == ((4, 3, 64, 32),)
    assert by_name["cnn"].outputs == ((4, 112, 4, 2), (4, 112))
    assert by_name["hta"].outputs == ((1, 128),)


def test_counting_leaves_no_hook_behind() -> None:
    model = build_model("dcct-micro")
    model_cost(model)
    assert not any(module._forward_hooks for module in model.modules())
