"""`vreid associate` as a user types it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Vreid
from tests.pipeline.test_reassociation import names, run

__all__ = ["run"]  # the fixture


def test_another_threshold(vreid: Vreid, run: Path) -> None:
    outcome = vreid("associate", run, "--threshold", 0.8)
    assert outcome.code == 0
    assert outcome.stdout.startswith("2 people (2 before), 0 of 4 stays unknown")
    assert outcome.stdout.rstrip().endswith(f"open {run / 'report.html'}")
    assert names(run) == [1, 2, 1, 2]
    assert vreid("associate", run, "--method", "online").code == 0  # the threshold stays
    assert names(run) == [1, 2, 1, 2]
    assert vreid("associate", run, "--far", 0.01, "--method", "hungarian").code == 0  # now the calibration decides
    assert names(run) == [1, 2, 1, 2]


def test_a_sites_file(vreid: Vreid, run: Path, tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("topology: {transit: [{cameras: [gate, hall], min_s: 60}]}\nassociation: {threshold: 0.8}\n")
    assert vreid("associate", run, "--config", site).code == 0
    assert names(run) == [1, 2, 1, 3]


def test_bad_input_is_refused_in_one_line(vreid: Vreid, run: Path, tmp_path: Path) -> None:
    for args, message in (
        ((tmp_path,), "is not a run of vreid"),
        ((run, "--method", "best"), "'best' is none of average-link, hungarian, online"),
        ((run, "--threshold", 2), "association.threshold"),
    ):
        outcome = vreid("associate", *args)
        assert outcome.code == 2
        assert message.split(".")[-1] in outcome.stderr
        assert outcome.stderr.count("\n") == 1
    assert names(run) == [1, 2, 1, None]
