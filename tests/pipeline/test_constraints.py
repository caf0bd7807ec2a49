"""Constraints, by cases that can be read off a clock."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from pipeline.config import TopologyConfig, TransitConfig
from pipeline.constraints import Constraints, Stay


def stay(camera_id: str, start_s: float, end_s: float, *, clock_known: bool = True) -> Stay:
    return Stay(camera_id, start_s, end_s, clock_known)


def allow(topology: TopologyConfig, *stays: Stay) -> bool:
    """Both orders of the two groups must agree; the answer for the last stay against the others."""
    constraints = Constraints(topology)
    forward = constraints.allow(stays[:-1], stays[-1:])
    assert forward is constraints.allow(stays[-1:], stays[:-1])
    return forward


NOTHING = TopologyConfig()


@pytest.mark.parametrize(
    ("one", "other", "allowed"),
    [
        ((0, 10), (10, 20), True),  # leaves and is back in the next frame
        ((0, 10), (9.9, 20), False),
        ((0, 30), (10, 20), False),  # one within the other
        ((0, 10), (0, 10), False),
        ((0, 10), (50, 60), True),  # re-entry
    ],
)
def test_nobody_is_twice_in_one_camera_at_once(
    one: tuple[float, float], other: tuple[float, float], allowed: bool
) -> None:
    assert allow(NOTHING, stay("a", *one), stay("a", *other)) is allowed


def test_overlap_between_cameras_is_fine_unless_declared_impossible() -> None:
    both = stay("a", 0, 10), stay("b", 5, 15)
    assert allow(NOTHING, *both)
    assert not allow(TopologyConfig(non_overlapping=(("b", "a"),)), *both)
    assert allow(TopologyConfig(non_overlapping=(("a", "c"),)), *both)
    assert not allow(TopologyConfig(all_non_overlapping=True), *both)


def test_minimum_transit_holds_in_both_directions_unless_one_way() -> None:
    way = TransitConfig(cameras=("a", "b"), min_s=5)
    topology = TopologyConfig(transit=(way,))
    for first, second in (("a", "b"), ("b", "a")):
        assert allow(topology, stay(first, 0, 10), stay(second, 15, 20))
        assert not allow(topology, stay(first, 0, 10), stay(second, 14, 20))
        assert not allow(topology, stay(first, 0, 10), stay(second, 5, 20))  # seen in both at once
    one_way = TopologyConfig(transit=(way.model_copy(update={"one_way": True}),))
    assert not allow(one_way, stay("a", 0, 10), stay("b", 12, 20))
    assert allow(one_way, stay("b", 0, 10), stay("a", 12, 20))


def test_maximum_transit_holds_only_between_stays_that_follow_each_other() -> None:
    topology = TopologyConfig(transit=(TransitConfig(cameras=("a", "b"), max_s=20),))
    assert allow(topology, stay("a", 0, 10), stay("b", 30, 40))
    assert not allow(topology, stay("a", 0, 10), stay("b", 31, 40))
    assert allow(topology, stay("a", 0, 10), stay("c", 15, 30), stay("b", 45, 50))  # was in c in between
    assert not allow(topology, stay("a", 0, 10), stay("c", 12, 14), stay("a", 16, 18), stay("b", 45, 50))


def test_cameras_without_a_common_clock_are_not_compared() -> None:
    topology = TopologyConfig(all_non_overlapping=True, transit=(TransitConfig(cameras=("a", "b"), min_s=5, max_s=9),))
    assert allow(topology, stay("a", 0, 10, clock_known=False), stay("b", 5, 15))
    assert not allow(topology, stay("a", 0, 10, clock_known=False), stay("a", 5, 15, clock_known=False))


def test_groups_are_checked_member_by_member() -> None:
    """Against a literal loop over all pairs, for rules that hold for all pairs."""
    rng = np.random.default_rng(0)
    topology = TopologyConfig(non_overlapping=(("a", "b"),), transit=(TransitConfig(cameras=("b", "c"), min_s=3),))
    constraints = Constraints(topology)
    answers = set()
    for _ in range(500):
        stays = [stay(str(rng.choice(list("abc"))), start, start + 4) for start in rng.integers(0, 60, size=4).tolist()]
        some, others = stays[:2], stays[2:]
        expected = all(constraints.allow([one], [other]) for one, other in product(some, others))
        assert constraints.allow(some, others) is expected
        answers.add(expected)
    assert answers == {True, False}


def test_what_speaks_against_it_is_said_in_words() -> None:
    topology = TopologyConfig.model_validate(
        {"transit": [{"cameras": ["a", "b"], "min_s": 5, "max_s": 60}], "non_overlapping": [["b", "c"]]}
    )
    said = [([("a", 1), ("a", 7)], [("d", 2)])]
    constraints = Constraints(topology, said)
    first = Stay("a", 0, 10, track_id=1)
    for other, words in (
        (Stay("a", 5, 20), "both were seen in a at the same time"),
        (Stay("b", 12, 20), "from a to b in 2.0 s, where nobody takes less than 5 s"),
        (Stay("b", 8, 20), "from a to b in 0.0 s, where nobody takes less than 5 s"),
        (Stay("b", 100, 120), "from a to b in 90.0 s, where nobody who goes directly takes more than 60 s"),
        (Stay("d", 50, 60, track_id=2), "somebody said that they are different people"),
        (Stay("d", 50, 60, track_id=3), None),
        (Stay("b", 20, 30), None),
    ):
        assert constraints.conflict([first], [other]) == words
        assert constraints.allow([first], [other]) == (words is None)
        assert constraints.conflict([other], [first]) == words
    assert constraints.conflict([Stay("c", 0, 5)], [Stay("b", 4, 9)]) == "both were seen in b and c at the same time"
