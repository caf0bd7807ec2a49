"""Grad-CAM: which places of a backbone's last map make a feature what it is.

Source: Selvaraju et al. 2017, Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization,
equations 1 and 2. They start from the score of a class. Checkpoints hold no classifier, and nobody in a run belongs to
a class, so it starts here from the feature's inner product with its own direction, held fixed: what makes this feature
as strong as it is. That product is the feature's length, and their gradients are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from reid.explain.pictures import FramePicture, MapRow, strength_row, values_of
from reid.explain.recorded import Call
from reid.models.backbones import ConvolutionBackbone, MultiLevelBackbone, TransformerBackbone

_READING = (
    "Red: the places that make the clip's feature as strong as it is. Grad-CAM asks for the score of a class; as "
    "checkpoints hold no classifiers, it is here the feature's inner product with its own direction. Each row has its "
    "own scale."
)


class LastMaps(NamedTuple):
    """Where a network has its last maps.

    Args:
        module: the module to watch.
        read: finds the activation in a call of it.
        as_maps: brings the activation, or a tensor of its shape, into the shape (M, C, h, w).
    """

    module: nn.Module
    read: Callable[[Call], Tensor]
    as_maps: Callable[[Tensor], Tensor]


def grad_cam(feature: Tensor, activation: Tensor, as_maps: Callable[[Tensor], Tensor] = lambda maps: maps) -> Tensor:
    """Weigh a map's channels by how much they add to a feature, and sum them up.

    No parameter gets a gradient.

    Args:
        feature: of any shape, computed from the activation.
        activation: what the feature depends on, part of autograd's graph.
        as_maps: brings the activation, or a tensor of its shape, into the shape (M, C, h, w).

    Returns:
        (M, h, w), at least 0: relu(sum over k of alpha_k A_k), where alpha_k is the mean over positions of the
        gradient of the feature's length with regard to channel k.
    """
    (gradient,) = torch.autograd.grad(feature.norm(), activation, retain_graph=True)
    maps = as_maps(activation.detach())  # (M, C, h, w)
    alpha = as_maps(gradient).mean(dim=(2, 3), keepdim=True)  # (M, C, 1, 1)
    return (alpha * maps).sum(dim=1).relu()


def last_maps(backbone: nn.Module) -> LastMaps:
    """Find the last maps of an image backbone.

    Args:
        backbone: one of `reid.models.backbones`.

    Returns:
        Of a convolutional network its last map before pooling, of a Swin likewise; of a vision transformer the patches
        that enter its last block, which is where the class token reads them for the last time.
    """
    if isinstance(backbone, ConvolutionBackbone):
        return LastMaps(backbone, lambda call: call.output.map, lambda maps: maps)
    if isinstance(backbone, MultiLevelBackbone):
        return LastMaps(backbone, lambda call: call.output[-1], lambda maps: maps)
    assert isinstance(backbone, TransformerBackbone)  # there is no other kind
    if backbone.windows:
        return LastMaps(backbone.net.norm, lambda call: call.output, lambda maps: maps.permute(0, 3, 1, 2))
    height, width = backbone.map_size_hw
    return LastMaps(
        backbone.net.blocks[-1],
        lambda call: call.inputs[0],
        lambda tokens: tokens[:, 1:].reshape(len(tokens), height, width, -1).permute(0, 3, 1, 2),
    )


def grad_cam_row(label: str, feature: Tensor, call: Call, place: LastMaps) -> MapRow:
    """Make a row of a network's Grad-CAM.

    Args:
        label: what the row is.
        feature: the clip's feature.
        call: the recorded call of `place.module`.
        place: where the maps are, one for each of T frames.
    """
    return strength_row(label, values_of(grad_cam(feature, place.read(call), place.as_maps)))


def grad_cam_picture(*rows: MapRow) -> FramePicture:
    """Put rows of Grad-CAM together."""
    return FramePicture("grad-cam", "what makes the feature strong (Grad-CAM)", _READING, rows)
