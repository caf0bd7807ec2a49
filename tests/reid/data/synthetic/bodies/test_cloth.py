"""What surfaces of people are painted with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from reid.data.synthetic.bodies.cloth import paint_surfaces
from reid.data.synthetic.bodies.mesh import Part
from reid.data.synthetic.bodies.people import People
from reid.data.synthetic.bodies.traits import Clothes

GREEN, RED, BLUE, WHITE = ((0.1, 0.5, 0.1), (0.6, 0.1, 0.1), (0.1, 0.1, 0.6), (0.8, 0.8, 0.8))


_LEFT_OUT = (
    "drape",
    "opening",
    "fastening",
    "boots",
    "pattern",
    "sleeves_differ",
    "side_stripe",
    "fade",
    "fold",
    "front_logo",
    "back_logo",
    "back_differs",
    "tights",
    "belt",
    "collar",
    "scarf",
)


def dressed(**clothes: object) -> People:
    """One person in green, with red as second and blue as inner colour, and nothing else; then what is asked for."""
    people = People.from_seeds(np.array([5]))
    nothing = {name: torch.zeros_like(getattr(people.clothes, name)) for name in _LEFT_OUT}
    plain = {
        "upper": GREEN, "second": RED, "inner": BLUE, "lower": WHITE, "logo": WHITE,
        "sleeve": 1.0, "leg_end": 1.0, "hem": 0.49, "pattern_scale": 0.5, "pattern_phase": 0.5,
    }  # fmt: skip
    given = {name: torch.tensor([value], dtype=torch.float32) for name, value in (plain | clothes).items()}
    changed: Clothes = replace(people.clothes, **(nothing | given))
    bags = replace(people.bags, backpack=torch.zeros(1), strap=torch.zeros(1))
    head = replace(people.head, skin=torch.tensor([[0.5, 0.4, 0.3]]))
    return replace(people, clothes=changed, bags=bags, head=head)


def colour(people: People, part: Part, along: float, angle: float = 0.0) -> tuple[float, ...]:
    surface = torch.tensor([[np.cos(angle), np.sin(angle), along]], dtype=torch.float32)
    painted = paint_surfaces(people, torch.zeros(1, dtype=torch.int64), torch.tensor([int(part)]), surface)
    return tuple(painted[0].tolist())


def is_colour(seen: tuple[float, ...], expected: tuple[float, ...]) -> bool:
    return seen == pytest.approx(expected, rel=0.05)


def test_the_trunk_is_upper_wear_down_to_the_hem_and_skin_above_the_neckline() -> None:
    people = dressed()
    assert is_colour(colour(people, Part.TRUNK, 0.7), GREEN)
    assert is_colour(colour(people, Part.TRUNK, 0.48), WHITE)
    assert is_colour(colour(people, Part.TRUNK, 0.862), (0.5, 0.4, 0.3))


def test_an_open_jacket_shows_what_is_under_it_in_front_only() -> None:
    people = dressed(opening=0.3)
    assert is_colour(colour(people, Part.TRUNK, 0.7, 0.1), BLUE)
    assert is_colour(colour(people, Part.TRUNK, 0.7, 1.2), GREEN)
    assert is_colour(colour(people, Part.TRUNK, 0.7, np.pi), GREEN)


def test_sleeves_and_trousers_end_where_skin_begins() -> None:
    people = dressed(sleeve=0.4, leg_end=0.5)
    assert is_colour(colour(people, Part.ARM, 0.2), GREEN)
    assert is_colour(colour(people, Part.ARM, 0.6), (0.5, 0.4, 0.3))
    assert is_colour(colour(people, Part.LEG, 0.3), WHITE)
    assert is_colour(colour(people, Part.LEG, 0.7), (0.5, 0.4, 0.3))


def test_a_back_may_differ_from_the_front() -> None:
    people = dressed(back_differs=1.0)
    assert is_colour(colour(people, Part.TRUNK, 0.7, 0.3), GREEN)
    assert is_colour(colour(people, Part.TRUNK, 0.7, np.pi), RED)


@pytest.mark.parametrize(("pattern", "name"), [(1, "stripes"), (2, "checks"), (3, "yoke"), (4, "panels"), (5, "print")])
def test_patterns_have_both_colours(pattern: int, name: str) -> None:
    people = dressed(pattern=float(pattern))
    heights, angles = np.linspace(0.5, 0.83, 40), np.linspace(-1.4, 1.4, 15)
    seen = np.array([colour(people, Part.TRUNK, height, angle) for height in heights for angle in angles])
    assert (np.abs(seen - GREEN).max(axis=1) < 0.02).mean() > 0.1, name
    assert (np.abs(seen - RED).max(axis=1) < 0.02).mean() > 0.1, name


def test_a_logo_is_on_its_side_only() -> None:
    logo = (1.0, 0.0, 0.74, 0.15, 0.03)
    assert is_colour(colour(dressed(front_logo=logo), Part.TRUNK, 0.74), WHITE)
    assert is_colour(colour(dressed(front_logo=logo), Part.TRUNK, 0.74, np.pi), GREEN)
    assert is_colour(colour(dressed(back_logo=logo), Part.TRUNK, 0.74, np.pi), WHITE)
    assert is_colour(colour(dressed(back_logo=logo), Part.TRUNK, 0.6, np.pi), GREEN)


def test_straps_of_a_rucksack_are_seen_in_front() -> None:
    people = dressed()
    with_pack = replace(people, bags=replace(people.bags, backpack=torch.ones(1)))
    strap = tuple(people.bags.backpack_colour[0].tolist())
    assert is_colour(colour(with_pack, Part.TRUNK, 0.75, np.arcsin(0.56)), strap)
    assert is_colour(colour(people, Part.TRUNK, 0.75, np.arcsin(0.56)), GREEN)


def test_a_coat_a_skirt_and_a_dress_hang_in_their_own_colours() -> None:
    assert is_colour(colour(dressed(drape=1.0), Part.DRAPE, 0.5, 2.0), GREEN)
    assert is_colour(colour(dressed(drape=2.0), Part.DRAPE, 0.5, 2.0), WHITE)
    assert is_colour(colour(dressed(drape=3.0), Part.DRAPE, 0.5, 2.0), GREEN)


def test_every_part_is_painted_with_a_colour_for_everyone() -> None:
    people = People.from_seeds(np.arange(300))
    rng = np.random.default_rng(0)
    count = 40_000
    part = torch.from_numpy(rng.integers(0, len(Part), count))
    angle, along = rng.uniform(0, 6.28, count), rng.uniform(0, 1, count)
    along = np.where(part.numpy() == int(Part.TRUNK), 0.455 + 0.4 * along, along)
    surface = torch.from_numpy(np.stack([np.cos(angle), np.sin(angle), along], axis=1)).float()
    painted = paint_surfaces(people, torch.from_numpy(rng.integers(0, 300, count)), part, surface)
    assert painted.isfinite().all()
    assert painted.min() >= 0
    assert painted.max() < 2.5
    for each in Part:
        assert painted[part == int(each)].std() > 0.01, each
