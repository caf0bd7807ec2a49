"""Who is found by which box, who is ignored, and the true ids of boxes."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from pipeline.evaluation_matching import MatchedFrame, assign, box_iou, match_frame, with_true_ids
from pipeline.mot import TrackBox, TruthBox
from tests.pipeline.evaluation_samples import track_box, truth_box


def person(
    number: int, left: float, width: float = 100.0, *, visibility: float = 1.0, height: float = 200.0
) -> TruthBox:
    return TruthBox(0, number, (left, 0.0, left + width, height), visibility)


def box(number: int, left: float, width: float = 100.0, height: float = 200.0) -> TrackBox:
    return TrackBox(0, number, (left, 0.0, left + width, height), 1.0)


def found(frame: MatchedFrame) -> dict[int, int]:
    """Person -> id of the box that shows them."""
    pairs = zip(frame.person_ids.tolist(), frame.found_by.tolist(), strict=True)
    return {person: int(frame.result_ids[column]) for person, column in pairs if column >= 0}


class TestOverlap:
    def test_by_hand(self) -> None:
        first = np.array([[0.0, 0, 10, 10], [5, 5, 5, 5]])
        second = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10], [8, 8, 2, 2]])
        assert box_iou(first, second).tolist() == [[1.0, 50 / 150, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]

    def test_of_nothing(self) -> None:
        assert box_iou(np.empty((0, 4)), np.ones((3, 4))).shape == (0, 3)
        assert box_iou(np.ones((2, 4)), np.empty((0, 4))).shape == (2, 0)


class TestAssignment:
    @pytest.mark.parametrize("seed", range(20))
    def test_overlaps_add_up_to_the_most_of_all_ways(self, seed: int) -> None:
        iou = np.random.default_rng(seed).random((3, 4))
        kept = np.where(iou >= 0.4, iou, 0.0)
        best = max(sum(kept[row, column] for row, column in enumerate(way)) for way in permutations(range(4), 3))
        rows, columns = assign(iou, 0.4)
        assert (iou[rows, columns] >= 0.4).all()
        assert iou[rows, columns].sum() == pytest.approx(best)

    def test_the_least_overlap_is_enough(self) -> None:
        rows, columns = assign(np.array([[0.5, 0.0], [0.0, 0.4999]]), 0.5)
        assert (rows.tolist(), columns.tolist()) == ([0], [0])


class TestIgnoredPeople:
    """Neither missed nor counted against."""

    @pytest.mark.parametrize(
        "hidden",
        [
            person(7, 300.0, visibility=0.2),
            person(7, 300.0, height=39.0),
            TruthBox(0, 7, (300, 0, 400, 200), 1.0, False),
        ],
    )
    def test_with_and_without_a_box_of_theirs(self, hidden: TruthBox) -> None:
        shown = TrackBox(0, 9, hidden.box_xyxy, 1.0)
        for results, ignored in (([box(1, 0.0), shown], 1), ([box(1, 0.0)], 0), ([shown, box(1, 0.0)], 1)):
            frame = match_frame([person(5, 0.0), hidden], results)
            assert found(frame) == {5: 1}
            assert (frame.result_ids.tolist(), frame.ignored_boxes) == ([1], ignored)
            assert frame.iou.tolist() == [[1.0]]

    def test_one_box_each_and_no_more(self) -> None:
        frame = match_frame([person(7, 0.0, visibility=0.1)], [box(1, 0.0), box(2, 5.0)])
        assert (frame.result_ids.tolist(), frame.ignored_boxes) == ([2], 1)

    def test_a_box_that_does_not_fit_them_counts(self) -> None:
        frame = match_frame([person(7, 0.0, 50.0, visibility=0.1)], [box(1, 0.0, 101.0)])
        assert (frame.result_ids.tolist(), frame.ignored_boxes) == ([1], 0)

    def test_they_take_no_box_from_someone_who_is_asked_for(self) -> None:
        """The box fits the hidden person behind better than the one in front, whom nothing else shows."""
        frame = match_frame([person(5, 20.0), person(7, 0.0, visibility=0.2)], [box(1, 5.0)])
        assert found(frame) == {5: 1}
        assert frame.ignored_boxes == 0

    def test_they_get_what_is_left(self) -> None:
        frame = match_frame([person(5, 20.0), person(7, 0.0, visibility=0.2)], [box(1, 5.0), box(2, 20.0)])
        assert found(frame) == {5: 2}
        assert (frame.result_ids.tolist(), frame.ignored_boxes) == ([2], 1)


def test_what_is_known_of_a_frame() -> None:
    frame = match_frame(
        [person(5, 0.0, visibility=0.75), person(6, 500.0, height=80.0), person(7, 900.0)],
        [box(1, 2000.0, height=50.0), box(2, 900.0), box(3, 0.0)],
    )
    assert found(frame) == {5: 3, 7: 2}
    assert frame.heights_px.tolist() == [200.0, 80.0, 200.0]
    assert frame.visibilities.tolist() == [0.75, 1.0, 1.0]
    assert frame.result_heights_px.tolist() == [50.0, 200.0, 200.0]
    assert frame.iou.tolist() == [[0.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


class TestTrueIds:
    def test_boxes_take_their_persons_id_and_false_ones_an_id_of_nobody(self) -> None:
        frames = [
            match_frame([truth_box(0, 5), truth_box(0, 6)], [track_box(0, 6, lane=5), track_box(0, 5, lane=9)]),
            match_frame([truth_box(1, 9)], [track_box(1, 5, lane=9), track_box(1, 40, lane=3)]),
        ]
        first, second = with_true_ids(frames)
        assert first.result_ids[0] == 5
        assert second.result_ids[0] == 9
        false = {int(first.result_ids[1]), int(second.result_ids[1])}
        assert len(false) == 2
        assert min(false) > 9

    def test_ids_stay_distinct_whatever_they_are(self) -> None:
        frame = match_frame(
            [truth_box(0, 3)], [track_box(0, number, lane=lane) for lane, number in enumerate((-1, 0, 4, 3))]
        )
        (true,) = with_true_ids([frame])
        assert true.result_ids[3] == 3
        assert len(set(true.result_ids.tolist())) == 4

    def test_a_loose_box_of_someone_whom_no_other_shows_is_theirs(self) -> None:
        loose, tight = track_box(0, 1, lane=5, off_px=60.0), track_box(0, 2, lane=5)
        (alone,) = with_true_ids([match_frame([truth_box(0, 5)], [loose])])
        assert alone.result_ids.tolist() == [5]
        assert alone.found_by.tolist() == [-1]
        (both,) = with_true_ids([match_frame([truth_box(0, 5)], [loose, tight])])
        assert both.result_ids[1] == 5
        assert both.result_ids[0] > 5
