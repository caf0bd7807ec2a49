"""MSTAT's pictures: figures 10 and 11 of its paper, and Grad-CAM of its three stages.

Source: Tang et al. 2022 (MSTAT), section IV-H. The paper smooths its maps and cuts them off at a threshold; here they
are as they are.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reid.explain.grad_cam import LastMaps, grad_cam_picture, grad_cam_row
from reid.explain.pictures import (
    FramePicture,
    MatrixPicture,
    Picture,
    Scale,
    SheetPicture,
    attention_row,
    values_of,
)
from reid.explain.recorded import Call, record
from reid.models.mstat import MSTAT
from reid.models.mstat_blocks import AttributeAwareProxyEmbedding

_CHOSEN = 6
_READING = (
    "A proxy is a learned question to the whole clip; red is where it finds its answer (averaged over heads). Its "
    "weights add up to 1 over all frames; even is what each would be if all were alike."
)
_SHEET_SCALE = "The darkest red is a proxy's largest value, or twice even if that is more."


def mstat_pictures(model: MSTAT, clip: Tensor) -> list[Picture]:
    """Make Grad-CAM of every stage, and the attention of stage I's proxies.

    Args:
        model: in evaluation mode.
        clip: (1, T, 3, H, W) float, normalised.
    """
    places = _last_blocks(model, clip.shape[1])
    modules: dict[str, nn.Module] = {stage: place.module for stage, place in places.items()}
    attributes = _attributes(model)
    recording = record(model, clip, modules | ({} if attributes is None else {"attributes": attributes}))
    variants = recording.output.variants
    rows = (
        grad_cam_row(
            f"stage {numeral}, last block: the stage's own feature", variants[stage], recording.calls[stage], place
        )
        for numeral, (stage, place) in zip(("I", "II", "III"), places.items(), strict=True)
        if stage in variants
    )
    pictures: list[Picture] = [grad_cam_picture(*rows)]
    if attributes is not None:
        pictures += _proxy_pictures(model, attributes, recording.calls["attributes"])
    return pictures


def mstat_weight_pictures(model: MSTAT) -> list[Picture]:
    """Make the proxies' similarity matrix, which depends on no clip."""
    attributes = _attributes(model)
    if attributes is None or len(attributes.proxies) < 2:
        return []
    unit = F.normalize(attributes.proxies.detach(), dim=1)
    similarity = (unit @ unit.T).fill_diagonal_(torch.nan)  # (N_a, N_a)
    others = similarity[~similarity.isnan()]
    high, low = max(0.2, float(others.max())), min(0.0, float(others.min()))
    numbers = tuple(str(number) for number in range(1, len(unit) + 1))
    return [
        MatrixPicture(
            "proxies-similarity",
            "cosine similarity of stage I's proxies",
            "How alike the learned proxies are: far below 1 means that they ask for different things; darker is more "
            f"alike. The most alike pair has {float(others.max()):.2f}. The diagonal, always 1, is left grey.",
            values_of(similarity),
            numbers,
            numbers,
            Scale(high, ((low, f"{low:.2f}"), (0.0, "0"), (high, f"{high:.2f}")), low),
        )
    ]


def _attributes(model: MSTAT) -> AttributeAwareProxyEmbedding | None:
    attributes = model.trunk.attributes
    return attributes if isinstance(attributes, AttributeAwareProxyEmbedding) else None


def _last_blocks(model: MSTAT, num_frames: int) -> dict[str, LastMaps]:
    """Find the patches that enter each stage's last block, where its feature reads them for the last time."""
    grid = model.config.grid_hw

    def as_maps(tokens: Tensor) -> Tensor:
        patches = tokens[0, 1:].view(num_frames, *grid, -1)  # (T, h, w, D)
        return patches.permute(0, 3, 1, 2)

    ends = (*model.trunk.stage_ends, len(model.trunk.blocks))
    return {
        f"stage{number}": LastMaps(model.trunk.blocks[end - 1], lambda call: call.inputs[0], as_maps)
        for number, end in enumerate(ends, start=1)
    }


@torch.no_grad()
def _proxy_pictures(model: MSTAT, attributes: AttributeAwareProxyEmbedding, call: Call) -> list[Picture]:
    attention = attributes.attention(*call.inputs)[0].mean(dim=0)  # (N_a, T * N)
    height, width = model.config.grid_hw
    rows = []
    for number, weights in enumerate(attention.view(len(attention), -1, height, width), start=1):
        maps = values_of(weights)  # (T, h, w)
        notes = tuple(f"{share:.0%}" for share in maps.sum(axis=(1, 2)).tolist())
        rows.append(attention_row(f"proxy {number}", maps, over="clip", notes=notes))
    chosen = most_different(attention, _CHOSEN)
    return [
        FramePicture(
            "proxies",
            f"attention of {len(chosen)} of stage I's proxies",
            f"{_READING} Below each frame stands its share. Shown is the most concentrated proxy, then always the one "
            "least like those before.",
            tuple(rows[index] for index in chosen),
        ),
        SheetPicture(
            "proxies-all", f"attention of all {len(rows)} proxies of stage I", f"{_READING} {_SHEET_SCALE}", tuple(rows)
        ),
    ]


def most_different(attention: Tensor, count: int) -> list[int]:
    """Choose proxies whose maps show the most.

    Args:
        attention: (N_a, L), rows that add up to 1.
        count: how many to choose.

    Returns:
        At most `count` rows: first the one of the lowest entropy, then always the one whose greatest cosine similarity
        to a chosen row is the smallest.
    """
    unit = F.normalize(attention, dim=1)
    chosen = [int(torch.special.entr(attention).sum(dim=1).argmin())]
    nearest = unit @ unit[chosen[0]]
    while len(chosen) < min(count, len(attention)):
        nearest[chosen] = torch.inf
        chosen.append(int(nearest.argmin()))
        nearest = torch.maximum(nearest, unit @ unit[chosen[-1]])
    return chosen
