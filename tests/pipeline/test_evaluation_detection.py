"""Recall and precision in all, and by height and visibility, counted by hand."""

from __future__ import annotations

from pipeline.evaluation_detection import Share, score_detection
from pipeline.evaluation_matching import match_frame
from pipeline.mot import TrackBox, TruthBox

# Height, visibility, whether found.
PEOPLE = (
    (40.0, 0.25, True),
    (99.9, 0.49, False),
    (99.9, 0.5, True),
    (99.9, 1.0, False),
    (100.0, 0.9, True),
    (100.0, 0.89, False),
    (199.9, 1.0, False),
    (200.0, 0.4, True),
    (200.0, 0.4, True),
    (900.0, 1.0, True),
    (39.0, 1.0, True),
)
FALSE_HEIGHTS_PX = (30.0, 100.0, 250.0)

truth = [
    TruthBox(0, number, (1000.0 * number, 0.0, 1000.0 * number + 50.0, height), visibility)
    for number, (height, visibility, _) in enumerate(PEOPLE)
]
results = [
    *(TrackBox(0, box.person_id, box.box_xyxy, 1.0) for box, (_, _, found) in zip(truth, PEOPLE, strict=True) if found),
    *(TrackBox(0, 100 + int(height), (-90.0, 0.0, -10.0, height), 1.0) for height in FALSE_HEIGHTS_PX),
]


def test_by_hand() -> None:
    scores = score_detection([match_frame(truth, results)])
    assert scores.recall == Share(6, 10)
    assert scores.precision == Share(6, 9)
    assert scores.ignored_boxes == 1
    assert scores.recall_by_height == (
        (Share(1, 2), Share(1, 1), Share(0, 1)),
        (Share(0, 0), Share(0, 1), Share(1, 2)),
        (Share(2, 2), Share(0, 0), Share(1, 1)),
    )
    assert scores.precision_by_height == (Share(2, 3), Share(1, 2), Share(3, 4))
    assert scores.clear_recall == Share(2, 3)
    assert scores.clear_precision == Share(2, 4)


def test_frames_add_up() -> None:
    frame = match_frame(truth, results)
    once, thrice = score_detection([frame]), score_detection([frame] * 3)
    assert thrice.recall == Share(3 * once.recall.part, 3 * once.recall.whole)
    assert thrice.ignored_boxes == 3


def test_of_nothing() -> None:
    scores = score_detection([])
    assert (scores.recall.value, scores.precision.value, scores.clear_precision.value) == (None, None, None)
    assert score_detection([match_frame([], results)]).precision == Share(0, 10)
