"""A deleted person is nowhere: not in the gallery, not in its runs, not in any file."""

from __future__ import annotations

import json
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import faiss
import numpy as np
import pytest

from pipeline.corrections import Corrections, correction, read_corrections, write_corrections
from pipeline.gallery.changing import expire
from pipeline.gallery.deleting import delete_person
from pipeline.gallery.store import GalleryStore
from pipeline.mot import read_tracks
from pipeline.removal import remove_stays
from pipeline.run_directory import RunDirectory
from reid.errors import ConfigError, InputError
from tests.pipeline.gallery.samples import CREATED, stay, write_run
from tests.pipeline.gallery.test_adding import add
from tests.pipeline.test_association import unit


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Person 1 three times, person 2 twice, at the gate in view of person 1's second stay there; somebody unknown."""
    rows = [
        stay("gate", 1, 0, 10, first_frame=0, last_frame=9, identity_id=1),
        stay(
            "gate", 2, 5, 15, first_frame=5, last_frame=14, identity_id=2, runner_up_identity_id=1, runner_up_score=0.4
        ),
        stay("gate", 3, 20, 30, first_frame=20, last_frame=29, identity_id=1),
        stay("gate", 4, 40, 50, first_frame=40, last_frame=49, identity_id=None),
        stay("hall", 1, 60, 70, first_frame=60, last_frame=69, identity_id=1),
        stay("yard", 1, 80, 90, first_frame=80, last_frame=89, identity_id=2),
    ]
    return write_run(tmp_path / "run", rows, [0, 90, 3, 45, 8, 95])


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_stays_go_with_everything_that_was_stored_about_them(run: Path) -> None:
    pictures = [(run / name).read_bytes() for name in ("crops/gate/1/000.jpg", "scenes/hall/1.jpg")]
    said = Corrections()
    said.add(correction("merge", [("gate", 1)], [("gate", 3), ("hall", 1)]))
    said.add(correction("forbid", [("gate", 2), ("gate", 4)], [("yard", 1)]))
    said.add(correction("forbid", [("gate", 2)], [("hall", 1)]))
    write_corrections(run, said)
    warnings: list[str] = []
    removed = remove_stays(run, [("gate", 1), ("gate", 3), ("hall", 1), ("no", 7)], warn=warnings.append)
    np.testing.assert_array_equal(removed.vectors, unit(0, 3, 8))
    after = RunDirectory(run)
    kept = [(known.camera_id, known.track_id, known.identity_id, known.mot_id) for known in after.tracklets]
    assert kept == [("gate", 2, 2, 2), ("gate", 4, None, 3), ("yard", 1, 2, 2)]
    assert after.tracklets[0].runner_up_identity_id is after.tracklets[0].runner_up_score is None
    np.testing.assert_array_equal(after.embeddings, unit(90, 45, 95))
    assert faiss.read_index(str(run / "gallery.faiss")).ntotal == 3
    assert {(box.frame_index, box.mot_id) for box in read_tracks(run / "tracks" / "gate.txt")} == {
        *((frame, 2) for frame in range(5, 15)),
        *((frame, 3) for frame in range(40, 50)),
    }
    assert read_tracks(run / "tracks" / "hall.txt") == []
    assert sorted(path.relative_to(run).as_posix() for path in (run / "crops").rglob("*.jpg")) == sorted(
        f"{known.crops_path}/{number:03d}.jpg" for known in after.tracklets for number in range(len(known.crop_frames))
    )
    # The second person's frame at the gate shows the first one too.
    assert sorted(path.name for path in (run / "scenes").rglob("*.jpg")) == ["1.jpg", "4.jpg"]
    assert [path.name for path in (run / "videos").iterdir()] == ["yard.mp4"]
    assert [warning.split(" showed")[0] for warning in warnings] == [
        str(run / f"videos/{n}.mp4") for n in ("gate", "hall")
    ]
    assert [str(entry) for entry in read_corrections(run).said] == ["gate/2, gate/4: never the person of yard/1"]
    assert after.manifest["counts"]["tracklets"] == 3
    assert (run / "sightings.csv").read_text().count("\n") == 4
    left = everything(run)
    assert not any(picture in left for picture in pictures)


def test_nothing_to_remove_changes_nothing(run: Path) -> None:
    before = everything(run)
    assert len(remove_stays(run, [("hall", 9)], warn=print).vectors) == 0
    assert everything(run) == before


