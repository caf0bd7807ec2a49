"""PRID-2011 in its exact format: who is used, and the files of splits that go round."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from reid.data.prid import IN_BOTH, USED, read_prid
from reid.data.records import Counts
from reid.errors import InputError
from tests.reid.data.makers import make_prid


def test_who_is_used(tmp_path: Path) -> None:
    """27 frames are enough and 26 are not; person 201 is somebody else in the other camera."""
    reading = read_prid(make_prid(tmp_path, lambda person: {2: 26, 3: 40}.get(person, 27)))
    assert Counts.of(reading.parts[IN_BOTH]) == Counts(6, 12, 2 * (26 + 40 + 4 * 27))
    assert Counts.of(reading.parts[USED]) == Counts(5, 10, 2 * (40 + 4 * 27))
    for data_set in reading.data_sets:
        everyone = {each.person_id for each in (*data_set.train, *data_set.test)}
        assert everyone == {1, 3, 4, 5, 6}


def test_both_cameras_have_to_see_somebody_long_enough(tmp_path: Path) -> None:
    root = make_prid(tmp_path)
    (root / "prid_2011" / "multi_shot" / "cam_b" / "person_0004" / "0027.png").unlink()
    assert {each.person_id for each in read_prid(root).parts[USED]} == {1, 2, 3, 5, 6}


def test_who_of_the_200_is_missing_is_named(tmp_path: Path) -> None:
    root = make_prid(tmp_path)
    shutil.rmtree(root / "prid_2011" / "multi_shot" / "cam_a" / "person_0003")
    missing = read_prid(root).missing
    assert missing[0] == "prid_2011/multi_shot/cam_a/person_0003"
    assert missing[1] == "prid_2011/multi_shot/cam_a/person_0007"
    assert len(missing) == 195 + 194


def test_the_first_camera_searches_the_second(tmp_path: Path) -> None:
    reading = read_prid(make_prid(tmp_path))
    assert len(reading.data_sets) == 10
    for data_set in reading.data_sets:
        assert len(data_set.train) == 6
        assert {data_set.test[row].camera_id for row in data_set.query} == {1}
        assert {data_set.test[row].camera_id for row in data_set.gallery} == {2}
        assert len(data_set.query) == len(data_set.gallery) == 3
    frames = reading.parts[USED][1].frames
    assert frames[0] == "prid_2011/multi_shot/cam_b/person_0001/0001.png"
    assert frames[-1] == "prid_2011/multi_shot/cam_b/person_0001/0027.png"


@pytest.mark.parametrize("place", ["splits_prid2011.json", "info/splits_prid2011.json"])
def test_splits_by_name(tmp_path: Path, place: str) -> None:
    root = make_prid(tmp_path)
    names = [f"person_{number:04d}" for number in range(1, 7)]
    content = [{"train": names[shift:][:3], "test": names[:shift] + names[shift + 3 :]} for shift in range(4)]
    (root / place).parent.mkdir(exist_ok=True)
    (root / place).write_text(json.dumps(content))
    reading = read_prid(root)
    assert reading.splits is not None and reading.splits.standard and reading.splits.source == "splits_prid2011.json"
    trained = [sorted({each.person_id for each in data_set.train}) for data_set in reading.data_sets]
    assert trained == [[1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6]]


def test_splits_by_number_count_those_who_are_used(tmp_path: Path) -> None:
    root = make_prid(tmp_path, lambda person: 26 if person == 1 else 27, people=5)
    table = {"ls_set": np.array([[1, 2, 3, 4], [4, 3, 2, 1]], np.uint8)}
    scipy.io.savemat(str(root / "train_test_splits_prid.mat"), table)
    first, second = read_prid(root).data_sets
    assert {each.person_id for each in first.test} == {each.person_id for each in second.train} == {2, 3}


def test_a_split_with_somebody_too_short_is_refused(tmp_path: Path) -> None:
    root = make_prid(tmp_path, lambda person: 26 if person == 2 else 27)
    (root / "splits.json").write_text('[{"train": ["person_0001"], "test": ["person_0002"]}]')
    with pytest.raises(InputError, match=r"split 0 has person_0002, not among the complete people"):
        read_prid(root)


def test_the_inner_folder_will_do(tmp_path: Path) -> None:
    data_set = read_prid(make_prid(tmp_path) / "prid_2011").data_sets[0]
    assert data_set.read(data_set.train[:1])[0][26].shape == (8, 4, 3)


def test_too_few_people_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 people with 27 images or more in both"):
        read_prid(make_prid(tmp_path, people=1))
