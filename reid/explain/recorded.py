"""A forward pass that keeps what went into some of the modules and what came out of them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple

from torch import Tensor, nn

from reid.models import ReidModel, ReidOutput


class Call(NamedTuple):
    """One call of a module: its positional inputs and what it returned, both part of autograd's graph."""

    inputs: tuple[Any, ...]
    output: Any


class Recording(NamedTuple):
    """What a forward pass yielded, and the last call of every module that was watched."""

    output: ReidOutput
    calls: dict[str, Call]


def record(model: ReidModel, clip: Tensor, modules: Mapping[str, nn.Module]) -> Recording:
    """Run a model on a clip and watch some of its modules.

    Everything depends on the clip in autograd's graph, whether or not the model's parameters take gradients. Nothing
    of the model changes.

    Args:
        model: in evaluation mode.
        clip: (1, T, 3, H, W) float, normalised.
        modules: name -> module of the model; each must be called.

    Returns:
        The output with all variants, and name -> call.
    """
    calls: dict[str, Call] = {}

    def keep(name: str) -> Any:
        def hook(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            calls[name] = Call(inputs, output)

        return hook

    with ExitStack() as watching:
        for name, module in modules.items():
            watching.callback(module.register_forward_hook(keep(name)).remove)
        output = model(clip.detach().requires_grad_())
    return Recording(output, calls)
