"""From a model's output and labels to the loss: which terms are computed, from what, and with which weights."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from reid.config import Settings
from reid.distributed import gather_with_gradient
from reid.errors import ConfigError
from reid.losses import (
    CentreLoss,
    CosineSoftmax,
    Distance,
    OnlineInstanceMatching,
    batch_hard_triplet,
    cross_entropy,
    supervised_contrastive,
    weighted_sum,
)
from reid.losses.samples import in_full_precision
from reid.models.output import ReidOutput

# What each kind of loss compares, a field of `SupervisedStage`.
_COMPARED = {
    "ce": "logits",
    "triplet": "features",
    "centre": "features",
    "oim": "necked",
    "cosine": "necked",
    "supcon": "necked",
}
KINDS = (*_COMPARED, "aux")

# Whose settings they are; those of another kind than the weights name would do nothing.
_KIND_OF_SETTING = {
    "smoothing": "ce",
    "margin": "triplet",
    "distance": "triplet",
    "centre": "centre",
    "oim": "oim",
    "cosine": "cosine",
    "supcon": "supcon",
}


class CentreSettings(Settings):
    """Of `CentreLoss`: `rate` is alpha, the part of the way to its samples that a centre goes in a step."""

    rate: float = Field(default=0.5, gt=0, le=1)


class OIMSettings(Settings):
    """Of `OnlineInstanceMatching`, under the names that it has for them."""

    temperature: float = Field(default=0.1, gt=0)
    momentum: float = Field(default=0.5, ge=0, lt=1)
    queue: int = Field(default=0, ge=0)


class CosineSettings(Settings):
    """Of `CosineSoftmax`, under the names that it has for them."""

    scale: float = Field(default=16.0, gt=0)
    margin: float = Field(default=0.0, ge=0, lt=1)


class SupConSettings(Settings):
    """Of `supervised_contrastive`, under the names that it has for them."""

    temperature: float = Field(default=0.1, gt=0)
    own_clip: bool = True


class LossSettings(Settings):
    """Which losses a model is trained with.

    Args:
        weights: factor of each term. A kind alone, "ce", "triplet", "centre", "oim", "cosine", "supcon" or "aux" (the
            model's own losses), weighs it at every supervised stage; "ce/final" weighs it at one, and goes before the
            kind's. What has no weight, or the weight 0, is not computed.
        smoothing: of the cross-entropy, e of `cross_entropy`.
        margin: of the triplet loss; None for its soft margin.
        distance: of the triplet loss.
        centre: of the centre loss.
        oim: of online instance matching.
        cosine: of the cosine softmax.
        supcon: of the supervised contrastive loss.
    """

    weights: dict[str, float]
    smoothing: float = Field(default=0.0, ge=0, lt=1)
    margin: float | None = Field(default=0.3, ge=0)
    distance: Distance = "euclidean"
    centre: CentreSettings = CentreSettings()
    oim: OIMSettings = OIMSettings()
    cosine: CosineSettings = CosineSettings()
    supcon: SupConSettings = SupConSettings()

    @field_validator("weights")
    @classmethod
    def _known_and_finite(cls, weights: dict[str, float]) -> dict[str, float]:
        for name, weight in weights.items():
            kind = name.split("/")[0]
            if kind not in KINDS:
                raise ValueError(f"{kind!r} is no kind of loss; there are {', '.join(KINDS)}")
            if not (math.isfinite(weight) and weight >= 0):
                raise ValueError(f"the weight of {name!r} must be finite and at least 0")
        if not any(weights.values()):
            raise ValueError("at least one loss must have a weight above 0")
        return weights

    @model_validator(mode="after")
    def _settings_of_weighted_kinds(self) -> LossSettings:
        kinds = {name.split("/")[0] for name in self.weights}
        for setting, kind in _KIND_OF_SETTING.items():
            default = type(self).model_fields[setting].default
            if getattr(self, setting) != default and kind not in kinds:
                raise ValueError(f"'{setting}' is set, but 'weights' has no {kind!r} that it could change")
        if self.distance == "cosine" and self.margin is not None and self.margin > 2:
            raise ValueError(f"'margin': cosine distances lie in [0, 2], none can differ by {self.margin:g}")
        return self


class Criterion(nn.Module):
    """Computes the terms of a model's loss over the joint batch of all processes, and their weighted sum.

    In a group of processes each has its share of the batch, shares of the same shape. Features, logits and labels of
    all are gathered with their gradients, so that every process computes the loss of the whole batch. The model's own
    losses are means over clips, and so the joint batch's are the means over processes. After DistributedDataParallel's
    mean, the model's gradients are those of one process with the whole batch. The losses' own parameters need no
    DistributedDataParallel: their gradients are the same everywhere, as are their buffers.

    Args:
        settings: the terms, their weights and settings.
        stage_widths: supervised stage of the model -> D.
        num_classes: K.
        aux_losses: names of the model's own losses.
        seed: decides the random start of losses that have parameters; the global random state stays as it was.

    Raises:
        ConfigError: a weight is of a stage or a loss that the model does not have, or none is left.
    """

    def __init__(
        self,
        settings: LossSettings,
        stage_widths: Mapping[str, int],
        num_classes: int,
        aux_losses: Collection[str] = (),
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.weights: dict[str, float] = {}
        for kind in _COMPARED:
            self.weights |= _weights_of(kind, settings.weights, stage_widths, "stage")
        self.aux_weights = _weights_of("aux", settings.weights, aux_losses, "loss of its own")
        if not self.weights and not self.aux_weights:
            raise ConfigError("losses: the model has no supervised stage that a weight could be of")
        self.losses = nn.ModuleDict()
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            for name, weight in self.weights.items():
                kind, stage = name.split("/")
                module = _module(kind, settings, stage_widths[stage], num_classes, weight)
                if module is not None:
                    self.losses[name] = module

    def forward(self, output: ReidOutput, labels: Tensor) -> dict[str, Tensor]:
        """Compute what has a weight.

        Args:
            output: of the model in training, for this process's share of the batch.
            labels: (B,) in [0, K); with a queue of OIM also -1 for people that have no name, whom only OIM sees.

        Returns:
            "KIND/STAGE" for each supervised stage and "aux/NAME" for each loss of the model; scalars of the joint
            batch, not weighted.

        Raises:
            ValueError: the output lacks a stage.
        """
        missing = {stage for _, stage in self._terms() if stage not in output.stages}
        if missing:
            raise ValueError(f"the output has no stage {', '.join(sorted(missing))}: was it built with classifiers?")
        compared = list(dict.fromkeys((stage, _COMPARED[kind]) for kind, stage in self._terms()))
        gathered = _gather_all(getattr(output.stages[stage], field) for stage, field in compared)
        joint = dict(zip(compared, gathered, strict=True))
        labels = gather_with_gradient(labels)
        terms = {
            f"{kind}/{stage}": self._term(kind, stage, joint[stage, _COMPARED[kind]], labels)
            for kind, stage in self._terms()
        }
        if self.aux_weights:
            own = torch.stack([output.aux_losses[name.removeprefix("aux/")] for name in self.aux_weights])
            means = gather_with_gradient(in_full_precision(own).unsqueeze(0)).mean(dim=0)
            terms |= zip(self.aux_weights, means, strict=True)
        return terms

    def total(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Add up what `forward` returned, with its weights.

        Raises:
            RunError: the sum is not finite; the message gives every term.
        """
        return weighted_sum(terms, self.weights | self.aux_weights)

    def own_optimisers(self) -> list[Optimizer]:
        """Build the optimisers of parameters that follow a rule of their own: centres, whose rate stays as it is.

        All other parameters belong to the model's optimiser.
        """
        centres = [loss.centres for loss in self.losses.values() if isinstance(loss, CentreLoss)]
        return [SGD(centres, lr=self.settings.centre.rate)] if centres else []

    def _terms(self) -> list[tuple[str, str]]:
        return [(kind, stage) for kind, stage in (name.split("/") for name in self.weights)]

    def _term(self, kind: str, stage: str, values: Tensor, labels: Tensor) -> Tensor:
        if self.settings.oim.queue and kind != "oim":
            values, labels = values[labels >= 0], labels[labels >= 0]
        if kind == "ce":
            return cross_entropy(values, labels, self.settings.smoothing)
        if kind == "triplet":
            return batch_hard_triplet(values, labels, margin=self.settings.margin, distance=self.settings.distance)
        if kind == "supcon":
            return supervised_contrastive(values, labels, **self.settings.supcon.model_dump())
        term: Tensor = self.losses[f"{kind}/{stage}"](values, labels)
        return term


class SupervisedModel(nn.Module):
    """A model and its criterion as one network, for DistributedDataParallel with `find_unused_parameters`.

    That takes a parameter as unused if nothing that the network returns depends on it. A model's output holds every
    stage and every loss of its own, whether they have a weight or not; the terms are what gradients will come from.

    Args:
        model: a model with classifiers.
        criterion: computes its terms.
    """

    def __init__(self, model: nn.Module, criterion: Criterion) -> None:
        super().__init__()
        self.model = model
        self.criterion = criterion

    def forward(self, clips: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Turn clips (B, T, 3, H, W) and labels (B,) into terms, as `Criterion.forward` does."""
        terms: dict[str, Tensor] = self.criterion(self.model(clips), labels)
        return terms


def _weights_of(kind: str, weights: Mapping[str, float], names: Collection[str], what: str) -> dict[str, float]:
    """Return "KIND/NAME" -> weight above 0 for each name of a stage or loss that has one.

    Raises:
        ConfigError: a weight is of a name that there is not.
    """
    there = f"it has {', '.join(names)}" if names else "it has none"
    for name in weights:
        if name.startswith(f"{kind}/") and name.removeprefix(f"{kind}/") not in names:
            raise ConfigError(f"losses: weights: {name!r}: the model has no such {what}; {there}")
    chosen = {f"{kind}/{name}": weights.get(f"{kind}/{name}", weights.get(kind, 0.0)) for name in names}
    if weights.get(kind) and not names:
        raise ConfigError(f"losses: weights: {kind!r}: the model has no {what} that it could weigh")
    return {name: weight for name, weight in chosen.items() if weight}


def _module(
    kind: str, settings: LossSettings, width: int, num_classes: int, weight: float
) -> CentreLoss | CosineSoftmax | OnlineInstanceMatching | None:
    """Build what a kind of loss has to remember or to learn; None for losses that are functions."""
    if kind == "centre":
        return CentreLoss(num_classes, width, weight)
    if kind == "oim":
        return OnlineInstanceMatching(num_classes, width, **settings.oim.model_dump())
    if kind == "cosine":
        return CosineSoftmax(num_classes, width, **settings.cosine.model_dump())
    return None


def _gather_all(tensors: Iterable[Tensor]) -> list[Tensor]:
    """Gather tensors (B, ...) of all processes with their gradients, in one go and, like the losses, in float32."""
    tensors = list(tensors)
    if not tensors:
        return []
    flat = [in_full_precision(tensor).flatten(1) for tensor in tensors]
    joint = gather_with_gradient(torch.cat(flat, dim=1))
    parts = torch.split_with_sizes(joint, [part.shape[1] for part in flat], dim=1)
    return [part.reshape(-1, *tensor.shape[1:]) for part, tensor in zip(parts, tensors, strict=True)]
