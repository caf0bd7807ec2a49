"""iLIDS-VID in its exact format, with the standard splits and without."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from reid.data.ilids import PART, read_ilids
from reid.data.records import Counts, DataSet
from reid.errors import InputError
from tests.reid.data.makers import make_ilids

SPLITS = Path("train-test people splits") / "train_test_splits_ilidsvid.mat"


def people(data_set: DataSet) -> tuple[list[int], list[int]]:
    return sorted({each.person_id for each in data_set.train}), sorted({each.person_id for each in data_set.test})


def test_the_standard_splits(tmp_path: Path) -> None:
    reading = read_ilids(make_ilids(tmp_path))
    assert len(reading.data_sets) == 10
    assert reading.splits is not None and reading.splits.standard
    assert str(reading.splits) == "10 splits of train_test_splits_ilidsvid.mat"
    # The rows are 1 2 3 4, then 4 1 2 3; places in the list of people, of whom the fourth is person 319.
    assert people(reading.data_sets[0]) == ([4, 319], [1, 2])
    assert people(reading.data_sets[1]) == ([2, 4], [1, 319])
    assert Counts.of(reading.parts[PART]) == Counts(4, 8, 20)


def test_one_camera_searches_the_other(tmp_path: Path) -> None:
    data_set = read_ilids(make_ilids(tmp_path)).data_sets[0]
    assert [data_set.test[row].camera_id for row in data_set.query] == [1, 1]
    assert [data_set.test[row].camera_id for row in data_set.gallery] == [2, 2]
    assert [each.person_id for each in data_set.queries] == [data_set.test[row].person_id for row in data_set.gallery]
    folder = "i-LIDS-VID/sequences/cam2/person001"
    assert data_set.test[data_set.gallery[0]].frames == tuple(
        f"{folder}/cam2_person001_{frame}.png" for frame in ("00099", "00100", "00101")
    )
    assert data_set.read(data_set.train)[0][0].shape == (8, 4, 3)


def test_without_the_file_ten_splits_are_drawn(tmp_path: Path) -> None:
    first, again = (read_ilids(make_ilids(tmp_path / name, range(1, 21), splits=False)) for name in ("a", "b"))
    assert first.splits == again.splits
    assert first.splits is not None and not first.splits.standard
    assert str(first.splits) == "10 splits drawn from the 20 people of iLIDS-VID, seed 0"
    halves = [people(data_set) for data_set in first.data_sets]
    assert len({tuple(train) for train, _ in halves}) == 10
    for train, test in halves:
        assert len(train) == len(test) == 10
        assert sorted(train + test) == list(range(1, 21))


def test_the_list_that_toolkits_write_is_read_too(tmp_path: Path) -> None:
    root = make_ilids(tmp_path, splits=False)
    (root / "splits.json").write_text('[{"train": ["person002", "person001"], "test": ["person004", "person319"]}]')
    (data_set,) = read_ilids(root).data_sets
    assert people(data_set) == ([1, 2], [4, 319])


@pytest.mark.parametrize("place", [".", "i-LIDS-VID"])
def test_the_list_may_lie_in_the_inner_folder(tmp_path: Path, place: str) -> None:
    root = make_ilids(tmp_path, splits=False)
    (root / place / "splits.json").write_text('[{"train": ["person002"], "test": ["person004"]}]')
    assert people(read_ilids(root).data_sets[0]) == ([2], [4])


@pytest.mark.parametrize("inner", ["i-LIDS-VID", "i-LIDS-VID/i-LIDS-VID"])
def test_the_inner_folder_will_do(tmp_path: Path, inner: str) -> None:
    root = make_ilids(tmp_path / "set")
    if inner == "i-LIDS-VID":  # the file of splits lies beside it
        reading = read_ilids(root / inner)
    else:
        shutil.move(root / "i-LIDS-VID", tmp_path / "inside")
        (root / "i-LIDS-VID").mkdir()
        shutil.move(tmp_path / "inside", root / inner)
        reading = read_ilids(root)
    assert reading.splits is not None and reading.splits.standard
    data_set = reading.data_sets[3]
    assert data_set.read(data_set.test)[0][0].shape == (8, 4, 3)


def test_who_is_in_one_camera_only_is_named(tmp_path: Path) -> None:
    root = make_ilids(tmp_path, splits=False)
    cameras = root / "i-LIDS-VID" / "sequences"
    shutil.rmtree(cameras / "cam2" / "person004")
    (cameras / "cam1" / "person500").mkdir()
    (cameras / "cam1" / "notes.txt").write_text("")
    for camera in ("cam1", "cam2"):  # people are counted from 1, and 0 would be a distractor
        shutil.copytree(cameras / camera / "person001", cameras / camera / "person000")
    (cameras / "cam1" / "person001" / "list.txt").write_text("")
    reading = read_ilids(root)
    assert reading.missing == (
        "i-LIDS-VID/sequences/cam1/person500 (no images)",
        "i-LIDS-VID/sequences/cam2/person004 (is in the other camera)",
    )
    assert set(reading.extra) == {
        "i-LIDS-VID/sequences/cam1/notes.txt",
        "i-LIDS-VID/sequences/cam1/person000",
        "i-LIDS-VID/sequences/cam2/person000",
        "i-LIDS-VID/sequences/cam1/person001/list.txt",
    }
    assert Counts.of(reading.parts[PART]).people == 3


def test_standard_splits_are_not_shifted_by_a_missing_person(tmp_path: Path) -> None:
    root = make_ilids(tmp_path)
    shutil.rmtree(root / "i-LIDS-VID" / "sequences" / "cam2" / "person002")
    with pytest.raises(InputError, match=r"splits 4 people by their place in the list of all, but 3 are complete"):
        read_ilids(root)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.array([[1, 2, 3, 3]]), "not a table whose rows are permutations"),
        (np.array([[0, 1, 2, 3]]), "not a table whose rows are permutations"),
        (np.array([[0.5, 1, 2, 3]]), "no table of whole numbers called ls_set"),
    ],
)
def test_other_tables_are_refused(tmp_path: Path, table: np.ndarray, message: str) -> None:
    root = make_ilids(tmp_path)
    scipy.io.savemat(str(root / SPLITS), {"ls_set": table})
    with pytest.raises(InputError, match=message):
        read_ilids(root)


def test_folders_without_people_are_refused(tmp_path: Path) -> None:
    for camera in ("cam1", "cam2"):
        (tmp_path / "sequences" / camera).mkdir(parents=True)
    with pytest.raises(InputError, match="0 people with images in both sequences/cam1 and sequences/cam2"):
        read_ilids(tmp_path)
