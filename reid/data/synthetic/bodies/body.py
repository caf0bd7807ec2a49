"""Bodies with clothes and bags as surfaces: from people and joints to vertices.

Inside, lengths are shares of the person's height; the last step makes them metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from reid.data.synthetic.bodies.accessories import (
    BACKPACK_RINGS,
    COLLAR_RINGS,
    HANDBAG_RINGS,
    backpack,
    collar,
    drape,
    handbag,
)
from reid.data.synthetic.bodies.gait import ANKLE, Joints, turn, walk
from reid.data.synthetic.bodies.heads import HEAD_RINGS, face, hair, hat
from reid.data.synthetic.bodies.mesh import Mesh, Part, Tube, build_mesh, surface_normals, tube_surface
from reid.data.synthetic.bodies.people import People
from reid.data.synthetic.bodies.trunk import TRUNK_HEIGHTS, Trunk

_LEG_ALONG = (0.0, 0.08, 0.2, 0.33, 0.44, 0.5, 0.56, 0.66, 0.8, 0.92, 1.0)
_LEG_RADIUS = (0.048, 0.055, 0.057, 0.053, 0.048, 0.046, 0.045, 0.044, 0.034, 0.028, 0.026)
_ARM_ALONG = (-0.05, -0.025, 0.05, 0.16, 0.32, 0.45, 0.54, 0.66, 0.82, 1.0)
_ARM_RADIUS = (0.0, 0.020, 0.031, 0.034, 0.032, 0.029, 0.028, 0.028, 0.024, 0.019)
_SLEEVE_WIDTH = (0.0, 0.3, 0.5, 0.7, 0.9, 1.0, 1.0, 1.0, 1.0, 1.0)  # shares of the cloth's thickness
_FOOT_ALONG = (-0.048, -0.042, -0.02, 0.02, 0.062, 0.09, 0.102)  # ahead of the ankle
_FOOT_UP = (0.0, 0.020, 0.032, 0.026, 0.017, 0.012, 0.0)
_FOOT_SIDE = (0.0, 0.020, 0.025, 0.028, 0.030, 0.022, 0.0)
_FOOT_HEIGHT = (0.020, 0.022, 0.032, 0.026, 0.018, 0.013, 0.011)
_HAND_ALONG = (-0.1, 0.15, 0.5, 0.85, 1.0)
_HAND_FRONT = (0.016, 0.020, 0.023, 0.017, 0.0)
_HAND_SIDE = (0.014, 0.013, 0.013, 0.009, 0.0)
_HAND_LENGTH = 0.075
_NECK_ALONG = (0.0, 0.35, 0.7, 1.0)
_DRAPE_ALONG = tuple(ring / 8 for ring in range(9))


@dataclass(frozen=True)
class Segments:
    """How many vertices a ring of each kind of surface has."""

    trunk: int
    leg: int
    foot: int
    arm: int
    hand: int
    neck: int
    head: int
    drape: int
    backpack: int
    handbag: int
    collar: int


FINE = Segments(trunk=18, leg=10, foot=8, arm=8, hand=6, neck=10, head=14, drape=22, backpack=12, handbag=10, collar=12)
# Enough where a person is about as many pixels high as a crop for training.
COARSE = Segments(trunk=12, leg=7, foot=6, arm=6, hand=4, neck=6, head=10, drape=16, backpack=8, handbag=8, collar=8)


@dataclass(frozen=True)
class Bodies:
    """M bodies: (M, V, 3) vertices in metres and unit normals, both in the world."""

    vertices_m: Tensor
    normals: Tensor


def body_mesh(segments: Segments = FINE) -> Mesh:
    """Give what all bodies share."""
    return build_mesh(
        (
            Tube(Part.TRUNK, TRUNK_HEIGHTS, segments.trunk),
            Tube(Part.LEG, _LEG_ALONG, segments.leg),
            Tube(Part.LEG, _LEG_ALONG, segments.leg, mirrored=True),
            Tube(Part.FOOT, _FOOT_ALONG, segments.foot),
            Tube(Part.FOOT, _FOOT_ALONG, segments.foot, mirrored=True),
            Tube(Part.ARM, _ARM_ALONG, segments.arm),
            Tube(Part.ARM, _ARM_ALONG, segments.arm, mirrored=True),
            Tube(Part.HAND, _HAND_ALONG, segments.hand),
            Tube(Part.HAND, _HAND_ALONG, segments.hand, mirrored=True),
            Tube(Part.NECK, _NECK_ALONG, segments.neck),
            Tube(Part.HEAD, HEAD_RINGS, segments.head),
            Tube(Part.HAIR, HEAD_RINGS, segments.head),
            Tube(Part.HAT, HEAD_RINGS, segments.head),
            Tube(Part.DRAPE, _DRAPE_ALONG, segments.drape),
            Tube(Part.BACKPACK, BACKPACK_RINGS, segments.backpack),
            Tube(Part.HANDBAG, HANDBAG_RINGS, segments.handbag),
            Tube(Part.COLLAR, COLLAR_RINGS, segments.collar),
        )
    )


def build_bodies(
    people: People,
    place_m: Tensor,
    yaw_rad: Tensor,
    phase_rad: Tensor,
    stride: Tensor,
    segments: Segments = FINE,
) -> Bodies:
    """Stand people in the world.

    Args:
        people: M rows.
        place_m: (M, 2), on the ground.
        yaw_rad: (M,), where they face.
        phase_rad: (M,), moment of the gait.
        stride: (M,), 0 standing to 1 walking.
        segments: as for the mesh.

    Returns:
        Their bodies.
    """
    joints = walk(people, phase_rad, stride)
    surfaces = _surfaces(people, joints, segments)
    normals = torch.cat([surface_normals(surface).flatten(1, 2) for surface in surfaces], dim=1)
    vertices = torch.cat([surface.flatten(1, 2) for surface in surfaces], dim=1) * people.height_m[:, None, None]
    ground_m = torch.cat([place_m, torch.zeros_like(place_m[:, :1])], dim=1)
    return Bodies(turn(vertices, yaw_rad) + ground_m[:, None], turn(normals, yaw_rad))


def _surfaces(people: People, joints: Joints, segments: Segments) -> list[Tensor]:
    """(M, R, S, 3) for each surface, in the mesh's order."""
    trunk = Trunk.of(people, joints)
    neck, head_centre = _neck(people, joints, trunk, segments.neck)
    return [
        trunk.surface(segments.trunk),
        *(_leg(people, joints, side, segments.leg) for side in (0, 1)),
        *(_foot(joints, side, segments.foot) for side in (0, 1)),
        *(_arm(people, joints, side, segments.arm) for side in (0, 1)),
        *(_hand(joints, side, segments.hand) for side in (0, 1)),
        neck,
        face(people, head_centre, segments.head),
        hair(people, head_centre, segments.head),
        hat(people, head_centre, segments.head),
        drape(people, joints, trunk, _DRAPE_ALONG, segments.drape),
        backpack(people, trunk, segments.backpack),
        handbag(people, joints, segments.handbag),
        collar(people, trunk, segments.collar),
    ]


