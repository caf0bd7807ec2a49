"""Random numbers by name."""

from __future__ import annotations

import numpy as np
import pytest

from reid.data.synthetic.draws import Draws

MANY = Draws(np.arange(200_000))


def test_a_number_depends_on_its_seed_and_name_alone() -> None:
    together = Draws([3, 4, 5]).uniform("height")
    alone = Draws([5])
    alone.uniform("weight")
    assert together[2] == alone.uniform("height")[0]
    assert together[2] != alone.uniform("weight")[0]
    assert len(set(together.tolist())) == 3


def test_children_are_independent_of_each_other_and_of_their_parent() -> None:
    parent = Draws([7, 7])
    first, second = parent.child("frame", np.array([0, 1])).uniform("x")
    assert first != second
    assert first != parent.child("box").uniform("x")[0]
    assert parent.child("frame", 1).uniform("x")[1] == second


def test_seeds_may_be_any_integers() -> None:
    seeds = np.array([-1, 0, 2**63 - 1])
    values = Draws(seeds).uniform("x")
    assert len(set(values.tolist())) == 3
    assert len(Draws(seeds)) == 3


def test_uniform_numbers_fill_their_range_evenly() -> None:
    values = MANY.uniform("x", 2.0, 6.0)
    assert values.dtype == np.float32
    assert values.min() >= 2.0
    assert values.max() < 6.0001
    counts, _ = np.histogram(values, bins=20, range=(2, 6))
    assert np.abs(counts / len(MANY) - 0.05).max() < 0.003


def test_several_numbers_under_one_name_are_independent() -> None:
    values = MANY.uniform("x", size=3)
    assert values.shape == (200_000, 3)
    assert np.abs(np.corrcoef(values.T) - np.eye(3)).max() < 0.01
    # Neighbouring seeds are as independent as any others.
    assert abs(np.corrcoef(values[1:, 0], values[:-1, 0])[0, 1]) < 0.01


def test_normal_numbers_have_mean_deviation_and_tails() -> None:
    values = MANY.normal("x", 3.0, 2.0)
    assert np.isfinite(values).all()
    assert values.mean() == pytest.approx(3.0, abs=0.02)
    assert values.std() == pytest.approx(2.0, abs=0.02)
    assert (np.abs(values - 3.0) > 4.0).mean() == pytest.approx(0.0455, abs=0.003)
    assert MANY.normal("x", size=2).shape == (200_000, 2)


def test_chances_may_differ_from_one_to_the_next() -> None:
    assert MANY.chance("x", 0.2).mean() == pytest.approx(0.2, abs=0.004)
    some = Draws(np.arange(4)).chance("x", np.array([0.0, 1.0, 0.0, 1.0]))
    assert some.tolist() == [False, True, False, True]


def test_whole_numbers_cover_their_range() -> None:
    values = MANY.integers("x", -2, 3)
    assert np.unique(values).tolist() == [-2, -1, 0, 1, 2]
    assert np.abs(np.bincount(values + 2) / len(MANY) - 0.2).max() < 0.005


def test_choices_follow_their_weights() -> None:
    values = MANY.choice("x", (1, 0, 3))
    assert np.unique(values).tolist() == [0, 2]
    assert (values == 2).mean() == pytest.approx(0.75, abs=0.005)
    one_each = Draws(np.arange(3)).choice("x", np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 5]]))
    assert one_each.tolist() == [0, 1, 2]
