"""A small MSTAT and clips for it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from reid.models.mstat import MSTAT, MSTATConfig

MICRO_HW = (64, 32)  # 4 x 2 patches
WIDTH, HEADS = 48, 3
VIT = "deit_tiny_patch16_224"


def micro(num_classes: int = 0, **overrides: Any) -> MSTAT:
    numbers: dict[str, Any] = {
        "image_size_hw": MICRO_HW,
        "clip_length": 4,
        "run_variant": "stage2",
        "width": WIDTH,
        "heads": HEADS,
        "depths": (1, 1, 1),
        "attribute_proxies": 5,
        "a_sta_proxies": 3,
        "prototypes": 7,
        "shuffle_positions": 3,
        "start": VIT,
    }
    torch.manual_seed(0)
    return MSTAT(MSTATConfig(**{**numbers, **overrides}), "micro", num_classes)


def clips(num_clips: int, num_frames: int, seed: int = 0) -> Tensor:
    return torch.randn(num_clips, num_frames, 3, *MICRO_HW, generator=torch.Generator().manual_seed(seed))
