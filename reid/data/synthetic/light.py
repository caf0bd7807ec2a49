"""Light that falls on surfaces of the world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Light:
    """The light of M images: a sun or lamp far away, and what comes from the sky and back from the ground.

    Attributes:
        towards: (M, 3), unit vectors from the world to the lamp.
        lamp_rgb: (M, 3), linear, what a white surface that faces the lamp sends back.
        sky_rgb: (M, 3), linear, the same for a surface that looks up, without the lamp.
        ground_rgb: (M, 3), linear, the same for a surface that looks down.
    """

    towards: Tensor
    lamp_rgb: Tensor
    sky_rgb: Tensor
    ground_rgb: Tensor

    def to(self, device: torch.device | str) -> Light:
        """Move all tensors to a device."""
        return self._changed(lambda tensor: tensor.to(device))

    def select(self, indices: Tensor) -> Light:
        """Pick lights, with repetition: (K,) indices give K lights."""
        return self._changed(lambda tensor: tensor[indices])

    def falling_on(self, normals: Tensor, image: Tensor, lamp_share: Tensor | float = 1.0) -> Tensor:
        """Light on surfaces.

        Args:
            normals: (P, 3), unit, pointing away from the surface.
            image: (P,) int64, the image in whose light each surface is.
            lamp_share: (P,) or one for all, in [0, 1]: how much of the lamp reaches it; less in shadow.

        Returns:
            (P, 3) linear; times the surface's own colour it is what a camera sees.
        """
        up = 0.5 + 0.5 * normals[:, 2:]  # (P, 1)
        facing = (normals * self.towards[image]).sum(dim=1).clamp_min(0.0) * lamp_share  # (P,)
        return self.sky_rgb[image] * up + self.ground_rgb[image] * (1.0 - up) + self.lamp_rgb[image] * facing[:, None]

    def _changed(self, change: Callable[[Tensor], Tensor]) -> Light:
        return Light(change(self.towards), change(self.lamp_rgb), change(self.sky_rgb), change(self.ground_rgb))
