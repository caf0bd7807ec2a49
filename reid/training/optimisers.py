"""From a recipe to the optimisers that follow the gradients."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from reid.criterion import Criterion
from reid.training.recipe import OptimiserSettings


def build_optimisers(model: nn.Module, criterion: Criterion, settings: OptimiserSettings) -> list[Optimizer]:
    """Build the optimiser of a model and its losses, and those that some losses have of their own.

    Args:
        model: parameters without gradients are left out.
        criterion: its parameters learn with the model's, except those that it gives an optimiser of their own.
        settings: of the first optimiser.

    Returns:
        The model's first, whose rate a schedule may change; then the losses' own, which keep their rate.
    """
    own = criterion.own_optimisers()
    apart = {id(parameter) for optimiser in own for group in optimiser.param_groups for parameter in group["params"]}
    parameters = [
        parameter
        for parameter in (*model.parameters(), *criterion.parameters())
        if parameter.requires_grad and id(parameter) not in apart
    ]
    return [_optimiser(_groups(parameters, settings), settings), *own]


def _groups(parameters: Iterable[nn.Parameter], settings: OptimiserSettings) -> list[dict[str, object]]:
    """Say which parameters decay: all of them, or only those with two dimensions and more."""
    parameters = list(parameters)
    if settings.decay_all:
        return [{"params": parameters, "weight_decay": settings.weight_decay}]
    spared = [parameter for parameter in parameters if parameter.ndim < 2]
    return [
        {
            "params": [parameter for parameter in parameters if parameter.ndim >= 2],
            "weight_decay": settings.weight_decay,
        },
        {"params": spared, "weight_decay": 0.0},
    ]


def _optimiser(groups: list[dict[str, object]], settings: OptimiserSettings) -> Optimizer:
    if settings.name == "sgd":
        return SGD(groups, lr=settings.lr, momentum=settings.momentum, nesterov=settings.nesterov)
    if settings.name == "adam":
        return Adam(groups, lr=settings.lr, betas=settings.betas)
    return AdamW(groups, lr=settings.lr, betas=settings.betas)
