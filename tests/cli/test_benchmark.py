"""`vreid benchmark` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from reid.checkpoints import Provenance, save_checkpoint
from reid.data.made_up import SyntheticSettings
from reid.data.synthetic.kept import VARIABLE as KEPT
from reid.embedding_cache import VARIABLE
from reid.models import build_model
from tests.cli.conftest import Refused, Vreid
from tests.reid.benchmark.makers import files


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in, with nothing of the user's in reach."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "kept"))
    monkeypatch.delenv("VREID_DATA", raising=False)
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def checkpoint(path: Path, *, model: str = "stca-micro", dataset: str | None = "synthetic", seed: int = 0) -> Path:
    save_checkpoint(path, build_model(model, seed=seed), Provenance(trained=True, seed=seed, dataset=dataset, epochs=1))
    return path


def own(root: Path, *, one_camera: bool = False) -> Path:
    """Write tracklets of one's own to test with: test/person/camera/tracklet/*.png."""
    data_set = files(root / "flat")
    for record in data_set.test:
        if record.person_id >= 1:
            place = root / "own" / "test" / str(record.person_id) / ("1" if one_camera else str(record.camera_id))
            place /= str(record.camera_id)
            place.mkdir(parents=True)
            for frame in record.frames:
                (root / "flat" / frame).rename(place / Path(frame).name)
    return root / "own"


def test_the_command_teaches(vreid: Vreid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text = " ".join(vreid("benchmark", "--help").stdout.split())
    for words in ("vreid benchmark", "mars-9330", "Exit codes", "--rerank", "They can recognise people"):
        assert words in text


def test_a_checkpoint_on_ones_own_tracklets(vreid: Vreid, here: Path) -> None:
    place, weights = own(here.parent), checkpoint(here / "mine.safetensors", dataset=None)
    outcome = vreid("benchmark", f"folder={place}", "--checkpoint", weights, "--rerank", "--out", "out")
    assert outcome.code == 0
    assert "folder, AP hits, cosine, clips even" in outcome.stdout
    assert "mine: final*, re-ranked" in outcome.stdout
    assert outcome.stdout.rstrip().endswith("in out")
    first = json.loads(Path("out/benchmark.json").read_text())["rows"]
    again = vreid(
        "benchmark", f"folder={place}", "--checkpoint", weights, "--out", "out", "--overwrite", "--ap", "trapezoid"
    )
    second = json.loads(Path("out/benchmark.json").read_text())["rows"]
    assert again.code == 0
    assert second[0]["map"] < first[0]["map"]
    assert second[0]["embedding_s"] < first[0]["embedding_s"]  # kept


def test_without_arguments_it_takes_what_there_is(vreid: Vreid, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEPT, str(here.parent / "tracklets"))
    small = SyntheticSettings(people=12, cameras=3, tracklets=(1, 1), frames=(2, 3), size_hw=(32, 16))
    monkeypatch.setattr("reid.benchmark.finding.SyntheticSettings", lambda: small)
    outcome = vreid("benchmark")
    assert outcome.code == 0
    assert "synthetic, AP hits, cosine, clips even" in outcome.stdout
    assert "colour histogram: striped*" in outcome.stdout
    assert "dcct-compact: " in outcome.stdout
    assert "no checkpoints: colour histograms, and what vreid run would take (comes with vreid)" in outcome.stderr
    (made,) = (here / "runs").iterdir()
    training = here / "runs" / "train-1"
    training.mkdir()
    (training / "training.json").write_text("{}")
    checkpoint(training / "best.safetensors")
    found = vreid("benchmark", "--out", "out")
    assert found.code == 0
    assert "train-1: final*" in found.stdout
    assert "dcct-compact" not in found.stdout
    assert made.is_dir()


def test_a_checkpoint_by_its_name(vreid: Vreid, here: Path) -> None:
    outcome = vreid("benchmark", f"folder={own(here.parent)}", "--weights", "dcct-compact", "--out", "out")
    assert outcome.code == 0
    rows = json.loads(Path("out/benchmark.json").read_text())["rows"]
    assert {row["contestant"] for row in rows} == {"dcct-compact"}


def test_several_sets_and_several_checkpoints(vreid: Vreid, here: Path) -> None:
    place = own(here.parent)
    names = [checkpoint(here / f"{seed}.safetensors", seed=seed) for seed in (0, 1)]
    tracklets = ("--people", 8, "--cameras", 2, "--tracklets", "1-1", "--frames", "2-2", "--size", "32x16")
    assert vreid("synth", "tracklets", "--out", "made-up", *tracklets).code == 0
    outcome = vreid("benchmark", f"folder={place}", "synthetic=made-up", "--checkpoint", *names, "--out", "out")
    assert outcome.code == 0
    rows = json.loads(Path("out/benchmark.json").read_text())["rows"]
    assert [(row["data_set"], row["contestant"]) for row in rows] == [
        (name, contestant) for name in ("folder", "synthetic") for contestant in ("0", "1")
    ]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("marz",), "no data set is called 'marz'"),
        (("mars",), "where is MARS? Say mars=PATH, or name the folder of all data sets in VREID_DATA"),
        (("folder={own}", "folder={own}"), "folder is given twice"),
        (("folder={own}", "--protocol", "mars-9330"), "mars-9330 is for none of the data sets folder"),
        (("mars=nowhere",), "nowhere does not exist"),
        (("folder={own}", "--checkpoint", "lost.safetensors"), "lost.safetensors"),
        (("folder={own}", "--checkpoint", "empty"), "empty holds no checkpoint"),
        (("folder={own}", "--checkpoint", "damaged.safetensors"), "damaged.safetensors"),
        (("folder={own}", "--protocol", "mars"), "protocol: 'mars' is none of mars-official"),
        (("folder={own}", "--ap", "area"), "--ap is hits or trapezoid, not 'area'"),
        (("folder={own}", "--distance", "manhattan"), "--distance is cosine or euclidean"),
        (("folder={own}", "--clips", "some"), "clip policy: 'some' is none of even, first, dense, frames:N"),
        (("folder={own}", "--device", "cuda:9"), "cuda:9"),
        (("folder={own}", "--out", "taken"), "taken"),
        (("folder={one}",), "folder has one camera only"),
        (("folder={own}", "--memory", "0"), "--memory"),
    ],
)
def test_bad_input_is_refused_in_one_line_and_nothing_is_written(
    refused: Refused, here: Path, args: tuple[str, ...], message: str
) -> None:
    places = {"own": own(here.parent / "several"), "one": own(here.parent / "single", one_camera=True)}
    (here / "taken").mkdir()
    (here / "taken" / "letter").write_text("dear")
    (here / "empty").mkdir()
    (here / "damaged.safetensors").write_bytes(b"no weights")
    refused(here, message, "benchmark", *(arg.format(**places) for arg in args))


