"""The surfaces of places as tables: planes of the room, faces of the boxes, and what covers each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reid.data.synthetic.draws import Draws
from reid.data.synthetic.places.casting import FACES_A_BOX, Solids
from reid.data.synthetic.places.finishes import Finish, Rgb, Table
from reid.data.synthetic.places.plans import Plan

GROUND, VERGE, BACK, LEFT, RIGHT, CEILING, FIRST_BOX = range(7)

_X, _Y, _Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
_ROOM_NORMAL = (_Z, _Z, (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), _Y, (0.0, 0.0, -1.0))
_ROOM_U = (_X, _X, _Y, _X, _X, _X)
_ROOM_V = (_Y, _Y, _Z, _Z, _Z, _Y)
# Of a box's faces, in its own axes: normal, u, v, and the signs of the corner where u = v = 0.
_BOX_NORMAL = ((-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1))
_BOX_U = ((0, 1, 0), (0, 1, 0), (1, 0, 0), (1, 0, 0), (1, 0, 0), (1, 0, 0))
_BOX_V = ((0, 0, 1), (0, 0, 1), (0, 0, 1), (0, 0, 1), (0, 1, 0), (0, 1, 0))
_BOX_CORNER = ((-1, -1, -1), (1, -1, -1), (-1, -1, -1), (-1, 1, -1), (-1, -1, -1), (-1, -1, 1))


@dataclass(frozen=True)
class Scenery(Table):
    """C places. The last dimension counts places, K faces come before it: six of the room, six a box.

    Attributes:
        solids: B boxes and bushes each.
        walls_m: (3, C), x of the back wall, y of the left one and of the right one.
        highs_m: (3, C), how high these reach.
        steps_m: (3, C), how far the heights of their houses differ.
        houses_m: (3, C), how long these houses are.
        ceiling_m: (C,).
        verge_from_m: (C,), how far to its side the verge begins.
        verge_side: (C,), +1 or -1.
        normal: (K, 3, C), of each face, pointing away from it.
        along_u: (K, 3, C), the direction of its u.
        along_v: (K, 3, C).
        corner_m: (K, 3, C), where u = v = 0.
        finish: (K, C) int64, which finish covers it.
        salt: (K, C) int64, for all that is random on it.
        low_sky_rgb: (3, C), linear, at the horizon.
        high_sky_rgb: (3, C), overhead.
        clouds: (C,), in [0, 1].
        has_shadows: (C,) bool.
    """

    solids: Solids
    walls_m: Tensor
    highs_m: Tensor
    steps_m: Tensor
    houses_m: Tensor
    ceiling_m: Tensor
    verge_from_m: Tensor
    verge_side: Tensor
    normal: Tensor
    along_u: Tensor
    along_v: Tensor
    corner_m: Tensor
    finish: Tensor
    salt: Tensor
    low_sky_rgb: Tensor
    high_sky_rgb: Tensor
    clouds: Tensor
    has_shadows: Tensor


def tables(plans: Sequence[Plan], seeds: np.ndarray) -> tuple[Scenery, Finish]:
    """Write plans down as tables.

    Args:
        plans: of C places, at least one.
        seeds: (C,), theirs.

    Returns:
        The places, and the finishes that they use.
    """
    solids = _solids(plans)
    finishes, entries = _finishes(plans, len(solids))
    walls = [(one.back, one.left, one.right) for one in plans]
    faces = FIRST_BOX + FACES_A_BOX * len(solids)
    walls_m = torch.tensor([[wall.at_m for wall in three] for three in walls]).T
    ceiling_m = torch.tensor([one.ceiling_m for one in plans])
    normal, along_u, along_v, corner_m = _faces(solids, walls_m, ceiling_m)
    salts = Draws(seeds).child("salt").uniform("face", 0, 2**20, size=faces).astype(np.int64)
    lights = [one.lighting for one in plans]
    scenery = Scenery(
        solids,
        walls_m,
        torch.tensor([[wall.high_m for wall in three] for three in walls]).T,
        torch.tensor([[wall.step_m for wall in three] for three in walls]).T,
        torch.tensor([[float(wall.finish.house_m) for wall in three] for three in walls]).T,
        ceiling_m,
        torch.tensor([one.verge_from_m for one in plans]),
        torch.tensor([one.verge_side for one in plans]),
        normal,
        along_u,
        along_v,
        corner_m,
        entries,
        torch.from_numpy(salts).T,
        _rgb([light.low_sky_rgb for light in lights]),
        _rgb([light.high_sky_rgb for light in lights]),
        torch.tensor([light.clouds for light in lights]),
        torch.tensor([light.has_shadows for light in lights]),
    )
    return scenery.changed(torch.Tensor.contiguous), finishes


def _solids(plans: Sequence[Plan]) -> Solids:
    count = max(len(one.boxes) for one in plans)
    centre_m, half_m = np.zeros((2, count, 3, len(plans)), dtype=np.float32)
    yaw_rad, ragged = np.zeros((2, count, len(plans)), dtype=np.float32)
    for place, one in enumerate(plans):
        for index, box in enumerate(one.boxes):
            centre_m[index, :, place], half_m[index, :, place] = box.centre_m, box.half_m
            yaw_rad[index, place], ragged[index, place] = box.yaw_rad, box.ragged
    columns = (centre_m, half_m, yaw_rad, np.cos(yaw_rad), np.sin(yaw_rad), ragged)
    return Solids(*[torch.from_numpy(column) for column in columns])


def _finishes(plans: Sequence[Plan], boxes: int) -> tuple[Finish, Tensor]:
    """All finishes once each, and (K, C) which face has which."""
    known: dict[int, int] = {}
    rows: list[Finish] = []
    entries = np.zeros((FIRST_BOX + FACES_A_BOX * boxes, len(plans)), dtype=np.int64)
    for place, one in enumerate(plans):
        faces = [one.ground, one.verge, one.back.finish, one.left.finish, one.right.finish, one.ceiling]
        for box in one.boxes:
            faces += [box.ends, box.ends, box.sides, box.sides, box.top, box.top]
        for face, finish in enumerate(faces):
            if id(finish) not in known:
                known[id(finish)] = len(rows)
                rows.append(finish)
            entries[face, place] = known[id(finish)]
    return Table.joined(rows), torch.from_numpy(entries)


def _faces(solids: Solids, walls_m: Tensor, ceiling_m: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Normals, u and v directions, and corners of all faces: (K, 3, C) each."""
    places = walls_m.shape[1]
    room_corner = torch.zeros(FIRST_BOX, 3, places)
    room_corner[BACK, 0], room_corner[LEFT, 1], room_corner[RIGHT, 1] = walls_m[0], walls_m[1], walls_m[2]
    room_corner[CEILING, 2] = ceiling_m
    columns = []
    for room, box in ((_ROOM_NORMAL, _BOX_NORMAL), (_ROOM_U, _BOX_U), (_ROOM_V, _BOX_V)):
        of_room = torch.tensor(room)[:, :, None].expand(-1, -1, places)
        columns.append(torch.cat([of_room, _turned(solids, torch.tensor(box, dtype=torch.float32)[None, :, :, None])]))
    signs = torch.tensor(_BOX_CORNER, dtype=torch.float32)[None, :, :, None]  # (1, 6, 3, 1)
    corners = _turned(solids, signs * solids.half_m[:, None]) + solids.centre_m.repeat_interleave(FACES_A_BOX, dim=0)
    return columns[0], columns[1], columns[2], torch.cat([room_corner, corners])


def _turned(solids: Solids, vectors: Tensor) -> Tensor:
    """Vectors in the boxes' own axes, (B or 1, 6, 3, C or 1), in the world's: (6 B, 3, C)."""
    cos, sin = solids.cos[:, None], solids.sin[:, None]  # (B, 1, C)
    x = cos * vectors[:, :, 0] - sin * vectors[:, :, 1]
    y = sin * vectors[:, :, 0] + cos * vectors[:, :, 1]
    z = vectors[:, :, 2].expand_as(x)
    return torch.stack([x, y, z], dim=2).flatten(0, 1)


def _rgb(colours: Sequence[Rgb]) -> Tensor:
    return torch.tensor(colours, dtype=torch.float32).T
