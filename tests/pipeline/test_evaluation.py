"""Scores of whole results: what one camera, one id and one frame more or less may change, and what not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import pytest

from pipeline.evaluation import Analysed, CameraTruth, Evaluation, Scored, evaluate
from pipeline.evaluation_detection import Share
from pipeline.evaluation_tracking import TrackingScores
from reid.errors import InputError
from tests.pipeline.evaluation_samples import (
    everyone,
    perfect,
    random_site,
    renamed,
    track_box,
    truth_box,
    truths,
)

GATE = everyone((1, 2), range(10))
HALL = everyone((1, 2), range(10))


def fractions(scored: Scored) -> list[float | None]:
    """Every figure of a camera that is 1 in a perfect result."""
    detection = scored.detection
    return [
        detection.recall.value,
        detection.precision.value,
        *(value for value in asdict(scored.tracking).values() if not isinstance(value, int)),
        *(value for value in asdict(scored.ceiling).values() if not isinstance(value, int)),
    ]


class TestPerfect:
    def test_scores_one_everywhere(self) -> None:
        _, truth = random_site(0, lane_px=200.0, cameras=("gate", "hall", "yard"))
        evaluation = evaluate({name: perfect(camera.boxes) for name, camera in truth.items()}, truth)
        assert list(evaluation.cameras) == ["gate", "hall", "yard"]
        for scored in (*evaluation.cameras.values(), evaluation.all_cameras):
            assert fractions(scored) == pytest.approx([1.0] * 18)
            assert scored.tracking.id_switches == 0
            assert scored.tracking.people == scored.tracking.identities
        assert evaluation.warnings == ()

    def test_names_of_ids_do_not_matter(self) -> None:
        truth = truths({"gate": GATE, "hall": HALL})
        result = renamed(perfect(GATE), {1: 2, 2: 700})
        evaluation = evaluate({"gate": result, "hall": result}, truth)
        assert fractions(evaluation.all_cameras) == pytest.approx([1.0] * 18)


class TestSwappedIdentities:
    truth = truths({"gate": GATE, "hall": HALL})
    right = evaluate({"gate": perfect(GATE), "hall": perfect(HALL)}, truth)

    def swapped(self, since: int) -> Evaluation:
        return evaluate({"gate": perfect(GATE), "hall": renamed(perfect(HALL), {1: 2, 2: 1}, since=since)}, self.truth)

    def test_in_a_whole_camera_they_count_only_across_cameras(self) -> None:
        evaluation = self.swapped(0)
        assert evaluation.cameras == self.right.cameras
        both = evaluation.all_cameras
        assert both.detection == self.right.all_cameras.detection
        assert both.ceiling == self.right.all_cameras.ceiling
        # Each id lies on either person in 10 of 20 frames: 10 shared of 30 that are the one's or the other's.
        assert both.tracking == TrackingScores(
            hota=pytest.approx((1 / 3) ** 0.5),
            det_a=pytest.approx(1.0),
            ass_a=pytest.approx(1 / 3),
            loc_a=pytest.approx(1.0),
            idf1=pytest.approx(0.5),
            idp=pytest.approx(0.5),
            idr=pytest.approx(0.5),
            mota=pytest.approx(1 - 2 / 40),
            id_switches=2,
            people=2,
            identities=2,
        )

    def test_half_way_through_a_camera_they_count_there_and_across_cameras(self) -> None:
        evaluation = self.swapped(5)
        assert evaluation.cameras["gate"] == self.right.cameras["gate"]
        hall = evaluation.cameras["hall"]
        assert (hall.detection, hall.ceiling) == (
            self.right.cameras["hall"].detection,
            self.right.cameras["hall"].ceiling,
        )
        assert hall.tracking.idf1 == pytest.approx(0.5)
        assert hall.tracking.ass_a == pytest.approx(5 / 15)
        assert (hall.tracking.det_a, hall.tracking.loc_a) == pytest.approx((1.0, 1.0))
        assert (hall.tracking.id_switches, hall.tracking.mota) == (2, pytest.approx(1 - 2 / 20))
        both = evaluation.all_cameras.tracking
        assert both.idf1 == pytest.approx(30 / 40)
        assert both.ass_a == pytest.approx((15 * (15 / 25) + 5 * (5 / 35)) / 20)
        assert both.id_switches == 2


class TestCamerasApart:
    def test_ids_that_no_two_cameras_share_add_up(self) -> None:
        results, truth = random_site(3, lane_px=200.0)
        results["hall"] = renamed(results["hall"], {box.mot_id: box.mot_id + 10_000 for box in results["hall"]})
        truth["hall"] = replace(
            truth["hall"], boxes=[replace(box, person_id=box.person_id + 50) for box in truth["hall"].boxes]
        )
        evaluation = evaluate(results, truth)
        parts, both = [scored.tracking for scored in evaluation.cameras.values()], evaluation.all_cameras.tracking
        assert both.id_switches == sum(part.id_switches for part in parts) > 0
        assert (both.people, both.identities) == (
            sum(part.people for part in parts),
            sum(part.identities for part in parts),
        )
        people = [scored.detection.recall.whole for scored in evaluation.cameras.values()]
        weighted = sum((part.mota or 0) * count for part, count in zip(parts, people, strict=True)) / sum(people)
        assert both.mota == pytest.approx(weighted)

    @pytest.mark.parametrize("later", [1, 1000])
    def test_a_longer_camera_shifts_no_other(self, later: int) -> None:
        results, truth = random_site(4, lane_px=60.0)
        before = evaluate(results, truth)
        results["gate"] = [replace(box, frame_index=box.frame_index + later) for box in results["gate"]]
        shifted = [replace(box, frame_index=box.frame_index + later) for box in truth["gate"].boxes]
        truth["gate"] = CameraTruth(shifted, truth["gate"].frames + later)  # type: ignore[operator]
        assert evaluate(results, truth) == before

    def test_the_order_of_boxes_and_cameras_does_not_matter(self) -> None:
        results, truth = random_site(5, lane_px=60.0)
        turned = {name: results[name][::-1] for name in reversed(results)}
        turned_truth = {name: replace(truth[name], boxes=truth[name].boxes[::-1]) for name in reversed(truth)}
        assert evaluate(turned, turned_truth) == evaluate(results, truth)

    def test_frames_follow_each_other_in_time(self) -> None:
        """Id 1, then 2, then 1 again; a set holds these frames in another order."""
        result = [track_box(frame, mot_id, lane=1) for frame, mot_id in ((17, 1), (9, 1), (16, 2))]
        truth = truths({"gate": everyone((1,), (9, 16, 17))})
        assert evaluate({"gate": result}, truth).all_cameras.tracking.id_switches == 2

    def test_one_frame_in_two_cameras_is_two_frames(self) -> None:
        """A person and the box that fits them stand in different cameras."""
        evaluation = evaluate(
            {"gate": [track_box(0, 1)], "hall": []}, truths({"gate": [], "hall": [truth_box(0, 1)]}, 1)
        )
        assert evaluation.all_cameras.detection.recall == Share(0, 1)
        assert evaluation.all_cameras.detection.precision == Share(0, 1)
        assert evaluation.all_cameras.tracking.idf1 == 0


class TestWhatOnlyOneSideKnows:
    def test_a_missing_camera_missed_everyone(self) -> None:
        truth = truths({"gate": GATE, "hall": HALL})
        evaluation = evaluate({"gate": perfect(GATE)}, truth)
        assert fractions(evaluation.cameras["gate"]) == pytest.approx([1.0] * 18)
        assert evaluation.cameras["hall"].detection.recall == Share(0, 20)
        assert evaluation.cameras["hall"].detection.precision.value is None
        assert evaluation.cameras["hall"].tracking.mota == 0
        both = evaluation.all_cameras
        assert both.detection.recall == Share(20, 40)
        assert (both.tracking.idr, both.tracking.idp) == pytest.approx((0.5, 1.0))
        assert both.tracking.mota == pytest.approx(0.5)
        assert evaluation.warnings == (
            "camera hall is in the truth but not in the result: everyone there counts as missed",
        )

    def test_an_extra_camera_is_left_out(self) -> None:
        truth = truths({"gate": GATE})
        evaluation = evaluate({"gate": perfect(GATE), "hall": perfect(HALL)}, truth)
        assert replace(evaluation, warnings=()) == evaluate({"gate": perfect(GATE)}, truth)
        assert evaluation.warnings == (
            "camera hall is in the result but not in the truth: it is left out of all figures",
        )

    def test_no_camera_in_common(self) -> None:
        with pytest.raises(InputError, match="no camera in common: the result has gate, yard, the truth hall"):
            evaluate({"yard": [], "gate": []}, truths({"hall": HALL}))

    def test_truth_of_known_length_that_ends_before_the_result(self) -> None:
        longer = perfect(everyone((1, 2), range(13)))
        evaluation = evaluate({"gate": longer}, truths({"gate": GATE}, frames=12))
        assert evaluation.cameras["gate"].detection.precision == Share(20, 24)
        assert evaluation.warnings == (
            "the truth of camera gate ends with frame 12, the result goes on to frame 13: "
            "the 2 boxes beyond are left out",
        )

    def test_truth_of_unknown_length_that_ends_before_the_result(self) -> None:
        longer = perfect(everyone((1, 2), range(13)))
        evaluation = evaluate({"gate": longer}, truths({"gate": GATE}))
        assert evaluation.cameras["gate"].detection.precision == Share(20, 26)
        (warning,) = evaluation.warnings
        assert "ends with frame 10, the result goes on to frame 13: the 6 boxes beyond count as false" in warning

    def test_truth_that_is_longer_than_it_says(self) -> None:
        with pytest.raises(InputError, match="camera gate is to have 9 frames, but has boxes in frame 10"):
            evaluate({"gate": []}, truths({"gate": GATE}, frames=9))

    @pytest.mark.parametrize("side", ["truth", "result"])
    def test_an_id_in_two_places(self, side: str) -> None:
        truth, result = list(GATE), perfect(GATE)
        if side == "truth":
            truth.append(truth_box(6, 2, lane=9))
        else:
            result.append(track_box(6, 2, lane=9))
        with pytest.raises(InputError, match=f"the {side} of camera gate, frame 7: id 2 stands twice"):
            evaluate({"gate": result}, truths({"gate": truth}))


class TestFramesThatWereNotAnalysed:
    def test_every_third_frame(self) -> None:
        result = [box for box in perfect(GATE) if box.frame_index % 3 == 0]
        evaluation = evaluate({"gate": result}, truths({"gate": GATE}), Analysed(every=3))
        assert evaluation.cameras["gate"].detection.recall == Share(8, 8)
        assert evaluation.warnings == ()

    def test_a_camera_that_was_stopped(self) -> None:
        result = [box for box in perfect(GATE) if box.frame_index < 4]
        analysed = Analysed(until={"gate": 4})
        evaluation = evaluate({"gate": result, "hall": perfect(HALL)}, truths({"gate": GATE, "hall": HALL}), analysed)
        assert evaluation.cameras["gate"].detection.recall == Share(8, 8)
        assert evaluation.cameras["hall"].detection.recall == Share(20, 20)
        assert evaluation.warnings == (
            "camera gate was stopped after 4 frames: the truth of later ones does not count",
        )

    def test_a_skipped_frame_counts_as_missed(self) -> None:
        result = [box for box in perfect(GATE) if box.frame_index != 4]
        assert evaluate({"gate": result}, truths({"gate": GATE})).all_cameras.detection.recall == Share(18, 20)


class TestNothing:
    def test_an_empty_result(self) -> None:
        evaluation = evaluate({"gate": []}, truths({"gate": GATE}))
        tracking = evaluation.all_cameras.tracking
        assert evaluation.all_cameras.detection.recall == Share(0, 20)
        assert (tracking.hota, tracking.det_a, tracking.ass_a, tracking.idf1, tracking.idr, tracking.mota) == (0,) * 6
        assert (tracking.loc_a, tracking.idp, tracking.id_switches, tracking.identities) == (None, None, 0, 0)

    def test_a_camera_in_which_nobody_is(self) -> None:
        false = [track_box(frame, 7) for frame in range(4)]
        evaluation = evaluate({"gate": perfect(GATE), "hall": false}, truths({"gate": GATE, "hall": []}, frames=10))
        hall = evaluation.cameras["hall"]
        assert (hall.detection.recall.value, hall.detection.precision) == (None, Share(0, 4))
        assert (hall.tracking.mota, hall.tracking.idr, hall.tracking.loc_a) == (None, None, None)
        assert (hall.tracking.hota, hall.tracking.idf1, hall.tracking.idp) == (0, 0, 0)
        assert evaluation.all_cameras.detection.precision == Share(20, 24)
        assert evaluation.all_cameras.tracking.mota == pytest.approx(1 - 4 / 20)
        assert evaluation.warnings == ()

    def test_nobody_and_nothing_found(self) -> None:
        evaluation = evaluate({"gate": []}, truths({"gate": []}))
        assert fractions(evaluation.all_cameras) == [None] * 18
        assert evaluation.warnings == ()

    def test_only_ignored_people(self) -> None:
        hidden = [truth_box(frame, 1, visibility=0.1) for frame in range(3)]
        evaluation = evaluate({"gate": perfect(hidden)}, truths({"gate": hidden}))
        assert fractions(evaluation.all_cameras) == [None] * 18
        assert evaluation.all_cameras.detection.ignored_boxes == 3


class TestCeiling:
    def test_the_same_boxes_with_the_true_identities(self) -> None:
        """2 of 10 boxes of person 1 are missing, 4 are false, and the ids are wrong in every way."""
        result = [
            *renamed(
                [box for box in perfect(GATE) if (box.mot_id, box.frame_index) not in {(1, 3), (1, 4)}], {1: 2, 2: 1}
            ),
            *(track_box(frame, 9, lane=5) for frame in range(4)),
        ]
        result = renamed(result, {1: 50}, since=7)
        evaluation = evaluate({"gate": result}, truths({"gate": GATE}))
        scored = evaluation.all_cameras
        assert (scored.tracking.idf1, scored.tracking.id_switches) == (pytest.approx(2 * (8 + 7) / 42), 1)
        assert scored.ceiling == TrackingScores(
            hota=pytest.approx((18 / 24 * (8 * (8 / 10) + 10) / 18) ** 0.5),
            det_a=pytest.approx(18 / 24),
            ass_a=pytest.approx((8 * (8 / 10) + 10) / 18),
            loc_a=pytest.approx(1.0),
            idf1=pytest.approx(2 * 18 / 42),
            idp=pytest.approx(18 / 22),
            idr=pytest.approx(18 / 20),
            mota=pytest.approx((18 - 4) / 20),
            id_switches=0,
            people=2,
            identities=3,
        )

    @pytest.mark.parametrize("seed", range(10))
    @pytest.mark.parametrize("lane_px", [30.0, 200.0])
    def test_no_result_scores_higher(self, seed: int, lane_px: float) -> None:
        evaluation = evaluate(*random_site(seed, lane_px=lane_px))
        for scored in (*evaluation.cameras.values(), evaluation.all_cameras):
            figure: Callable[[TrackingScores], tuple[float, ...]]
            for figure in (lambda of: of.hota, lambda of: of.ass_a, lambda of: of.idf1, lambda of: of.mota):  # type: ignore[assignment,return-value]
                assert figure(scored.tracking) <= figure(scored.ceiling)
            assert scored.ceiling.id_switches == 0
            recall, precision = scored.detection.recall, scored.detection.precision
            assert (scored.ceiling.idr, scored.ceiling.idp) == pytest.approx((recall.value, precision.value))

    def test_loose_boxes_are_their_persons_too(self) -> None:
        """At an overlap of a third HOTA's lowest six thresholds take a box for the person, so the true id counts."""
        result = [track_box(frame, 4 if frame < 5 else 6, lane=1, off_px=50.0) for frame in range(10)]
        scored = evaluate({"gate": result}, truths({"gate": everyone((1,), range(10))})).all_cameras
        assert scored.detection.recall == Share(0, 10)
        assert scored.ceiling.hota == pytest.approx(6 / 19)
        assert scored.tracking.hota == pytest.approx(6 / 19 * 0.5**0.5)
