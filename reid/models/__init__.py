"""The models and their registry.

Shapes, in every docstring of this package: B tracklets, T frames, C channels, H and W height and width, N tokens (or
positions of a feature map), D width of a feature, K identities, M = B * T frames of a batch. Feature maps are
(M, C, h, w). A clip is (B, T, 3, H, W) float, normalised.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from reid.errors import ConfigError
from reid.models.base import ModelConfig, ReidModel
from reid.models.dcct import DCCT, DCCTConfig
from reid.models.denseil import DenseIL, DenseILConfig
from reid.models.output import ReidOutput, SupervisedStage
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


class Preset(NamedTuple):
    """A name in the registry: who builds the model, and with which numbers."""

    builder: Callable[[Any, str, int], ReidModel]
    config: ModelConfig


_DCCT = DCCTConfig(
    image_size_hw=(256, 128),
    clip_length=8,
    run_variant="all",
    cnn="resnet50",
    transformer="vit_base_patch16_224",
    width=1024,
)

PRESETS: dict[str, Preset] = {
    # The paper's model: Table V's parameters need d = 1024. `all` is 7,680 wide, meant for benchmarks.
    "dcct": Preset(DCCT, _DCCT),
    "dcct-512": Preset(DCCT, dataclasses.replace(_DCCT, width=512)),
    # The light pair of Table IV, with a width that keeps the final feature at 512.
    "dcct-mobile": Preset(
        DCCT,
        DCCTConfig(
            image_size_hw=(256, 128),
            clip_length=8,
            run_variant="final",
            cnn="mobilenetv2_100",
            transformer="deit_tiny_patch16_224",
            width=256,
        ),
    ),
    # The heavy pair of Table IV. Neither network can do without its last stride, so both maps are 8x4.
    "dcct-dense-swin": Preset(
        DCCT,
        dataclasses.replace(
            _DCCT,
            cnn="densenet121",
            cnn_last_stride=2,
            transformer="swin_large_patch4_window7_224",
            global_feature="mean",
        ),
    ),
    # At most 8 M parameters and a fraction of a second a clip on a CPU. Both branches were trained on images normalised
    # alike, and the widths 320 and 192 couple to 512.
    "dcct-compact": Preset(
        DCCT,
        DCCTConfig(
            image_size_hw=(192, 96),
            clip_length=8,
            run_variant="final",
            cnn="mobilenetv2_100",
            cnn_head_conv=False,
            transformer="deit_tiny_patch16_224",
            transformer_depth=6,
            width=128,
        ),
    ),
    # At most 3 M parameters and small frames: for tests.
    "dcct-micro": Preset(
        DCCT,
        DCCTConfig(
            image_size_hw=(64, 32),
            clip_length=4,
            run_variant="final",
            cnn="mobilenetv2_035",
            cnn_head_conv=False,
            transformer="deit_tiny_patch16_224",
            transformer_depth=2,
            width=64,
        ),
    ),
    "denseil": Preset(
        DenseIL, DenseILConfig(image_size_hw=(256, 128), clip_length=8, run_variant="final", cnn="resnet50")
    ),
    "denseil-compact": Preset(
        DenseIL,
        DenseILConfig(
            image_size_hw=(192, 96),
            clip_length=8,
            run_variant="final",
            cnn="mobilenetv2_100",
            width=256,
            ffn_width=512,
        ),
    ),
    "denseil-micro": Preset(
        DenseIL,
        DenseILConfig(
            image_size_hw=(64, 32),
            clip_length=4,
            run_variant="final",
            cnn="mobilenetv2_035",
            blocks=2,
            width=64,
            ffn_width=128,
        ),
    ),
}


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
