"""Named terms of a loss, and their weighted sum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from reid.errors import ConfigError, RunError
from reid.losses.cross_entropy import cross_entropy
from reid.losses.triplet import Distance, batch_hard_triplet

if TYPE_CHECKING:  # the models use some of the losses themselves
    from reid.models.output import ReidOutput


def supervised_loss(
    output: ReidOutput,
    labels: Tensor,
    *,
    smoothing: float = 0.0,
    margin: float | None = 0.3,
    distance: Distance = "euclidean",
) -> dict[str, Tensor]:
    """Compute what every model is trained with: cross-entropy and triplet loss of each stage, and its own losses.

    Args:
        output: of a model that was built with classifiers.
        labels: (B,) in [0, K).
        smoothing: as in `cross_entropy`.
        margin: as in `batch_hard_triplet`.
        distance: as in `batch_hard_triplet`.

    Returns:
        `ce/STAGE` and `triplet/STAGE` for each stage, `aux/NAME` for each loss of the model itself; scalars, not
        weighted.

    Raises:
        ValueError: the output has no stages.
    """
    if not output.stages:
        raise ValueError("nothing is supervised: the model was built without classifiers (num_classes=0)")
    terms = {}
    for name, stage in output.stages.items():
        terms[f"ce/{name}"] = cross_entropy(stage.logits, labels, smoothing)
        terms[f"triplet/{name}"] = batch_hard_triplet(stage.features, labels, margin=margin, distance=distance)
    return terms | {f"aux/{name}": loss for name, loss in output.aux_losses.items()}


def weighted_sum(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Add up named terms.

    Args:
        terms: name -> scalar.
        weights: factor for each term, by its name or by the kind in front of its slash: "ce" weighs `ce/final` and
            `ce/base`, unless "ce/final" is given as well.

    Raises:
        ConfigError: a term has no weight, or a weight no term.
        RunError: the sum is not finite; the message gives every term.
    """
    used = {name: name if name in weights else name.split("/")[0] for name in terms}
    unknown = [name for name in weights if name not in used.values()]
    unweighted = [name for name in terms if used[name] not in weights]
    if unknown or unweighted:
        what = f"{', '.join(unknown)} weighs no term" if unknown else f"{', '.join(unweighted)} has no weight"
        raise ConfigError(f"loss weights: {what}; the terms are {', '.join(terms)}")
    total = torch.stack([weights[used[name]] * term for name, term in terms.items()]).sum()
    if not torch.isfinite(total):
        listed = ", ".join(f"{name} {float(term.detach()):g}" for name, term in terms.items())
        raise RunError(f"the loss is {float(total.detach()):g}; its terms before weighting: {listed}")
    return total
