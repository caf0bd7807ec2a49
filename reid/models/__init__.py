"""The models and their registry.

Shapes, in every docstring of this package: B tracklets, T frames, C channels, H and W height and width, N tokens (or
positions of a feature map), D width of a feature, K identities, M = B * T frames of a batch. Feature maps are
(M, C, h, w). A clip is (B, T, 3, H, W) float, normalised.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from reid.errors import ConfigError
from reid.models.base import ModelConfig, ReidModel
from reid.models.output import ReidOutput, SupervisedStage
from reid.models.presets import PRESETS, Preset
from reid.start_weights import StartReport, apply_start_weights

__all__ = [
    "PRESETS",
    "ModelConfig",
    "Preset",
    "ReidModel",
    "ReidOutput",
    "SupervisedStage",
    "build_model",
    "preset",
    "start_model",
]


def preset(name: str) -> Preset:
    """Look a preset up.

    Raises:
        ConfigError: the name is unknown; the message gives the nearest one.
    """
    if name in PRESETS:
        return PRESETS[name]
    nearest = difflib.get_close_matches(name, PRESETS, n=1, cutoff=0.0)[0]
    raise ConfigError(f"model: {name!r} is unknown; did you mean {nearest!r}? Known: {', '.join(PRESETS)}")


def build_model(
    name: str, *, num_classes: int = 0, seed: int = 0, overrides: Mapping[str, Any] | None = None
) -> ReidModel:
    """Build a model with random weights, the same ones for the same seed.

    The global random state stays as it was.

    Args:
        name: a name in `PRESETS`.
        num_classes: K, identities of the training set; 0 builds no classifiers.
        seed: decides the random weights.
        overrides: fields of the preset's configuration to replace.

    Raises:
        ConfigError: the name or a field is unknown, or the numbers do not fit together.
    """
    builder, config = preset(name)
    if overrides:
        config = type(config).from_dict({**config.to_dict(), **overrides})
    # Only the CPU's generator is touched, and given back: torch.manual_seed would reseed every GPU as well.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return builder(config, name, num_classes)


def start_model(
    name: str,
    *,
    start_weights: str | Path | None = None,
    num_classes: int = 0,
    seed: int = 0,
    overrides: Mapping[str, Any] | None = None,
) -> tuple[ReidModel, StartReport]:
    """Build a model and give its backbones their start weights.

    Args:
        name: a name in `PRESETS`.
        start_weights: None keeps random weights; "imagenet", or a file or folder, as in `reid.start_weights`.
        num_classes: K, identities of the training set; 0 builds no classifiers.
        seed: decides the random weights of whatever the start weights do not cover.
        overrides: fields of the preset's configuration to replace.

    Returns:
        The model and a report on where its weights come from.

    Raises:
        ConfigError: as for `build_model`.
        WeightsError: a given file or folder is missing, unreadable, or fits no part of the model.
    """
    model = build_model(name, num_classes=num_classes, seed=seed, overrides=overrides)
    return model, apply_start_weights(model.start_parts(), start_weights)
