"""Every model as the network that a run matches people with, on real video."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline import RunConfig, run_pipeline
from pipeline.config import EmbedderConfig
from pipeline.embedding import create_embedder
from reid.models import PRESETS

MICRO = [name for name in PRESETS if name.endswith("-micro")]


@pytest.mark.parametrize("name", MICRO)
def test_the_first_person_under_two_names_is_one(name: str, shared_data: Path, tmp_path: Path) -> None:
    video = str(shared_data / "videos" / "one-by-one.mp4")
    config = RunConfig.model_validate(
        {
            "cameras": [{"name": camera, "source": video} for camera in ("a", "b")],
            "detector": {"name": str(shared_data / "weights" / "yolo11n_int8_openvino_model")},
            "embedder": {"weights": f"untrained:{name}"},
            "duration_s": 18,
            "every": 5,
        }
    )
    run = run_pipeline(config, tmp_path / "run")
    model = PRESETS[name].config
    assert run.manifest["status"] == "complete"
    assert run.manifest["embedder"]["model"] == name
    assert run.manifest["embedder"]["variant"] == model.run_variant
    assert run.embeddings.shape == (2, run.manifest["embedder"]["dim"])
    np.testing.assert_allclose(np.linalg.norm(run.embeddings, axis=1), 1, atol=1e-5)
    assert [(row.camera_id, row.identity_id) for row in run.tracklets] == [("a", 1), ("b", 1)]


def test_the_choice_is_told_and_a_network_without_training_named() -> None:
    told: list[str] = []
    warnings: list[str] = []
    for weights in ("auto", "untrained:vit-average-micro"):
        create_embedder(
            EmbedderConfig(weights=weights), device="cpu", half=False, tell=told.append, warn=warnings.append
        )
    assert told == [
        "people are told apart by dcct-compact (comes with vreid)",
        "people are told apart by vit-average-micro (random weights, as asked for)",
    ]
    (warning,) = warnings
    assert "vit-average-micro was never trained (its weights are random)" in warning
