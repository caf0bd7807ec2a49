"""DenseIL's pictures: Grad-CAM of the encoder, and what Dense Attention attends to.

Source: He et al. 2021 (DenseIL), figure 4, which shows Dense Attention's weights as colours.
"""

from __future__ import annotations

import torch
from torch import Tensor

from reid.explain.grad_cam import grad_cam_picture, grad_cam_row, last_maps
from reid.explain.pictures import FramePicture, MatrixPicture, Picture, Scale, attention_row, values_of
from reid.explain.recorded import Call, record
from reid.models.denseil import DenseAttention, DenseIL


def denseil_pictures(model: DenseIL, clip: Tensor) -> list[Picture]:
    """Make Grad-CAM of the encoder, and where there is Dense Attention, its weights on levels and on frames.

    Args:
        model: in evaluation mode.
        clip: (1, T, 3, H, W) float, normalised.
    """
    place = last_maps(model.cnn)
    blocks = {
        f"block {number}": block.interaction
        for number, block in enumerate(model.decoder, start=1)
        if isinstance(block.interaction, DenseAttention)
    }
    recording = record(model, clip, {"map": place.module, **blocks})
    label = f"encoder, {model.cnn.name}: the final feature"
    row = grad_cam_row(label, recording.output.variants["final"], recording.calls["map"], place)
    pictures: list[Picture] = [grad_cam_picture(row)]
    if blocks:
        sources = [f"Z{level}" for level in model.levels]
        if next(iter(blocks.values())).to_itself:
            sources.append("H")
        grid = (len(sources), clip.shape[1], model.config.partitions)
        weights = {name: _weights(block, recording.calls[name]).view(grid) for name, block in blocks.items()}
        pictures += [_level_picture(weights, sources), _frame_picture(weights)]
    return pictures


@torch.no_grad()
def _weights(block: DenseAttention, call: Call) -> Tensor:
    """Average a block's attention over heads and over the tokens that attend, to (S,); it adds up to 1."""
    return block.attention(*call.inputs)[0].mean(dim=(0, 1))


def _level_picture(weights: dict[str, Tensor], sources: list[str]) -> MatrixPicture:
    by_level = torch.stack([each.sum(dim=(1, 2)) for each in weights.values()])  # (blocks, levels)
    values = values_of(by_level)
    even = 1 / len(sources)
    high = max(2 * even, float(values.max()))
    return MatrixPicture(
        "dense-attention-levels",
        "attention of each block to each level",
        "How Dense Attention shares its weight out over the encoder's maps (Z2 low, Z4 high) and the decoder's own "
        "tokens (H), averaged over heads and tokens. A row adds up to 100%; darker is more.",
        values,
        tuple(weights),
        tuple(sources),
        Scale(min(1.0, high), ((0.0, "0%"), (even, "even"), (min(1.0, high), f"{min(1.0, high):.0%}"))),
        tuple(tuple(f"{value:.1%}" for value in row) for row in values.tolist()),
    )


def _frame_picture(weights: dict[str, Tensor]) -> FramePicture:
    rows = []
    for name, each in weights.items():
        by_stripe = each.sum(dim=0)  # (T, P)
        maps = values_of(by_stripe.unsqueeze(2))  # (T, P, 1)
        notes = tuple(f"{share:.1%}" for share in by_stripe.sum(dim=1).tolist())
        rows.append(attention_row(f"{name}, all levels", maps, over="clip", look="stripes", notes=notes))
    return FramePicture(
        "dense-attention-frames",
        "attention of each block to frames and stripes",
        "Red: the stripes of the clip that Dense Attention takes most from, averaged over heads and tokens. A row adds "
        "up to 100%, below each frame stands its share; even is what each stripe would have if all were alike.",
        tuple(rows),
    )