def test_a_deleted_person_is_in_no_file(run: Path, tmp_path: Path) -> None:
    again = write_run(
        tmp_path / "again",
        [stay("hall", 1, 0, 10, identity_id=1), stay("hall", 2, 20, 30, identity_id=2)],
        [4, 60],
        created=CREATED + timedelta(days=1),
    )
    people = tmp_path / "people"
    for each in (run, again):
        add(people, each)
    secrets = [unit(degrees)[0].tobytes() for degrees in (0, 3, 8, 4)]
    assert all(secret in everything(tmp_path) for secret in secrets)
    with GalleryStore(people) as store:
        picture = store.picture(1)
        assert picture is not None
        done = delete_person(store, 1, warn=lambda _: None)
        assert [person.id for person in store.people()] == [2, 3]
        with pytest.raises(ConfigError, match="there is no person 1"):
            delete_person(store, 1, warn=lambda _: None)
    left = everything(tmp_path)
    assert not any(secret in left for secret in (*secrets, picture))
    assert (done.sightings, done.looks, done.stays, done.runs) == (4, 4, 4, [run, again])
    assert done.found == done.missing_runs == []
    assert [(camera, start) for camera, _, start, _ in done.recordings] == [
        ("gate", 0),
        ("gate", 20),
        ("hall", 60),
        ("hall", 0),
    ]
    assert done.files > 20
    for each in (run, again):
        assert 1 not in [known.gallery_person_id for known in RunDirectory(each).tracklets]


def test_what_is_left_somewhere_is_found(run: Path, tmp_path: Path) -> None:
    add(tmp_path / "people", run)
    copy = run / "crops" / "copy.jpg"
    copy.write_bytes(b"before it " + (run / "crops/gate/1/000.jpg").read_bytes())
    vectors = run / "mine.npy"
    np.save(vectors, unit(45, 8, 45))
    with GalleryStore(tmp_path / "people") as store:
        done = delete_person(store, 1, warn=lambda _: None)
    # Vectors of two numbers are too short to be looked for.
    assert done.found == [copy]


def test_a_run_that_was_away_is_reached_once_it_is_back(run: Path, tmp_path: Path) -> None:
    add(tmp_path / "people", run)
    away = run.rename(tmp_path / "elsewhere")
    with GalleryStore(tmp_path / "people") as store:
        done = delete_person(store, 1, warn=lambda _: None)
        assert (done.missing_runs, done.looks, done.is_complete) == ([run], 3, False)
        assert [person.id for person in store.people()] == [2]
        away.rename(run)
        done = delete_person(store, 1, warn=lambda _: None)
        assert (done.stays, done.is_complete) == (3, True)
        with pytest.raises(ConfigError, match="there is no person 1"):
            delete_person(store, 1, warn=lambda _: None)
    assert [known.track_id for known in RunDirectory(run).tracklets] == [2, 4, 1]


def test_another_run_at_its_place_is_left_alone(run: Path, tmp_path: Path) -> None:
    add(tmp_path / "people", run)
    manifest = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**manifest, "created": "2020-01-01T00:00:00+00:00"}))
    with GalleryStore(tmp_path / "people") as store:
        assert delete_person(store, 1, warn=lambda _: None).missing_runs == [run]
    assert len(RunDirectory(run).tracklets) == 6


@pytest.mark.parametrize("name", ["run.json", "embeddings.npy", "corrections.json"])
def test_nothing_is_changed_where_a_run_is_damaged(run: Path, tmp_path: Path, name: str) -> None:
    later = CREATED + timedelta(days=1)
    again = write_run(tmp_path / "again", [stay("hall", 1, 0, 10, identity_id=1)], [4], created=later)
    for each in (run, again):
        add(tmp_path / "people", each)
    (again / name).write_text("{")
    before = everything(run)
    with GalleryStore(tmp_path / "people") as store:
        with pytest.raises(InputError):
            delete_person(store, 1, warn=lambda _: None)
        assert len(store.sightings(1)) == 4
    assert everything(run) == before


def test_what_was_forgotten_is_still_reached_in_its_run(run: Path, tmp_path: Path) -> None:
    add(tmp_path / "people", run)
    with GalleryStore(tmp_path / "people") as store:
        expire(store, datetime.now(UTC))
        assert store.people() == []
        done = delete_person(store, 1, warn=lambda _: None)
    assert (done.sightings, done.stays, done.is_complete) == (0, 3, True)


def test_what_an_interrupted_command_left_goes_too(run: Path, tmp_path: Path) -> None:
    add(tmp_path / "people", run)
    shutil.copytree(run, tmp_path / ".run.unfinished-abc-old")
    with GalleryStore(tmp_path / "people") as store:
        assert delete_person(store, 1, warn=lambda _: None).is_complete
    assert sorted(path.name for path in tmp_path.iterdir()) == ["people", "run"]


