"""What hangs on bodies: coats below the waist and skirts, bags, hoods and scarves.

Whoever has none of something gets a surface shrunk to a point, which is never seen.
"""

from __future__ import annotations

import torch
from torch import Tensor

from reid.data.synthetic.bodies.gait import ANKLE, Joints, turn
from reid.data.synthetic.bodies.mesh import ring_surface, tube_surface
from reid.data.synthetic.bodies.people import HIP, WAIST, People
from reid.data.synthetic.bodies.trunk import Trunk, turned

# Places along each surface, as what paints it knows them.
BACKPACK_RINGS = HANDBAG_RINGS = (0.0, 0.06, 0.3, 0.7, 0.94, 1.0)
COLLAR_RINGS = (0.0, 0.3, 0.7, 1.0)
_FOLDS = 7


def drape(people: People, joints: Joints, trunk: Trunk, along: tuple[float, ...], segments: int) -> Tensor:
    """Hang cloth from the waist around the legs.

    Args:
        people: M rows.
        joints: their pose.
        trunk: their trunks.
        along: (R,), 0 at the hem to 1 at the waist.
        segments: S, vertices of a ring.

    Returns:
        (M, R, S, 3).
    """
    clothes = people.clothes
    share = torch.tensor(along, device=joints.pelvis.device)
    height = clothes.drape_hem[:, None] + share * (WAIST - clothes.drape_hem[:, None])  # (M, R), rest pose
    down = ((HIP - height) / (HIP - ANKLE)).clamp(0.0, 1.0)  # 0 hip to 1 ankle
    legs_x = torch.stack([_leg_x(joints, side, down) for side in (0, 1)], dim=2)  # (M, R, 2)
    waist_width, waist_depth = trunk.half_size(WAIST)
    hip_width, hip_depth = trunk.half_size(HIP)
    lower = ((WAIST - height) / (WAIST - HIP)).clamp(0.0, 1.0)
    width = waist_width[:, None] * (1 - lower) + (hip_width[:, None] + 0.006) * lower
    depth = waist_depth[:, None] * (1 - lower) + (hip_depth[:, None] + 0.006) * lower
    fall = (HIP - height).clamp_min(0.0)
    width = (width + 0.004) * (1 + 1.1 * clothes.flare[:, None] * fall) - 0.02 * fall
    leg = 0.062 - 0.06 * down
    reach = (legs_x.amax(2) - legs_x.amin(2)) / 2 + leg + 0.15 * clothes.flare[:, None] * fall
    depth = torch.maximum(depth * (1 + 0.7 * clothes.flare[:, None] * fall), reach)
    middle = (legs_x.amax(2) + legs_x.amin(2)) / 2 * (down > 0)
    angle = torch.arange(segments, device=share.device) * (2 * torch.pi / segments)
    folds = torch.cos(_FOLDS * angle + 6.3 * clothes.pattern_phase[:, None])[:, None]  # (M, 1, S)
    ripple = 1 + (0.02 + 0.10 * clothes.flare[:, None, None]) * folds * (fall / 0.3)[..., None].clamp(max=1.0)
    # An open coat gapes: its edges lie behind the line where a closed one would be.
    gape = (clothes.drape == 1) & (clothes.opening > 0)
    ripple = ripple - 0.25 * gape[:, None, None] * torch.exp(30 * (torch.cos(angle) - 1))
    centres = torch.stack([middle, torch.zeros_like(middle), height - HIP], dim=2) + joints.pelvis[:, None]
    zero = torch.zeros_like(width)
    front, side = torch.stack([depth, zero, zero], dim=2), torch.stack([zero, width, zero], dim=2)
    rings = ring_surface(centres, front, side, segments)
    rings = centres[:, :, None] + (rings - centres[:, :, None]) * ripple[..., None]
    rings = turn(rings - joints.pelvis[:, None, None], joints.pelvis_yaw * 0.5) + joints.pelvis[:, None, None]
    return _only(rings, clothes.drape > 0)


def backpack(people: People, trunk: Trunk, segments: int) -> Tensor:
    """Put a rucksack on the back: (M, 6, S, 3)."""
    bags = people.bags
    size = bags.backpack_size[:, None]
    share = torch.tensor((0.0, 0.0, 0.25, 0.7, 1.0, 1.0), device=size.device)
    bottom, top = 0.66 - 0.07 * size, 0.80 + 0.02 * size
    height = bottom + share * (top - bottom)  # (M, 6)
    swell = torch.tensor((0.0, 0.85, 1.0, 1.0, 0.7, 0.0), device=size.device)
    half_depth, half_width = (0.030 + 0.030 * size) * swell, (0.062 + 0.026 * size) * swell
    _, depth = trunk.half_size(0.74)
    behind = -(depth[:, None] + 0.85 * (0.030 + 0.030 * size)).expand_as(height)
    yaw = trunk.chest_yaw
    zero = torch.zeros_like(height)
    offset = turn(torch.stack([behind, zero, zero], dim=2), yaw)
    centres = trunk.pelvis[:, None] + (height - HIP)[..., None] * trunk.spine[:, None] + offset
    front = turn(torch.stack([half_depth, zero, zero], dim=2), yaw)
    side = turn(torch.stack([zero, half_width, zero], dim=2), yaw)
    return _only(_boxy(ring_surface(centres, front, side, segments), centres), bags.backpack > 0)


