"""STCA's pictures: figure 4 of its paper, and the two attention maps behind it.

Source: Bhuiyan and Huang 2022 (STCA), sections 3.3 and 4.9.
"""

from __future__ import annotations

import torch
from timm.models.resnet import ResNet
from torch import Tensor, nn

from reid.explain.grad_cam import LastMaps, grad_cam_picture, grad_cam_row
from reid.explain.pictures import FramePicture, Picture, attention_row, values_of
from reid.explain.recorded import Call, record
from reid.models.resnet3d import ResNet3D
from reid.models.stca import STCA, CrossAttendedStreams, CrossAttentionNetwork


def stca_pictures(model: STCA, clip: Tensor) -> list[Picture]:
    """Make Grad-CAM of the last map of every stream, and the cross attention's maps where there is one.

    Args:
        model: in evaluation mode.
        clip: (1, T, 3, H, W) float, normalised.
    """
    streams = model.streams
    crossed = streams.cross_attention if isinstance(streams, CrossAttendedStreams) else None
    places = _places(streams, clip.shape[1], with_3d=crossed is None)
    modules = {label: place.module for label, place in places.items()}
    recording = record(model, clip, modules | ({} if crossed is None else {"cross attention": crossed}))
    feature = recording.output.variants["final"]
    rows = (grad_cam_row(label, feature, recording.calls[label], place) for label, place in places.items())
    pictures: list[Picture] = [grad_cam_picture(*rows)]
    if crossed is not None:
        pictures.append(_cross_picture(crossed, recording.calls["cross attention"]))
    return pictures


def _places(streams: nn.Module, num_frames: int, *, with_3d: bool) -> dict[str, LastMaps]:
    """Find the last maps of the streams: of the 2D network after layer4, of the 3D network where it ends by itself."""
    places = {}
    for module in streams.modules():
        if isinstance(module, ResNet):
            places["2D network, last map: the final feature"] = LastMaps(
                module.layer4, lambda call: call.output, lambda maps: maps
            )
        elif isinstance(module, ResNet3D) and with_3d:
            places["3D network, last map: the final feature"] = LastMaps(
                module, lambda call: call.output, lambda volume: _by_frame(volume, num_frames)
            )
    return places


def _by_frame(volume: Tensor, num_frames: int) -> Tensor:
    """Turn one clip's volume (1, C, t, h, w) into maps (T, C, h, w); a moment stands for all frames it covers."""
    moments = torch.arange(num_frames, device=volume.device) * volume.shape[2] // num_frames
    return volume[0].transpose(0, 1)[moments]


@torch.no_grad()
def _cross_picture(crossed: CrossAttentionNetwork, call: Call) -> FramePicture:
    labels = ("A S: weights of the frame's 2D map", "A T: weights of the clip's 3D map beside the frame")
    rows = []
    for label, attention in zip(labels, crossed.attention(*call.inputs), strict=True):
        weights = values_of(attention[0])  # (T, h, w)
        rows.append(attention_row(label, weights, over="frame"))
    return FramePicture(
        "cross-attention",
        "cross attention between the 2D and the 3D network",
        "Red: the places of one network's map that the other's map speaks for most. These weights, plus 1, are what "
        "the map is multiplied by. Those of a map add up to 1; even is what each would be if all were alike.",
        tuple(rows),
    )
