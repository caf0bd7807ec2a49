"""How tensors and objects go between the processes of a group; all must call these functions in the same order."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")


def gather_with_gradient(x: Tensor) -> Tensor:
    """Join a tensor of every process, in the order of their ranks.

    The gradient that comes back to a process is the sum of what all of them ask of its part. With a loss L of the
    joint tensor that all W processes compute alike, its part gets W dL/dx, and after DistributedDataParallel's mean
    over processes the parameters' gradients are those of one process with the joint batch.

    Args:
        x: (B, ...), of the same shape and type in every process.

    Returns:
        (W * B, ...); x itself in a process alone.
    """
    if group_size() == 1:
        return x
    joint: Tensor = _Gather.apply(x)
    return joint


def gather_objects(x: T) -> list[T]:
    """Return the object of every process, in the order of their ranks; objects must be picklable."""
    objects: list[Any] = [x] * group_size()
    if group_size() > 1:
        dist.all_gather_object(objects, x)
    return objects


def broadcast_object(x: T, source: int = 0) -> T:
    """Return the object that the process of rank `source` gave; what the others gave is ignored."""
    objects: list[Any] = [x]
    if group_size() > 1:
        dist.broadcast_object_list(objects, source)
    result: T = objects[0]
    return result


def barrier() -> None:
    """Wait until every process is here."""
    if group_size() > 1:
        dist.barrier()


class _Gather(torch.autograd.Function):
    """All-gather along the first axis; its backward adds up over the processes and keeps the own part."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        parts = [torch.empty_like(x, memory_format=torch.contiguous_format) for _ in range(group_size())]
        dist.all_gather(parts, x.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total.chunk(group_size())[dist.get_rank()]


def group_size() -> int:
    """Return the number of processes that work together, 1 for a process alone."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
