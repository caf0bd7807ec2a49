"""Where the joints of walking people are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from reid.data.synthetic.bodies.people import HIP, People
from reid.data.synthetic.rows import Rows

ANKLE = 0.042
_THIGH = _SHANK = (HIP - ANKLE) / 2
_UPPER_ARM, _FOREARM = 0.170, 0.152
_SHOULDER_HEIGHT = 0.803


@dataclass(frozen=True)
class Joints(Rows):
    """Joints of M people in their own frames (x forward, y left, z up), in shares of their heights.

    Pairs are left, right.
    """

    pelvis: Tensor  # (M, 3)
    spine: Tensor  # (M, 3), unit, from the pelvis to the neck
    pelvis_yaw: Tensor  # (M,)
    chest_yaw: Tensor  # (M,)
    hips: Tensor  # (M, 2, 3)
    knees: Tensor  # (M, 2, 3)
    ankles: Tensor  # (M, 2, 3)
    foot_pitch: Tensor  # (M, 2), positive lifts the toes
    foot_yaw: Tensor  # (M, 2)
    shoulders: Tensor  # (M, 2, 3)
    elbows: Tensor  # (M, 2, 3)
    wrists: Tensor  # (M, 2, 3)


def walk(people: People, phase_rad: Tensor, stride: Tensor) -> Joints:
    """Pose people at a moment of their gait.

    Args:
        people: M rows.
        phase_rad: (M,), 0 when the left heel touches the ground, 2 pi later again.
        stride: (M,), 0 standing, 1 the person's own walk.

    Returns:
        The joints; the lower foot stands on z = 0.
    """
    build, gait = people.build, people.gait
    swing = torch.cos(phase_rad) * stride  # (M,)
    pelvis_yaw, chest_yaw = -0.09 * swing, gait.twist * swing
    lean = build.stoop_rad + 0.03 * stride
    zero = torch.zeros_like(lean)
    spine = torch.stack([torch.sin(lean), 0.012 * torch.sin(phase_rad) * stride, torch.cos(lean)], dim=1)
    legs = [_leg(people, phase_rad, stride, pelvis_yaw, side) for side in (1, -1)]
    # The pelvis is as high as the longer of the two bent legs lets it be.
    lowest = torch.minimum(legs[0][-1], legs[1][-1])
    pelvis = torch.stack([zero, zero, -lowest], dim=1)
    arms = [_arm(people, phase_rad, stride, pelvis, spine, chest_yaw, side) for side in (1, -1)]
    pairs = [torch.stack([left, right], dim=1) for left, right in zip(legs[0][:5], legs[1][:5], strict=True)]
    shoulders, elbows, wrists = (
        torch.stack([left, right], dim=1) for left, right in zip(arms[0], arms[1], strict=True)
    )
    hips, knees, ankles, foot_pitch, foot_yaw = pairs
    return Joints(
        pelvis,
        spine,
        pelvis_yaw,
        chest_yaw,
        hips + pelvis[:, None],
        knees + pelvis[:, None],
        ankles + pelvis[:, None],
        foot_pitch,
        foot_yaw,
        shoulders,
        elbows,
        wrists,
    )


def turn(points: Tensor, yaw_rad: Tensor) -> Tensor:
    """Turn points around the vertical.

    Args:
        points: (M, ..., 3).
        yaw_rad: (M,).

    Returns:
        (M, ..., 3).
    """
    shape = (-1,) + (1,) * (points.dim() - 2)
    sin, cos = torch.sin(yaw_rad).view(shape), torch.cos(yaw_rad).view(shape)
    x, y, z = points.unbind(dim=-1)
    return torch.stack([cos * x - sin * y, sin * x + cos * y, z], dim=-1)


def _bump(phase_rad: Tensor, at: float, sharpness: float) -> Tensor:
    """1 at one moment of the cycle, falling off smoothly to both sides."""
    return torch.exp(sharpness * (torch.cos(phase_rad - at * torch.pi) - 1.0))


def _leg(
    people: People, phase_rad: Tensor, stride: Tensor, pelvis_yaw: Tensor, side: int
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Bend a leg under a pelvis whose centre is the origin: hip, knee, ankle, foot's pitch and yaw, lowest point."""
    build, gait = people.build, people.gait
    phase = phase_rad + (0.0 if side == 1 else torch.pi)
    uneven = 1.0 + side * gait.asymmetry
    flexion = gait.hip_swing * uneven * stride * torch.cos(phase) + 0.04 * stride
    bend = 0.05 + stride * gait.knee_bend * (0.28 * _bump(phase, 0.28, 4.0) + 0.80 * _bump(phase, 1.42, 3.2))
    pitch = stride * (0.32 * _bump(phase, -0.02, 7.0) - 0.85 * _bump(phase, 1.12, 4.5))
    zero = torch.zeros_like(flexion)
    hip = turn(torch.stack([zero, side * 0.052 * build.hips, zero], dim=1), pelvis_yaw)
    # Walking brings the feet closer to the line of travel than standing does.
    inward = -side * (0.03 + 0.05 * stride)
    thigh = _THIGH * build.leg_length[:, None] * _direction(flexion, inward)
    shank = _SHANK * build.leg_length[:, None] * _direction(flexion - bend, inward)
    knee = hip + thigh
    ankle = knee + shank
    sin, cos = torch.sin(pitch), torch.cos(pitch)
    heel = ankle[:, 2] - 0.035 * sin - ANKLE * cos
    toes = ankle[:, 2] + 0.095 * sin - ANKLE * cos
    return hip, knee, ankle, pitch, side * gait.feet_out, torch.minimum(heel, toes)


def _arm(
    people: People, phase_rad: Tensor, stride: Tensor, pelvis: Tensor, spine: Tensor, chest_yaw: Tensor, side: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Swing an arm against the leg of its side: shoulder, elbow, wrist."""
    build, gait = people.build, people.gait
    held = gait.held[:, 0 if side == 1 else 1]
    swing = -gait.arm_swing * (1.0 + side * gait.asymmetry) * stride * torch.cos(phase_rad) * side
    swing = (swing + 0.02) * (1.0 - 0.85 * held) + 0.25 * held
    bend = gait.elbow + 0.35 * swing.clamp_min(0.0) + held * 1.85
    out = side * (gait.elbows_out + 1.5 * people.clothes.thickness + 0.15 * (build.belly - 1.0).clamp_min(0.0))
    inward = -side * (0.10 + 0.5 * held)
    zero = torch.zeros_like(swing)
    across = turn(torch.stack([zero, side * 0.100 * build.shoulders, zero], dim=1), chest_yaw)
    shoulder = pelvis + (_SHOULDER_HEIGHT - HIP) * spine + across
    elbow = shoulder + _UPPER_ARM * turn(_direction(swing, out), chest_yaw)
    wrist = elbow + _FOREARM * turn(_direction(swing + bend, out * 0.4 + inward), chest_yaw)
    return shoulder, elbow, wrist


def _direction(forward_rad: Tensor, left_rad: Tensor | float) -> Tensor:
    """(M, 3): straight down, swung forward and to the left."""
    left = torch.as_tensor(left_rad, dtype=forward_rad.dtype, device=forward_rad.device).expand_as(forward_rad)
    cos_left = torch.cos(left)
    return torch.stack([torch.sin(forward_rad) * cos_left, torch.sin(left), -torch.cos(forward_rad) * cos_left], dim=1)
