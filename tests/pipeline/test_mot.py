"""MOTChallenge text: written, read, and equal to lines worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.mot import TrackBox, TruthBox, read_tracks, read_truth, write_tracks, write_truth
from reid.errors import InputError


def test_result_text_is_one_based_and_left_top_width_height(tmp_path: Path) -> None:
    path = tmp_path / "cam.txt"
    boxes = [
        TrackBox(0, 2, (10.0, 20.0, 40.5, 120.25), 0.9),
        TrackBox(0, 1, (1.0, 2.0, 3.0, 5.0), 0.5),
        TrackBox(7, 1, (0.0, 0.0, 10.0, 20.0), 1.0),
    ]
    write_tracks(path, boxes)
    assert path.read_text() == (
        "1,1,1.00,2.00,2.00,3.00,0.5,-1,-1,-1\n"
        "1,2,10.00,20.00,30.50,100.25,0.9,-1,-1,-1\n"
        "8,1,0.00,0.00,10.00,20.00,1,-1,-1,-1\n"
    )
    assert read_tracks(path) == [boxes[1], boxes[0], boxes[2]]


def test_ground_truth_marks_what_is_not_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "cam.txt"
    boxes = [
        TruthBox(0, 5, (0.0, 0.0, 20.0, 40.0), 1.0),
        TruthBox(0, 6, (0.0, 0.0, 20.0, 39.0), 1.0),
        TruthBox(1, 5, (0.0, 0.0, 20.0, 40.0), 0.25),
        TruthBox(2, 5, (0.0, 0.0, 20.0, 40.0), 0.2),
    ]
    write_truth(path, boxes)
    assert path.read_text() == (
        "1,5,0.00,0.00,20.00,40.00,1,1,1\n"
        "1,6,0.00,0.00,20.00,39.00,0,1,1\n"
        "2,5,0.00,0.00,20.00,40.00,1,1,0.25\n"
        "3,5,0.00,0.00,20.00,40.00,0,1,0.2\n"
    )
    assert read_truth(path) == [replace(box, consider=box.considered) for box in boxes]


def test_other_classes_than_person_are_ignored_where_they_look_like_people_and_else_left_out(tmp_path: Path) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("".join(f"1,{kind},0,0,20,40,1,{kind},1\n" for kind in range(1, 14)))
    assert [box.person_id for box in read_truth(path)] == [1, 2, 7, 8, 12]
    assert [box.person_id for box in read_truth(path) if box.considered] == [1]


def test_a_box_that_the_file_does_not_consider_stays_so(tmp_path: Path) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("1,5,0,0,50,200,0,1,1\n")
    (box,) = read_truth(path)
    assert not box.considered
    write_truth(path, [box])
    assert path.read_text() == "1,5,0.00,0.00,50.00,200.00,0,1,1\n"


@pytest.mark.parametrize(
    "line",
    [
        "1,2,3",
        "frame,id,left,top,width,height,conf,-1,-1,-1",
        "1 2 3 4 5 6 7 8 9 10",
        "1,1,nan,2,2,3,0.5,-1,-1,-1",
        "inf,1,1,2,2,3,0.5,-1,-1,-1",
    ],
)
def test_other_text_is_refused_by_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "cam.txt"
    path.write_text(f"1,1,1,2,2,3,0.5,-1,-1,-1\n\n{line}\n")
    with pytest.raises(InputError, match="line 3: expected 10 numbers"):
        read_tracks(path)


def test_frames_count_from_one(tmp_path: Path) -> None:
    path = tmp_path / "cam.txt"
    path.write_text("0,1,1,2,2,3,0.5,-1,-1,-1\n")
    with pytest.raises(InputError, match="line 1: frame 0, but frames count from 1"):
        read_tracks(path)


@pytest.mark.parametrize("start", ["1.5,1", "1,1.5", "1,1e300", "1e300,1", "1,-9007199254740994"])
def test_frames_and_ids_are_whole_numbers(tmp_path: Path, start: str) -> None:
    path = tmp_path / "cam.txt"
    path.write_text(f"{start},1,2,2,3,0.5,-1,-1,-1\n")
    with pytest.raises(InputError, match="line 1: expected whole numbers as frame and id, got '1"):
        read_tracks(path)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cam.txt"
    path.write_bytes(bytes(range(128, 256)))
    with pytest.raises(InputError, match="line 1: expected 10 numbers"):
        read_tracks(path)
    with pytest.raises(InputError, match="cannot read"):
        read_tracks(tmp_path)
