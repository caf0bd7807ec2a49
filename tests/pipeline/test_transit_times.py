"""Usual times of ways: what they say, and how they are learned."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from scipy import integrate, stats

from pipeline.association.assignments import METHODS, Assignment, associate
from pipeline.config import TopologyConfig, TransitConfig
from pipeline.constraints import Constraints, Stay
from pipeline.transit_times import UsualTime, usual_time
from pipeline.vector_index import VectorIndex
from reid.config import parse_settings
from reid.errors import ConfigError
from tests.pipeline.test_association import unit

WAY = TransitConfig(cameras=("gate", "hall"), min_s=1, max_s=61, usual_s=10, spread=1.5)
every_method = pytest.mark.parametrize("method", METHODS)


def test_the_density_is_that_of_the_log_normal_distribution() -> None:
    usual = UsualTime(10.0, 1.5)
    known = stats.lognorm(s=math.log(1.5), scale=10.0)
    for time_s in (0.5, 5.0, 10.0, 31.0):
        assert usual.density(time_s) == pytest.approx(known.pdf(time_s))
    assert usual.density(0.0) == usual.density(-3.0) == 0.0


def test_times_are_compared_with_any_time_that_is_possible() -> None:
    usual = UsualTime(10.0, 1.5, 4.0, 24.0)
    known = stats.lognorm(s=math.log(1.5), scale=10.0)
    within = known.cdf(24.0) - known.cdf(4.0)
    assert usual.nats(10.0) == pytest.approx(math.log(0.9 * known.pdf(10.0) / within * 20 + 0.1))
    assert usual.nats(-1.0) == usual.nats(3.9) == usual.nats(25.0) == pytest.approx(math.log(0.1))
    most = max(usual.nats(time_s) for time_s in np.linspace(4, 24, 6001))
    assert usual.most_nats == pytest.approx(most, abs=1e-6)
    assert usual.most_nats >= most


@pytest.mark.parametrize("limits", [(0.0, None), (4.0, 24.0), (9.0, 11.0), (0.0, 8000.0), (9.9, None)])
def test_strangers_gain_nothing_from_it(limits: tuple[float, float | None]) -> None:
    """Whoever comes at any possible time is favoured as often as disfavoured: the mean ratio of densities is 1."""
    usual = UsualTime(10.0, 1.5, *limits)
    longest_s = min(limits[1] or math.inf, 10 * 1.5**3)
    total, _ = integrate.quad(lambda time_s: math.exp(usual.nats(time_s)), limits[0], longest_s)
    assert total / (longest_s - limits[0]) == pytest.approx(1.0, abs=1e-3)


def test_a_limit_that_is_far_off_says_nothing_of_strangers() -> None:
    """They need not come so late: a limit of an hour gives no more than one of a minute."""
    nats = [UsualTime(10.0, 1.5, 0.0, longest_s).nats(10.0) for longest_s in (None, 60.0, 3600.0)]
    assert nats == [pytest.approx(nats[0])] * 3


def test_the_only_possible_time_is_neither_usual_nor_unusual() -> None:
    assert UsualTime(10.0, 1.5, 10.0, 10.0).nats(10.0) == 0.0


def test_the_distribution_is_learned_the_surer_the_more_are_seen() -> None:
    rng = np.random.default_rng(0)
    times = np.exp(rng.normal(math.log(20.0), math.log(1.4), 2000)).tolist()
    usual_s, spread = usual_time(times)
    assert usual_s == pytest.approx(20.0, rel=0.02)
    assert spread == pytest.approx(1.4, rel=0.02)
    assert usual_time(times[:5])[1] > usual_time(times[:50])[1] > usual_time(times[:500])[1]
    assert usual_time([-1.0, 0.0, 4.0, 9.0])[0] == pytest.approx(statistics.geometric_mean([4.0, 9.0]))


def test_of_one_person_hardly_anything_is_learned() -> None:
    """One time of 7 s: the variance is 10 / 11 of the prior's, twice over since the middle is not known either."""
    usual_s, spread = usual_time([7.0])
    assert usual_s == pytest.approx(7.0)
    assert math.log(spread) ** 2 == pytest.approx(2 * 10 / 11 * math.log(2) ** 2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"usual_s": 5.0}, "go together"),
        ({"spread": 2.0}, "go together"),
        ({"usual_s": 5.0, "spread": 1.0}, "spread"),
        ({"usual_s": 5.0, "spread": math.inf}, "spread"),
        ({"usual_s": math.inf, "spread": 2.0}, "usual_s"),
        ({"usual_s": 5.0, "spread": 2.0, "max_s": 4.0}, "between min_s and max_s"),
        ({"usual_s": 0.5, "spread": 2.0, "min_s": 1.0}, "between min_s and max_s"),
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_settings({"transit": [{"cameras": ["gate", "hall"], **values}]}, TopologyConfig, where="file")


def test_direct_ways_between_two_groups_count() -> None:
    known = Constraints(TopologyConfig(transit=(WAY,)))
    gate, hall, later = Stay("gate", 0.0, 5.0), Stay("hall", 15.0, 20.0), Stay("gate", 50.0, 55.0)
    usual = UsualTime(10.0, 1.5, 1.0, 61.0)
    assert known.knows_times
    assert known.usualness([gate], [hall]) == known.usualness([hall], [gate]) == pytest.approx(usual.nats(10.0))
    both = (usual.nats(10.0) + usual.nats(30.0)) / 2
    assert known.usualness([gate, later], [hall]) == pytest.approx(both)
    assert known.usualness([gate], [later]) is None  # of one camera
    assert known.usualness([gate], [Stay("hall", 15.0, 20.0, clock_known=False)]) is None
    assert Constraints(TopologyConfig()).usualness([gate], [hall]) is None
    assert not Constraints(TopologyConfig()).knows_times


