"""What surfaces of people are painted with: cloth with its patterns and prints, skin, hair, leather."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from reid.data.synthetic.bodies.mesh import Part
from reid.data.synthetic.bodies.people import NECK, WAIST, People

_Painter = Callable[["Spots"], Tensor]
_STRIPES, _CHECKS, _YOKE, _PANELS, _PRINT = 1, 2, 3, 4, 5


@dataclass(frozen=True)
class Spots:
    """P points of surfaces of one part.

    Attributes:
        people: P rows, who each point belongs to.
        front: (P,), cosine of the angle around the tube, 1 in front.
        left: (P,), sine of that angle; on limbs the inner side.
        along: (P,), place along the tube.
    """

    people: People
    front: Tensor
    left: Tensor
    along: Tensor


def paint_surfaces(people: People, person: Tensor, part: Tensor, surface: Tensor) -> Tensor:
    """Colour points of surfaces.

    Args:
        people: N people.
        person: (P,) int64, rows of `people`.
        part: (P,) int64, a `Part`.
        surface: (P, 3), as `Mesh.surface`.

    Returns:
        (P, 3), linear, what the surface sends back of white light.
    """
    colours = torch.empty_like(surface)
    for kind, painter in _PAINTERS.items():
        chosen = (part == int(kind)).nonzero()[:, 0]
        if len(chosen):
            front, left, along = surface.index_select(0, chosen).unbind(dim=1)
            rows = people.picked(person.index_select(0, chosen))
            colours.index_copy_(0, chosen, painter(Spots(rows, front, left, along)))
    return colours


def _mix(below: Tensor, above: Tensor, share: Tensor) -> Tensor:
    """Lay one colour (P, 3) over another by shares (P,)."""
    return below + (above - below) * share.to(below.dtype)[:, None]


def _folds(spots: Spots, across: float, lengthwise: float) -> Tensor:
    """Brightness (P,) of creased cloth."""
    strength, size, phase = spots.people.clothes.fold.unbind(dim=1)
    wave = torch.sin(lengthwise * size * spots.along + across * spots.left + 2.2 * spots.front + phase)
    finer = torch.sin(2.3 * lengthwise * size * spots.along - 1.7 * across * spots.left + 2.7 * phase)
    return 1.0 + strength * (0.7 * wave + 0.5 * finer)


def _pattern(spots: Spots, height: Tensor, across: Tensor) -> Tensor:
    """Upper cloth (P, 3) at heights of the rest pose and places across, both in shares of the person's height."""
    clothes = spots.people.clothes
    kind, scale, phase = clothes.pattern, clothes.pattern_scale, clothes.pattern_phase
    period = 0.022 + 0.045 * scale
    rows = torch.frac(height / period + phase + 40.0)
    columns = torch.frac(across / period + phase + 40.0)
    striped = (rows < 0.35 + 0.3 * phase) & (kind == _STRIPES)
    checked = 0.5 * ((rows < 0.5).float() + (columns < 0.5).float()) * (kind == _CHECKS)
    yoke = (height > 0.70 + 0.08 * phase) & (kind == _YOKE)
    panels = (across.abs() > 0.035 + 0.03 * scale) & (kind == _PANELS)
    blotch = torch.sin(61.0 * (1.4 - scale) * height + 9 * phase) + torch.sin(57.0 * (1.4 - scale) * across + 5 * phase)
    blotch = blotch + torch.sin(83.0 * (1.3 - scale) * (height + across))
    printed = (blotch > 0.4) & (kind == _PRINT)
    share = (striped | yoke | panels | printed).float() + checked
    behind = (spots.front < 0) & (clothes.back_differs > 0)
    return _mix(clothes.upper, clothes.second, torch.where(behind, 1 - share, share))


def _logo(colour: Tensor, logo: Tensor, ink: Tensor, height: Tensor, left: Tensor, facing: Tensor) -> Tensor:
    """Print a block of letters or a badge on cloth."""
    shown, across, middle, half_width, half_height = logo.unbind(dim=1)
    x, y = (left - across) / half_width, (height - middle) / half_height
    inside = (shown > 0) & facing & (x.abs() < 1) & (y.abs() < 1)
    letters = torch.sin(9.0 * x + 40.0 * across) + torch.sin(21.0 * x + 3.0 * y) > -0.6
    badge = half_width < 0.2
    return _mix(colour, ink, inside & (letters | badge))


