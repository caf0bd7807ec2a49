"""TrackEval's figures as we get them: against a case worked by hand, and against py-motmetrics."""

from __future__ import annotations

from dataclasses import asdict

import motmetrics
import numpy as np
import pytest

from pipeline.evaluation import Scored, evaluate
from pipeline.evaluation_matching import match_frame
from pipeline.evaluation_tracking import TrackingScores, score_tracking
from pipeline.mot import TrackBox, TruthBox
from tests.pipeline.evaluation_samples import everyone, random_site, track_box, truth_box, truths


class TestByHand:
    """Gate: persons 1 and 2 stay for four frames.

    Person 1 is found exactly, as id 1 twice and then as id 2 twice. Person 2 is found three times as id 3, at an
    overlap of 80 / 120 = 2 / 3. Id 4 is two boxes where nobody is. Hall: person 1 for two frames, found as id 1.
    """

    gate_truth = everyone((1, 2), range(4))
    gate = (
        *(track_box(frame, 1 if frame < 2 else 2, lane=1) for frame in range(4)),
        *(track_box(frame, 3, lane=2, off_px=20.0) for frame in range(3)),
        *(track_box(frame, 4, lane=8) for frame in range(2)),
    )
    hall_truth = everyone((1,), range(2))
    hall = tuple(track_box(frame, 1) for frame in range(2))
    evaluation = evaluate({"gate": gate, "hall": hall}, truths({"gate": gate_truth, "hall": hall_truth}, 4))

    def test_one_camera(self) -> None:
        # 8 people, 9 boxes. Up to 0.65 (13 of 19 thresholds) 7 match, above it the 4 exact ones.
        low, high = 13 / 19, 6 / 19
        # A match of ids 1 and 2: 2 frames in common of the 4 that are person 1's. Of id 3: 3 in common of person 2's 4.
        ass_low, ass_high = (4 * 2 / 4 + 3 * 3 / 4) / 7, 2 / 4
        det_low, det_high = 7 / (8 + 9 - 7), 4 / (8 + 9 - 4)
        scored = self.evaluation.cameras["gate"]
        assert (scored.detection.recall.value, scored.detection.precision.value) == (7 / 8, 7 / 9)
        assert scored.tracking == TrackingScores(
            hota=pytest.approx(low * (det_low * ass_low) ** 0.5 + high * (det_high * ass_high) ** 0.5),
            det_a=pytest.approx(low * det_low + high * det_high),
            ass_a=pytest.approx(low * ass_low + high * ass_high),
            loc_a=pytest.approx(low * (4 + 3 * 2 / 3) / 7 + high),
            idf1=pytest.approx(2 * 5 / (8 + 9)),  # person 1 is one of ids 1 and 2, person 2 is id 3
            idp=pytest.approx(5 / 9),
            idr=pytest.approx(5 / 8),
            mota=pytest.approx(1 - (1 + 2 + 1) / 8),
            id_switches=1,
            people=2,
            identities=4,
        )

    def test_all_cameras(self) -> None:
        low, high = 13 / 19, 6 / 19
        # Id 1 and person 1 share 4 of 6 frames, id 2 and person 1 share 2 of 6, id 3 and person 2 share 3 of 4.
        ass_low, ass_high = (4 * 4 / 6 + 2 * 2 / 6 + 3 * 3 / 4) / 9, (4 * 4 / 6 + 2 * 2 / 6) / 6
        det_low, det_high = 9 / (10 + 11 - 9), 6 / (10 + 11 - 6)
        assert self.evaluation.all_cameras.tracking == TrackingScores(
            hota=pytest.approx(low * (det_low * ass_low) ** 0.5 + high * (det_high * ass_high) ** 0.5),
            det_a=pytest.approx(low * det_low + high * det_high),
            ass_a=pytest.approx(low * ass_low + high * ass_high),
            loc_a=pytest.approx(low * (6 + 3 * 2 / 3) / 9 + high),
            idf1=pytest.approx(2 * 7 / (10 + 11)),
            idp=pytest.approx(7 / 11),
            idr=pytest.approx(7 / 10),
            mota=pytest.approx(1 - (1 + 2 + 2) / 10),
            id_switches=2,  # in the gate, and from id 2 there to id 1 in the hall
            people=2,
            identities=4,
        )

    def test_between_cameras_a_switch_is_counted_against_where_someone_was_last_found(self) -> None:
        """Person 1 is id 1 in gate and yard, id 2 in the hall between them: two changes."""
        truth = truths({name: everyone((1,), range(3)) for name in ("gate", "hall", "yard")}, 3)
        ids = {"gate": 1, "hall": 2, "yard": 1}
        result = {name: [track_box(frame, ids[name], lane=1) for frame in range(3)] for name in ids}
        evaluation = evaluate(result, truth)
        assert evaluation.all_cameras.tracking.id_switches == 2
        assert [scored.tracking.id_switches for scored in evaluation.cameras.values()] == [0, 0, 0]
        assert evaluation.all_cameras.tracking.idf1 == pytest.approx(6 / 9)