def test_a_run_that_was_cleaned_before_an_interruption_still_names_its_recordings(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(tmp_path / "people", run)
    with GalleryStore(tmp_path / "people") as store:
        monkeypatch.setattr("pipeline.gallery.store.GalleryWriter.drop_sightings", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            delete_person(store, 1, warn=lambda _: None)
        monkeypatch.undo()
        assert [row.identity_id for row in RunDirectory(run).tracklets] == [2, None, 2]
        done = delete_person(store, 1, warn=lambda _: None)
    assert (done.sightings, done.stays, done.is_complete) == (3, 0, True)
    assert len(done.recordings) == 3
    assert [(camera, start_s, end_s) for camera, _, start_s, end_s in done.recordings] == [
        ("gate", 0, 10),
        ("gate", 20, 30),
        ("hall", 60, 70),
    ]


def test_recordings_are_named_once_and_by_their_own_time(run: Path, tmp_path: Path) -> None:
    """The hall's recording begins a day after the gate's, and its clock runs fast; its person is at 60 s of it."""
    manifest = json.loads((run / "run.json").read_text())
    hall = next(each for each in manifest["cameras"] if each["camera_id"] == "hall")
    hall["start_time"] = (datetime.fromisoformat(hall["start_time"]) + timedelta(days=1)).isoformat()
    hall["clock_rate"] = 1.001
    (run / "run.json").write_text(json.dumps(manifest))
    add(tmp_path / "people", run)
    with GalleryStore(tmp_path / "people") as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.gallery.store.GalleryWriter.drop_sightings", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            delete_person(store, 1, warn=lambda _: None)
    with GalleryStore(tmp_path / "people") as store:
        again = [
            (camera, start_s, end_s)
            for camera, _, start_s, end_s in delete_person(store, 1, warn=lambda _: None).recordings
        ]
    assert again == [("gate", 0, 10), ("gate", 20, 30), ("hall", pytest.approx(60), pytest.approx(70))]


def test_a_run_that_another_one_replaced_leaves_nothing_behind(run: Path, tmp_path: Path) -> None:
    """Killed just after the new run had taken its place."""
    add(tmp_path / "people", run)
    run.rename(tmp_path / ".run.unfinished-abc-old")
    write_run(run, [stay("gate", 7, 0, 10, identity_id=1)], [50], created=CREATED + timedelta(days=1))
    with GalleryStore(tmp_path / "people") as store:
        done = delete_person(store, 1, warn=lambda _: None)
    assert done.missing_runs == [run]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["people", "run"]


def _interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_run_that_was_being_replaced_is_not_passed_over(run: Path, tmp_path: Path) -> None:
    add(tmp_path / "people", run)
    run.rename(tmp_path / ".run.unfinished-abc-old")
    with GalleryStore(tmp_path / "people") as store:
        with pytest.raises(InputError, match=r"interrupted; rename .*unfinished-abc-old"):
            delete_person(store, 1, warn=lambda _: None)
        assert len(store.sightings(1)) == 3


def test_frames_of_one_camera_share_their_background(run: Path, tmp_path: Path) -> None:
    """What a frame that goes has in common with one that stays is no trace of the person; the whole frame is."""
    background = np.random.default_rng(0).integers(0, 256, (240, 240, 3), dtype=np.uint8)
    for track in (1, 4):
        frame = background.copy()
        frame[220:, 40 * track : 40 * track + 20] = 0
        cv2.imwrite(str(run / "scenes" / "gate" / f"{track}.jpg"), frame)
    copied = tmp_path / ".run.unfinished-abc" / "scenes" / "copy.jpg"
    add(tmp_path / "people", run)
    with GalleryStore(tmp_path / "people") as store:
        shutil.copytree(tmp_path / "people", tmp_path / "again")
        shutil.copytree(run, tmp_path / "kept")
        assert delete_person(store, 1, warn=lambda _: None).is_complete
    assert (run / "scenes" / "gate" / "4.jpg").is_file()
    shutil.rmtree(run)
    (tmp_path / "kept").rename(run)
    copied.parent.mkdir(parents=True)
    shutil.copy(run / "scenes" / "gate" / "1.jpg", copied)
    with GalleryStore(tmp_path / "again") as store:
        assert delete_person(store, 1, warn=lambda _: None).found == [copied]


def test_files_of_others_in_a_run_are_named(run: Path, tmp_path: Path) -> None:
    add(tmp_path / "people", run)
    (run / "search.html").write_text("a page")
    with GalleryStore(tmp_path / "people") as store:
        done = delete_person(store, 1, warn=lambda _: None)
    assert done.unchecked == [run / "search.html"]
    assert not done.is_complete


def test_a_reader_does_not_keep_anyone_from_being_deleted(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.gallery.store._BUSY_S", 0.1)
    add(tmp_path / "people", run)
    with GalleryStore(tmp_path / "people") as store, sqlite3.connect(store.path, isolation_level=None) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM looks").fetchone()
        done = delete_person(store, 1, warn=lambda _: None)
        reader.execute("COMMIT")
    reader.close()
    assert done.log_held
    assert not done.is_complete
    assert done.stays == 3
