"""DukeMTMC-VideoReID in its exact format: both ways of naming, galleries with and without queries, what goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from reid.data.dukemtmc import DISTRACTORS, read_dukemtmc
from reid.data.records import Counts
from reid.errors import InputError
from tests.reid.data.makers import DUKE_NAMES, make_duke, make_own, picture

NO_CAMERA = "train/0005/0001/0005_C0_F0001_X1.jpg"


@pytest.mark.parametrize("names", DUKE_NAMES)
def test_people_cameras_and_the_order_of_frames(tmp_path: Path, names: str) -> None:
    reading = read_dukemtmc(make_duke(tmp_path, names=names))
    (data_set,) = reading.data_sets
    assert [(each.person_id, each.camera_id) for each in data_set.train] == [(1, 1), (1, 6), (5, 1), (5, 6)]
    assert data_set.train[1].frames == tuple(
        "train/0001/0002/" + names.format(person=1, camera=6, frame=frame, video=30_000 + 12 * frame)
        for frame in (1, 2, 3)
    )
    assert [(each.person_id, each.camera_id) for each in data_set.queries] == [(2, 2), (7, 2)]
    assert data_set.read(data_set.train[:1])[0][0].shape == (8, 4, 3)
    assert (reading.missing, reading.extra, reading.gaps) == ((), (), ())


def test_frames_are_ordered_by_their_number_not_by_their_name(tmp_path: Path) -> None:
    root = make_duke(tmp_path)
    for name in ("0001C4F10X5.jpg", "0001_C4_F9_X5.jpg", "0001_C4_F100_X5.jpg"):
        picture(root / "train" / "0001" / "0003" / name)
    (data_set,) = read_dukemtmc(root).data_sets
    names = [name.rpartition("/")[2] for name in data_set.train[2].frames]
    assert names == ["0001_C4_F9_X5.jpg", "0001C4F10X5.jpg", "0001_C4_F100_X5.jpg"]


def test_a_query_with_a_copy_in_the_gallery_is_one_tracklet(tmp_path: Path) -> None:
    reading = read_dukemtmc(make_duke(tmp_path))
    (data_set,) = reading.data_sets
    assert [(each.person_id, each.camera_id) for each in data_set.test] == [(2, 2), (7, 2), (2, 5), (7, 5), (9, 3)]
    assert data_set.query == (0, 1)
    assert sorted(data_set.gallery) == [0, 1, 2, 3, 4]
    assert reading.remarks == ("2 of the 2 queries are in the gallery too.",)


def test_a_gallery_without_queries_stays_so(tmp_path: Path) -> None:
    (data_set,) = read_dukemtmc(make_duke(tmp_path, copies=False)).data_sets
    assert (data_set.query, data_set.gallery) == ((0, 1), (2, 3, 4))


def test_the_same_tracklets_are_counted_either_way(tmp_path: Path) -> None:
    with_copies, without = (
        {name: Counts.of(records) for name, records in read_dukemtmc(root).parts.items()}
        for root in (make_duke(tmp_path / "1"), make_duke(tmp_path / "2", copies=False))
    )
    assert with_copies == without
    assert without["test"] == Counts(3, 5, 15)
    assert without[DISTRACTORS] == Counts(1, 1, 3)


def test_the_first_names_of_the_folders(tmp_path: Path) -> None:
    root = make_duke(tmp_path)
    for part in ("train", "query", "gallery"):
        (root / part).rename(root / f"{part}_split")
    assert len(read_dukemtmc(root).data_sets[0].train) == 4


def test_what_is_missing_and_what_does_not_belong_there(tmp_path: Path) -> None:
    root = make_duke(tmp_path)
    (root / "train" / "0001" / "0001" / "0001_C1_F0002_X30024.jpg").unlink()
    (root / "train" / "0005" / "0003").mkdir()
    # Cameras are counted from 1.
    for stray in (
        "train/readme.txt",
        "query/0002/list.txt",
        "gallery/0009/0001/0008_C3_F0001_X1.jpg",
        "gallery/a/b",
        NO_CAMERA,
    ):
        (root / stray).parent.mkdir(parents=True, exist_ok=True)
        (root / stray).write_text("")
    (root / "train" / ".DS_Store").write_text("")
    reading = read_dukemtmc(root)
    assert reading.gaps == ("train/0001/0001/F0002",)
    assert reading.missing == ("train/0005/0003 (no images)",)
    assert set(reading.extra) == {
        "train/readme.txt",
        "query/0002/list.txt",
        "gallery/0009/0001/0008_C3_F0001_X1.jpg",
        "gallery/a",
        NO_CAMERA,
    }


def test_wider_gaps_are_named_by_their_ends(tmp_path: Path) -> None:
    root = make_duke(tmp_path)
    picture(root / "query" / "0002" / "0001" / "0002_C2_F0009_X9.jpg")
    assert read_dukemtmc(root).gaps == ("query/0002/0001/F0004 to F0008",)


def test_two_cameras_in_one_tracklet_are_refused(tmp_path: Path) -> None:
    root = make_duke(tmp_path)
    picture(root / "train" / "0001" / "0001" / "0001_C3_F0004_X9.jpg")
    with pytest.raises(InputError, match=r"0001/0001 holds images of cameras \[1, 3\]"):
        read_dukemtmc(root)


def test_tracklets_of_ones_own_are_told_from_it(tmp_path: Path) -> None:
    for part, person in (("train", "1"), ("query", "2"), ("gallery", "2")):
        make_own(tmp_path, (person,), part=part)
    with pytest.raises(InputError, match=r"holds no tracklet of DukeMTMC-VideoReID.*the data set called folder"):
        read_dukemtmc(tmp_path)
