"""Who the made-up people are."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import torch

from reid.data.synthetic.bodies.people import People
from reid.data.synthetic.rows import Rows

MANY = People.from_seeds(np.arange(20_000))


def columns(table: Rows) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for field in fields(table):  # type: ignore[arg-type]
        value = getattr(table, field.name)
        found |= columns(value) if isinstance(value, Rows) else {field.name: value}
    return found


def test_a_seed_is_a_person() -> None:
    some = People.from_seeds(np.array([17, 3]))
    for name, values in columns(some).items():
        assert torch.equal(values[0], columns(MANY)[name][17]), name
        assert torch.equal(values[1], columns(MANY)[name][3]), name


def test_every_attribute_is_a_finite_number_and_varies() -> None:
    for name, values in columns(MANY).items():
        assert values.dtype == torch.float32, name
        assert len(values) == 20_000, name
        assert values.isfinite().all(), name
        assert values.flatten(1).std(dim=0).gt(0).all() if values.dim() > 1 else values.std() > 0, name


def test_people_have_human_sizes_and_speeds() -> None:
    assert MANY.height_m.min() > 1.1
    assert MANY.height_m.max() < 2.0
    assert 1.6 < MANY.height_m.median() < 1.75
    assert 1.1 < MANY.walking_speed_m_s.mean() < 1.45
    assert 1.1 < MANY.stride_m.mean() < 1.6


def test_streets_are_mostly_dark_and_grey() -> None:
    display = MANY.clothes.upper.sqrt()
    brightest, darkest = display.amax(dim=1), display.amin(dim=1)
    assert (brightest < 0.3).float().mean() > 0.3
    assert (brightest - darkest > 0.35).float().mean() < 0.15
    assert (MANY.clothes.lower.sqrt().amax(dim=1) < 0.32).float().mean() > 0.5


def test_wardrobes_have_the_shares_of_streets() -> None:
    clothes = MANY.clothes
    shares = {
        "plain": (clothes.pattern == 0, 0.5, 0.7),
        "coat": (clothes.drape == 1, 0.07, 0.25),
        "skirt or dress": (clothes.drape >= 2, 0.07, 0.2),
        "open": (clothes.opening > 0, 0.12, 0.35),
        "front logo": (clothes.front_logo[:, 0] > 0, 0.18, 0.26),
        "back logo": (clothes.back_logo[:, 0] > 0, 0.1, 0.18),
        "backpack": (MANY.bags.backpack > 0, 0.18, 0.26),
        "handbag": (MANY.bags.handbag > 0, 0.15, 0.26),
        "strap": (MANY.bags.strap != 0, 0.14, 0.22),
        "hat": (MANY.head.hat_style > 0, 0.12, 0.25),
        "hood": (clothes.hood > 0, 0.12, 0.35),
    }
    for name, (worn, low, high) in shares.items():
        assert low < worn.float().mean() < high, name


def test_no_two_people_are_the_same() -> None:
    looks = torch.cat([MANY.clothes.upper, MANY.clothes.lower, MANY.height_m[:, None]], dim=1)
    assert len(torch.unique(looks, dim=0)) == len(MANY)
