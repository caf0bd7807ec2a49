"""How much light reaches the surfaces of a place: less in corners, under furniture and in its shadow."""

from __future__ import annotations

import torch
from torch import Tensor

from reid.data.synthetic.places import noise
from reid.data.synthetic.places.casting import Rays, Solids

_CONTACT_M = 0.22
_CONTACT_REACH_M = 0.9
_CONTACT_REST = 1.0 / (1.0 + (_CONTACT_REACH_M / _CONTACT_M) ** 2)  # what is left of it there
_UNDER_M = 0.35  # a box whose foot is higher up throws no contact shadow
_FAR_M = 30.0
_PENUMBRA_M = 0.06
_LEAF_BUMPS = 2.0  # in a metre


def contact(rays: Rays, solids: Solids, points: tuple[Tensor, Tensor, Tensor], is_ground: Tensor) -> Tensor:
    """Darkness of the ground around and under what stands on it.

    Args:
        rays: of M views.
        solids: of M places.
        points: x, y, z in the world, (M, H, W) each.
        is_ground: (M, H, W) bool.

    Returns:
        (M, H, W), a factor in (0, 1].
    """
    factor = torch.ones_like(points[0])
    for box in range(len(solids)):
        half_m, centre_m = solids.half_m[box], solids.centre_m[box]
        stands = (half_m[0] > 0) & (centre_m[2] - half_m[2] < _UNDER_M) & (centre_m[0] < _FAR_M)
        window = rays.window(_footprint(solids, box)) if bool(stands.any()) else None
        if window is None:
            continue
        offset = tuple(points[axis][:, window[0], window[1]] - centre_m[axis][:, None, None] for axis in range(3))
        own = solids.into(box, offset)  # type: ignore[arg-type]
        outside = [(own[axis].abs() - half_m[axis][:, None, None]).clamp_min(0.0) for axis in range(2)]
        distance = (outside[0] * outside[0] + outside[1] * outside[1]) * (1.0 / _CONTACT_M**2)
        gap = (centre_m[2] - half_m[2]).clamp_min(0.0) * (1.0 / _CONTACT_M)
        strength = torch.where(stands, 0.55 / (1.0 + gap), torch.zeros_like(gap))[:, None, None]
        near = (1.0 / (1.0 + distance) - _CONTACT_REST).clamp_min(0.0)
        factor[:, window[0], window[1]] *= 1.0 - strength * near
    return torch.where(is_ground, factor, 1.0)


def lamp_share(
    rays: Rays, solids: Solids, points: tuple[Tensor, Tensor, Tensor], towards: Tensor, casts: Tensor
) -> Tensor:
    """How much of the lamp reaches each point past the solids.

    Args:
        rays: of M views.
        solids: of M places.
        points: x, y, z in the world, (M, H, W) each.
        towards: (M, 3), to the lamp, above the horizon.
        casts: (M,) bool, whether the lamp of an image throws shadows at all.

    Returns:
        (M, H, W) in [0, 1].
    """
    share = torch.ones_like(points[0])
    if not bool(casts.any()):
        return share
    for box in range(len(solids)):
        half_m, centre_m = solids.half_m[box], solids.centre_m[box]
        there = casts & (half_m[0] > 0) & (centre_m[0] < _FAR_M)
        window = rays.window(_shadow(solids, box, towards)) if bool(there.any()) else None
        if window is None:
            continue
        offset = tuple(points[axis][:, window[0], window[1]] - centre_m[axis][:, None, None] for axis in range(3))
        own = solids.into(box, offset)  # type: ignore[arg-type]
        way = solids.into(box, (towards[:, 0], towards[:, 1], towards[:, 2]))
        hidden = _behind_box(own, way, half_m)
        is_ragged = solids.ragged[box] > 0
        if bool(is_ragged.any()):
            hidden = torch.where(is_ragged[:, None, None], _behind_bush(own, way, half_m), hidden)
        hidden = hidden * there[:, None, None]
        share[:, window[0], window[1]] *= 1.0 - hidden
    return share


def corners(points: tuple[Tensor, Tensor, Tensor], walls_m: Tensor, is_ground: Tensor, is_upright: Tensor) -> Tensor:
    """Darkness where ground and walls meet.

    Args:
        points: x, y, z in the world, (M, H, W) each.
        walls_m: (3, M), x of the back wall, y of the left one and of the right one.
        is_ground: (M, H, W) bool.
        is_upright: (M, H, W) bool, on walls and the sides of boxes.

    Returns:
        (M, H, W), a factor in (0, 1].
    """
    back_m, left_m, right_m = (walls_m[wall][:, None, None] for wall in range(3))
    near_m = torch.minimum(back_m - points[0], torch.minimum(left_m - points[1], points[1] - right_m)).clamp_min(0.0)
    on_ground = 1.0 - 0.38 / (1.0 + near_m * near_m * (1.0 / 0.5**2))
    height_m = points[2].clamp_min(0.0)
    on_walls = 1.0 - 0.32 / (1.0 + height_m * height_m * (1.0 / 0.35**2))
    return torch.where(is_ground, on_ground, torch.where(is_upright, on_walls, 1.0))


def _behind_box(own: tuple[Tensor, ...], way: tuple[Tensor, ...], half_m: Tensor) -> Tensor:
    """How deep in a box's shadow points are, given in its own axes: (M, h, w) in [0, 1]."""
    enter, leave = torch.full_like(own[0], 0.01), torch.full_like(own[0], torch.inf)
    for axis in range(3):
        slope = torch.where(way[axis].abs() < 1e-4, torch.full_like(way[axis], 1e-4), way[axis])
        inverse = (1.0 / slope)[:, None, None]
        middle, reach = -own[axis] * inverse, half_m[axis][:, None, None] * inverse.abs()
        enter, leave = torch.maximum(enter, middle - reach), torch.minimum(leave, middle + reach)
    return ((leave - enter) * (1.0 / _PENUMBRA_M)).clamp(0.0, 1.0)


def _behind_bush(own: tuple[Tensor, ...], way: tuple[Tensor, ...], half_m: Tensor) -> Tensor:
    """The same for an ellipsoid of leaves, whose shadow is ragged and not quite dark."""
    scale = [1.0 / half_m[axis].clamp_min(1e-6) for axis in range(3)]
    point = [own[axis] * scale[axis][:, None, None] for axis in range(3)]
    step = [(way[axis] * scale[axis])[:, None, None] for axis in range(3)]
    length = step[0] * step[0] + step[1] * step[1] + step[2] * step[2]
    ahead = -(point[0] * step[0] + point[1] * step[1] + point[2] * step[2]) / length
    miss = [point[axis] + ahead * step[axis] for axis in range(3)]
    off = miss[0] * miss[0] + miss[1] * miss[1] + miss[2] * miss[2]
    wavering = noise.smooth(own[0] * _LEAF_BUMPS, own[1] * _LEAF_BUMPS)
    return (((0.8 + 0.25 * wavering).clamp_max(1.0) - off) * 3.0).clamp(0.0, 0.85) * (ahead > 0)


def _footprint(solids: Solids, box: int) -> Tensor:
    """(M, 8, 3): what its contact shadow lies within."""
    points = solids.corners(box, _CONTACT_REACH_M).clone()
    points[..., 2] = 0.0
    return points


def _shadow(solids: Solids, box: int, towards: Tensor) -> Tensor:
    """(M, 16, 3): corners of the solid, and where their shadows fall on the ground."""
    points = solids.corners(box)
    fallen = points - towards[:, None] * (points[..., 2:] / towards[:, None, 2:])
    return torch.cat([points, fallen], dim=1)
