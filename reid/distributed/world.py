"""Who takes part in a group of processes: what `torchrun` told this one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from reid.device import usable_device
from reid.errors import ConfigError, RunError

_ENVIRONMENT = ("WORLD_SIZE", "RANK", "LOCAL_RANK")


@dataclass(frozen=True)
class World:
    """The processes that work together, as one of them sees it.

    Args:
        rank: this process, in [0, size).
        size: number of processes.
        device: where this process computes.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and reports."""
        return self.rank == 0


@contextmanager
def start_world(device: str, *, init_method: str = "env://") -> Iterator[World]:
    """Join the group of processes that `torchrun` started; without it, this process is all there is.

    On CUDA every process takes the GPU of its local rank, and they talk through NCCL; on the CPU through Gloo. The
    group is left when the context ends, also after an error.

    Args:
        device: "cpu" or "cuda"; for a process alone whatever `usable_device` takes.
        init_method: how the processes find each other, as torch.distributed writes it.

    Raises:
        ConfigError: the environment is half set, or the device is not there or cannot be used by a group.
        RunError: the processes did not find each other, or one of them stopped while this one waited for it.
    """
    if "WORLD_SIZE" not in os.environ:
        yield World(0, 1, usable_device(device))
        return
    size, rank, local_rank = (_from_environment(name) for name in _ENVIRONMENT)
    on_gpu = device.split(":")[0] == "cuda"
    if not on_gpu and device != "cpu":
        raise ConfigError(f"device: {device!r} cannot be used by a group of processes, only cpu or cuda")
    place = usable_device(f"cuda:{local_rank}" if on_gpu else "cpu")
    if on_gpu:
        torch.cuda.set_device(place)
    try:
        dist.init_process_group(
            "nccl" if on_gpu else "gloo",
            init_method=init_method,
            rank=rank,
            world_size=size,
            device_id=place if on_gpu else None,
        )
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"process {rank} of {size} could not join the others: {reason}") from error
    try:
        yield World(rank, size, place)
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        raise RunError(f"process {rank} of {size} lost the others: {str(error).splitlines()[0]}") from error
    finally:
        dist.destroy_process_group()


def _from_environment(name: str) -> int:
    value = os.environ.get(name)
    if value is None or not value.isdecimal():
        given = "is not set" if value is None else f"is {value!r}"
        raise ConfigError(f"{name} {given} beside WORLD_SIZE: start groups of processes with torchrun")
    return int(value)
