"""What every re-identification model offers: its configuration, its variants' widths, one forward."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, TypeAdapter, ValidationError
from torch import Tensor, nn

from reid.errors import ConfigError
from reid.models.blocks import bn_neck, classifier
from reid.models.output import ReidOutput, SupervisedStage
from reid.start_weights import StartPart


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """What the numbers of any model must say; each model's own configuration adds its fields.

    Args:
        image_size_hw: height and width of the frames that enter the model, in pixels.
        clip_length: T, frames in a clip; a model may still take clips of another length.
        run_variant: the feature variant that `vreid run` matches people with.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    image_size_hw: tuple[int, int]
    clip_length: int
    run_variant: str

    def __post_init__(self) -> None:
        if min(self.image_size_hw) < 1:
            raise ConfigError(f"image_size_hw: both sides must be at least 1 px, not {self.image_size_hw}")
        if self.clip_length < 1:
            raise ConfigError(f"clip_length: must be at least 1 frame, not {self.clip_length}")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build a configuration from plain values.

        Args:
            values: every field without a default; lists may stand for tuples.

        Raises:
            ConfigError: a field is unknown, missing or of the wrong type; the message names it.
        """
        try:
            return TypeAdapter(cls).validate_python(dict(values))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "configuration"
            raise ConfigError(f"model configuration: {where}: {first['msg']}") from error


# What has one small module for each stage, not worth naming one by one.
_HEADS = ("necks", "classifiers", "hints")


class ReidModel(nn.Module):
    """A network from clips to feature variants.

    A subclass builds its parts, then its heads with `_build_heads`, and implements `forward`.

    Args:
        config: the model's numbers.
        name: the registry's name for it, kept in checkpoints.
    """

    stage_widths: dict[str, int]
    variant_widths: dict[str, int]
    necks: nn.ModuleDict
    classifiers: nn.ModuleDict
    # Names of the losses that only the model itself can compute.
    aux_losses: tuple[str, ...] = ()

    # Children that are made of parts worth naming one by one.
    HOLDERS: ClassVar[tuple[str, ...]] = ()
    # Parts that belong to one training set or serve training only: checkpoints leave them out.
    TRAINING_PARTS: ClassVar[tuple[str, ...]] = ("classifiers.", "hints.")

    def __init__(self, config: ModelConfig, name: str) -> None:
        super().__init__()
        self.config = config
        self.name = name

    def forward(self, clips: Tensor, wanted: Collection[str] | None = None) -> ReidOutput:
        """Turn clips into feature variants, and into what the losses need where there are classifiers.

        Args:
            clips: (B, T, 3, H, W) float, normalised; H and W as in the configuration.
            wanted: names of the variants that will be used; None for all. What none of them needs may be left out,
                variants and stages too. It changes no number.
        """
        raise NotImplementedError

    def start_parts(self) -> dict[str, StartPart]:
        """Return the parts that published image weights can start, by attribute name."""
        return {}

    def components(self) -> dict[str, nn.Module]:
        """Return what the model is made of, by name: its children, and what is in them where they only hold others."""
        components: dict[str, nn.Module] = {}
        for name, child in self.named_children():
            components |= _opened(name, child, self.HOLDERS)
        return components

    def embedding_state(self) -> dict[str, Tensor]:
        """Return the weights that embedding needs: all but those of `TRAINING_PARTS`."""
        return {key: value for key, value in self.state_dict().items() if not key.startswith(self.TRAINING_PARTS)}

    def _build_heads(
        self, stage_widths: Mapping[str, int], num_classes: int, variant_widths: Mapping[str, int]
    ) -> None:
        """Give every supervised stage its BNNeck and classifier, and settle the variants.

        Args:
            stage_widths: name of a supervised feature -> D.
            num_classes: K; 0 builds no classifiers.
            variant_widths: name of a variant -> D_v, in the order of the output.

        Raises:
            ConfigError: run_variant is not a variant.
        """
        self.necks = nn.ModuleDict({stage: bn_neck(width) for stage, width in stage_widths.items()})
        supervised = stage_widths if num_classes else {}
        self.classifiers = nn.ModuleDict({stage: classifier(width, num_classes) for stage, width in supervised.items()})
        self.stage_widths = dict(supervised)
        self.variant_widths = dict(variant_widths)
        if self.config.run_variant not in self.variant_widths:
            known = ", ".join(self.variant_widths)
            raise ConfigError(f"run_variant: {self.config.run_variant!r} is none of {known}")

    def _supervise(self, features: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, SupervisedStage]]:
        """Pass supervised features through their heads.

        Args:
            features: stage -> (B, D), or (B, T, D) where every frame is supervised by itself.

        Returns:
            stage -> the feature after its BNNeck, in the shape given; and the stages, none without classifiers.
        """
        necked = {
            stage: self.necks[stage](feature.flatten(0, -2)).view_as(feature) for stage, feature in features.items()
        }
        stages = {
            stage: SupervisedStage(features[stage], self.classifiers[stage](necked[stage]), necked[stage])
            for stage in features
            if stage in self.classifiers
        }
        return necked, stages

    def _check_input(self, clips: Tensor, wanted: Collection[str] | None) -> frozenset[str]:
        """Return the names of the wanted variants, all of them for None.

        Raises:
            ValueError: clips are not (B, T >= 1, 3, H, W) with the configured H and W, or there is no such variant.
        """
        names = frozenset(self.variant_widths if wanted is None else wanted)
        if isinstance(wanted, str) or not names <= self.variant_widths.keys():
            raise ValueError(f"wanted: expected some of {', '.join(self.variant_widths)}, got {wanted!r}")
        expected = self.config.image_size_hw
        if clips.ndim != 5 or clips.shape[1] < 1 or clips.shape[2] != 3 or tuple(clips.shape[3:]) != expected:
            raise ValueError(f"clips: expected (B, T, 3, {expected[0]}, {expected[1]}), got {tuple(clips.shape)}")
        return names


def _opened(name: str, module: nn.Module, holders: tuple[str, ...]) -> dict[str, nn.Module]:
    """Return a module by name, or what is in it if it is a container or named as a holder."""
    is_container = isinstance(module, nn.ModuleList | nn.ModuleDict) and name not in _HEADS
    if not is_container and name not in holders:
        return {name: module}
    components: dict[str, nn.Module] = {}
    for inner, child in module.named_children():
        components |= _opened(f"{name}.{inner}", child, holders)
    return components
