"""The resolution of the last stage, which person re-identification keeps."""

from __future__ import annotations

from torch import nn


def keep_resolution(part: nn.Module) -> None:
    """Take the stride out of the part that begins a stage, in place: strided convolutions, or the pooling.

    Source: last stride 1 as in Luo et al. 2019, Bag of Tricks and a Strong Baseline for Deep Person Re-identification.
    """
    for module in part.modules():
        if isinstance(module, nn.Conv2d):
            module.stride = (1, 1)
    if isinstance(getattr(part, "pool", None), nn.AvgPool2d):
        part.pool = nn.Identity()
