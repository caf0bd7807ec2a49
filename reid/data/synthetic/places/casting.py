"""Where the rays of views meet the planes of a place and the boxes in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from reid.data.synthetic.places import noise
from reid.data.synthetic.places.finishes import Table
from reid.data.synthetic.view import View

SKY_DEPTH_M = 1e4
NEAREST_M = 0.05
FACES_A_BOX = 6  # -x, +x, -y, +y, below, above, along its own axes
_RAGGED_BUMP_M = 0.6
_TINY = 1e-9

Window = tuple[slice, slice]  # rows and columns of all M images
_ALL: Window = (slice(None), slice(None))


@dataclass(frozen=True)
class Solids(Table):
    """B boxes and bushes in each of M places; one without a size is none. The last dimension counts places.

    Attributes:
        centre_m: (B, 3, M).
        half_m: (B, 3, M), half their sizes along their own axes.
        yaw_rad: (B, M).
        cos: (B, M), of that yaw.
        sin: (B, M).
        ragged: (B, M), above 0: an ellipsoid of leaves, whose surface lies in by up to that share.
    """

    centre_m: Tensor
    half_m: Tensor
    yaw_rad: Tensor
    cos: Tensor
    sin: Tensor
    ragged: Tensor

    def __len__(self) -> int:
        return len(self.half_m)

    def corners(self, box: int, beyond_m: float = 0.0) -> Tensor:
        """(M, 8, 3): the corners of one box, or of one that reaches further to all sides."""
        signs = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
        half_m, centre_m = self.half_m[box] + beyond_m, self.centre_m[box]
        cos, sin = self.cos[box], self.sin[box]
        points = []
        for sign_x, sign_y, sign_z in signs:
            x, y = sign_x * half_m[0], sign_y * half_m[1]
            points.append(
                [centre_m[0] + cos * x - sin * y, centre_m[1] + sin * x + cos * y, centre_m[2] + sign_z * half_m[2]]
            )
        return torch.stack([torch.stack(point, dim=1) for point in points], dim=1)

    def into(self, box: int, vector: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Turn vectors, (M, ...) each of x, y, z, into the box's own axes."""
        shape = (-1,) + (1,) * (vector[0].dim() - 1)
        cos, sin = self.cos[box].view(shape), self.sin[box].view(shape)
        return cos * vector[0] + sin * vector[1], cos * vector[1] - sin * vector[0], vector[2]


class Rays:
    """The rays of M views, one through the middle of each pixel, 1 m deep.

    Args:
        view: M views.

    Attributes:
        view: the views.
        right: (M, 3), by how much a ray changes from a column to the next.
        down: (M, 3), and from a row to the next.
        forward: (M, 3), the ray of the optical axis.
        columns: (M, W), columns counted from that axis.
        rows: (M, H).
    """

    def __init__(self, view: View) -> None:
        axes = view.axes()
        height_px, width_px = view.size_hw
        device = view.position_m.device
        self.view = view
        self.right, self.down = axes[:, 0] / view.focal_px[:, :1], axes[:, 1] / view.focal_px[:, 1:]
        self.forward = axes[:, 2]
        self.columns = torch.arange(width_px, device=device) + 0.5 - view.centre_px[:, :1]
        self.rows = torch.arange(height_px, device=device) + 0.5 - view.centre_px[:, 1:]

    def along(self, right: Tensor, down: Tensor, forward: Tensor, window: Window = _ALL) -> Tensor:
        """(M, H, W), or a window of it: what a ray is along a direction, given by (M,) what the three are along it."""
        from_columns = right[:, None] * self.columns[:, window[1]]
        from_rows = down[:, None] * self.rows[:, window[0]] + forward[:, None]
        return from_columns[:, None, :] + from_rows[:, :, None]

    def along_world(self, axis: int, window: Window = _ALL) -> Tensor:
        """(M, H, W), or a window of it: what each ray is along x, y or z."""
        return self.along(self.right[:, axis], self.down[:, axis], self.forward[:, axis], window)

    def window(self, points_m: Tensor) -> Window | None:
        """The part of the images that convex bodies may cover.

        Args:
            points_m: (M, P, 3), the corners of one body in each image's world.

        Returns:
            One part for all images; None where all are outside of theirs.
        """
        seen = self.view.project(points_m)
        height_px, width_px = self.view.size_hw
        is_before = seen[..., 2] > NEAREST_M
        bodies = is_before.any(dim=1)
        if not bool(bodies.any()):
            return None
        if not bool(is_before[bodies].all()):
            return slice(0, height_px), slice(0, width_px)
        low, high = seen[bodies, :, :2].amin(dim=1), seen[bodies, :, :2].amax(dim=1)
        within = (high > 0).all(dim=1) & (low[:, 0] < width_px) & (low[:, 1] < height_px)
        if not bool(within.any()):
            return None
        (left, top), (right, bottom) = low[within].amin(dim=0).tolist(), high[within].amax(dim=0).tolist()
        rows = slice(max(0, math.floor(top) - 1), min(height_px, math.ceil(bottom) + 1))
        return rows, slice(max(0, math.floor(left) - 1), min(width_px, math.ceil(right) + 1))


def dot(first: Tensor, second: Tensor) -> Tensor:
    """Products of vectors along the last dimension of 3, summed in a fixed order."""
    return first[..., 0] * second[..., 0] + first[..., 1] * second[..., 1] + first[..., 2] * second[..., 2]


