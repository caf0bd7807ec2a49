"""Which device the models run on."""

from __future__ import annotations

import torch

from reid.errors import ConfigError


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