def _trunk(spots: Spots) -> Tensor:
    clothes, bags = spots.people.clothes, spots.people.bags
    height, left, facing = spots.along, spots.left, spots.front > 0
    across = 0.105 * left
    colour = _pattern(spots, height, across)
    colour = _logo(colour, clothes.front_logo, clothes.logo, height, left, facing)
    colour = _logo(colour, clothes.back_logo, clothes.logo, height, -left, ~facing)
    centre = facing & (left.abs() < 0.045) & (height > clothes.hem)
    colour = colour * (1 - 0.45 * (centre & (clothes.fastening > 0)).float())[:, None]
    gap = clothes.opening * (1.0 + 1.2 * (clothes.hem + 0.12 - height).clamp_min(0.0))
    is_open = facing & (clothes.opening > 0)
    colour = _mix(colour, colour * 0.45, is_open & (left.abs() < gap + 0.05))
    colour = _mix(colour, clothes.inner, is_open & (left.abs() < gap))
    strap_at = 0.56 + 0.25 * (height - 0.75)
    worn = (bags.backpack > 0) & facing & ((left.abs() - strap_at).abs() < 0.11) & (height > 0.67)
    colour = _mix(colour, bags.backpack_colour, worn)
    diagonal = (height - 0.70) / 0.13 - bags.strap * left
    colour = _mix(colour, bags.handbag_colour, (bags.strap != 0) & (diagonal.abs() < 0.13) & (height > clothes.hem))
    below = height < clothes.hem
    trousers = clothes.lower * (1 - 0.5 * ((clothes.belt > 0) & (height > clothes.hem - 0.018)).float())[:, None]
    colour = _mix(colour * _folds(spots, 5.0, 55.0)[:, None], trousers, below)
    neckline = NECK - 0.012 - clothes.collar * (spots.front.clamp_min(0.0) ** 3) - 0.004
    return _mix(colour, spots.people.head.skin, height > neckline)


def _leg(spots: Spots) -> Tensor:
    clothes, head = spots.people.clothes, spots.people.head
    bare = _mix(head.skin, torch.full_like(head.skin, 0.012), clothes.tights)
    cloth = clothes.lower
    # Denim is worn pale in front of the thigh.
    worn = clothes.fade * spots.front.clamp_min(0.0) * torch.exp(-(((spots.along - 0.25) / 0.16) ** 2))
    cloth = cloth * (1 + 1.1 * worn)[:, None]
    cloth = _mix(cloth, clothes.logo, (clothes.side_stripe > 0) & (spots.left < -0.88))
    cloth = cloth * _folds(spots, 3.0, 16.0)[:, None]
    covered = (spots.along < clothes.leg_end) & (clothes.drape < 2)
    colour = _mix(bare, cloth, covered)
    return _mix(colour, clothes.shoes, (clothes.boots > 0) & (spots.along > 1 - 0.5 * clothes.boots))


def _foot(spots: Spots) -> Tensor:
    clothes = spots.people.clothes
    return _mix(clothes.shoes, clothes.sole, spots.front < -0.45)


def _arm(spots: Spots) -> Tensor:
    clothes = spots.people.clothes
    height = 0.81 - 0.32 * spots.along
    colour = _pattern(spots, height, 0.035 * spots.left)
    colour = _mix(colour, clothes.upper, clothes.pattern == _PANELS)
    colour = _mix(colour, clothes.second, clothes.sleeves_differ)
    colour = colour * _folds(spots, 3.0, 20.0)[:, None]
    cuff = (spots.along > clothes.sleeve - 0.03) & (clothes.sleeve > 0.9)
    colour = colour * (1 - 0.25 * cuff.float())[:, None]
    return _mix(spots.people.head.skin, colour, spots.along < clothes.sleeve)


def _skin(spots: Spots) -> Tensor:
    return spots.people.head.skin


def _neck(spots: Spots) -> Tensor:
    return spots.people.head.skin * 0.85


