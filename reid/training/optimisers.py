"""From a recipe to the optimisers that follow the gradients."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from reid.criterion import Criterion
from reid.errors import ConfigError
from reid.training.recipe import OptimiserSettings

FACTOR = "lr_factor"  # key of a group of parameters


def build_optimisers(model: nn.Module, criterion: Criterion, settings: OptimiserSettings) -> list[Optimizer]:
    """Build the optimiser of a model and its losses, and those that some losses have of their own.

    Args:
        model: parameters without gradients are left out.
        criterion: its parameters learn with the model's, except those that it gives an optimiser of their own.
        settings: of the first optimiser.

    Returns:
        The model's first, whose rate a schedule may change, times each group's `FACTOR`; then the losses' own, which
        keep their rate.

    Raises:
        ConfigError: the model lacks a part that is to have a rate of its own.
    """
    own = criterion.own_optimisers()
    apart = {id(parameter) for optimiser in own for group in optimiser.param_groups for parameter in group["params"]}
    slowed = _slowed(model, settings.lr_factors)
    by_factor: dict[float, list[nn.Parameter]] = {}
    for parameter in (*model.parameters(), *criterion.parameters()):
        if parameter.requires_grad and id(parameter) not in apart:
            by_factor.setdefault(slowed.get(id(parameter), 1.0), []).append(parameter)
    groups = [
        {**group, FACTOR: factor, "lr": factor * settings.lr}
        for factor, parameters in sorted(by_factor.items(), key=lambda each: each[0] != 1.0)
        for group in _groups(parameters, settings)
    ]
    return [_optimiser(groups, settings), *own]


def _slowed(model: nn.Module, factors: Mapping[str, float]) -> dict[int, float]:
    """Say which parameters have a rate of their own: their ids, and the factors.

    Raises:
        ConfigError: the model has no such part.
    """
    parts = dict(model.named_children())
    for name in factors:
        switched_off = getattr(model, name, name) is None  # by an ablation
        if name not in parts and not switched_off:
            raise ConfigError(f"optimiser.lr_factors: the model has no part {name!r}; parts: {', '.join(parts)}")
    return {
        id(parameter): factor
        for name, factor in factors.items()
        if name in parts
        for parameter in parts[name].parameters()
    }


def _groups(parameters: list[nn.Parameter], settings: OptimiserSettings) -> list[dict[str, object]]:
    """Say which parameters decay: all of them, or only those with two dimensions and more."""
    if settings.decay_all:
        return [{"params": parameters, "weight_decay": settings.weight_decay}]
    decayed = [parameter for parameter in parameters if parameter.ndim >= 2]
    spared = [parameter for parameter in parameters if parameter.ndim < 2]
    return [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": spared, "weight_decay": 0.0}]


def _optimiser(groups: list[dict[str, object]], settings: OptimiserSettings) -> Optimizer:
    if settings.name == "sgd":
        return SGD(groups, lr=settings.lr, momentum=settings.momentum, nesterov=settings.nesterov)
    if settings.name == "adam":
        return Adam(groups, lr=settings.lr, betas=settings.betas)
    return AdamW(groups, lr=settings.lr, betas=settings.betas)
