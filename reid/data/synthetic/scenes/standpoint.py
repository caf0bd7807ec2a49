"""Where a fixed camera hangs, how it looks at its place, and where people can walk in front of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from reid.data.synthetic.dice import Dice
from reid.data.synthetic.draws import Draws
from reid.data.synthetic.places.backdrop import Places
from reid.data.synthetic.scenes.choreography import share_of_free_ways
from reid.data.synthetic.scenes.walk import Ground
from reid.data.synthetic.view import View

# People walk on y in [-6, 6] m; the picture's edges must lie so far within that they can come from out of sight.
_SIDES_M = 5.2
_PERSON_M = 1.72
_TALLEST_M = 2.0
_TALLEST_SHARE = 0.56  # of the picture's height, that a person at the near end of the ground takes
_FEET_SHARE = 0.96  # of the picture's height, down to the feet of such a person
_NEAREST_M = 3.5
_PLACES = 12
_FREE_WAYS = 0.35


@dataclass(frozen=True)
class Standpoint:
    """One camera.

    Attributes:
        place: seed of the place.
        view: one view of it.
        ground: where people walk.
    """

    place: int
    view: View
    ground: Ground


def take_standpoint(draws: Draws, size_hw: tuple[int, int]) -> Standpoint:
    """Hang up a camera in a place where people find ways past it.

    Args:
        draws: one seed.
        size_hw: of its pictures.

    Returns:
        The camera. From the near end of its ground to the far end a person is whole in the picture.
    """
    dice = Dice(draws)
    height_px, width_px = size_hw
    focal_px = dice.between("focal length", 0.8, 1.05) * width_px
    high_m = dice.between("height", 2.4, 3.8)
    slope = 0.5 * width_px / focal_px
    near_m = max(_NEAREST_M, _PERSON_M * focal_px / (_TALLEST_SHARE * height_px))
    pitch_rad = math.atan(high_m / near_m) - math.atan((_FEET_SHARE - 0.5) * height_px / focal_px)
    far_m = max(near_m + 1.0, _SIDES_M / slope)
    top_rad = pitch_rad - math.atan(0.5 * height_px / focal_px)
    if top_rad > 0:  # the picture's upper edge lies below the horizon
        far_m = min(far_m, (high_m - _TALLEST_M) / math.tan(top_rad))
    view = View(
        position_m=torch.tensor([[0.0, 0.0, high_m]]),
        yaw_rad=torch.zeros(1),
        pitch_rad=torch.tensor([pitch_rad]),
        focal_px=torch.full((1, 2), focal_px),
        centre_px=torch.tensor([[0.5 * width_px, 0.5 * height_px]]),
        size_hw=size_hw,
    )
    best: Standpoint | None = None
    best_share = -1.0
    for number in range(_PLACES):
        place = int(draws.child("place", number).seeds[0])
        ground = Ground(near_m, far_m, slope, obstacles_m(Places.from_seeds([place])))
        share = share_of_free_ways(dice.child("ways", number), ground)
        if share > best_share:
            best, best_share = Standpoint(place, view, ground), share
        if share >= _FREE_WAYS:
            break
    assert best is not None
    return best


def obstacles_m(places: Places) -> np.ndarray:
    """(K, 4): what people have to walk around in the first of some places, as boxes along x and y around it."""
    obstacles = places.obstacles_xy(torch.zeros(1, dtype=torch.int64))
    is_there = obstacles.is_there[0].numpy()
    yaw_rad = obstacles.yaw_rad[0].numpy()[is_there].astype(np.float64)
    half_m = obstacles.half_m[0].numpy()[is_there].astype(np.float64)
    centre_m = obstacles.centre_m[0].numpy()[is_there].astype(np.float64)
    sin, cos = np.abs(np.sin(yaw_rad)), np.abs(np.cos(yaw_rad))
    reach_m = np.stack([cos * half_m[:, 0] + sin * half_m[:, 1], sin * half_m[:, 0] + cos * half_m[:, 1]], axis=1)
    return np.concatenate([centre_m - reach_m, centre_m + reach_m], axis=1)
