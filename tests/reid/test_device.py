"""Devices: found or refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from reid.device import usable_device, with_channels_last
from reid.errors import ConfigError


def test_the_cpu_is_always_there() -> None:
    assert usable_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["toaster", "", "cuda:x"])
def test_what_torch_does_not_know_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="not a device that torch knows"):
        usable_device(name)


def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert usable_device("cuda").type == "cuda"
    assert usable_device("cuda:1").index == 1
    with pytest.raises(ConfigError, match="torch sees 2 CUDA devices"):
        usable_device("cuda:2")
    with pytest.raises(ConfigError, match="is not there"):
        usable_device("mps")


def test_channels_last_is_for_2d_convolutions_and_changes_no_number() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(4, 3, 3), nn.Unflatten(0, (1, 2)), nn.Conv3d(2, 2, 1))
    images = torch.randn(2, 4, 6, 5)
    with torch.no_grad():
        before = network(images)
        assert with_channels_last(network) is network
        torch.testing.assert_close(network(images), before)
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert network[2].weight.is_contiguous()
