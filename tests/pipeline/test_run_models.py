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
            "embedder": {"weights": name},
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


def test_a_named_network_says_where_its_start_weights_were_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VREID_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    warnings: list[str] = []
    settings = EmbedderConfig(weights="vit-average-micro")
    create_embedder(settings, device="cpu", half=False, warn=warnings.append)
    untrained, start = warnings
    assert "never trained (its start is random)" in untrained
    assert start.startswith("start weights: backbone: stays at its initial values; no deit_tiny_patch16_224*.pth")
    assert str(tmp_path) in start