def test_a_set_of_one_camera_with_the_switch(vreid: Vreid, here: Path) -> None:
    place, weights = own(here.parent, one_camera=True), checkpoint(here / "mine.safetensors")
    outcome = vreid("benchmark", f"folder={place}", "--checkpoint", weights, "--same-camera", "--out", "out")
    assert outcome.code == 0
    assert "same camera counts" in outcome.stdout


def test_ctrl_c_says_what_is_kept(vreid: Vreid, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reid.benchmark.session.score_pairs", interrupted)
    weights = checkpoint(here / "mine.safetensors")
    outcome = vreid("benchmark", f"folder={own(here.parent)}", "--checkpoint", weights, "--out", "out")
    assert (outcome.code, "vectors that were made are kept" in outcome.stderr) == (130, True)
    assert [path.name for path in here.iterdir()] == ["mine.safetensors"]


def test_nothing_is_kept_where_it_is_not_wanted(vreid: Vreid, here: Path) -> None:
    weights = checkpoint(here / "mine.safetensors")
    outcome = vreid("benchmark", f"folder={own(here.parent)}", "--checkpoint", weights, "--no-cache", "--out", "out")
    assert outcome.code == 0
    assert not (here.parent / "kept").exists()
    assert np.isfinite(json.loads(Path("out/benchmark.json").read_text())["rows"][0]["map"])
