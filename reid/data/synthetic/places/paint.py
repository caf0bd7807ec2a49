"""The colour of surfaces at given spots, averaged over the pixel that sees them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from reid.data.synthetic.places import noise
from reid.data.synthetic.places.finishes import Cells, Finish, Inset, Table
from reid.data.synthetic.places.lookup import look_up

_STAIN_M = 2.5
_HOUSE_SPREAD = 0.45
_CRACK_WIDTH = 0.012


@dataclass(frozen=True)
class Spots(Table):
    """Where n pixels meet their surfaces.

    Attributes:
        u_m: (n,), along the surface; horizontal on upright ones.
        v_m: (n,), across; upwards on upright ones.
        wide_m: (n,), how much of u one pixel covers.
        high_m: (n,), how much of v.
        salt: (n,) int64, of the surface: equal finishes differ in all that is random.
    """

    u_m: Tensor
    v_m: Tensor
    wide_m: Tensor
    high_m: Tensor
    salt: Tensor


def albedo(finishes: Finish, entry: Tensor, spots: Spots) -> Tensor:
    """Colour of surfaces.

    Args:
        finishes: R finishes.
        entry: (n,) int64, which of them is at each spot.
        spots: n spots.

    Returns:
        (3, n) linear: the share of light that comes back.
    """
    colour = _cells(finishes.body.take(entry), spots)
    house_m, plinth_m = look_up(finishes.house_m, entry), look_up(finishes.plinth_m, entry)
    house = noise.on_grid(torch.floor(spots.u_m / house_m), torch.zeros_like(spots.u_m), spots.salt + 9)
    colour = colour * (1.0 + _HOUSE_SPREAD * (house - 0.5) * (house_m < 1e3))
    plinth = _covered(spots.v_m, torch.zeros_like(spots.v_m), plinth_m, spots.high_m)
    colour = colour + (look_up(finishes.plinth_rgb, entry) - colour) * plinth
    colour = colour * _wear(finishes, entry, spots)
    for layer in finishes.insets:
        _lay(layer, entry, spots, colour)
    return colour


def _wear(finishes: Finish, entry: Tensor, spots: Spots) -> Tensor:
    """Grain, stains and cracks: (n,), a factor on the colour."""
    pixel_m = torch.maximum(spots.wide_m, spots.high_m)
    grain_m = look_up(finishes.grain_m, entry)
    drawn = noise.on_grid(torch.floor(spots.u_m / grain_m), torch.floor(spots.v_m / grain_m), spots.salt)
    grain = (drawn - 0.5) * look_up(finishes.grain, entry) * (grain_m / torch.maximum(pixel_m, grain_m))
    shift = (spots.salt & 1023).to(torch.float32) * 0.37
    stain = noise.smooth(spots.u_m * (1.0 / _STAIN_M) + shift, spots.v_m * (1.0 / _STAIN_M))
    crack_width = _CRACK_WIDTH + pixel_m * 0.5
    crack = (1.0 - stain.abs() / crack_width).clamp_min(0.0) * (_CRACK_WIDTH / crack_width)
    return (1.0 + grain + 0.5 * look_up(finishes.stain, entry) * stain.clamp(-2.5, 2.5)) * (
        1.0 - look_up(finishes.cracks, entry) * crack
    )


def _cells(cells: Cells, spots: Spots) -> Tensor:
    """Colour of a pattern: (3, n). Cells smaller than a pixel blend into their mean."""
    row = torch.floor(spots.v_m / cells.size_v_m)
    along = spots.u_m / cells.size_u_m + cells.bond * row
    column = torch.floor(along)
    into_u_m, into_v_m = (along - column) * cells.size_u_m, spots.v_m - row * cells.size_v_m
    fine_u = (1.5 - 2.0 * spots.wide_m / cells.size_u_m).clamp(0.0, 1.0)
    fine_v = (1.5 - 2.0 * spots.high_m / cells.size_v_m).clamp(0.0, 1.0)
    joint_u = _joint(into_u_m, cells.size_u_m, cells.joint_m, spots.wide_m, fine_u)
    joint_v = _joint(into_v_m, cells.size_v_m, cells.joint_m, spots.high_m, fine_v)
    fine = fine_u * fine_v
    drawn = noise.on_grid(column, row, spots.salt)
    other = (noise.on_grid(column, row, spots.salt + 1) < cells.other_share).to(torch.float32)
    other = cells.other_share + (other - cells.other_share) * fine
    colour = cells.rgb + (cells.other_rgb - cells.rgb) * other
    colour = colour * (1.0 + 2.0 * cells.variety * (drawn - 0.5) * fine)
    if bool((cells.motley > 0).any()):
        anything = torch.stack([noise.on_grid(column, row, spots.salt + channel) for channel in (2, 3, 4)])
        colour = colour + (anything * anything - colour) * (cells.motley * fine)
    return colour + (cells.joint_rgb - colour) * (joint_u + joint_v - joint_u * joint_v)


def _lay(layer: Inset, entry: Tensor, spots: Spots, colour: Tensor) -> None:
    """Lay rectangles on top of a colour, (3, n), in place. Most spots see none, and are left out early."""
    here = torch.nonzero(look_up(layer.width_m > 0, entry)).squeeze(1)
    if not len(here):
        return
    which = look_up(entry, here)
    u_m, v_m, wide_m, high_m, salt = (
        look_up(column, here) for column in (spots.u_m, spots.v_m, spots.wide_m, spots.high_m, spots.salt)
    )
    low_m, pitch_u_m, pitch_v_m, width_m, height_m, storeys, share = (
        look_up(column, which)
        for column in (
            layer.low_m,
            layer.pitch_u_m,
            layer.pitch_v_m,
            layer.width_m,
            layer.height_m,
            layer.storeys,
            layer.share,
        )
    )
    column, storey = torch.floor(u_m / pitch_u_m), torch.floor((v_m - low_m) / pitch_v_m)
    u_m = u_m - column * pitch_u_m - 0.5 * (pitch_u_m - width_m)
    v_m = v_m - low_m - storey * pitch_v_m
    touched = (u_m > -0.5 * wide_m) & (u_m < width_m + 0.5 * wide_m) & (v_m < height_m + 0.5 * high_m)
    touched = touched & (storey >= 0) & (storey < storeys) & (noise.on_grid(column, storey, salt + 5) < share)
    inner = torch.nonzero(touched).squeeze(1)
    if not len(inner):
        return
    salt = salt + 7 * column.to(torch.int64) + 131 * storey.to(torch.int64)
    own = Spots(u_m, v_m, wide_m, high_m, salt).take(inner)
    there = look_up(here, inner)
    colour[:, there] = _rectangles(layer.take(look_up(which, inner)), own, spots.take(there), look_up(colour, there))


def _rectangles(inset: Inset, own: Spots, spots: Spots, under: Tensor) -> Tensor:
    """Colour of spots in rectangles, (3, n): `own` counts from the rectangle's corner, `spots` along the surface."""
    whole = _inside(inset, own, torch.zeros_like(own.u_m))
    pane = _inside(inset, own, inset.frame_m)
    mirrored = 0.5 + 0.35 * noise.smooth(0.4 * spots.u_m + 0.25 * spots.v_m, 0.3 * spots.v_m)
    inside = _cells(inset.inside, own) + inset.shine * mirrored.clamp_min(0.0)
    colour = under + (inset.frame_rgb - under) * whole
    return colour + (inside - colour) * pane


