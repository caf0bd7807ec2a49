"""Devices: found or refused."""

from __future__ import annotations

import pytest
import torch

from reid.device import usable_device
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
