"""`vreid topology learn`: a file to edit, a picture to look at, a table to read."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Refused, Vreid
from tests.pipeline.test_topology_learning import run

__all__ = ["run"]  # the fixture


def test_the_command(vreid: Vreid, refused: Refused, run: Path, tmp_path: Path) -> None:
    out = tmp_path / "place.yaml"
    answer = vreid("topology", "learn", run, "--out", out)
    assert answer.code == 0, answer.stderr
    assert "gate and hall" in answer.stdout
    assert "4 to 24" in answer.stdout
    assert out.with_suffix(".png").is_file()
    assert vreid("associate", run, "--config", out).code == 0
    refused(tmp_path, "is the name of the picture", "topology", "learn", run, "--out", tmp_path / "x.png")
    refused(tmp_path, "is a folder", "topology", "learn", run, "--out", tmp_path)
    refused(tmp_path, "add --overwrite", "topology", "learn", run, "--out", out)
    refused(tmp_path, "is not a run of vreid", "topology", "learn", tmp_path, "--out", tmp_path / "other.yaml")