def _inside(inset: Inset, spots: Spots, margin_m: Tensor) -> Tensor:
    """Share of each pixel within the rectangles, or ellipses, drawn in by a margin: (n,)."""
    square = _covered(spots.u_m, margin_m, inset.width_m - margin_m, spots.wide_m)
    square = square * _covered(spots.v_m, margin_m, inset.height_m - margin_m, spots.high_m)
    radius_m = 0.5 * inset.width_m
    off_u = (spots.u_m - radius_m) / radius_m
    off_v = (spots.v_m - 0.5 * inset.height_m) / (0.5 * inset.height_m)
    inward_m = radius_m * (1.0 - torch.sqrt(off_u * off_u + off_v * off_v)) - margin_m
    disc = (inward_m / torch.maximum(spots.wide_m, spots.high_m) + 0.5).clamp(0.0, 1.0)
    return torch.where(inset.roundness > 0.5, disc, square)


def _covered(place_m: Tensor, low_m: Tensor, high_m: Tensor, pixel_m: Tensor) -> Tensor:
    """Share of pixels around places that lies between two bounds: (n,)."""
    half_m = 0.5 * pixel_m
    overlap_m = torch.minimum(place_m + half_m, high_m) - torch.maximum(place_m - half_m, low_m)
    return (overlap_m / pixel_m).clamp(0.0, 1.0)


def _joint(into_m: Tensor, size_m: Tensor, joint_m: Tensor, pixel_m: Tensor, fine: Tensor) -> Tensor:
    """Share of pixels taken by the joint at either end of a cell: (n,)."""
    near_m = torch.minimum(into_m, size_m - into_m)
    half_m = 0.5 * joint_m
    share = _covered(near_m, -half_m, half_m, pixel_m)
    mean = joint_m / size_m
    return mean + (share - mean) * fine
