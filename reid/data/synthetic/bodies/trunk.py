"""Trunks: the surface from the crotch to the neck, and where things are fastened to it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from reid.data.synthetic.bodies.gait import Joints, turn
from reid.data.synthetic.bodies.mesh import ring_surface
from reid.data.synthetic.bodies.people import HIP, People

# One row a ring: height, half width, half depth, place of its centre, and how much hips, belly, chest and shoulders
# of a build change it. All lengths are shares of the person's height.
_RINGS = (
    (0.455, 0.040, 0.036, 0.000, 1.0, 0.0, 0.0, 0.0),
    (0.474, 0.093, 0.071, -0.002, 1.0, 0.0, 0.0, 0.0),
    (0.525, 0.100, 0.076, -0.006, 1.0, 0.0, 0.0, 0.0),
    (0.565, 0.096, 0.071, -0.003, 0.6, 0.4, 0.0, 0.0),
    (0.610, 0.088, 0.064, 0.001, 0.2, 0.8, 0.0, 0.0),
    (0.655, 0.090, 0.066, 0.003, 0.0, 0.8, 0.2, 0.0),
    (0.705, 0.098, 0.072, 0.005, 0.0, 0.3, 0.7, 0.0),
    (0.750, 0.106, 0.074, 0.003, 0.0, 0.0, 0.6, 0.4),
    (0.785, 0.111, 0.069, 0.000, 0.0, 0.0, 0.3, 0.7),
    (0.812, 0.104, 0.059, -0.004, 0.0, 0.0, 0.2, 0.8),
    (0.834, 0.078, 0.046, -0.006, 0.0, 0.0, 0.0, 1.0),
    (0.848, 0.048, 0.036, -0.004, 0.0, 0.0, 0.0, 0.6),
    (0.862, 0.034, 0.032, 0.000, 0.0, 0.0, 0.0, 0.0),
)
TRUNK_HEIGHTS = tuple(ring[0] for ring in _RINGS)
_CHEST_HEIGHT = 0.79


@dataclass(frozen=True)
class Trunk:
    """Trunks of M people.

    Attributes:
        pelvis: (M, 3).
        spine: (M, 3), unit.
        pelvis_yaw: (M,).
        chest_yaw: (M,).
        half_width: (M, R), with clothes.
        half_depth: (M, R), with clothes.
        ahead: (M, R), the rings' centres before the spine.
    """

    pelvis: Tensor
    spine: Tensor
    pelvis_yaw: Tensor
    chest_yaw: Tensor
    half_width: Tensor
    half_depth: Tensor
    ahead: Tensor

    @staticmethod
    def of(people: People, joints: Joints) -> Trunk:
        """Shape the trunks of people in a pose."""
        build, clothes = people.build, people.clothes
        rings = torch.tensor(_RINGS, device=build.height_m.device)  # (R, 8)
        weights = rings[:, 4:].T  # (4, R)
        wide = 1.0 + sum(
            weights[row] * (factor - 1.0)[:, None]
            for row, factor in enumerate((build.hips, build.belly, 0.5 * build.chest + 0.5, build.shoulders))
        )
        deep = 1.0 + sum(
            weights[row] * (factor - 1.0)[:, None]
            for row, factor in enumerate((build.hips, build.belly, build.chest, 0.6 * build.chest + 0.4))
        )
        covered = torch.sigmoid((rings[:, 0] - clothes.hem[:, None]) / 0.006) * torch.sigmoid(
            (0.85 - rings[:, 0]) / 0.01
        )
        # Below the waist a shirt hangs clear of the thighs.
        hanging = 0.012 * covered * ((0.57 - rings[:, 0]) / 0.08).clamp(0.0, 1.0)
        cover = clothes.thickness[:, None] * covered + hanging + 0.003
        ahead = rings[:, 3] + 0.035 * (build.belly - 1.0).clamp_min(0.0)[:, None] * weights[1]
        return Trunk(
            joints.pelvis,
            joints.spine,
            joints.pelvis_yaw,
            joints.chest_yaw,
            rings[:, 1] * wide + cover,
            rings[:, 2] * deep + cover,
            ahead,
        )

    def at(self, height: float) -> Tensor:
        """Find the spine at a height: (M, 3)."""
        return self.pelvis + (height - HIP) * self.spine

    def half_size(self, height: float) -> tuple[Tensor, Tensor]:
        """Give half width and half depth at a height: (M,) each, between the two nearest rings."""
        upper = next(ring for ring, at in enumerate(TRUNK_HEIGHTS) if at >= height)
        below, above = TRUNK_HEIGHTS[upper - 1], TRUNK_HEIGHTS[upper]
        share = (height - below) / (above - below)
        width = self.half_width[:, upper - 1] * (1 - share) + self.half_width[:, upper] * share
        depth = self.half_depth[:, upper - 1] * (1 - share) + self.half_depth[:, upper] * share
        return width, depth

    def yaw(self, heights: Tensor) -> Tensor:
        """Turn of the trunk at heights (R,): (M, R)."""
        share = ((heights - HIP) / (_CHEST_HEIGHT - HIP)).clamp(0.0, 1.0)
        return self.pelvis_yaw[:, None] + share * (self.chest_yaw - self.pelvis_yaw)[:, None]

    def surface(self, segments: int) -> Tensor:
        """(M, R, S, 3)."""
        heights = torch.tensor(TRUNK_HEIGHTS, device=self.pelvis.device)
        yaw = self.yaw(heights)
        zero = torch.zeros_like(yaw)
        forward = torch.stack([torch.cos(yaw), torch.sin(yaw), zero], dim=2)  # (M, R, 3)
        left = torch.stack([-torch.sin(yaw), torch.cos(yaw), zero], dim=2)
        centres = self.pelvis[:, None] + (heights - HIP)[None, :, None] * self.spine[:, None]
        centres = centres + forward * self.ahead[..., None]
        return ring_surface(centres, forward * self.half_depth[..., None], left * self.half_width[..., None], segments)


def turned(offset: tuple[float, float, float], yaw_rad: Tensor) -> Tensor:
    """Turn one offset by M yaws: (M, 3)."""
    vector = torch.tensor([offset], device=yaw_rad.device).expand(len(yaw_rad), 3)
    return turn(vector, yaw_rad)
