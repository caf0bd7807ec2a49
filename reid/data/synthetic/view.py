"""Pinhole views of the world, many at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from reid.data.synthetic.rows import Rows


@dataclass(frozen=True)
class View(Rows):
    """M views: where a camera stands, where it looks, and which part of its picture is wanted.

    Attributes:
        position_m: (M, 3), of the camera.
        yaw_rad: (M,), direction of view on the ground.
        pitch_rad: (M,), positive looks down.
        focal_px: (M, 2), horizontal and vertical: they differ where a part of the picture was stretched.
        centre_px: (M, 2), column and row where the optical axis meets the image.
        size_hw: height and width of all images.
    """

    position_m: Tensor
    yaw_rad: Tensor
    pitch_rad: Tensor
    focal_px: Tensor
    centre_px: Tensor
    size_hw: tuple[int, int]

    def axes(self) -> Tensor:
        """(M, 3, 3): rows are the camera's right, down and forward directions in the world."""
        sin_yaw, cos_yaw = torch.sin(self.yaw_rad), torch.cos(self.yaw_rad)
        sin_pitch, cos_pitch = torch.sin(self.pitch_rad), torch.cos(self.pitch_rad)
        zero = torch.zeros_like(sin_yaw)
        right = torch.stack([sin_yaw, -cos_yaw, zero], dim=1)
        down = torch.stack([-cos_yaw * sin_pitch, -sin_yaw * sin_pitch, -cos_pitch], dim=1)
        forward = torch.stack([cos_yaw * cos_pitch, sin_yaw * cos_pitch, -sin_pitch], dim=1)
        return torch.stack([right, down, forward], dim=1)

    def project(self, points_m: Tensor) -> Tensor:
        """Project points of the world.

        Args:
            points_m: (M, P, 3), each row of points seen by its own view.

        Returns:
            (M, P, 3): column and row in pixels, where the middle of the first pixel is (0.5, 0.5), and depth in metres
            along the optical axis. A point at or behind the camera has a depth <= 0 and a meaningless place.
        """
        offsets = points_m - self.position_m[:, None]
        axes = self.axes()
        # Written out: a batched matrix product rounds differently from one batch size to the next.
        seen = [(offsets * axes[:, None, row]).sum(dim=2) for row in range(3)]  # right, down, forward: (M, P) each
        depth_m = seen[2]
        safe_m = torch.where(depth_m.abs() < 1e-6, torch.full_like(depth_m, 1e-6), depth_m)
        column = self.focal_px[:, :1] * seen[0] / safe_m + self.centre_px[:, :1]
        row = self.focal_px[:, 1:] * seen[1] / safe_m + self.centre_px[:, 1:]
        return torch.stack([column, row, depth_m], dim=2)

    def rays(self) -> Tensor:
        """(M, H, W, 3): from the camera through the middle of every pixel, as long as takes them 1 m deep."""
        height_px, width_px = self.size_hw
        device = self.position_m.device
        columns = torch.arange(width_px, device=device, dtype=torch.float32) + 0.5
        rows = torch.arange(height_px, device=device, dtype=torch.float32) + 0.5
        right = (columns[None] - self.centre_px[:, :1]) / self.focal_px[:, :1]  # (M, W)
        down = (rows[None] - self.centre_px[:, 1:]) / self.focal_px[:, 1:]  # (M, H)
        axes = self.axes()[:, None, None]  # (M, 1, 1, 3, 3)
        return (
            right[:, None, :, None] * axes[..., 0, :] + down[:, :, None, None] * axes[..., 1, :] + axes[..., 2, :]
        )  # (M, H, W, 3)

    def window(self, boxes_xyxy: Tensor, size_hw: tuple[int, int]) -> View:
        """Cut a box out of every image and scale it to one size, as a detector's crop is.

        Args:
            boxes_xyxy: (M, 4), pixels of this view; may reach beyond the image.
            size_hw: of the new images.

        Returns:
            The views whose whole images are those boxes.
        """
        sizes = boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]  # (M, 2) width, height
        scale = torch.tensor([size_hw[1], size_hw[0]], dtype=sizes.dtype, device=sizes.device) / sizes
        return View(
            self.position_m,
            self.yaw_rad,
            self.pitch_rad,
            self.focal_px * scale,
            (self.centre_px - boxes_xyxy[:, :2]) * scale,
            size_hw,
        )
