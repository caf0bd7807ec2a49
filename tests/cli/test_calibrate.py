"""`vreid calibrate`: a checkpoint's thresholds, measured anew."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from reid.checkpoints import Provenance, read_facts, save_checkpoint
from reid.models import build_model
from tests.cli.conftest import Refused, Vreid


@pytest.fixture
def here(tmp_path: Path, vreid: Vreid, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a checkpoint in half precision and two places of made-up people."""
    monkeypatch.chdir(tmp_path)
    save_checkpoint(tmp_path / "my.safetensors", build_model("dcct-micro"), Provenance(trained=True, seed=0), half=True)
    for place in ("hall", "yard"):
        made = vreid(
            *("synth", "tracklets", "--out", place, "--people", 6, "--cameras", 3, "--tracklets", "1-1"),
            *("--frames", "2-2", "--size", "64x32", "--seed", len(place)),
        )
        assert made.code == 0
    return tmp_path


def test_the_command_teaches(vreid: Vreid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    page = vreid("calibrate", "--help")
    assert page.code == 0
    for taught in ("folder=my-station folder=my-shop", "Each data set is one place", "Exit codes"):
        assert taught in " ".join(page.stdout.split())


def test_thresholds_change_and_weights_do_not(vreid: Vreid, here: Path) -> None:
    told = vreid(
        "calibrate", "my.safetensors", "synthetic=hall", "synthetic=yard", "--with-train", "--out", "new.safetensors"
    )
    assert told.code == 0, told.stderr
    assert "true matches" in told.stdout
    old, new = read_facts(here / "my.safetensors").metadata, read_facts(here / "new.safetensors").metadata
    assert old.calibration is None
    assert new.calibration is not None
    assert (new.provenance, new.config, new.run_variant) == (old.provenance, old.config, old.run_variant)
    before, after = load_file(here / "my.safetensors"), load_file(here / "new.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) and before[key].dtype == after[key].dtype for key in before)
    assert (here / "new.png").read_bytes().startswith(b"\x89PNG")
    # Nobody of the hall is compared with anybody of the yard: every tracklet with the five others of its place.
    tracklets = sum(len({path.name[:11] for path in (here / place).rglob("*.jpg")}) for place in ("hall", "yard"))
    assert new.calibration.pairs <= 5 * tracklets
    half = vreid("calibrate", "my.safetensors", "synthetic=hall", "--out", "half.safetensors")
    assert half.code == 0
    fewer = read_facts(here / "half.safetensors").metadata.calibration
    assert fewer is not None
    assert fewer.pairs < new.calibration.pairs / 2
    again = vreid("calibrate", "new.safetensors", "synthetic=hall", "--out", "new.safetensors", "--overwrite")
    assert again.code == 0
    assert read_facts(here / "new.safetensors").metadata.calibration == fewer


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("my.safetensors", "synthetic=nowhere", "--out", "new.safetensors"), "nowhere does not exist"),
        (("none.safetensors", "synthetic=hall", "--out", "new.safetensors"), "none.safetensors"),
        (("untrained:dcct-micro", "synthetic=hall", "--out", "new.safetensors"), "nothing to calibrate"),
        (("my.safetensors", "synthetic=hall", "--out", "my.safetensors"), "--overwrite"),
        (("my.safetensors", "synthetic=hall", "--out", "new.bin"), ".safetensors"),
        (("my.safetensors", "circus=hall", "--out", "new.safetensors"), "circus"),
    ],
)
def test_what_makes_no_sense_is_refused(refused: Refused, here: Path, arguments: tuple[str, ...], message: str) -> None:
    refused(here, message, "calibrate", *arguments)
