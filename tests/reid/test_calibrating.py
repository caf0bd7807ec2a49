"""The measured curve of false matches: by hand, against all comparisons, and what it leads to."""

from __future__ import annotations

import dataclasses
import json
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest

import reid.calibrating
from reid.calibrating import Measured, draw_calibration, measure_calibration
from reid.calibration import pair_rate
from reid.data.records import DISTRACTOR_ID, JUNK_ID, TrackletRecord
from reid.embedder import Vectors
from reid.errors import InputError, OutputError


def seen(*people_and_cameras: tuple[int, int]) -> list[TrackletRecord]:
    return [TrackletRecord(person, camera, ("a picture",)) for person, camera in people_and_cameras]


def at_angles(*degrees: float) -> Vectors:
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def people(number: int, tracklets: int, *, noise: float = 0.6, seed: int = 0) -> tuple[Vectors, list[TrackletRecord]]:
    """Make people, each with tracklets like each other in several cameras."""
    rng = np.random.default_rng(seed)
    ids = np.repeat(np.arange(1, number + 1), tracklets)
    vectors = rng.normal(size=(number, 32))[ids - 1] + noise * rng.normal(size=(len(ids), 32))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cameras = rng.integers(1, 4, len(ids))
    return vectors.astype(np.float32), seen(*zip(ids.tolist(), cameras.tolist(), strict=True))


def measure(vectors: Vectors, records: list[TrackletRecord]) -> Measured:
    return measure_calibration([(vectors, records)], crop_selection="by hand", policy="even", variant="final")


def literal_similarities(vectors: Vectors, records: list[TrackletRecord]) -> tuple[list[float], list[float]]:
    """Compare everyone one by one: with three tracklets of their own in other cameras, and of each other person."""
    same, different = [], []
    known = [(vector, record) for vector, record in zip(vectors, records, strict=True) if record.person_id > 0]
    for vector, record in known:
        for person in {other.person_id for _, other in known}:
            is_own = person == record.person_id
            theirs = [
                other
                for other, shown in known
                if shown.person_id == person and not (is_own and shown.camera_id == record.camera_id)
            ][:3]
            if theirs:
                (same if is_own else different).append(float(np.mean([vector @ other for other in theirs])))
    return same, different


