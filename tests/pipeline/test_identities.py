"""Where the threshold comes from, and how times of several cameras are compared."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from pipeline.config import AssociationConfig, CameraConfig, TopologyConfig
from pipeline.embedding import calibration_for_run
from pipeline.identities import UNCALIBRATED_THRESHOLD, choose_threshold, clock_basis, identify, stays_of
from pipeline.inputs import CameraClock
from reid.calibration import Calibration
from reid.checkpoints import Provenance
from reid.clips import RUN_SELECTION
from reid.embedder import Embedder
from reid.models import build_model
from reid.preprocess import Preprocessing
from reid.training import load_recipe, train
from tests.pipeline.test_run_directory import ROW
from tests.reid.data.makers import make_own

CURVE = Calibration(
    similarities=(0.2, 0.4, 0.6),
    false_match_rates=(0.1, 0.01, 0.001),
    crop_selection=RUN_SELECTION,
    policy="even",
    variant="final",
    pairs=1000,
)


def embedder(calibration: Calibration | None) -> Embedder:
    model = build_model("dcct-micro")
    return Embedder(
        model,
        Preprocessing(model.config.image_size_hw),
        Provenance(trained=True, seed=0),
        run_variant="final",
        calibration=calibration,
    )


def choose(
    calibration: Calibration | None, *, size: int = 1, **settings: float
) -> tuple[float, str, float | None, list[str]]:
    warnings: list[str] = []
    config = AssociationConfig.model_validate(settings)
    usable = calibration_for_run(embedder(calibration), warnings.append)
    chosen = choose_threshold(config, usable, size, warn=warnings.append)
    return chosen.value, chosen.source, chosen.far, warnings


def test_what_the_user_says_goes_first() -> None:
    assert choose(CURVE, threshold=0.7) == (0.7, "flag or config", None, [])


def test_the_calibration_is_read_at_the_wanted_rate() -> None:
    assert choose(CURVE, far=0.01) == (pytest.approx(0.4), "checkpoint", 0.01, [])


def test_more_people_to_be_taken_for_ask_for_more_likeness() -> None:
    small, large = choose(CURVE, far=0.05, size=1)[0], choose(CURVE, far=0.05, size=20)[0]
    assert large > small + 0.1


def test_a_rate_beyond_what_was_measured_is_not_claimed() -> None:
    value, source, far, (warning,) = choose(CURVE, far=0.01, size=1000)
    assert (value, source, far) == (0.6, "checkpoint", None)
    assert "does not reach" in warning


@pytest.mark.parametrize("change", [{"variant": "base"}, {"policy": "dense"}, {"crop_selection": "by hand"}])
def test_a_calibration_of_other_vectors_does_not_count(change: dict[str, str]) -> None:
    value, source, far, (warning,) = choose(replace(CURVE, **change))
    assert (value, source, far) == (UNCALIBRATED_THRESHOLD, "uncalibrated default", None)
    assert next(iter(change.values())) in warning


def test_without_calibration_only_the_same_is_the_same() -> None:
    assert choose(None) == (UNCALIBRATED_THRESHOLD, "uncalibrated default", None, [])


def test_what_a_training_leaves_is_calibrated_for_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for charts in ("reid.curves", "reid.calibrating"):
        monkeypatch.setattr(f"{charts}.new_figure", lambda *_: None)
    people = make_own(tmp_path / "people", [f"p{number}" for number in range(8)], part="train")
    make_own(people, ("x", "y"), part="test")
    recipe = load_recipe("folder", "dcct-micro", config="smoke", values={"epochs": 1})
    assert train(recipe, "folder", people, tmp_path / "training") is not None
    for name in ("best", "last"):
        trained = Embedder.from_checkpoint(tmp_path / "training" / f"{name}.safetensors")
        assert trained.calibration is not None
        warnings: list[str] = []
        usable = calibration_for_run(trained, warnings.append)
        chosen = choose_threshold(AssociationConfig(far=0.9), usable, 1, warn=warnings.append)
        assert chosen.source == "checkpoint"
        assert trained.calibration.similarities[0] <= chosen.value <= trained.calibration.similarities[-1]
        assert not any("treated as uncalibrated" in warning for warning in warnings)


NINE = datetime(2024, 5, 1, 9, tzinfo=UTC)
TEN = datetime(2024, 5, 1, 10, tzinfo=UTC)
GATE, HALL = replace(ROW, start_s=5.0, end_s=6.0), replace(ROW, camera_id="hall", start_s=5.0, end_s=6.0)


def test_known_starts_put_all_cameras_on_one_clock() -> None:
    clocks = {"gate": CameraClock(NINE, "file"), "hall": CameraClock(TEN, "file")}
    gate, hall = stays_of([GATE, HALL], clocks)
    assert hall.start_s - gate.start_s == 3600
    assert gate.clock_known
    assert hall.clock_known
    assert clock_basis(clocks) == "known start times"


def test_a_clock_that_drifts_is_set_right_along_the_recording() -> None:
    """A camera that loses 8.64 s a day is 10,000 s into its recording 1 s behind."""
    settings = CameraConfig(source="gate.mp4", start=NINE, drift_s_per_day=8.64)
    assert settings.clock_rate == pytest.approx(1.0001)
    clocks = {"gate": CameraClock(NINE, "file", settings.clock_rate), "hall": CameraClock(NINE, "file")}
    late = [replace(row, start_s=10_000.0, end_s=10_006.0) for row in (GATE, HALL)]
    gate, hall = stays_of(late, clocks)
    assert gate.start_s - hall.start_s == pytest.approx(1.0)
    assert clocks["gate"].at(10_000) == NINE + timedelta(seconds=10_001)
    with pytest.raises(ValueError, match="drift_s_per_day"):
        CameraConfig(source="gate.mp4", drift_s_per_day=4000)


def test_unknown_starts_are_taken_to_be_the_same_moment() -> None:
    clocks = {"gate": CameraClock(None, None), "hall": CameraClock(None, None)}
    gate, hall = stays_of([GATE, HALL], clocks)
    assert gate.start_s == hall.start_s
    assert gate.clock_known
    assert clock_basis(clocks) == "assumed to start together"


def test_a_camera_without_a_start_among_others_is_not_compared() -> None:
    clocks = {"gate": CameraClock(NINE, "file"), "hall": CameraClock(None, None)}
    gate, hall = stays_of([GATE, HALL], clocks)
    assert gate.clock_known
    assert not hall.clock_known
    assert clock_basis(clocks).startswith("partly known")


def test_the_rate_holds_for_the_people_who_were_found(tmp_path: Path) -> None:
    """Six stays of two people, between which a similarity of 0.5 lies: too little for six people, enough for two."""
    calibrated = replace(CURVE, similarities=(0.2, 0.49, 0.6), false_match_rates=(0.1, 0.006, 0.001))
    one, other, between = np.eye(8, dtype=np.float32)[:3]
    half = 0.75**0.5
    vectors = np.stack([one, one, one, other, other, between / 2 + half * other])
    rows = [
        replace(
            ROW, camera_id="gate", track_id=number, evidence="enough", start_s=10.0 * number, end_s=10.0 * number + 5
        )
        for number in range(1, 7)
    ]
    settings = AssociationConfig(far=0.01)
    assert choose_threshold(settings, calibrated, 6, warn=pytest.fail).value > 0.5
    named, record = identify(
        rows,
        vectors,
        {"gate": CameraClock(NINE, "file")},
        calibrated,
        settings,
        TopologyConfig(),
        index_path=tmp_path / "gallery.faiss",
        warn=pytest.fail,
    )
    assert [row.identity_id for row in named] == [1, 1, 1, 2, 2, 2]
    assert record["gallery_size"] == 2
    assert record["threshold"] == choose_threshold(settings, calibrated, 2, warn=pytest.fail).value
