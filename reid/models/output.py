"""The one output type of every model, in training and in evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class SupervisedStage:
    """What the losses need of one supervised feature.

    A stage that is supervised frame by frame has a T axis, a stage of the whole clip has none.

    Args:
        features: (B, T, D) or (B, D), before the BNNeck: what the triplet loss compares.
        logits: (B, T, K) or (B, K), the classifier's answer after the BNNeck.
        necked: in the shape of the features, after the BNNeck: what the classifier sees and, where the stage is a
            variant too, what stands for a tracklet.
    """

    features: Tensor
    logits: Tensor
    necked: Tensor


@dataclass(frozen=True)
class ReidOutput:
    """What one forward yields.

    Args:
        variants: name -> (B, D_v), each feature variant after its BNNeck; not normalised.
        stages: name -> what is supervised; empty for a model built without classifiers.
        aux_losses: name -> scalar, losses that only the model itself can compute; empty for most models.
    """

    variants: dict[str, Tensor]
    stages: dict[str, SupervisedStage] = field(default_factory=dict)
    aux_losses: dict[str, Tensor] = field(default_factory=dict)


def with_concatenation(variants: dict[str, Tensor], name: str = "all") -> dict[str, Tensor]:
    """Add the concatenation of all variants, in which every one of them weighs the same.

    Args:
        variants: name -> (B, D_v).
        name: what to call the concatenation.

    Returns:
        The variants as given, then `name` -> (B, sum of D_v): each variant divided by its L2 norm, side by side.
    """
    unit = [F.normalize(variant.float(), dim=1) for variant in variants.values()]
    return {**variants, name: torch.cat(unit, dim=1)}
