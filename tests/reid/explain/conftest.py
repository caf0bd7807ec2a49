"""Small models that are ready to be looked into, and clips for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from reid.explain.frame_figures import ShownFrames
from reid.models import PRESETS, ReidModel, build_model

MICROS = [name for name in PRESETS if name.endswith("-micro")]


def model_of(name: str, **overrides: Any) -> ReidModel:
    return build_model(name, overrides=overrides).eval()


def clip_for(model: ReidModel, num_frames: int | None = None, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    num_frames = num_frames or model.config.clip_length
    return torch.randn(1, num_frames, 3, *model.config.image_size_hw, generator=generator)


def frames_for(model: ReidModel, shown: tuple[int, ...] = (0, 1, 3)) -> ShownFrames:
    generator = torch.Generator().manual_seed(1)
    shape = (model.config.clip_length, *model.config.image_size_hw, 3)
    frames_rgb = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8).numpy()
    return ShownFrames(frames_rgb, tuple(f"{index:03d}.jpg" for index in range(len(frames_rgb))), shown)
