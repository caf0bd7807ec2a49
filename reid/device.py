"""Which device the models run on."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

from reid.errors import ConfigError

Model = TypeVar("Model", bound=nn.Module)


def usable_device(name: str) -> torch.device:
    """Return the device of that name.

    Args:
        name: as torch writes it: "cpu", "cuda", "cuda:1", "mps".

    Raises:
        ConfigError: torch knows no such device, or this machine does not have it.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device: {name!r} is not a device that torch knows") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(f"device: {name!r} is not there, torch sees {torch.cuda.device_count()} CUDA devices")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ConfigError(f"device: {name!r} is not there")
    return device


def choose_device(name: str) -> str:
    """Resolve the device's name.

    Args:
        name: `auto` takes the GPU if there is one; otherwise `cpu`, `cuda`, `cuda:1`, ... as it stands.

    Returns:
        A name that torch knows.

    Raises:
        ConfigError: the device is not there.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return str(usable_device(name))


def with_channels_last(model: Model) -> Model:
    """Lay the weights of all 2D convolutions out with their channels last, in place: the faster order on CPU and GPU.

    `nn.Module.to(memory_format=torch.channels_last)` does the same, but refuses models that hold 3D convolutions.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.to(memory_format=torch.channels_last)
    return model
