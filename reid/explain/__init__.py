"""Looking inside a model: the pictures that the papers print, of any checkpoint and any tracklet.

`clip_pictures` says what is to be seen, as plain values; `reid.explain.drawing` draws it; `reid.explain.album` reads
tracklets and writes the files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from reid.errors import ConfigError
from reid.explain.dcct import dcct_pictures
from reid.explain.denseil import denseil_pictures
from reid.explain.frame_average import frame_average_pictures
from reid.explain.mstat import mstat_pictures, mstat_weight_pictures
from reid.explain.pictures import Picture
from reid.explain.stca import stca_pictures
from reid.models import ReidModel
from reid.models.dcct import DCCT
from reid.models.denseil import DenseIL
from reid.models.frame_average import FrameAverage
from reid.models.mstat import MSTAT
from reid.models.stca import STCA

__all__ = ["clip_pictures", "weight_pictures"]

_OF_CLIPS: dict[type[ReidModel], Callable[[Any, Tensor], list[Picture]]] = {
    DCCT: dcct_pictures,
    STCA: stca_pictures,
    DenseIL: denseil_pictures,
    MSTAT: mstat_pictures,
    FrameAverage: frame_average_pictures,
}
_OF_WEIGHTS: dict[type[ReidModel], Callable[[Any], list[Picture]]] = {MSTAT: mstat_weight_pictures}


def clip_pictures(model: ReidModel, clip: Tensor) -> list[Picture]:
    """Make the pictures that show what a model does with a clip.

    Args:
        model: in evaluation mode; it stays as it is.
        clip: (1, T, 3, H, W) float, normalised, on the model's device.

    Raises:
        ConfigError: there are no pictures for this class of models.
    """
    if type(model) not in _OF_CLIPS:
        raise ConfigError(f"explain: there are no pictures for a model of the class {type(model).__name__}")
    with torch.enable_grad():
        return _OF_CLIPS[type(model)](model, clip)


def weight_pictures(model: ReidModel) -> list[Picture]:
    """Make the pictures that show a model's weights alone; most models have none."""
    return _OF_WEIGHTS[type(model)](model) if type(model) in _OF_WEIGHTS else []
