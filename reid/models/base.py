"""What every re-identification model offers: its configuration, its variants' widths, one forward."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import ConfigDict, TypeAdapter, ValidationError
from torch import Tensor, nn

from reid.errors import ConfigError
from reid.models.output import ReidOutput
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


class ReidModel(nn.Module):
    """A network from clips to feature variants.

    A subclass sets `variant_widths` (name -> D_v, in the order of its output), keeps its classifiers in
    `classifiers`, and implements `forward`.

    Args:
        config: the model's numbers.
        name: the registry's name for it, kept in checkpoints.
    """

    variant_widths: dict[str, int]

    def __init__(self, config: ModelConfig, name: str) -> None:
        super().__init__()
        self.config = config
        self.name = name
        self.classifiers = nn.ModuleDict()

    def forward(self, clips: Tensor) -> ReidOutput:
        """Turn clips into feature variants, and into what the losses need where there are classifiers.

        Args:
            clips: (B, T, 3, H, W) float, normalised; H and W as in the configuration.
        """
        raise NotImplementedError

    def start_parts(self) -> dict[str, StartPart]:
        """Return the parts that published image weights can start, by attribute name."""
        return {}

    def embedding_state(self) -> dict[str, Tensor]:
        """Return the weights that embedding needs: all but the classifiers, which belong to one training set."""
        return {key: value for key, value in self.state_dict().items() if not key.startswith("classifiers.")}

    def _check_clips(self, clips: Tensor) -> None:
        """Refuse clips that are not (B, T >= 1, 3, H, W) with the configured H and W."""
        expected = self.config.image_size_hw
        if clips.ndim != 5 or clips.shape[1] < 1 or clips.shape[2] != 3 or tuple(clips.shape[3:]) != expected:
            raise ValueError(f"clips: expected (B, T, 3, {expected[0]}, {expected[1]}), got {tuple(clips.shape)}")
