"""What a model costs: multiply-accumulates (MACs) and parameters, part by part.

Papers print MACs under the name of FLOPs and do not say what they count. Counted here are convolutions, linear layers
and recurrent ones as their equations are written, and normalisations, which take one MAC for each number. The products
within attention, as of queries and keys, are not counted, nor are activations and additions. Where a module runs its
equation in another order, it has a method `equation_macs` that takes what its forward takes, and the layers inside it
are not looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from reid.models.base import ReidModel

_Shapes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class PartCost:
    """What one part of a model costs for one clip.

    Args:
        name: the part's attribute in the model.
        parameters: numbers that it holds, frozen ones included, buffers not.
        macs: multiply-accumulates.
        inputs: shapes of the tensors that it takes, at its first call; empty where it is not called by itself.
        outputs: shapes of the tensors that it yields then.
    """

    name: str
    parameters: int
    macs: int
    inputs: _Shapes = ()
    outputs: _Shapes = ()


def count_macs(model: nn.Module, *inputs: Tensor) -> dict[str, int]:
    """Run a forward and count.

    Args:
        model: any network; on the meta device it costs no time.
        inputs: what it takes.

    Returns:
        name of each module that was counted -> MACs over all its calls.
    """
    counts: dict[str, int] = {}
    hooks = []
    whole: tuple[str, ...] = ()
    for name, module in model.named_modules():
        if whole and name.startswith(whole):
            continue
        counter = _counter(module)
        if counter is None:
            continue
        if hasattr(module, "equation_macs"):
            whole += (f"{name}." if name else "",)
        hooks.append(module.register_forward_hook(_adding(counts, name, counter)))
    try:
        with torch.no_grad():
            model(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return counts


def model_cost(model: ReidModel, clip_shape: tuple[int, ...] | None = None) -> list[PartCost]:
    """Say what each part of a model costs for one clip, and what goes in and out of it.

    Args:
        model: on the meta device, or on another one if it is small; it is put into evaluation mode.
        clip_shape: (1, T, 3, H, W); None for the configuration's.

    Returns:
        A cost for each part that has parameters, in the order of `ReidModel.components`. Parameters outside all of
        them, such as tokens, come first, without a name.
    """
    shape = clip_shape or (1, model.config.clip_length, 3, *model.config.image_size_hw)
    seen: dict[str, tuple[_Shapes, _Shapes]] = {}
    parts = model.components()
    hooks = [part.register_forward_hook(_remembering(seen, name), with_kwargs=True) for name, part in parts.items()]
    try:
        counts = count_macs(model.eval(), torch.zeros(shape, device=next(model.parameters()).device))
    finally:
        for hook in hooks:
            hook.remove()
    own = count_parameters(model) - sum(map(count_parameters, parts.values()))
    costs = [PartCost("", own, 0)] if own else []
    for name, part in parts.items():
        parameters = count_parameters(part)
        if parameters:
            costs.append(PartCost(name, parameters, macs_within(counts, name), *seen.get(name, ((), ()))))
    return costs


def macs_within(counts: Mapping[str, int], name: str) -> int:
    """Add up what `count_macs` counted in a module and everything inside it."""
    return sum(count for module, count in counts.items() if module == name or module.startswith(f"{name}."))


def count_parameters(module: nn.Module) -> int:
    """Count the numbers that a module learns or holds frozen; buffers are not parameters."""
    return sum(parameter.numel() for parameter in module.parameters())


def _counter(module: nn.Module) -> Callable[..., int] | None:
    """Return what counts a module's MACs from its inputs and output, or None for a module that has none."""
    equation_macs: Any = getattr(module, "equation_macs", None)
    if equation_macs is not None:
        return lambda inputs, output: int(equation_macs(*inputs))
    if isinstance(module, nn.Linear):
        return lambda inputs, output: output.numel() * module.in_features
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        kernel = math.prod(module.kernel_size) * module.in_channels // module.groups
        return lambda inputs, output: output.numel() * kernel
    if isinstance(module, _BatchNorm | nn.LayerNorm | nn.GroupNorm | _InstanceNorm):
        return lambda inputs, output: output.numel()
    if isinstance(module, nn.LSTM):
        steps = 4 * module.hidden_size * (module.input_size + module.hidden_size)
        return lambda inputs, output: inputs[0].shape[:2].numel() * steps
    return None


def _adding(counts: dict[str, int], name: str, counter: Callable[..., int]) -> Callable[..., None]:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Any) -> None:
        counts[name] = counts.get(name, 0) + counter(inputs, output)

    return hook


def _remembering(seen: dict[str, tuple[_Shapes, _Shapes]], name: str) -> Callable[..., None]:
    def hook(module: nn.Module, inputs: Any, named: Any, output: Any) -> None:
        seen.setdefault(name, (_shapes([*inputs, *named.values()]), _shapes(output)))

    return hook


def _shapes(value: Any) -> _Shapes:
    """List the shapes of the tensors in a value, tuples and lists opened."""
    if isinstance(value, Tensor):
        return (tuple(value.shape),)
    if isinstance(value, tuple | list):
        return tuple(shape for item in value for shape in _shapes(item))
    return ()
