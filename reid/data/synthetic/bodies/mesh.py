"""Surfaces made of rings: what is the same for all people and all poses."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor

from reid.data.synthetic.rows import Rows


class Part(IntEnum):
    """What a piece of surface belongs to."""

    TRUNK = 0
    LEG = 1
    FOOT = 2
    ARM = 3
    HAND = 4
    NECK = 5
    HEAD = 6
    HAIR = 7
    HAT = 8
    DRAPE = 9
    BACKPACK = 10
    HANDBAG = 11
    COLLAR = 12


@dataclass(frozen=True)
class Tube:
    """A surface of rings: `along` (R,) is a coordinate from the first ring to the last, whose unit the part defines."""

    part: Part
    along: tuple[float, ...]
    segments: int
    mirrored: bool = False  # whether it is one of a pair's right ones


@dataclass(frozen=True)
class Mesh(Rows):
    """The triangles of all tubes and what is painted by.

    Attributes:
        triangles: (F, 3) int64, vertices, counter-clockwise seen from outside.
        part: (F,) int64, a `Part`.
        surface: (V, 3): cosine and sine of the angle around the ring, 1 and 0 in front, and the place along the tube.
    """

    triangles: Tensor
    part: Tensor
    surface: Tensor


def build_mesh(tubes: tuple[Tube, ...]) -> Mesh:
    """Join the rings of tubes.

    Args:
        tubes: in the order in which their vertices stand; each has R rings of S vertices, ring by ring.

    Returns:
        The mesh.
    """
    triangles, parts, surface, first = [], [], [], 0
    for tube in tubes:
        rings, segments = len(tube.along), tube.segments
        ring = torch.arange(rings - 1).repeat_interleave(segments)
        here = torch.arange(segments).repeat(rings - 1)
        beside = (here + 1) % segments
        corner = first + ring * segments
        lower_left, lower_right = corner + here, corner + beside
        upper_left, upper_right = lower_left + segments, lower_right + segments
        triangles.append(torch.stack([lower_left, lower_right, upper_left], dim=1))
        triangles.append(torch.stack([lower_right, upper_right, upper_left], dim=1))
        parts.append(torch.full((2 * len(here),), int(tube.part)))
        angle = torch.arange(segments) * (2 * torch.pi / segments)
        along = torch.tensor(tube.along)
        surface.append(
            torch.stack(
                [
                    torch.cos(angle).repeat(rings),
                    torch.sin(angle).repeat(rings) * (-1.0 if tube.mirrored else 1.0),
                    along.repeat_interleave(segments),
                ],
                dim=1,
            )
        )
        first += rings * segments
    return Mesh(torch.cat(triangles), torch.cat(parts), torch.cat(surface))


def ring_surface(centres: Tensor, front: Tensor, side: Tensor, segments: int) -> Tensor:
    """Place the vertices of a tube's rings.

    Args:
        centres: (M, R, 3).
        front: (M, R, 3), from the centre to the vertex at angle 0.
        side: (M, R, 3), from the centre to the vertex a quarter further.
        segments: S, vertices of a ring.

    Returns:
        (M, R, S, 3).
    """
    angle = torch.arange(segments, device=centres.device) * (2 * torch.pi / segments)
    cos, sin = torch.cos(angle)[:, None], torch.sin(angle)[:, None]  # (S, 1)
    return centres[:, :, None] + front[:, :, None] * cos + side[:, :, None] * sin


def tube_surface(path: Tensor, front_radius: Tensor, side_radius: Tensor, facing: Tensor, segments: int) -> Tensor:
    """Wrap rings around a path, each at right angles to it.

    Args:
        path: (M, R, 3), centres of the rings.
        front_radius: (M, R) or (R,).
        side_radius: (M, R) or (R,).
        facing: (M, 3) or (M, R, 3), roughly where angle 0 looks; not along the path.
        segments: S, vertices of a ring.

    Returns:
        (M, R, S, 3).
    """
    along = unit(torch.cat([path[:, 1:2] - path[:, :1], path[:, 2:] - path[:, :-2], path[:, -1:] - path[:, -2:-1]], 1))
    facing = (facing if facing.dim() == 3 else facing[:, None]).expand_as(along)
    side = unit(torch.linalg.cross(along, facing))
    front = torch.linalg.cross(side, along)
    return ring_surface(path, front * front_radius[..., None], side * side_radius[..., None], segments)


def surface_normals(vertices: Tensor) -> Tensor:
    """Find the outward normals of a tube: (M, R, S, 3) from (M, R, S, 3)."""
    around = torch.roll(vertices, -1, dims=2) - torch.roll(vertices, 1, dims=2)
    along = torch.cat(
        [vertices[:, 1:2] - vertices[:, :1], vertices[:, 2:] - vertices[:, :-2], vertices[:, -1:] - vertices[:, -2:-1]],
        dim=1,
    )
    normals = torch.linalg.cross(around, along)
    # Where a ring has shrunk to a point, its neighbours say where out is.
    axis = vertices.mean(dim=2, keepdim=True)
    tip = torch.zeros_like(normals)
    tip[:, 0] = (axis[:, 0] - axis[:, 1]).expand_as(tip[:, 0])
    tip[:, -1] = (axis[:, -1] - axis[:, -2]).expand_as(tip[:, -1])
    return unit(normals + 1e-6 * tip)


def unit(vectors: Tensor) -> Tensor:
    """Scale vectors (..., 3) to length 1; a zero vector stays zero."""
    return vectors / vectors.square().sum(dim=-1, keepdim=True).sqrt().clamp_min(1e-12)
