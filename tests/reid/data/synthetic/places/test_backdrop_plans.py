"""What stands in made-up places."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from reid.data.synthetic.dice import Dice
from reid.data.synthetic.draws import Draws
from reid.data.synthetic.places import furniture
from reid.data.synthetic.places.boxes import block
from reid.data.synthetic.places.casting import FACES_A_BOX
from reid.data.synthetic.places.materials import plain
from reid.data.synthetic.places.plans import NOWHERE_M, Plan, plan
from reid.data.synthetic.places.scenery import FIRST_BOX, tables

SEEDS = np.arange(60)
PLANS = [plan(int(seed)) for seed in SEEDS]
MAKERS = sorted({*furniture.INDOOR, *furniture.OUTDOOR, *furniture.INDOOR_MIDDLE, *furniture.OUTDOOR_MIDDLE,
                 *furniture.NEAR, furniture.car, furniture.building}, key=lambda maker: maker.__name__)  # fmt: skip


def has_roof(one: Plan) -> bool:
    return one.ceiling_m < NOWHERE_M


def test_walls_leave_the_walking_area_free() -> None:
    for one in PLANS:
        assert one.back.at_m > 14.0
        assert one.left.at_m > 6.0
        assert one.right.at_m < -6.0


def test_there_are_rooms_and_open_places_under_several_skies() -> None:
    roofs = [has_roof(one) for one in PLANS]
    assert 0.25 < np.mean(roofs) < 0.75
    assert all(not one.lighting.has_shadows for one in PLANS if has_roof(one))
    open_places = [one.lighting for one in PLANS if not has_roof(one)]
    assert {light.has_shadows for light in open_places} == {True, False}
    assert all(max(light.high_sky_rgb) > 0.1 for light in open_places)


def test_nothing_stands_where_the_camera_hangs() -> None:
    for one in PLANS:
        for box in one.boxes:
            reach_m = math.hypot(box.half_m[0], box.half_m[1])
            assert math.hypot(box.centre_m[0], box.centre_m[1]) - reach_m > 0.2


def test_a_place_hangs_on_its_seed_alone() -> None:
    again = plan(7)
    assert [box.centre_m for box in again.boxes] == [box.centre_m for box in PLANS[7].boxes]
    assert [box.centre_m for box in again.boxes] != [box.centre_m for box in PLANS[8].boxes]


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_furniture_stands_on_the_ground_in_a_likely_size(maker: furniture.Maker) -> None:
    for seed in range(8):
        group = maker(Dice(Draws([seed])))
        feet = [box.centre_m[2] - box.half_m[2] for box in group]
        assert min(feet) == pytest.approx(0.0, abs=1e-6)
        assert all(min(box.half_m) > 0 for box in group)
        top_m = max(box.centre_m[2] + box.half_m[2] for box in group)
        assert 0.3 < top_m < (20 if maker is furniture.building else 10)
        if maker is not furniture.building:
            assert max(box.half_m[0] for box in group) < 2.6


def test_a_box_is_turned_about_the_origin_and_then_shifted() -> None:
    box = block((2.0, 1.0, 0.5), plain((0.5, 0.5, 0.5)), at_m=(1.0, 0.3, 0.2)).placed(5.0, 3.0, math.pi / 2)
    assert box.centre_m == pytest.approx((4.7, 4.0, 0.45))
    assert box.yaw_rad == pytest.approx(math.pi / 2)


def test_faces_lie_on_their_boxes() -> None:
    scenery, _ = tables(PLANS[:5], SEEDS[:5])
    solids = scenery.solids
    faces = scenery.normal[FIRST_BOX:].unflatten(0, (len(solids), FACES_A_BOX))  # (B, 6, 3, C)
    corners = scenery.corner_m[FIRST_BOX:].unflatten(0, (len(solids), FACES_A_BOX))
    out = ((corners - solids.centre_m[:, None]) * faces).sum(dim=2)  # (B, 6, C)
    expected = solids.half_m.repeat_interleave(2, dim=1)
    torch.testing.assert_close(out, expected, atol=1e-4, rtol=1e-4)
    for first, second in (
        (scenery.normal, scenery.along_u),
        (scenery.normal, scenery.along_v),
        (scenery.along_u, scenery.along_v),
    ):
        assert (first * second).sum(dim=1).abs().max() < 1e-5


def test_each_face_has_the_finish_of_its_plan() -> None:
    scenery, finishes = tables(PLANS[:5], SEEDS[:5])
    for place, one in enumerate(PLANS[:5]):
        wanted = [one.ground, one.verge, one.back.finish, one.left.finish, one.right.finish, one.ceiling]
        wanted += [
            finish for box in one.boxes for finish in (box.ends, box.ends, box.sides, box.sides, box.top, box.top)
        ]
        for face, finish in enumerate(wanted):
            entry = scenery.finish[face, place]
            assert torch.equal(finishes.body.rgb[:, entry], finish.body.rgb[:, 0])
            assert finishes.inset_0.width_m[entry] == finish.inset_0.width_m[0]
