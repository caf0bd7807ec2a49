"""From a model's output and labels to the loss: which terms are computed, from what, and with which weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from reid.config import Settings
from reid.losses import Distance, batch_hard_triplet, cross_entropy, weighted_sum
from reid.models.output import ReidOutput, SupervisedStage

KINDS = ("ce", "triplet", "aux")


class LossSettings(Settings):
    """Which losses a model is trained with.

    Args:
        weights: factor of each term, by its kind for all stages ("ce"), or by kind and stage ("ce/final"), which goes
            before. What has no weight, or the weight 0, is not computed.
        smoothing: of the cross-entropy.
        margin: of the triplet loss; None for its soft margin.
        distance: of the triplet loss.
    """

    weights: dict[str, float]
    smoothing: float = Field(0.0, ge=0, lt=1)
    margin: float | None = Field(0.3, ge=0)
    distance: Distance = "euclidean"


class Criterion(nn.Module):
    """Computes the terms of a model's loss over the joint batch of all processes, and their weighted sum.

    Args:
        settings: the terms, their weights and settings.
        stage_widths: supervised stage of the model -> D.
        num_classes: K.
        seed: decides the random start of losses that have parameters.
    """

    def __init__(
        self, settings: LossSettings, stage_widths: Mapping[str, int], num_classes: int, seed: int = 0
    ) -> None:
        super().__init__()
        self.settings = settings
        self.weights = _weights_by_term(settings.weights, stage_widths)

    def forward(self, output: ReidOutput, labels: Tensor) -> dict[str, Tensor]:
        terms = {}
        for name in self.weights:
            kind, stage = name.split("/")
            terms[name] = self._term(kind, output.stages[stage], labels)
        return terms | {
            f"aux/{name}": loss for name, loss in output.aux_losses.items() if "aux" in self.settings.weights
        }

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        aux = {name: self.settings.weights["aux"] for name in terms if name.startswith("aux/")}
        return weighted_sum(terms, self.weights | aux)

    def uses_logits(self, stage: str) -> bool:
        return f"ce/{stage}" in self.weights

    def own_optimisers(self) -> list[torch.optim.Optimizer]:
        return []

    def _term(self, kind: str, stage: SupervisedStage, labels: Tensor) -> Tensor:
        if kind == "ce":
            return cross_entropy(stage.logits, labels, self.settings.smoothing)
        return batch_hard_triplet(stage.features, labels, margin=self.settings.margin, distance=self.settings.distance)


def _weights_by_term(weights: Mapping[str, float], stage_widths: Mapping[str, int]) -> dict[str, float]:
    resolved = {}
    for kind in ("ce", "triplet"):
        for stage in stage_widths:
            weight = weights.get(f"{kind}/{stage}", weights.get(kind, 0.0))
            if weight:
                resolved[f"{kind}/{stage}"] = weight
    return resolved