def _face(spots: Spots) -> Tensor:
    head = spots.people.head
    left = spots.left.abs()
    colour = _mix(
        head.skin,
        head.skin * torch.tensor([0.82, 0.5, 0.5], device=left.device),
        _near(left, 0.0, 0.28) & _near(spots.along, 0.24, 0.028) & (spots.front > 0),
    )
    jaw = (spots.along < 0.36) & (spots.front > -0.2) & ~(_near(left, 0.0, 0.2) & _near(spots.along, 0.24, 0.02))
    colour = _mix(colour, head.hair * 0.8 + 0.2 * head.skin, jaw * head.beard)
    eyes = _near(left, 0.38, 0.15) & (spots.front > 0)
    colour = _mix(colour, torch.full_like(colour, 0.02), eyes & _near(spots.along, 0.54, 0.025))
    colour = _mix(colour, head.hair * 0.7, eyes & _near(spots.along, 0.615, 0.018))
    rims = (spots.front > -0.2) & _near(spots.along, 0.54, 0.05) & ((left > 0.55) | _near(left, 0.38, 0.22))
    return _mix(colour, torch.full_like(colour, 0.01), rims.float() * head.glasses * 0.8)


def _near(values: Tensor, middle: float, reach: float) -> Tensor:
    return (values - middle).abs() < reach


def _hair(spots: Spots) -> Tensor:
    strands = 1 + 0.22 * torch.sin(17 * spots.left + 11 * spots.front + 3 * spots.along)
    shine = 1 + 0.35 * torch.exp(-(((spots.along - 0.82) / 0.06) ** 2))
    return spots.people.head.hair * (strands * shine)[:, None]


def _hat(spots: Spots) -> Tensor:
    head, clothes = spots.people.head, spots.people.clothes
    colour = _mix(head.hat, clothes.upper * 0.9, head.hat_style == 4)
    ribbed = (head.hat_style == 2) & (torch.frac(spots.left * 6 + 20) < 0.4)
    band = (head.hat_style == 3) & (spots.along > 0.4) & (spots.along < 0.6)
    return colour * (1 - 0.2 * ribbed.float() - 0.5 * band.float())[:, None]


def _drape(spots: Spots) -> Tensor:
    clothes = spots.people.clothes
    height = clothes.drape_hem + spots.along * (WAIST - clothes.drape_hem)
    upper = _pattern(spots, height, 0.12 * spots.left)
    colour = _mix(upper, clothes.lower, clothes.drape == 2)
    coat, facing = clothes.drape == 1, spots.front > 0
    colour = colour * (1 - 0.4 * (coat & facing & (spots.left.abs() < 0.04)).float())[:, None]
    gap = clothes.opening * (1.15 - 0.25 * spots.along)
    colour = _mix(colour, colour * 0.35, coat & facing & (clothes.opening > 0) & (spots.left.abs() < gap + 0.05))
    colour = _mix(colour, clothes.lower * 0.75, coat & facing & (clothes.opening > 0) & (spots.left.abs() < gap))
    belted = (clothes.belt > 0) & (spots.along > 0.93)
    colour = colour * (1 - 0.45 * belted.float())[:, None]
    return colour * _folds(spots, 14.0, 5.0)[:, None]


def _backpack(spots: Spots) -> Tensor:
    colour = spots.people.bags.backpack_colour
    pocket = (spots.front < -0.4) & (spots.along < 0.35)
    seam = (spots.front < 0) & (_near(spots.along, 0.38, 0.03) | _near(spots.along, 0.85, 0.03))
    return colour * (1 + 0.25 * pocket.float() - 0.45 * seam.float())[:, None]


def _handbag(spots: Spots) -> Tensor:
    flap = _near(spots.along, 0.55, 0.04).float()
    return spots.people.bags.handbag_colour * (1 - 0.4 * flap)[:, None]


def _collar(spots: Spots) -> Tensor:
    clothes = spots.people.clothes
    return _mix(clothes.upper * 0.9, clothes.scarf_colour, clothes.scarf) * _folds(spots, 7.0, 9.0)[:, None]


_PAINTERS: dict[Part, _Painter] = {
    Part.TRUNK: _trunk,
    Part.LEG: _leg,
    Part.FOOT: _foot,
    Part.ARM: _arm,
    Part.HAND: _skin,
    Part.NECK: _neck,
    Part.HEAD: _face,
    Part.HAIR: _hair,
    Part.HAT: _hat,
    Part.DRAPE: _drape,
    Part.BACKPACK: _backpack,
    Part.HANDBAG: _handbag,
    Part.COLLAR: _collar,
}