class TestAgainstMotmetrics:
    @pytest.mark.parametrize("seed", range(12))
    def test_people_apart(self, seed: int) -> None:
        results, truth = random_site(seed, lane_px=200.0, cameras=("gate", "hall", "yard"))
        evaluation = evaluate(results, truth)
        for name, scored in evaluation.cameras.items():
            assert ours(scored) == pytest.approx(reference([(truth[name].boxes, results[name])]))
        expected = reference([(truth[name].boxes, results[name]) for name in sorted(truth)])
        assert ours(evaluation.all_cameras) == pytest.approx(expected)
        assert expected["num_switches"] > 0

    @pytest.mark.parametrize("seed", range(12))
    def test_people_so_close_that_several_boxes_fit_one(self, seed: int) -> None:
        """Only switches may differ: py-motmetrics holds on to ids that were lost for a while, TrackEval does not."""
        results, truth = random_site(seed, lane_px=20.0)
        expected = reference([(truth[name].boxes, results[name]) for name in sorted(truth)])
        figures = ours(evaluate(results, truth).all_cameras)
        for name in ("idf1", "idp", "idr", "recall", "precision"):
            assert figures[name] == pytest.approx(expected[name])


def test_it_is_trackevals_detection_where_no_id_lasts() -> None:
    """Without ids to continue, TrackEval's MOTA is matched by overlap alone, as recall and precision are here."""
    results, truth = random_site(1, lane_px=20.0)
    fleeting = {
        name: [TrackBox(box.frame_index, 1000 + number, box.box_xyxy, 1.0) for number, box in enumerate(boxes)]
        for name, boxes in results.items()
    }
    scored = evaluate(fleeting, truth).cameras["hall"]
    recall, precision = scored.detection.recall, scored.detection.precision
    false = precision.whole - precision.part
    errors = recall.whole - recall.part + false + scored.tracking.id_switches
    assert scored.tracking.mota == pytest.approx(1 - errors / recall.whole)


def test_frames_with_nobody_change_nothing() -> None:
    frames = [match_frame([truth_box(frame, 1)], [track_box(frame, frame // 2, lane=1)]) for frame in range(6)]
    empty = match_frame([], [])
    assert score_tracking([empty, *frames[:3], empty, *frames[3:], empty]) == score_tracking(frames)
    assert asdict(score_tracking([empty])) == asdict(score_tracking([]))


_REFERENCE = ("idf1", "idp", "idr", "mota", "num_switches", "recall", "precision")


def reference(cameras: list[tuple[list[TruthBox], list[TrackBox]]]) -> dict[str, float]:
    """The figures of py-motmetrics, with distances worked out by a loop here, cameras one after the other."""
    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for truth, results in cameras:
        for frame in range(200):
            people = [box for box in truth if box.frame_index == frame]
            found = [box for box in results if box.frame_index == frame]
            overlaps = [[overlap(person.box_xyxy, box.box_xyxy) for box in found] for person in people]
            distances = [[1 - each if each >= 0.5 else np.nan for each in row] for row in overlaps]
            accumulator.update([box.person_id for box in people], [box.mot_id for box in found], distances)
    figures = motmetrics.metrics.create().compute(accumulator, metrics=list(_REFERENCE), return_dataframe=False)
    return {name: float(value) for name, value in figures.items()}


def ours(scored: Scored) -> dict[str, float]:
    """Our figures under py-motmetrics' names."""
    tracking, detection = asdict(scored.tracking), scored.detection
    return {
        **{name: tracking[name] for name in ("idf1", "idp", "idr", "mota")},
        "num_switches": tracking["id_switches"],
        "recall": detection.recall.value or 0.0,
        "precision": detection.precision.value or 0.0,
    }


def overlap(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    """Intersection over union of two boxes."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (first, second)]
    return shared / (sum(areas) - shared)
