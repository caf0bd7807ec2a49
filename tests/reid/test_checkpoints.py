"""Checkpoints: what is written comes back; what is no checkpoint is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from reid.calibration import Calibration
from reid.checkpoints import Provenance, load_checkpoint, save_checkpoint
from reid.errors import ConfigError, OutputError, WeightsError
from reid.models import build_model
from reid.preprocess import Preprocessing

TRAINED = Provenance(trained=True, seed=7, dataset="mars", epochs=50, start_weights="imagenet", package_version="0.0")
CURVE = Calibration((0.1, 0.5), (0.2, 0.01), crop_selection="even:16", policy="even", variant="base", pairs=1000)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "micro.safetensors"
    save_checkpoint(path, build_model("dcct-micro", num_classes=4, seed=1), TRAINED)
    return path


def header_of(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as file:
        header: dict[str, Any] = json.loads(file.metadata()["vreid"])
    return header


def rewritten(saved: Path, path: Path, header: dict[str, Any] | str | None, **tensors: torch.Tensor | None) -> Path:
    """Write a checkpoint again with another header, and with tensors replaced, added or (None) taken out."""
    state: dict[str, Any] = {**load_file(saved), **tensors}
    text = header if isinstance(header, str) else json.dumps(header)
    metadata = None if header is None else {"vreid": text}
    save_file({key: value for key, value in state.items() if value is not None}, path, metadata=metadata)
    return path


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    model = build_model("dcct-micro", seed=1, overrides={"image_size_hw": (96, 64), "clip_length": 3}).train()
    preprocessing = Preprocessing((96, 64), mean=(0.1, 0.2, 0.3), std=(1.0, 2.0, 3.0), interpolation="bicubic")
    save_checkpoint(path, model, TRAINED, preprocessing=preprocessing, run_variant="base", calibration=CURVE)
    checkpoint = load_checkpoint(path)
    assert checkpoint.metadata.preprocessing == preprocessing
    assert checkpoint.metadata.provenance == TRAINED
    assert checkpoint.metadata.calibration == CURVE
    assert (checkpoint.metadata.run_variant, checkpoint.metadata.embedding_width) == ("base", 304)
    assert checkpoint.metadata.clip_length == 3
    assert checkpoint.model.config == model.config
    assert checkpoint.model.name == "dcct-micro"
    assert not checkpoint.model.training
    torch.testing.assert_close(checkpoint.model.state_dict(), model.state_dict(), atol=0, rtol=0)


def test_classifiers_stay_out(saved: Path) -> None:
    assert not [key for key in load_file(saved) if key.startswith("classifiers.")]
    assert len(load_checkpoint(saved).model.classifiers) == 0


def test_a_failed_write_leaves_the_old_file(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(saved.read_bytes())

    def fail(tensors: object, filename: Path, metadata: object) -> None:
        Path(filename).write_bytes(b"half a file")
        raise OSError("disk full")

    monkeypatch.setattr("reid.checkpoints.save_file", fail)
    with pytest.raises(OutputError, match="disk full"):
        save_checkpoint(path, build_model("dcct-micro"), TRAINED)
    assert path.read_bytes() == saved.read_bytes()
    assert os.listdir(tmp_path) == ["model.safetensors"]  # noqa: PTH208


def test_a_missing_folder_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        save_checkpoint(tmp_path / "absent" / "model.safetensors", build_model("dcct-micro"), TRAINED)


def test_an_unknown_run_variant_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'sum' is none of base"):
        save_checkpoint(tmp_path / "model.safetensors", build_model("dcct-micro"), TRAINED, run_variant="sum")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        load_checkpoint(tmp_path / "absent.safetensors")


@pytest.mark.parametrize("kept", [0, 5, 200, -1000])
def test_a_truncated_file_is_refused(saved: Path, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "cut.safetensors"
    path.write_bytes(saved.read_bytes()[:kept])
    with pytest.raises(WeightsError, match="cut off, damaged"):
        load_checkpoint(path)


def test_a_pickle_is_refused_by_name(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(2)}, tmp_path / "model.pth")
    with pytest.raises(WeightsError, match=r"\.pth file of PyTorch"):
        load_checkpoint(tmp_path / "model.pth")


def test_another_safetensors_file_is_refused(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="not of vreid"):
        load_checkpoint(rewritten(saved, tmp_path / "other.safetensors", None))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 2, this vreid reads format 1"),
        ({"model": "dcct-nano"}, "did you mean"),
        ({"model": "dcct-compact", "config": {}}, "does not fit dcct-compact"),
        ({"config": {"widht": 3}}, "widht"),
        ({"preprocessing": {"size_hw": [64]}}, "damaged metadata: preprocessing"),
        ({"preprocessing": {"size_hw": [32, 64]}}, "contradict"),
        ({"embedding_width": 7}, "contradict"),
        ({"clip_length": 7}, "contradict"),
        ({"run_variant": "sum"}, "contradict"),
        ({"colour": "red"}, "damaged metadata: colour"),
        ({"calibration": {"similarities": [0.1]}}, "damaged metadata: calibration"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(
    saved: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = rewritten(saved, tmp_path / "changed.safetensors", {**header_of(saved), **change})
    with pytest.raises(WeightsError, match=message):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "numbers", [{"heads": 0}, {"cnn": "resnet9000"}, {"transformer_depth": 0}, {"image_size_hw": [0, 32]}]
)
def test_numbers_that_no_model_can_have_are_refused(saved: Path, tmp_path: Path, numbers: dict[str, Any]) -> None:
    header = header_of(saved)
    path = rewritten(saved, tmp_path / "changed.safetensors", {**header, "config": {**header["config"], **numbers}})
    with pytest.raises(WeightsError, match=r"checkpoint: .*changed.safetensors: \w") as refusal:
        load_checkpoint(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("error", [ZeroDivisionError("by zero\nsecond line"), IndexError(), torch.OutOfMemoryError()])
def test_whatever_a_constructor_stumbles_over_is_refused(
    saved: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def build(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr("reid.checkpoints.build_model", build)
    expected = f"micro.safetensors: its configuration builds no dcct-micro: {type(error).__name__}:( by zero)? ?$"
    with pytest.raises(WeightsError, match=expected):
        load_checkpoint(saved)


@pytest.mark.parametrize("text", ["no json", "[]", "{}", '{"format": 1}'])
def test_a_damaged_header_is_refused(saved: Path, tmp_path: Path, text: str) -> None:
    with pytest.raises(WeightsError, match="damaged metadata"):
        load_checkpoint(rewritten(saved, tmp_path / "changed.safetensors", text))


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (
            {"cca.cross_cnn.phi.weight": torch.ones(2, 3)},
            r"'cca.cross_cnn.phi.weight' is \(2, 3\) instead of \(56, 112\)",
        ),
        ({"cca.cross_cnn.phi.weight": None}, "lacks 'cca.cross_cnn.phi.weight'"),
        ({"extra": torch.ones(1)}, "unknown 'extra'"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    saved: Path, tmp_path: Path, tensor: dict[str, torch.Tensor | None], message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        load_checkpoint(rewritten(saved, tmp_path / "changed.safetensors", header_of(saved), **tensor))
