"""Heads with hair and headwear.

Head, hair and headwear are surfaces over the same rings. Hair that leaves the face free does so by passing inside the
head there.
"""

from __future__ import annotations

import torch
from torch import Tensor

from reid.data.synthetic.bodies.mesh import ring_surface
from reid.data.synthetic.bodies.people import People

HEAD_RINGS = (0.0, 0.04, 0.14, 0.28, 0.42, 0.56, 0.70, 0.83, 0.94, 1.0)  # chin to top
_HALF_HEIGHT, _HALF_DEPTH, _HALF_WIDTH = 0.065, 0.056, 0.045
# Radius of the head at each ring, and how far the jaw and the back of the head shift a ring forward.
_RADIUS = (0.0, 0.42, 0.70, 0.90, 0.98, 1.0, 0.96, 0.80, 0.50, 0.0)
_AHEAD = (0.30, 0.28, 0.20, 0.10, 0.02, -0.04, -0.06, -0.05, -0.02, 0.0)

# Hair: its lowest point behind and how far it stands out, by style (bald, short, medium, long, tied, round).
_HAIR_END = (0.0, -0.55, -1.15, -2.6, -0.6, -0.55)
_HAIR_OUT = (-0.05, 0.07, 0.14, 0.14, 0.07, 0.34)
_HAIR_SPREAD = (0.0, 0.08, 0.16, 0.22, 0.03, 0.3)

# Headwear: for each ring height and radius in radii of the head, then how far a peak reaches out in front, and
# whether the face is left free. Styles: none, cap, woollen, brimmed, hood up, headscarf.
_HAT = (
    ((0.0, 0.0, 0, 0),) * 10,
    (
        (0.30, 0.0, 0, 0),
        (0.30, 1.04, 0.75, 0),
        (0.36, 1.07, 0.75, 0),
        (0.40, 1.09, 0, 0),
        (0.60, 1.06, 0, 0),
        (0.80, 0.94, 0, 0),
        (0.98, 0.72, 0, 0),
        (1.08, 0.45, 0, 0),
        (1.12, 0.2, 0, 0),
        (1.13, 0.0, 0, 0),
    ),
    (
        (0.10, 0.0, 0, 0),
        (0.15, 1.08, 0, 0),
        (0.20, 1.14, 0, 0),
        (0.45, 1.14, 0, 0),
        (0.50, 1.09, 0, 0),
        (0.80, 1.02, 0, 0),
        (1.05, 0.85, 0, 0),
        (1.22, 0.55, 0, 0),
        (1.30, 0.25, 0, 0),
        (1.32, 0.0, 0, 0),
    ),
    (
        (0.42, 0.0, 0, 0),
        (0.40, 1.05, 0, 0),
        (0.36, 1.85, 0, 0),
        (0.42, 1.85, 0, 0),
        (0.50, 1.10, 0, 0),
        (0.75, 1.04, 0, 0),
        (1.00, 0.98, 0, 0),
        (1.20, 0.80, 0, 0),
        (1.24, 0.4, 0, 0),
        (1.22, 0.0, 0, 0),
    ),
    (
        (-1.30, 0.6, 0, 1),
        (-1.25, 1.35, 0, 1),
        (-0.85, 1.30, 0, 1),
        (-0.45, 1.28, 0, 1),
        (0.00, 1.28, 0, 1),
        (0.40, 1.26, 0, 1),
        (0.80, 1.15, 0, 0),
        (1.10, 0.85, 0, 0),
        (1.30, 0.45, 0, 0),
        (1.36, 0.0, 0, 0),
    ),
    (
        (-1.85, 0.5, 0, 0),
        (-1.80, 1.55, 0, 0),
        (-1.30, 1.20, 0, 0),
        (-0.85, 1.12, 0, 1),
        (-0.30, 1.14, 0, 1),
        (0.25, 1.14, 0, 1),
        (0.65, 1.08, 0, 0),
        (1.00, 0.70, 0, 0),
        (1.14, 0.35, 0, 0),
        (1.17, 0.0, 0, 0),
    ),
)


def face(people: People, centre: Tensor, segments: int) -> Tensor:
    """Shape heads without hair.

    Args:
        people: M rows.
        centre: (M, 3), middles of the heads.
        segments: S, vertices of a ring.

    Returns:
        (M, R, S, 3).
    """
    device = centre.device
    radius = torch.tensor(_RADIUS, device=device).expand(len(centre), -1)
    ahead = torch.tensor(_AHEAD, device=device).expand(len(centre), -1)
    height = (2 * torch.tensor(HEAD_RINGS, device=device) - 1).expand(len(centre), -1)
    surface = _rings(people, centre, height, radius[..., None].expand(-1, -1, segments), ahead)
    nose = torch.zeros(len(HEAD_RINGS), segments, 3, device=device)
    nose[4, 0, 0], nose[3, 0, 0] = 0.010, 0.014
    return surface + nose


