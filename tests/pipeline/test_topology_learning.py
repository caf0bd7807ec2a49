"""Ways between cameras, learned from what is sure in a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

from pipeline.config import RunConfig
from pipeline.reassociation import reassociate, settings_of
from pipeline.run_directory import RunDirectory
from pipeline.topology_learning import draw_topology, learn_topology, topology_text
from pipeline.transit_times import usual_time
from reid.config import parse_settings
from reid.errors import InputError
from tests.pipeline.gallery.samples import stay, write_run
from tests.pipeline.gallery.test_adding import no_warnings


def usual_spread(times_s: Sequence[float]) -> float:
    return round(usual_time(times_s)[1], 2)


TIMES = (8.0, 9.0, 10.0, 11.0, 12.0, 100.0)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Six people from the gate to the hall, one after a detour; two to the yard; a seventh of whom nothing is sure."""
    rows, degrees = [], []
    for number, time_s in enumerate(TIMES, start=1):
        begin = 1000.0 * number
        rows.append(stay("gate", number, begin, begin + 5, identity_id=number))
        rows.append(stay("hall", number, begin + 5 + time_s, begin + 10 + time_s, identity_id=number))
        degrees += [50 * number, 50 * number + 1]
        if number < 3:
            rows.append(stay("yard", number, begin + 200, begin + 210, identity_id=number))
            degrees.append(50 * number)
    rows.append(stay("gate", 9, 20, 25, identity_id=9))
    rows.append(stay("hall", 9, 26, 30, identity_id=9))
    degrees += [5, 35]
    order = sorted(range(len(rows)), key=lambda index: (rows[index].camera_id, rows[index].track_id))
    return write_run(tmp_path / "run", [rows[index] for index in order], [degrees[index] for index in order])


def test_limits_lie_around_the_usual_times(run: Path) -> None:
    learned = learn_topology(run, warn=no_warnings)
    ways = {way.cameras: way for way in learned.ways}
    gate_hall = ways["gate", "hall"]
    np.testing.assert_allclose(gate_hall.times_s, TIMES)
    assert gate_hall.proposed is not None
    assert (gate_hall.proposed.min_s, gate_hall.proposed.max_s) == (4.0, 24.0)
    assert gate_hall.proposed.usual_s == 10.0
    assert gate_hall.proposed.spread == usual_spread((8, 9, 10, 11, 12))
    assert gate_hall.overlapping is False
    assert ways["hall", "yard"].proposed is None
    assert len(ways["hall", "yard"].times_s) == 2
    assert ways["gate", "yard"].times_s == ()


def test_the_file_is_a_sites_file(run: Path, tmp_path: Path) -> None:
    learned = learn_topology(run, warn=no_warnings)
    text = topology_text(learned, run)
    settings = parse_settings(yaml.safe_load(text), RunConfig, where="file")
    assert settings.topology == learned.topology
    assert "# hall and yard: too few: 2 people seen on this way" in text
    draw_topology(learned, tmp_path / "ways.png", title="ways")
    assert (tmp_path / "ways.png").read_bytes().startswith(b"\x89PNG")


def test_cameras_that_see_people_at_once_are_not_taken_apart(tmp_path: Path) -> None:
    gate = [stay("gate", n, 100.0 * n, 100.0 * n + 9, identity_id=n) for n in range(1, 6)]
    hall = [stay("hall", n, 100.0 * n + 4, 100.0 * n + 12, identity_id=n) for n in range(1, 6)]
    run = write_run(tmp_path / "run", [*gate, *hall], [50 * n for n in range(5)] * 2)
    learned = learn_topology(run, warn=no_warnings)
    (way,) = learned.ways
    assert way.overlapping
    assert way.proposed is None
    settings = parse_settings(yaml.safe_load(topology_text(learned, run)), RunConfig, where="file")
    assert settings.topology == learned.topology == RunConfig().topology


def test_a_run_that_had_a_topology_says_so(run: Path) -> None:
    settings, _ = settings_of(RunDirectory(run))
    reassociate(run, settings, learn_topology(run, warn=no_warnings).topology, warn=lambda _: None)
    warnings: list[str] = []
    learn_topology(run, warn=warnings.append)
    assert "its matches cannot contradict" in warnings[0]


def test_one_camera_has_no_ways(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [stay("gate", 1, 0, 5, identity_id=1)], [0])
    with pytest.raises(InputError, match="has one camera"):
        learn_topology(run, warn=no_warnings)