def test_an_entry_takes_the_place_of_an_earlier_one() -> None:
    back = TransitConfig(cameras=("hall", "gate"), min_s=100, max_s=300, one_way=True)
    known = Constraints(TopologyConfig(transit=(WAY, back)))
    hall, gate = Stay("hall", 0.0, 5.0), Stay("gate", 155.0, 160.0)
    assert known.usualness([hall], [gate]) is None
    assert known.usualness([Stay("gate", 0.0, 5.0)], [Stay("hall", 15.0, 20.0)]) is not None


def found(
    method: str,
    degrees: Sequence[float],
    stays: list[Stay],
    topology: TopologyConfig,
    evidence: list[bool] | None = None,
) -> list[Assignment]:
    vectors = unit(*degrees)
    return associate(
        vectors,
        stays,
        evidence or [True] * len(stays),
        Constraints(topology),
        VectorIndex(vectors),
        threshold=0.9,
        candidates_k=9,
        method=method,
        per_nat=0.02,
    )


@every_method
def test_of_twins_whoever_comes_at_the_usual_time_is_taken(method: str) -> None:
    """Both look the same to a hair, in favour of the wrong one; at the hall one comes after 10 s, one after 50."""
    stays = [Stay("gate", 0.0, 5.0), Stay("hall", 15.0, 20.0), Stay("hall", 55.0, 60.0)]
    without = WAY.model_copy(update={"usual_s": None, "spread": None})
    before = found(method, (0, 3, 1), stays, TopologyConfig(transit=(without,), all_non_overlapping=True))
    after = found(method, (0, 3, 1), stays, TopologyConfig(transit=(WAY,), all_non_overlapping=True))
    if method != "online":  # which does not wait for the second
        assert before[0].identity_id == before[2].identity_id
    assert after[0].identity_id == after[1].identity_id
    assert before[1].way_score is None
    assert after[1].way_score == pytest.approx(0.02 * UsualTime(10.0, 1.5, 1.0, 61.0).nats(10.0))


@every_method
def test_what_is_not_quite_alike_joins_at_the_usual_time_only(method: str) -> None:
    """27 degrees are 0.891; 10 s add 0.022, 50 s take 0.046 off, which 15 degrees (0.966) would bear."""
    topology = TopologyConfig(transit=(WAY,))
    for degrees, begin_s, together in ((27, 15.0, True), (27, 55.0, False), (15, 55.0, True), (24, 55.0, False)):
        stays = [Stay("gate", 0.0, 5.0), Stay("hall", begin_s, begin_s + 5)]
        one, other = found(method, (0, degrees), stays, topology)
        assert (one.identity_id == other.identity_id) is together, (degrees, begin_s)
        late = found(method, (0, degrees), stays, topology, [True, False])
        assert (late[1].identity_id == 1) is together


@every_method
def test_narrow_limits_on_one_way_change_nothing_elsewhere(method: str) -> None:
    """Of a way that nobody here takes even the most usual time may be a poor one; the rest goes on as without it."""
    narrow = TransitConfig(cameras=("gate", "hall"), min_s=9, max_s=9.1, usual_s=9, spread=9)
    rng = np.random.default_rng(0)
    for _ in range(20):
        begins = rng.uniform(0, 60, 30)
        stays = [Stay(f"cam{n % 3}", begin_s, begin_s + 15) for n, begin_s in enumerate(begins)]
        degrees = rng.uniform(0, 90, 30).tolist()
        with_it = [one.identity_id for one in found(method, degrees, stays, TopologyConfig(transit=(narrow,)))]
        assert with_it == [one.identity_id for one in found(method, degrees, stays, TopologyConfig())]


@every_method
@pytest.mark.parametrize("limits", [(0.0, None), (1.0, 60.0), (9.0, 11.0), (10.0, 10.0)])
def test_usual_times_never_override_what_is_impossible(method: str, limits: tuple[float, float | None]) -> None:
    way = TransitConfig(cameras=("cam0", "cam1"), min_s=limits[0], max_s=limits[1], usual_s=10, spread=1.3)
    topology = TopologyConfig(transit=(way,))
    constraints, rng = Constraints(topology), np.random.default_rng(1)
    for _ in range(20):
        stays = [Stay(f"cam{n % 3}", begin_s, begin_s + 15) for n, begin_s in enumerate(rng.uniform(0, 90, 30))]
        ids = [one.identity_id for one in found(method, rng.uniform(0, 60, 30).tolist(), stays, topology)]
        for identity in set(ids) - {None}:
            members = [stay for stay, name in zip(stays, ids, strict=True) if name == identity]
            for one, other in combinations(members, 2):
                assert constraints.pair_conflict(one, other) is None
            assert constraints.possible(members)


def test_the_runner_up_and_the_margin_count_times_too() -> None:
    """The other one looks more alike by a hair, but came at an odd time."""
    stays = [Stay("gate", 0.0, 5.0), Stay("hall", 15.0, 56.0), Stay("hall", 55.0, 60.0)]
    one, *_ = found("average-link", (0, 3, 1), stays, TopologyConfig(transit=(WAY,), all_non_overlapping=True))
    assert one.match_score is not None
    assert one.way_score is not None
    assert one.runner_up_score is not None
    assert one.margin is not None
    assert one.runner_up_score > one.match_score
    odd = 0.02 * UsualTime(10.0, 1.5, 1.0, 61.0).nats(50.0)
    assert one.margin == pytest.approx(one.match_score + one.way_score - one.runner_up_score - odd)
    assert one.margin > 0.05