def hair(people: People, centre: Tensor, segments: int) -> Tensor:
    """Shape hair: (M, R, S, 3), all points in the middle of the head for the bald."""
    head, device = people.head, centre.device
    style = head.hair_style.long()
    volume = head.hair_volume[:, None]
    end = torch.tensor(_HAIR_END, device=device)[style][:, None] * (0.8 + 0.4 * volume)
    out = torch.tensor(_HAIR_OUT, device=device)[style][:, None] * (0.6 + 0.8 * volume)
    out = out * torch.where(head.hat_style[:, None] > 0, torch.full_like(out, 0.3), torch.ones_like(out))
    spread = torch.tensor(_HAIR_SPREAD, device=device)[style][:, None]
    share = torch.tensor(HEAD_RINGS, device=device)
    # Half of the rings hang below the middle of the head, half go over the top.
    height = torch.where(share < 0.5, end * (1 - 2 * share), (1.02 + out) * (2 * share - 1))  # (M, R)
    dome = (1 - (height / (1.02 + out)).clamp(0, 1).square()).clamp_min(0).sqrt()
    hanging = 1.0 + spread * (height / -2.0).clamp(0.0, 1.0) - 0.25 * (height / end.clamp(max=-0.1)).clamp(0, 1) ** 4
    radius = torch.where(height > 0, dome, hanging) + out * (dome > 0.05)  # (M, R)
    angle = torch.arange(segments, device=device) * (2 * torch.pi / segments)
    frontal = torch.cos(angle)  # (S,)
    # The hairline climbs from the nape over the ears to the forehead.
    hairline = end[..., None] + (head.fringe[:, None, None] - end[..., None]) * torch.sigmoid((frontal - 0.28) / 0.12)
    free = torch.sigmoid((hairline - height[..., None]) / 0.05)  # (M, R, S)
    radius_around = radius[..., None] * (1 - free) + free * radius[..., None].clamp(max=0.62)
    knot = (style == 4)[:, None, None] * torch.sigmoid((-frontal - 0.8) / 0.05)
    tail = torch.exp(-(((height - 0.35) / 0.3) ** 2)) * (0.35 + 0.4 * volume)
    radius_around = radius_around + knot * tail[..., None]
    radius_around = radius_around * (style > 0)[:, None, None]
    height = height * (style > 0)[:, None]
    return _rings(people, centre, height, radius_around, torch.full_like(height, -0.05))


def hat(people: People, centre: Tensor, segments: int) -> Tensor:
    """Shape headwear: (M, R, S, 3), all points in the middle of the head where there is none."""
    device = centre.device
    rows = torch.tensor(_HAT, dtype=torch.float32, device=device)[people.head.hat_style.long()]  # (M, R, 4)
    height, radius, peak, is_free = rows.unbind(dim=2)
    angle = torch.arange(segments, device=device) * (2 * torch.pi / segments)
    frontal = torch.cos(angle)
    reach = radius[..., None] + peak[..., None] * frontal.clamp_min(0.0) ** 4
    free = is_free[..., None] * torch.sigmoid((frontal - 0.5) / 0.06)
    return _rings(
        people, centre, height, reach * (1 - free) + 0.6 * free * reach.clamp(max=1.0), torch.zeros_like(height)
    )


def _rings(people: People, centre: Tensor, height: Tensor, radius: Tensor, ahead: Tensor) -> Tensor:
    """Place rings around heads: height and `ahead` (M, R), radius (M, R, S), in radii of the head."""
    size = people.build.head[:, None]
    zero = torch.zeros_like(height)
    centres = centre[:, None] + torch.stack(
        [_HALF_DEPTH * size * ahead, zero, _HALF_HEIGHT * size * height], dim=2
    )  # (M, R, 3)
    one = torch.ones_like(height)
    front = torch.stack([_HALF_DEPTH * size * one, zero, zero], dim=2)
    side = torch.stack([zero, _HALF_WIDTH * size * one, zero], dim=2)
    round_ = ring_surface(centres, front, side, radius.shape[2])
    return centres[:, :, None] + (round_ - centres[:, :, None]) * radius[..., None]