def meet_solids(rays: Rays, solids: Solids, depth_m: Tensor, face: Tensor, first_face: int) -> None:
    """Enter boxes into a picture of depths and faces, where they are the nearest.

    Args:
        rays: of M views.
        solids: of M places.
        depth_m: (M, H, W), changed in place.
        face: (M, H, W) int64, changed in place: `first_face` and on, six a box.
        first_face: number of the first box's first face.
    """
    for box in range(len(solids)):
        if not bool((solids.half_m[box] > 0).any()):
            continue
        window = rays.window(solids.corners(box))
        if window is None:
            continue
        hit_m, side = _meet(rays, solids, box, window)
        before_m, behind = depth_m[:, window[0], window[1]], face[:, window[0], window[1]]
        is_nearest = (hit_m > NEAREST_M) & (hit_m < before_m)
        depth_m[:, window[0], window[1]] = torch.where(is_nearest, hit_m, before_m)
        face[:, window[0], window[1]] = torch.where(is_nearest, side + (first_face + FACES_A_BOX * box), behind)


def _meet(rays: Rays, solids: Solids, box: int, window: Window) -> tuple[Tensor, Tensor]:
    """Depth at which rays enter one solid of each place, inf where they miss, and on which side: (M, h, w) each."""
    position_m, centre_m = rays.view.position_m, solids.centre_m[box]
    offset = solids.into(box, tuple(position_m[:, axis] - centre_m[axis] for axis in range(3)))  # type: ignore[arg-type]
    right, down, forward = (
        solids.into(box, (way[:, 0], way[:, 1], way[:, 2])) for way in (rays.right, rays.down, rays.forward)
    )
    ways = [rays.along(right[axis], down[axis], forward[axis], window) for axis in range(3)]
    half_m = [solids.half_m[box, axis] for axis in range(3)]
    is_ragged = solids.ragged[box] > 0
    if not bool(is_ragged.any()):
        return _meet_box(offset, ways, half_m)
    hit_m, side = _meet_ellipsoid(offset, ways, half_m, solids.ragged[box])
    if bool(is_ragged.all()):
        return hit_m, side
    box_hit_m, box_side = _meet_box(offset, ways, half_m)
    choose = is_ragged[:, None, None]
    return torch.where(choose, hit_m, box_hit_m), torch.where(choose, side, box_side)


def _meet_box(offset: tuple[Tensor, ...], ways: list[Tensor], half_m: list[Tensor]) -> tuple[Tensor, Tensor]:
    enters, leave = [], None
    for axis in range(3):
        inverse = 1.0 / torch.where(ways[axis].abs() < _TINY, torch.full_like(ways[axis], _TINY), ways[axis])
        middle = inverse * -offset[axis][:, None, None]
        reach = inverse.abs() * half_m[axis][:, None, None]
        enters.append(middle - reach)
        leave = middle + reach if leave is None else torch.minimum(leave, middle + reach)
    assert leave is not None
    enter = torch.maximum(torch.maximum(enters[0], enters[1]), enters[2])
    axis_met = torch.where(enter == enters[0], 0, torch.where(enter == enters[1], 1, 2))
    backwards = torch.where(axis_met == 0, ways[0], torch.where(axis_met == 1, ways[1], ways[2])) < 0
    return torch.where(enter <= leave, enter, torch.inf), 2 * axis_met + backwards


def _meet_ellipsoid(
    offset: tuple[Tensor, ...], ways: list[Tensor], half_m: list[Tensor], ragged: Tensor
) -> tuple[Tensor, Tensor]:
    """Source: a ray against a unit sphere, after scaling each axis; the radius wavers with the direction of the ray."""
    scale = [1.0 / half.clamp_min(_TINY) for half in half_m]
    own_offset = [offset[axis] * scale[axis] for axis in range(3)]
    own_ways = [ways[axis] * scale[axis][:, None, None] for axis in range(3)]
    flat = own_ways[0] * own_ways[0] + own_ways[1] * own_ways[1] + own_ways[2] * own_ways[2]
    half_slope = sum((own_offset[axis][:, None, None] * own_ways[axis] for axis in range(3)), torch.zeros_like(flat))
    distance = own_offset[0] * own_offset[0] + own_offset[1] * own_offset[1] + own_offset[2] * own_offset[2]
    nearest_m = -half_slope / flat  # depth at which the ray passes the middle most closely
    miss = [own_offset[axis][:, None, None] + nearest_m * own_ways[axis] for axis in range(3)]
    bump = 1.0 / _RAGGED_BUMP_M
    size_m = [half[:, None, None] * bump for half in half_m]
    wavering = noise.smooth(miss[0] * size_m[0] + miss[1] * size_m[1], miss[2] * size_m[2] + 0.5 * size_m[0])
    radius = 1.0 - ragged[:, None, None] * (0.45 + 0.3 * wavering).clamp(0.0, 1.0)
    inside = half_slope * half_slope - flat * (distance[:, None, None] - radius * radius)
    hit_m = (-half_slope - torch.sqrt(inside.clamp_min(0.0))) / flat
    where = [own_offset[axis][:, None, None] + hit_m * own_ways[axis] for axis in range(3)]
    is_end = where[0].abs() > where[1].abs()
    upright = torch.where(is_end, where[0] > 0, 2 + (where[1] > 0).to(torch.int64))
    side = torch.where(where[2] > 0.45, 5, torch.where(where[2] < -0.6, 4, upright))
    return torch.where(inside > 0, hit_m, torch.inf), side
