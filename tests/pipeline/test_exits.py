"""Exits: through which people came and went, and where those lead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline import RunConfig, run_pipeline
from pipeline.config import AssociationConfig, ExitConfig, TopologyConfig
from pipeline.constraints import Constraints, Stay, check_topology
from pipeline.exits import with_exits
from pipeline.mot import TrackBox
from pipeline.reassociation import reassociate
from pipeline.run_directory import RunDirectory
from reid.errors import ConfigError
from tests.pipeline.gallery.samples import stay, write_run

LEFT = ((0.0, 0.0), (0.2, 0.0), (0.2, 1.0), (0.0, 1.0))
RIGHT = ((0.8, 0.0), (1.0, 0.0), (1.0, 1.0), (0.8, 1.0))
DOOR = ExitConfig(camera="gate", name="door", polygon=RIGHT, leads_to=("hall",))
ROAD = ExitConfig(camera="gate", name="road", polygon=LEFT, leads_to=("yard",))
STAIRS = ExitConfig(camera="hall", name="stairs", polygon=LEFT, leads_to=("roof",))
PLACE = TopologyConfig(exits=(DOOR, ROAD, STAIRS))


def box(frame: int, track_id: int, x: float) -> TrackBox:
    """Someone in a picture of 100 x 100 pixels whose feet are at x, 90."""
    return TrackBox(frame, track_id, (x - 5, 50.0, x + 5, 90.0), 0.9)


def test_where_the_first_and_the_last_box_stand() -> None:
    boxes = [box(0, 1, 10), box(0, 2, 50), box(1, 1, 50), box(1, 2, 50), box(2, 1, 90), box(3, 3, 85)]
    rows = [stay("gate", track, 0, 5) for track in (1, 2, 3, 4)] + [stay("yard", 1, 0, 5, left_by="old")]
    named = with_exits(rows, PLACE, lambda name: boxes if name == "gate" else [], {"gate": (100, 100)})
    came_and_went = [(row.entered_by, row.left_by) for row in named]
    assert came_and_went == [("road", "door"), (None, None), ("door", "door"), (None, None), (None, None)]


@pytest.mark.parametrize(
    ("earlier", "later", "conflict"),
    [
        (Stay("gate", 0, 5, left_by="door"), Stay("hall", 9, 12), None),
        (Stay("gate", 0, 5, left_by="door"), Stay("yard", 9, 12), "left gate by 'door', which does not lead to yard"),
        (Stay("gate", 0, 5, left_by="door"), Stay("gate", 9, 12), None),
        (Stay("gate", 0, 5), Stay("yard", 9, 12), None),
        (
            Stay("gate", 0, 5),
            Stay("hall", 9, 12, entered_by="stairs"),
            "by 'stairs', which does not lead from",
        ),
        (Stay("roof", 0, 5), Stay("hall", 9, 12, entered_by="stairs"), None),
        (Stay("gate", 0, 5, left_by="window"), Stay("yard", 9, 12), None),
        (Stay("gate", 0, 5, left_by="door"), Stay("yard", 9, 12, clock_known=False), None),
    ],
)
def test_exits_lead_where_they_lead(earlier: Stay, later: Stay, conflict: str | None) -> None:
    found = Constraints(PLACE).conflict([earlier], [later])
    assert (found is None) == (conflict is None)
    assert conflict is None or conflict in str(found)
    assert Constraints(PLACE).allow([later], [earlier]) == (conflict is None)
    assert Constraints(PLACE).possible([earlier, later]) == (conflict is None)


def test_whoever_was_seen_in_between_may_come_from_elsewhere() -> None:
    gate, hall, yard = Stay("gate", 0, 5, left_by="door"), Stay("hall", 9, 12), Stay("yard", 20, 25)
    assert Constraints(PLACE).allow([gate, hall], [yard])
    assert not Constraints(PLACE).allow([gate], [yard])


def test_exits_of_cameras_that_are_not_there_or_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="no camera named 'roof'"):
        check_topology(PLACE, ["gate", "hall", "yard"])
    check_topology(PLACE, ["gate", "hall", "yard", "roof"])
    with pytest.raises(ConfigError, match="2 exits of camera 'gate' are called 'door'"):
        check_topology(TopologyConfig(exits=(DOOR, DOOR)), ["gate", "hall"])


def test_a_finished_run_learns_of_exits(tmp_path: Path) -> None:
    """Boxes of the sample run stand in the left of a picture of 100 pixels: everybody leaves the gate by the road."""
    rows = [
        stay("gate", 1, 0, 5, first_frame=0, last_frame=9, identity_id=1),
        stay("hall", 1, 9, 12, first_frame=90, last_frame=99, identity_id=1),
        stay("yard", 1, 20, 25, first_frame=200, last_frame=209, identity_id=1),
    ]
    run = write_run(tmp_path / "run", rows, [0, 1, 2])
    manifest = json.loads((run / "run.json").read_text())
    for camera in manifest["cameras"]:
        camera.update(width_px=100, height_px=100)
    (run / "run.json").write_text(json.dumps(manifest))
    place = TopologyConfig(exits=(ROAD, replace_camera(ROAD, "yard", "gate")))
    reassociate(run, AssociationConfig(threshold=0.9), place, warn=lambda _: None)
    found = RunDirectory(run).tracklets
    assert [row.left_by for row in found] == ["road", None, "road"]
    assert [row.identity_id for row in found] == [1, 2, 1]
    assert "gate by road to yard" in RunDirectory(run).report.read_text(encoding="utf-8")
    reassociate(run, AssociationConfig(threshold=0.9), TopologyConfig(), warn=lambda _: None)
    found = RunDirectory(run).tracklets
    assert [(row.left_by, row.identity_id) for row in found] == [(None, 1)] * 3


def replace_camera(way_out: ExitConfig, camera: str, leads_to: str) -> ExitConfig:
    return way_out.model_copy(update={"camera": camera, "leads_to": (leads_to,)})


def test_a_run_says_where_people_came_and_went(shared_data: Path, tmp_path: Path) -> None:
    """By the halves of the picture in which the first and the last box stand."""
    halves = {"left": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]], "right": [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}
    sides = [
        {"camera": "room", "name": name, "polygon": polygon, "leads_to": ["room"]} for name, polygon in halves.items()
    ]
    config = RunConfig.model_validate(
        {
            "cameras": [{"name": "room", "source": str(shared_data / "videos" / "one-by-one.mp4")}],
            "detector": {"name": str(shared_data / "weights" / "yolo11n_int8_openvino_model")},
            "duration_s": 22,
            "every": 5,
            "topology": {"exits": sides},
        }
    )
    (row,) = run_pipeline(config, tmp_path / "run").tracklets
    boxes = [line.split(",") for line in (tmp_path / "run/tracks/room.txt").read_text().splitlines()]
    feet = [float(box[2]) + float(box[4]) / 2 for box in (boxes[0], boxes[-1])]
    assert [row.entered_by, row.left_by] == ["left" if x < 768 / 2 else "right" for x in feet]