def test_four_tracklets_by_hand() -> None:
    # Person 1 is at 0, 20 and 0 degrees, person 2 at 60 and 90.
    records = seen((1, 1), (1, 2), (2, 1), (2, 2), (1, 1))
    measured = measure(at_angles(0, 20, 60, 90, 0), records)

    def mean(*degrees: float) -> float:
        return float(np.mean(np.cos(np.deg2rad(degrees))))

    curve = measured.calibration
    assert curve.pairs == 5
    assert (curve.crop_selection, curve.policy, curve.variant) == ("by hand", "even", "final")
    assert curve.similarities[0] == pytest.approx(mean(90, 70, 90), abs=1e-6)
    assert curve.false_match_rates[0] == 1
    # At 20 degrees one is 40 and 70 from person 2, at 60 twice 60 and once 40 from person 1.
    assert curve.similarities[-1] == pytest.approx(mean(60, 60, 40), abs=1e-6)
    assert curve.false_match_rates[-1] == pytest.approx(1 / 5)
    assert mean(60, 60, 40) > mean(40, 70)
    np.testing.assert_allclose(measured.same, [mean(30), mean(30), mean(20), mean(20, 20), mean(20)], atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_every_point_is_the_share_of_all_comparisons(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reid.calibrating, "_ROWS_AT_ONCE", 13)
    vectors, records = people(25, 6, seed=seed)
    records[3] = dataclasses.replace(records[3], person_id=JUNK_ID)
    records[70] = dataclasses.replace(records[70], person_id=DISTRACTOR_ID)
    same, different = literal_similarities(vectors, records)
    measured = measure(vectors, records)
    curve = measured.calibration
    assert curve.pairs == len(different)
    # The loop rounds otherwise than a product of matrices does: a pair may lie on the other side of a point.
    allowed = [sum(abs(each - point) < 1e-6 for each in different) for point in curve.similarities]
    counted = [sum(each >= point for each in different) for point in curve.similarities]
    found = np.array(curve.false_match_rates) * len(different)
    assert np.all(np.abs(found - counted) <= np.array(allowed) + 1e-6)
    np.testing.assert_allclose(measured.same, np.sort(same), atol=1e-6)
    assert measured.different_counts.sum() == len(different)


def test_the_curve_is_dense_where_matches_are_rare_and_ends_at_the_last_one() -> None:
    vectors, records = people(60, 8)
    curve = measure(vectors, records).calibration
    _, different = literal_similarities(vectors, records)
    rates = np.array(curve.false_match_rates)
    assert 100 < len(rates) <= 200
    assert curve.similarities[-1] == pytest.approx(max(different), abs=1e-6)
    assert rates[-1] == pytest.approx(1 / len(different))
    # Every count of pairs up to ten has a point, and no step above is much wider than a tenth.
    assert {round(rate * len(different)) for rate in rates} >= set(range(1, 11))
    common = rates[rates * len(different) > 10]
    assert np.all(common[1:] / common[:-1] > 0.88)


def test_thresholds_keep_their_rates() -> None:
    vectors, records = people(60, 8, noise=1.2)
    same, different = literal_similarities(vectors, records)
    measured = measure(vectors, records)
    assert [(rate.far, rate.gallery_size) for rate in measured.rates] == [
        *((far, 1) for far in (0.1, 0.01, 0.001, 0.0001)),
        *((0.01, size) for size in (10, 100, 1000)),
    ]
    for rate in measured.rates:
        wanted = pair_rate(rate.far, rate.gallery_size) * len(different)
        found = sum(each >= rate.threshold for each in different)
        assert rate.measured == (wanted >= 1)
        assert abs(found - max(wanted, 1)) <= 0.05 * wanted + 1
        assert rate.true_match_rate == pytest.approx(np.mean(np.array(same) >= rate.threshold), abs=2 / len(same))
    assert 0.3 < measured.rates[0].true_match_rate < 1
    assert measured.rates[3].true_match_rate < measured.rates[0].true_match_rate


def test_better_vectors_find_more() -> None:
    good, poor = (measure(*people(40, 6, noise=noise)).rates[2].true_match_rate for noise in (0.5, 2.0))
    assert good > 0.95 > 0.5 > poor


def test_people_who_are_all_alike_make_a_curve_of_one_point() -> None:
    measured = measure(at_angles(0, 0, 0, 0), seen((1, 1), (1, 2), (2, 1), (2, 2)))
    assert (measured.calibration.similarities, measured.calibration.false_match_rates) == ((1.0,), (1.0,))
    assert measured.rates[1].threshold == 1
    assert measured.rates[1].true_match_rate == 1  # at the threshold is not below it
    assert not measured.rates[1].measured


def test_similarities_stay_in_range_however_vectors_are_rounded() -> None:
    vector = np.array([0.6, 0.8], np.float32) * np.float32(1 + 2e-7)
    assert vector @ vector > 1
    measured = measure(np.stack([vector, vector, vector, -vector]), seen((1, 1), (1, 2), (2, 1), (3, 1)))
    assert measured.calibration.similarities[0] == -1
    assert measured.calibration.similarities[-1] == 1
    assert measured.same.max() == 1


def test_it_survives_json() -> None:
    measured = measure(*people(10, 4))
    text = json.dumps([measured.calibration.to_dict(), [rate._asdict() for rate in measured.rates]], allow_nan=False)
    assert json.loads(text)[0]["pairs"] == measured.calibration.pairs


@pytest.mark.parametrize("records", [[], seen((1, 1), (1, 2)), seen((1, 1), (2, 1), (2, 1)), seen((1, 1), (0, 2))])
def test_people_that_say_nothing_are_refused(records: list[TrackletRecord]) -> None:
    with pytest.raises(InputError, match="two people, and one of them in two cameras"):
        measure(at_angles(*range(len(records))).reshape(-1, 2), records)


def test_people_of_different_places_are_never_compared() -> None:
    ones, others = people(12, 4, seed=1), people(9, 4, seed=2)
    together = measure_calibration([ones, others], crop_selection="by hand", policy="even", variant="final")
    apart = [literal_similarities(*each) for each in (ones, others)]
    different = sorted(value for _, values in apart for value in values)
    assert together.calibration.pairs == len(different) == 48 * 11 + 36 * 8
    assert together.calibration.similarities[-1] == pytest.approx(different[-1], abs=1e-6)
    np.testing.assert_allclose(together.same, sorted(value for values, _ in apart for value in values), atol=1e-6)


def test_vectors_that_are_not_the_records_are_refused() -> None:
    with pytest.raises(ValueError, match="1 records with 2 vectors"):
        measure(at_angles(0, 1), seen((1, 1)))


def test_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "calibration.png"
    path.write_text("an older one")
    measured = measure(*people(30, 6, noise=1.0))
    draw_calibration(measured, path, title="made up, best.safetensors")
    picture = cv2.imread(str(path))
    assert picture is not None
    assert picture.shape == (900, 1300, 3)
    # Blue and vermilion are both there, above (histograms) and below (shares).
    for half in (picture[:450], picture[450:]):
        for colour in ((178, 114, 0), (0, 94, 213)):
            assert (np.abs(half.astype(int) - colour).max(axis=2) < 30).sum() > 100
    assert list(tmp_path.iterdir()) == [path]


def test_a_picture_of_one_similarity(tmp_path: Path) -> None:
    measured = measure(at_angles(0, 0, 0, 0), seen((1, 1), (1, 2), (2, 1), (2, 2)))
    draw_calibration(measured, tmp_path / "calibration.png", title="all alike")
    assert (tmp_path / "calibration.png").stat().st_size > 10_000


def test_a_picture_that_cannot_be_written_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "no folder" / "calibration.png"
    with pytest.raises(OutputError, match=r"cannot write .*calibration\.png: No such file"):
        draw_calibration(measure(*people(5, 4)), path, title="nowhere")


def test_memory_does_not_grow_with_the_comparisons() -> None:
    vectors, records = people(250, 8)
    tracemalloc.start()
    measured = measure(vectors, records)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert measured.calibration.pairs == 2000 * 249
    assert peak < 12 * measured.calibration.pairs  # all of them at once take 12 bytes each and more