def _neck(people: People, joints: Joints, trunk: Trunk, segments: int) -> tuple[Tensor, Tensor]:
    """The neck's surface and the middle of the head, (M, 3)."""
    base = trunk.at(0.845)  # (M, 3)
    forward = turn(torch.tensor([[0.020, 0.0, 0.0]], device=base.device).expand_as(base), joints.chest_yaw)
    upright = torch.tensor([0.0, 0.0, 1.0], device=base.device)
    centre = base + 0.087 * (0.5 * joints.spine + 0.5 * upright) + forward
    steps = torch.tensor(_NECK_ALONG, device=base.device)[None, :, None]
    path = base[:, None] + steps * (centre - base)[:, None]
    radius = 0.033 * people.build.limbs[:, None] * torch.ones_like(steps[..., 0])
    facing = torch.tensor([[1.0, 0.0, 0.0]], device=base.device).expand_as(base)
    return tube_surface(path, radius, radius * 0.95, facing, segments), centre


def _along(first: Tensor, middle: Tensor, last: Tensor, steps: tuple[float, ...]) -> Tensor:
    """Follow two bones, rounding the joint: (M, R, 3); step 0.5 is the joint."""
    step = torch.tensor(steps, device=first.device)[None, :, None]
    upper = first[:, None] + 2 * step * (middle - first)[:, None]
    lower = middle[:, None] + (2 * step - 1) * (last - middle)[:, None]
    # Around the joint a parabola takes over, which meets both bones in direction.
    reach = 0.08
    share = ((step - 0.5 + reach) / (2 * reach)).clamp(0.0, 1.0)
    onto = first[:, None] + 2 * (0.5 - reach + reach * share) * (middle - first)[:, None]
    away = middle[:, None] + 2 * reach * share * (last - middle)[:, None]
    rounded = onto + share * (away - onto)
    return torch.where(step < 0.5 - reach, upper, torch.where(step > 0.5 + reach, lower, rounded))


