"""Shadows of people on the ground."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from reid.data.synthetic.bodies.people import People
from reid.data.synthetic.light import Light
from reid.data.synthetic.rendering.rasteriser import corner_shares, find_fragments
from reid.data.synthetic.view import View

if TYPE_CHECKING:
    from reid.data.synthetic.rendering.renderer import Instances

_MAX_LENGTH_M = 4.0
_CONTACT_M = 0.42
_ON_THE_GROUND = 0.03  # relative difference of depth up to which a pixel of the backdrop is the ground


def cast_shadows(
    backdrop_linear: Tensor, backdrop_depth_m: Tensor, view: View, light: Light, instances: Instances, people: People
) -> Tensor:
    """Darken the ground around people and where they stand in the lamp's light.

    Args:
        backdrop_linear: (K, 3, H, W).
        backdrop_depth_m: (K, H, W).
        view: K views.
        light: K lights; a weak or steep lamp casts a weak or short shadow.
        instances: M people.
        people: whom they name by row.

    Returns:
        (K, 3, H, W).
    """
    count, _, height_px, width_px = backdrop_linear.shape
    if len(instances) == 0:
        return backdrop_linear
    image = instances.image
    towards = light.towards[image]
    flat = towards[:, :2].square().sum(dim=1).sqrt().clamp_min(1e-6)
    length_m = (people.height_m[instances.person] * flat / towards[:, 2].clamp_min(0.05)).clamp(max=_MAX_LENGTH_M)
    away = -towards[:, :2] / flat[:, None]  # (M, 2)
    lamp = light.lamp_rgb[image].mean(dim=1)
    share = lamp / (lamp + light.sky_rgb[image].mean(dim=1)).clamp_min(1e-6)
    along = torch.cat([away * 0.5 * length_m[:, None], away * _CONTACT_M])
    across = torch.cat([_turned(away) * 0.24, _turned(away) * _CONTACT_M * 0.7])
    middle = torch.cat([instances.place_m + 0.5 * away * length_m[:, None], instances.place_m])
    strength = torch.cat([0.75 * share, torch.full_like(share, 0.45)])
    images = torch.cat([image, image])
    pixel, dark = _ellipses(middle, along, across, strength, images, view, backdrop_depth_m)
    kept = torch.ones(count * height_px * width_px, device=backdrop_linear.device)
    kept.scatter_reduce_(0, pixel, 1 - dark, "amin")
    return backdrop_linear * kept.view(count, 1, height_px, width_px)


def _ellipses(
    middle: Tensor, along: Tensor, across: Tensor, strength: Tensor, image: Tensor, view: View, depth_m: Tensor
) -> tuple[Tensor, Tensor]:
    """Pixels of soft ellipses on the ground, and how dark each makes them; `middle`, `along`, `across` are (S, 2)."""
    signs = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]], device=middle.device)
    ground = middle[:, None] + signs[:, :1] * along[:, None] + signs[:, 1:] * across[:, None]  # (S, 4, 2)
    ground = torch.cat([ground, torch.zeros_like(ground[..., :1])], dim=2)
    on_screen = view.select(image).project(ground)  # (S, 4, 3)
    # From above, where every camera is, the corners run counter-clockwise.
    corners = torch.cat([on_screen[:, [0, 1, 2]], on_screen[:, [0, 2, 3]]])
    shares = torch.cat([signs[[0, 1, 2]].expand(len(image), 3, 2), signs[[0, 2, 3]].expand(len(image), 3, 2)])
    fragments = find_fragments(corners, image.repeat(2), view.size_hw)
    weights, _ = corner_shares(corners.index_select(0, fragments.triangle), fragments.pixel, view.size_hw)
    place = (shares.index_select(0, fragments.triangle) * weights[..., None]).sum(
        dim=1
    )  # (Q, 2), within the unit circle or not
    soft = (1 - place.square().sum(dim=1)).clamp_min(0.0)
    seen = depth_m.reshape(-1).index_select(0, fragments.pixel) * fragments.inverse_depth
    on_ground = ((seen - 1.0).abs() < _ON_THE_GROUND).float()
    dark = strength.repeat(2).index_select(0, fragments.triangle) * soft.sqrt() * on_ground
    return fragments.pixel, dark


def _turned(direction: Tensor) -> Tensor:
    return torch.stack([-direction[:, 1], direction[:, 0]], dim=1)
