"""Networks by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reid.calibration import Calibration
from reid.checkpoints import Provenance, load_checkpoint, read_facts, save_checkpoint
from reid.errors import WeightsError
from reid.models import build_model
from reid.named_weights import SHIPPED, find_named, kept_checkpoints, shipped_checkpoint

CURVE = Calibration((0.5, 0.9), (0.1, 0.001), crop_selection="even", policy="even", variant="final", pairs=1000)
TRAINED = Provenance(trained=True, seed=0, dataset="mars", epochs=3)


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of weights, empty."""
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setenv("VREID_WEIGHTS", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


def test_what_ships_is_small_calibrated_and_taken_by_itself() -> None:
    path = shipped_checkpoint()
    assert path.stat().st_size <= 16_000_000
    facts = read_facts(path)
    assert (facts.metadata.model, facts.metadata.provenance.trained) == (SHIPPED, True)
    assert facts.metadata.calibration is not None
    assert facts.metadata.embedding_width <= 512
    assert find_named().path == find_named(SHIPPED).path == path
    assert find_named().reason == "comes with vreid"
    embedder = find_named().open()
    (vector,) = embedder.embed([[np.zeros((128, 64, 3), np.uint8)]])
    assert np.isfinite(vector).all()


def test_a_bigger_trained_and_calibrated_one_of_the_users_goes_before_it(kept: Path) -> None:
    big = build_model("dcct-compact", overrides={"width": 512})
    assert sum(value.numel() for value in big.embedding_state().values()) > read_facts(shipped_checkpoint()).parameters
    for name, provenance, curve in (
        ("raw", TRAINED, None),
        ("random", replace(TRAINED, trained=False), CURVE),
    ):
        save_checkpoint(kept / f"{name}.safetensors", big, provenance, calibration=curve)
    save_checkpoint(kept / "small.safetensors", build_model("dcct-micro"), TRAINED, calibration=CURVE)
    (kept / "broken.safetensors").write_bytes(b"no weights")
    assert find_named().path == shipped_checkpoint()
    save_checkpoint(kept / "mine.safetensors", big, TRAINED, calibration=CURVE)
    named = find_named("auto")
    assert named.path == kept / "mine.safetensors"
    assert "trained on mars" in named.reason and "which comes with vreid, has" in named.reason
    assert [path.stem for path, _ in kept_checkpoints()][-1] == "small"


def test_names_and_paths(kept: Path, tmp_path: Path) -> None:
    save_checkpoint(kept / "mine.safetensors", build_model("dcct-micro"), TRAINED)
    assert find_named("mine").path == find_named("mine.safetensors").path == kept / "mine.safetensors"
    here = tmp_path / "mine"
    save_checkpoint(here, build_model("dcct-micro"), TRAINED)
    assert find_named("mine").path == Path("mine")
    random = find_named("untrained:stca-micro")
    assert (random.path, random.open().model_name, random.open().trained) == (None, "stca-micro", False)


def test_the_folder_of_a_training_stands_for_its_checkpoint(tmp_path: Path) -> None:
    training = tmp_path / "runs" / "train-1"
    training.mkdir(parents=True)
    with pytest.raises(WeightsError, match="holds no checkpoint: neither best"):
        find_named(str(training))
    for name in ("last", "best"):
        save_checkpoint(training / f"{name}.safetensors", build_model("dcct-micro"), TRAINED)
        assert find_named(str(training)).path == training / f"{name}.safetensors"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", r"weights: no such file: nothing, nor is it in .*; dcct-compact comes with vreid"),
        ("x" * 300, "weights: no such file: xxx"),
        ("dcct-compcat", r"did you mean 'dcct-compact'\?"),
        ("stca-micro", r"stca-micro is a model, and no trained weights .* untrained:stca-micro for random weights"),
        ("untrained:nothing", "there is no model 'nothing'; models: dcct"),
    ],
)
def test_what_goes_by_no_name(name: str, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        find_named(name)


def test_what_does_not_fit_into_half_precision_stays_as_it_is(tmp_path: Path) -> None:
    model = build_model("dcct-micro")
    variance = model.cnn.net.bn1.running_var  # type: ignore[union-attr]
    variance[0] = 1e6
    save_checkpoint(tmp_path / "wide.safetensors", model, TRAINED, half=True)
    opened = load_checkpoint(tmp_path / "wide.safetensors").model
    np.testing.assert_array_equal(opened.cnn.net.bn1.running_var, variance)  # type: ignore[union-attr]


def test_half_precision_takes_half_the_space_and_hardly_changes_weights(tmp_path: Path) -> None:
    model = build_model("dcct-micro")
    for half in (False, True):
        save_checkpoint(tmp_path / f"{half}.safetensors", model, TRAINED, half=half)
    assert read_facts(tmp_path / "True.safetensors") == read_facts(tmp_path / "False.safetensors")
    sizes = [(tmp_path / f"{half}.safetensors").stat().st_size for half in (False, True)]
    assert sizes[1] < 0.6 * sizes[0]
    opened = load_checkpoint(tmp_path / "True.safetensors").model
    for (key, value), again in zip(model.embedding_state().items(), opened.embedding_state().values(), strict=True):
        assert again.dtype == value.dtype
        np.testing.assert_allclose(again.numpy(), value.numpy(), rtol=1e-3, atol=1e-6, err_msg=key)