def handbag(people: People, joints: Joints, segments: int) -> Tensor:
    """Hang a bag at the hip or carry it in the hand: (M, 6, S, 3)."""
    bags = people.bags
    right = bags.handbag == 2
    side = torch.where(right, -1.0, 1.0)
    hand = torch.where(right[:, None], joints.wrists[:, 1], joints.wrists[:, 0])
    length, depth, tall = bags.handbag_size.unbind(dim=1)
    in_hand = hand + turned((0.02, 0.0, -0.06), joints.pelvis_yaw) - _upwards(tall)
    out = 0.112 * people.build.hips + people.clothes.thickness + 0.5 * depth
    at_hip = joints.pelvis + turn(
        torch.stack([torch.full_like(out, -0.005), side * out, torch.full_like(out, 0.02)], dim=1), joints.chest_yaw
    )
    middle = torch.where((bags.handbag_low > 0)[:, None], in_hand, at_hip)
    share = torch.tensor((-1.0, -1.0, -0.5, 0.5, 1.0, 1.0), device=tall.device)
    swell = torch.tensor((0.0, 1.0, 1.0, 0.9, 0.7, 0.0), device=tall.device)
    centres = middle[:, None] + torch.stack(
        [
            torch.zeros_like(tall)[:, None].expand(-1, 6),
            torch.zeros_like(tall)[:, None].expand(-1, 6),
            tall[:, None] * share,
        ],
        dim=2,
    )
    zero = torch.zeros_like(centres[..., 0])
    front = torch.stack([length[:, None] * swell, zero, zero], dim=2)
    across = torch.stack([zero, depth[:, None] * swell, zero], dim=2)
    return _only(_boxy(ring_surface(centres, front, across, segments), centres), bags.handbag > 0)


def collar(people: People, trunk: Trunk, segments: int) -> Tensor:
    """Lay a hood on the shoulders or a scarf around the neck: (M, 4, S, 3)."""
    clothes = people.clothes
    scarf = (clothes.scarf > 0)[:, None]
    device = scarf.device
    height = torch.where(
        scarf,
        torch.tensor((0.826, 0.838, 0.880, 0.890), device=device),
        torch.tensor((0.806, 0.822, 0.852, 0.868), device=device),
    )
    radius = torch.where(
        scarf,
        torch.tensor((0.035, 0.064, 0.060, 0.034), device=device),
        torch.tensor((0.030, 0.064, 0.070, 0.036), device=device),
    )
    behind = torch.where(scarf, 0.0, -0.026)
    facing = turned((1.0, 0.0, 0.0), trunk.chest_yaw)
    path = (
        trunk.pelvis[:, None] + (height - HIP)[..., None] * trunk.spine[:, None] + behind[..., None] * facing[:, None]
    )
    worn = (clothes.scarf > 0) | ((clothes.hood > 0) & (people.head.hat_style != 4))
    return _only(tube_surface(path, radius * 0.95, radius * 1.1, facing, segments), worn)


def _leg_x(joints: Joints, side: int, down: Tensor) -> Tensor:
    """How far before the pelvis a leg is at shares (M, R) of its length."""
    hip, knee, ankle = (
        (joint[:, side, 0] - joints.pelvis[:, 0])[:, None] for joint in (joints.hips, joints.knees, joints.ankles)
    )
    return torch.where(down < 0.5, hip + 2 * down * (knee - hip), knee + (2 * down - 1) * (ankle - knee))


def _boxy(rings: Tensor, centres: Tensor) -> Tensor:
    """Push the diagonals of round rings (M, R, S, 3) outwards."""
    angle = torch.arange(rings.shape[2], device=rings.device) * (2 * torch.pi / rings.shape[2])
    stretch = 1 + 0.22 * torch.sin(2 * angle).square()
    return centres[:, :, None] + (rings - centres[:, :, None]) * stretch[:, None]


def _upwards(length: Tensor) -> Tensor:
    return torch.stack([torch.zeros_like(length), torch.zeros_like(length), length], dim=1)


def _only(surface: Tensor, worn: Tensor) -> Tensor:
    """Shrink the surfaces (M, R, S, 3) of those who do not wear it."""
    return torch.where(worn[:, None, None, None], surface, surface[:, :1, :1])
