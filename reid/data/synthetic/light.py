"""Light that falls on surfaces of the world."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from reid.data.synthetic.rows import Rows


@dataclass(frozen=True)
class Light(Rows):
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
        facing = (normals * self.towards.index_select(0, image)).sum(dim=1).clamp_min(0.0) * lamp_share  # (P,)
        return (
            self.sky_rgb.index_select(0, image) * up
            + self.ground_rgb.index_select(0, image) * (1.0 - up)
            + self.lamp_rgb.index_select(0, image) * facing[:, None]
        )