def _constant(values: tuple[float, ...], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=like.dtype, device=like.device)


def _leg(people: People, joints: Joints, side: int, segments: int) -> Tensor:
    path = _along(joints.hips[:, side], joints.knees[:, side], joints.ankles[:, side], _LEG_ALONG)
    along = _constant(_LEG_ALONG, path)
    clothes = people.clothes
    dressed = (along[None] <= clothes.leg_end[:, None] + 0.02) & (clothes.drape < 2)[:, None]
    loose = clothes.leg_width[:, None] * (0.1 + 1.2 * (along * 1.6).clamp(max=1.0))
    # Trousers spread a little over the shoe.
    loose = loose + 0.5 * clothes.leg_width[:, None] * ((along - 0.7) / 0.3).clamp(0.0, 1.0)
    boot = (along[None] > 1.0 - 0.5 * clothes.boots[:, None]) & (clothes.boots > 0)[:, None]
    radius = _constant(_LEG_RADIUS, path) * people.build.limbs[:, None] + 0.003
    radius = radius + torch.where(dressed, loose, torch.zeros_like(loose)) + 0.004 * boot
    facing = _constant((1.0, 0.0, 0.0), path).expand_as(path[:, 0])
    return tube_surface(path, radius, radius * 0.95, facing, segments)


def _foot(joints: Joints, side: int, segments: int) -> Tensor:
    ankle = joints.ankles[:, side]
    pitch, yaw = joints.foot_pitch[:, side], joints.foot_yaw[:, side]
    ahead, height = _constant(_FOOT_ALONG, ankle), _constant(_FOOT_HEIGHT, ankle) - ANKLE
    sin, cos = torch.sin(pitch)[:, None], torch.cos(pitch)[:, None]
    zero = torch.zeros_like(cos * ahead)
    path = ankle[:, None] + turn(torch.stack([cos * ahead - sin * height, zero, sin * ahead + cos * height], 2), yaw)
    upwards = torch.stack([-torch.sin(pitch), torch.zeros_like(pitch), torch.cos(pitch)], dim=1)
    return tube_surface(path, _constant(_FOOT_UP, ankle), _constant(_FOOT_SIDE, ankle), turn(upwards, yaw), segments)


def _arm(people: People, joints: Joints, side: int, segments: int) -> Tensor:
    path = _along(joints.shoulders[:, side], joints.elbows[:, side], joints.wrists[:, side], _ARM_ALONG)
    along = _constant(_ARM_ALONG, path)
    sleeved = along[None] <= people.clothes.sleeve[:, None] + 0.02
    radius = _constant(_ARM_RADIUS, path) * people.build.limbs[:, None]
    cover = torch.where(sleeved, people.clothes.thickness[:, None], torch.zeros_like(radius))
    radius = radius + cover * _constant(_SLEEVE_WIDTH, path)
    facing = _constant((1.0, 0.0, 0.15), path).expand_as(path[:, 0])
    return tube_surface(path, radius, radius, facing, segments)


def _hand(joints: Joints, side: int, segments: int) -> Tensor:
    wrist = joints.wrists[:, side]
    forearm = wrist - joints.elbows[:, side]
    direction = forearm / forearm.square().sum(dim=1, keepdim=True).sqrt()
    path = wrist[:, None] + _HAND_LENGTH * _constant(_HAND_ALONG, wrist)[None, :, None] * direction[:, None]
    facing = _constant((1.0, 0.0, 0.15), wrist).expand_as(wrist)
    return tube_surface(path, _constant(_HAND_FRONT, wrist), _constant(_HAND_SIDE, wrist), facing, segments)
