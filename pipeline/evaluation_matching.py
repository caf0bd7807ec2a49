"""Which box of a result belongs to which person of the truth, in one frame of one camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.mot import TrackBox, TruthBox

MIN_IOU = 0.5
# The lowest overlap at which HOTA takes a box for a person.
MIN_HOTA_IOU = 0.05


@dataclass(frozen=True)
class MatchedFrame:
    """G people who are asked for and the R boxes that a result is judged by, in one frame of one camera.

    Attributes:
        person_ids: (G,) int64, all different.
        result_ids: (R,) int64, all different.
        iou: (G, R) float64 in [0, 1], intersection over union.
        found_by: (G,) int64, index of the person's box; -1 for someone who was missed.
        heights_px: (G,) float64, of the truth.
        visibilities: (G,) float64.
        result_heights_px: (R,) float64.
        ignored_boxes: boxes of the result that were taken out because they show someone who is not asked for.
    """

    person_ids: np.ndarray
    result_ids: np.ndarray
    iou: np.ndarray
    found_by: np.ndarray
    heights_px: np.ndarray
    visibilities: np.ndarray
    result_heights_px: np.ndarray
    ignored_boxes: int


def match_frame(truth: Sequence[TruthBox], results: Sequence[TrackBox]) -> MatchedFrame:
    """Find everyone's box, and take out the boxes of people who are not asked for.

    Who is asked for chooses first: the assignment of boxes to people with the largest sum of overlaps, none of them
    below `MIN_IOU`. What is left over is assigned to the ignored people in the same way, and those boxes are dropped.

    Args:
        truth: the people of the frame, asked for or not; `person_id` all different.
        results: the boxes of the frame; `mot_id` all different.

    Returns:
        The frame, without ignored people and their boxes.

    Source: the preprocessing of MOTChallenge, which assigns boxes to asked and ignored people in one step. There an
    ignored person can take the box of someone in front, who then counts as missed; hence two steps here.
    """
    asked = [box for box in truth if box.considered]
    ignored_xyxy = _boxes([box.box_xyxy for box in truth if not box.considered])
    truth_xyxy, result_xyxy = _boxes([box.box_xyxy for box in asked]), _boxes([box.box_xyxy for box in results])
    iou = box_iou(truth_xyxy, result_xyxy)
    people, columns = assign(iou, MIN_IOU)
    free = np.setdiff1d(np.arange(len(results)), columns)
    _, dropped = assign(box_iou(ignored_xyxy, result_xyxy[free]), MIN_IOU)
    kept = np.setdiff1d(np.arange(len(results)), free[dropped])
    found_by = np.full(len(asked), -1, dtype=np.int64)
    found_by[people] = np.searchsorted(kept, columns)
    return MatchedFrame(
        person_ids=np.array([box.person_id for box in asked], dtype=np.int64),
        result_ids=np.array([box.mot_id for box in results], dtype=np.int64)[kept],
        iou=iou[:, kept],
        found_by=found_by,
        heights_px=truth_xyxy[:, 3] - truth_xyxy[:, 1],
        visibilities=np.array([box.visibility for box in asked], dtype=np.float64),
        result_heights_px=(result_xyxy[:, 3] - result_xyxy[:, 1])[kept],
        ignored_boxes=len(dropped),
    )


def with_true_ids(frames: Sequence[MatchedFrame]) -> list[MatchedFrame]:
    """Give every box the id of the person it shows; what shows nobody keeps its own, apart from all people.

    A box that overlaps a person by less than `MIN_IOU`, and whom no other box shows, is that person's too: HOTA counts
    it at its lower thresholds, and false ids there would let a real result score higher than this ceiling.

    Args:
        frames: of all cameras that are scored together.

    Returns:
        The same frames in the same order, with other `result_ids`.
    """
    lowest = min((int(frame.result_ids.min()) for frame in frames if len(frame.result_ids)), default=0)
    highest = max((int(frame.person_ids.max()) for frame in frames if len(frame.person_ids)), default=0)
    return [_with_true_ids(frame, highest + 1 - lowest) for frame in frames]


def _with_true_ids(frame: MatchedFrame, shift: int) -> MatchedFrame:
    ids = frame.result_ids + shift
    found = frame.found_by >= 0
    ids[frame.found_by[found]] = frame.person_ids[found]
    missed = np.flatnonzero(~found)
    free = np.setdiff1d(np.arange(len(ids)), frame.found_by)
    people, columns = assign(frame.iou[np.ix_(missed, free)], MIN_HOTA_IOU)
    ids[free[columns]] = frame.person_ids[missed[people]]
    return replace(frame, result_ids=ids)


def assign(iou: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Pair rows with columns so that the overlaps add up to the most.

    Args:
        iou: (G, R).
        least: pairs below it are no pairs; at most one rounding error is forgiven.

    Returns:
        Rows and columns of the pairs, (P,) int64 each.
    """
    scores = np.where(iou >= least - np.finfo(np.float64).eps, iou, 0.0)
    rows, columns = linear_sum_assignment(scores, maximize=True)
    paired = scores[rows, columns] > 0
    return rows[paired], columns[paired]


def box_iou(first_xyxy: np.ndarray, second_xyxy: np.ndarray) -> np.ndarray:
    """Measure how much every box of one set overlaps every box of another.

    Args:
        first_xyxy: (G, 4).
        second_xyxy: (R, 4).

    Returns:
        (G, R) float64, intersection over union; 0 for boxes without area.
    """
    top_left = np.maximum(first_xyxy[:, None, :2], second_xyxy[None, :, :2])
    bottom_right = np.minimum(first_xyxy[:, None, 2:], second_xyxy[None, :, 2:])
    shared = np.prod(np.clip(bottom_right - top_left, 0, None), axis=2)  # (G, R)
    either = _areas(first_xyxy)[:, None] + _areas(second_xyxy)[None, :] - shared
    iou: np.ndarray = np.divide(shared, either, out=np.zeros_like(shared), where=either > 0)
    return iou


def _areas(boxes_xyxy: np.ndarray) -> np.ndarray:
    areas: np.ndarray = np.prod(np.clip(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 0, None), axis=1)
    return areas


def _boxes(boxes_xyxy: Sequence[tuple[float, float, float, float]]) -> np.ndarray:
    return np.array(boxes_xyxy, dtype=np.float64).reshape(-1, 4)
