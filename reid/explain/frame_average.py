"""The frame average's picture: Grad-CAM of its one backbone."""

from __future__ import annotations

from torch import Tensor

from reid.explain.grad_cam import grad_cam_picture, grad_cam_row, last_maps
from reid.explain.pictures import Picture
from reid.explain.recorded import record
from reid.models.frame_average import FrameAverage


def frame_average_pictures(model: FrameAverage, clip: Tensor) -> list[Picture]:
    """Make Grad-CAM of the backbone.

    Args:
        model: in evaluation mode.
        clip: (1, T, 3, H, W) float, normalised.
    """
    place = last_maps(model.backbone)
    recording = record(model, clip, {"map": place.module})
    label = f"{model.backbone.name}: the final feature"
    return [grad_cam_picture(grad_cam_row(label, recording.output.variants["final"], recording.calls["map"], place))]
