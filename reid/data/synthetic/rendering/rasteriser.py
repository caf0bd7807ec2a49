"""Which triangle is seen in which pixel: a depth buffer over many images at once.

Only pixels inside a triangle's bounding box are looked at, so that the cost grows with the covered area and not with
triangles times pixels. The nearest triangle of a pixel is found by an atomic maximum over integers, whose result does
not depend on the order of the work: the same triangles give the same picture, alone or in a batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

NEAREST_M = 0.15
_FAR_INVERSE_M = 1e-6


@dataclass(frozen=True)
class Hits:
    """P pixels that show a triangle.

    Attributes:
        pixel: (P,) int64, ascending, index into all images' pixels: image, row, column.
        triangle: (P,) int64, row of the triangles given.
        weights: (P, 3), shares of the three corners, perspective-correct, summing up to 1.
        inverse_depth: (P,), 1 / metres.
    """

    pixel: Tensor
    triangle: Tensor
    weights: Tensor
    inverse_depth: Tensor


@dataclass(frozen=True)
class Fragments:
    """Q pairs of a triangle and a pixel inside it, nothing hidden yet."""

    pixel: Tensor  # (Q,) int64, index into all images' pixels
    triangle: Tensor  # (Q,) int64
    inverse_depth: Tensor  # (Q,)


def rasterise(corners: Tensor, image: Tensor, size_hw: tuple[int, int], nearer_than: Tensor) -> Hits:
    """Find the nearest triangle of every pixel.

    Args:
        corners: (F, 3, 3), column and row in pixels and depth in metres of each corner; triangles turned away from the
            camera, without area, or nearer than 15 cm are left out.
        image: (F,) int64, the image of each triangle.
        size_hw: of all images.
        nearer_than: (M, H, W), depth in metres that a triangle must be nearer than to be seen; may be infinite.

    Returns:
        The pixels where one is.
    """
    fragments = find_fragments(corners, image, size_hw)
    behind = 1.0 / nearer_than.reshape(-1).clamp(1e-3, 1 / _FAR_INVERSE_M)
    # The bits of positive floats are in the order of their values: depth above, triangle below, in one integer.
    nearest = behind.view(torch.int32).to(torch.int64) << 32
    keys = (fragments.inverse_depth.view(torch.int32).to(torch.int64) << 32) + fragments.triangle + 1
    nearest.scatter_reduce_(0, fragments.pixel, keys, "amax")
    triangle = (nearest & 0xFFFFFFFF) - 1
    pixel = (triangle >= 0).nonzero()[:, 0]
    triangle = triangle.index_select(0, pixel)
    weights, inverse_depth = corner_shares(corners.index_select(0, triangle), pixel, size_hw)
    return Hits(pixel, triangle, weights, inverse_depth)


def find_fragments(corners: Tensor, image: Tensor, size_hw: tuple[int, int]) -> Fragments:
    """List the pixels inside each triangle.

    Args:
        corners: (F, 3, 3), as for `rasterise`.
        image: (F,) int64.
        size_hw: of all images.

    Returns:
        All pairs inside an image, triangle by triangle.
    """
    height_px, width_px = size_hw
    kept = _is_shown(corners).nonzero()[:, 0]
    corners = corners.index_select(0, kept)
    limits = torch.tensor([width_px, height_px], device=corners.device)
    low = torch.ceil(corners[:, :, :2].amin(dim=1) - 0.5).clamp_min(0).minimum(limits).long()  # (F, 2)
    high = torch.floor(corners[:, :, :2].amax(dim=1) - 0.5).clamp_min(-1).minimum(limits - 1).long()
    size = (high - low + 1).clamp_min(0)
    pixels = size[:, 0] * size[:, 1]
    local = torch.repeat_interleave(pixels)  # (Q,) row of `kept`
    step = torch.arange(len(local), device=local.device) - (pixels.cumsum(0) - pixels).index_select(0, local)
    wide = size[:, 0].index_select(0, local)
    down = torch.div(step, wide, rounding_mode="floor")
    column = low[:, 0].index_select(0, local) + step - down * wide
    row = low[:, 1].index_select(0, local) + down
    planes = _planes(corners).index_select(0, local).unbind(dim=1)  # (Q,) each
    x, y = column + 0.5 - planes[0], row + 0.5 - planes[1]
    second = planes[2] * x + planes[3] * y
    third = planes[4] * x + planes[5] * y
    inside = ((second >= 0) & (third >= 0) & (second + third <= 1)).nonzero()[:, 0]
    inverse_depth = (planes[6] * x + planes[7] * y + planes[8]).index_select(0, inside)
    triangle = kept.index_select(0, local.index_select(0, inside))
    row, column = row.index_select(0, inside), column.index_select(0, inside)
    pixel = (image.index_select(0, triangle) * height_px + row) * width_px + column
    return Fragments(pixel, triangle, inverse_depth.clamp_min(_FAR_INVERSE_M))


def _is_shown(corners: Tensor) -> Tensor:
    """Whether triangles (F, 3, 3) face the camera and are far enough: (F,)."""
    x, y, depth_m = corners.unbind(dim=2)  # (F, 3) each
    doubled_area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    return (doubled_area < -1e-6) & (depth_m.amin(dim=1) > NEAREST_M)


def _planes(corners: Tensor) -> Tensor:
    """What the corners' shares and inverse depth are in a picture, in which both are planes over each triangle.

    (F, 9): place of the first corner, from which columns and rows count; slopes of the shares of the second and the
    third corner; slopes of inverse depth, and its value at the first corner.
    """
    a, b, c = corners.unbind(dim=1)
    ab, ac = b - a, c - a
    scale = 1.0 / (ab[:, 0] * ac[:, 1] - ac[:, 0] * ab[:, 1])
    second = torch.stack([ac[:, 1] * scale, -ac[:, 0] * scale], dim=1)  # share of b
    third = torch.stack([-ab[:, 1] * scale, ab[:, 0] * scale], dim=1)  # share of c
    inverse = 1.0 / corners[:, :, 2]  # (F, 3)
    slope = second * (inverse[:, 1:2] - inverse[:, :1]) + third * (inverse[:, 2:] - inverse[:, :1])
    return torch.cat([a[:, :2], second, third, slope, inverse[:, :1]], dim=1)


def corner_shares(corners: Tensor, pixel: Tensor, size_hw: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Find how much each corner of a triangle counts at a pixel inside it.

    Args:
        corners: (P, 3, 3), one triangle a pixel.
        pixel: (P,) int64, index into all images' pixels.
        size_hw: of all images.

    Returns:
        (P, 3) perspective-correct shares that add up to 1, and (P,) inverse depth.
    """
    planes = _planes(corners)
    within = torch.remainder(pixel, size_hw[0] * size_hw[1])
    row = torch.div(within, size_hw[1], rounding_mode="floor")
    x, y = within - row * size_hw[1] + 0.5 - planes[:, 0], row + 0.5 - planes[:, 1]
    second = planes[:, 2] * x + planes[:, 3] * y
    third = planes[:, 4] * x + planes[:, 5] * y
    shares = torch.stack([1 - second - third, second, third], dim=1) / corners[:, :, 2]
    inverse_depth = shares.sum(dim=1)
    return shares / inverse_depth[:, None], inverse_depth
