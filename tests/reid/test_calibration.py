"""Thresholds from false-match rates."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from reid.calibration import Calibration, pair_rate

FIELDS: dict[str, Any] = {"crop_selection": "even:16", "policy": "even", "variant": "final", "pairs": 10_000}


def curve(similarities: list[float], rates: list[float]) -> Calibration:
    return Calibration(similarities=tuple(similarities), false_match_rates=tuple(rates), **FIELDS)


def test_pair_rate_by_hand() -> None:
    # Two comparisons at p = 0.1 leave 0.9 * 0.9 = 0.81 without a false match.
    assert pair_rate(0.19, 2) == pytest.approx(0.1)
    assert pair_rate(0.05, 1) == pytest.approx(0.05)


@pytest.mark.parametrize("gallery_size", [1, 7, 1000, 10**9])
def test_pair_rate_solves_its_equation(gallery_size: int) -> None:
    p = pair_rate(0.05, gallery_size)
    assert -math.expm1(gallery_size * math.log1p(-p)) == pytest.approx(0.05, rel=1e-12)


def test_threshold_by_hand() -> None:
    calibration = curve([0.2, 0.4, 0.8], [0.1, 0.01, 0.0001])
    # Half way between 10^-1 and 10^-2 on a log scale is half way between 0.2 and 0.4.
    assert calibration.threshold(10**-1.5, 1).similarity == pytest.approx(0.3)
    assert calibration.threshold(0.001, 1).similarity == pytest.approx(0.6)
    assert calibration.threshold(0.01, 1) == (pytest.approx(0.4), True)
    assert calibration.threshold(0.19, 2).similarity == pytest.approx(0.2)


def test_threshold_rises_with_the_gallery_and_falls_with_far() -> None:
    calibration = curve([0.2, 0.4, 0.8], [0.5, 0.01, 0.00001])
    by_size = [calibration.threshold(0.05, size).similarity for size in (1, 2, 10, 100, 1000)]
    assert by_size == sorted(set(by_size))
    by_far = [calibration.threshold(far, 10).similarity for far in (0.001, 0.01, 0.1)]
    assert by_far == sorted(set(by_far), reverse=True)


def test_beyond_the_tail_the_strictest_threshold_is_flagged() -> None:
    calibration = curve([0.2, 0.8], [0.1, 0.001])
    assert calibration.threshold(0.05, 1000) == (0.8, False)
    assert calibration.threshold(0.001, 1) == (0.8, True)
    assert calibration.threshold(0.5, 1) == (0.2, True)


def test_on_a_plateau_the_lowest_threshold_that_suffices_is_taken() -> None:
    calibration = curve([0.1, 0.2, 0.3, 0.4], [0.1, 0.01, 0.01, 0.001])
    assert calibration.threshold(0.01, 1).similarity == pytest.approx(0.2)
    just_below = calibration.threshold(0.00999, 1).similarity
    assert 0.3 < just_below < 0.301


def test_a_single_point_is_a_curve() -> None:
    assert curve([0.5], [0.01]).threshold(0.02, 1) == (0.5, True)
    assert curve([0.5], [0.01]).threshold(0.005, 1) == (0.5, False)


@pytest.mark.parametrize(("far", "size", "message"), [(0.0, 1, "far"), (1.0, 1, "far"), (0.1, 0, "gallery_size")])
def test_impossible_searches_are_refused(far: float, size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pair_rate(far, size)


@pytest.mark.parametrize(
    ("similarities", "rates", "message"),
    [
        ([], [], "0 similarities"),
        ([0.1], [0.2, 0.1], "1 similarities with 2"),
        ([0.2, 0.1], [0.2, 0.1], "ascend"),
        ([0.1, 0.1], [0.2, 0.1], "ascend"),
        ([0.1, 0.2], [0.1, 0.2], "never rise"),
        ([0.1, 0.2], [0.1, 0.0], "outside"),
        ([0.1, 0.2], [1.1, 0.5], "outside"),
        ([0.1, 1.2], [0.1, 0.05], "outside"),
        ([float("nan"), 0.2], [0.1, 0.05], "outside"),
    ],
)
def test_what_is_no_curve_is_refused(similarities: list[float], rates: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        curve(similarities, rates)


def test_a_calibration_survives_json() -> None:
    calibration = curve([0.2, 0.8], [0.1, 0.001])
    assert Calibration.from_dict(json.loads(json.dumps(calibration.to_dict()))) == calibration
    with pytest.raises(ValueError, match="colour"):
        Calibration.from_dict({**calibration.to_dict(), "colour": "red"})
    with pytest.raises(ValueError, match="never rise"):
        Calibration.from_dict({**calibration.to_dict(), "false_match_rates": [0.1, 0.2]})
