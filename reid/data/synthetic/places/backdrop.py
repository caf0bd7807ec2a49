"""Made-up places as cameras see them: colour and depth of everything that stands still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from reid.data.synthetic.light import Light
from reid.data.synthetic.places.casting import Rays
from reid.data.synthetic.places.finishes import Finish
from reid.data.synthetic.places.lookup import look_up
from reid.data.synthetic.places.photograph import photograph
from reid.data.synthetic.places.plans import plan
from reid.data.synthetic.places.scenery import Scenery, tables
from reid.data.synthetic.rows import Rows
from reid.data.synthetic.view import View

_CHUNK_PX = 2**17


@dataclass(frozen=True)
class Backdrop(Rows):
    """Pictures without people.

    Attributes:
        linear: (M, 3, H, W) float32, linear light.
        depth_m: (M, H, W) float32, along the optical axis; 10,000 where there is sky.
    """

    linear: Tensor
    depth_m: Tensor


@dataclass(frozen=True)
class Obstacles:
    """What people have to walk around, as rectangles on the ground.

    Attributes:
        centre_m: (M, B, 2).
        half_m: (M, B, 2), half length and half width.
        yaw_rad: (M, B), of the length.
        top_m: (M, B), how high it stands.
        is_there: (M, B) bool; the rest of a row is filling.
    """

    centre_m: Tensor
    half_m: Tensor
    yaw_rad: Tensor
    top_m: Tensor
    is_there: Tensor


class Places:
    """C made-up places.

    Args:
        scenery: their surfaces.
        finishes: what covers these.
        light: their constant light.
    """

    def __init__(self, scenery: Scenery, finishes: Finish, light: Light) -> None:
        self._scenery = scenery
        self._finishes = finishes
        self._light = light

    @staticmethod
    def from_seeds(seeds: np.ndarray | Sequence[int]) -> Places:
        """Make up one place from each seed, (C,); C >= 1."""
        numbers = np.asarray(seeds)
        plans = [plan(int(seed)) for seed in numbers]
        lights = [one.lighting for one in plans]
        light = Light(*[
            torch.tensor([getattr(one, name) for one in lights], dtype=torch.float32)
            for name in ("towards", "lamp_rgb", "sky_rgb", "ground_rgb")
        ])  # fmt: skip
        return Places(*tables(plans, numbers), light)

    def __len__(self) -> int:
        return len(self._scenery.ceiling_m)

    def to(self, device: torch.device | str) -> Places:
        """Move to a device."""

        def move(tensor: Tensor) -> Tensor:
            return tensor.to(device)

        return Places(self._scenery.changed(move), self._finishes.changed(move), self._light.to(device))

    def light(self) -> Light:
        """The constant light of each place."""
        return self._light

    def obstacles_xy(self, place: Tensor) -> Obstacles:
        """Furniture between ground and head height.

        Args:
            place: (M,) int64, which place.

        Returns:
            M rows.
        """
        solids = self._scenery.solids.take(place)
        low_m, high_m = solids.centre_m[:, 2] - solids.half_m[:, 2], solids.centre_m[:, 2] + solids.half_m[:, 2]
        is_there = (solids.half_m[:, 0] > 0) & (low_m < 1.9) & (high_m > 0.1)
        return Obstacles(
            solids.centre_m[:, :2].permute(2, 0, 1), solids.half_m[:, :2].permute(2, 0, 1), solids.yaw_rad.T, high_m.T,
            is_there.T,
        )  # fmt: skip

    def look_at(self, view: View, place: Tensor) -> Backdrop:
        """Take pictures of places.

        Args:
            view: M views, on this device.
            place: (M,) int64, which place each looks at.

        Returns:
            M pictures.
        """
        step = max(1, _CHUNK_PX // (view.size_hw[0] * view.size_hw[1]))
        images = torch.arange(len(view), device=place.device)
        parts: list[Backdrop] = []
        for some in torch.split(images, step):
            scenery, light = self._scenery.take(place[some]), self._light.select(place[some])
            parts.append(Backdrop(*photograph(scenery, self._finishes, light, Rays(view.select(some)))))
        return Backdrop.joined(parts)


def cut(backdrop: Backdrop, camera: Tensor, boxes_xyxy: Tensor, size_hw: tuple[int, int]) -> Backdrop:
    """Cut windows out of pictures and scale them to one size, as a detector's crops are.

    Args:
        backdrop: pictures of C cameras.
        camera: (M,) int64, which picture each window is cut from.
        boxes_xyxy: (M, 4), in its pixels; beyond the picture its edge goes on.
        size_hw: of the windows.

    Returns:
        M windows: colour is bilinear, depth that of the nearest pixel.
    """
    height_px, width_px = backdrop.depth_m.shape[1:]
    rows = _samples(boxes_xyxy[:, 1], boxes_xyxy[:, 3], size_hw[0])  # (M, h)
    columns = _samples(boxes_xyxy[:, 0], boxes_xyxy[:, 2], size_hw[1])  # (M, w)
    row = torch.floor(rows).to(torch.int64).clamp(0, height_px - 1) * width_px + camera[:, None] * height_px * width_px
    column = torch.floor(columns).to(torch.int64).clamp(0, width_px - 1)
    depth_m = look_up(backdrop.depth_m.reshape(-1), row[:, :, None] + column[:, None, :])
    # One picture at a time: sampling all from one tall picture would round with the number of cameras.
    linear = torch.empty(len(camera), 3, *size_hw, device=camera.device)
    across, along = columns * (2.0 / width_px) - 1.0, rows * (2.0 / height_px) - 1.0
    for number in torch.unique(camera).tolist():
        here = torch.nonzero(camera == number).squeeze(1)
        x = across[here, None, :].expand(-1, size_hw[0], -1)
        y = along[here, :, None].expand(-1, -1, size_hw[1])
        grid = torch.stack([x, y], dim=3).flatten(0, 1)[None]  # (1, m h, w, 2)
        picture = backdrop.linear[number : number + 1]
        windows = F.grid_sample(picture, grid, mode="bilinear", padding_mode="border", align_corners=False)
        linear[here] = windows.view(3, len(here), *size_hw).transpose(0, 1)
    return Backdrop(linear, depth_m)


def _samples(low_px: Tensor, high_px: Tensor, count: int) -> Tensor:
    """(M, count): the middles of equal parts of ranges."""
    shares = (torch.arange(count, device=low_px.device) + 0.5) / count
    return low_px[:, None] + (high_px - low_px)[:, None] * shares
