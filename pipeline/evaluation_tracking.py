"""How well people were followed: HOTA, IDF1 and MOTA by TrackEval. The only file that imports it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.evaluation_matching import MIN_IOU, MatchedFrame


@dataclass(frozen=True)
class TrackingScores:
    """Figures in [0, 1], higher is better; None where there is nothing to take them of.

    Attributes:
        hota: the geometric mean of `det_a` and `ass_a`, averaged over overlaps of 0.05, 0.1, ... 0.95.
        det_a: how well people are found, the same average.
        ass_a: how well those who are found keep one id of their own.
        loc_a: how tight the boxes are.
        idf1: the share of boxes that bear their person's one id, of truth and result together.
        idp: the same share of the result.
        idr: the same share of the truth.
        mota: 1 less misses, false boxes and id switches, by boxes of the truth; may be negative.
        id_switches: how often someone's id is another than when they were last found.
        people: ids in the truth.
        identities: ids in the result.
    """

    hota: float | None
    det_a: float | None
    ass_a: float | None
    loc_a: float | None
    idf1: float | None
    idp: float | None
    idr: float | None
    mota: float | None
    id_switches: int
    people: int
    identities: int


def score_tracking(frames: Sequence[MatchedFrame]) -> TrackingScores:
    """Score frames as one sequence, in the order given.

    Frames of several cameras stand one camera after the other. No frame then holds people of two cameras, and an id
    counts wherever it is seen. Someone whose id at the next camera is another than where they were last found is one
    id switch more.

    Args:
        frames: those in which someone is asked for or found; others change nothing.

    Returns:
        The figures.

    Source: TrackEval's HOTA (Luiten et al. 2020), Identity (Ristani et al. 2016) and CLEAR (Bernardin and Stiefelhagen
    2008). TrackEval writes 0 or 1 where a figure would be a division by zero; None here. Its count of fragments is
    left out: it takes everyone who leaves and comes back for one.
    """
    from trackeval.metrics import CLEAR, HOTA, Identity

    data = _trackeval_data(frames)
    settings = {"THRESHOLD": MIN_IOU, "PRINT_CONFIG": False}
    hota = {name: float(np.mean(value)) for name, value in HOTA().eval_sequence(data).items()}
    identity: dict[str, Any] = Identity(dict(settings)).eval_sequence(data)
    clear: dict[str, Any] = CLEAR(dict(settings)).eval_sequence(data)
    truth, result = data["num_gt_dets"] > 0, data["num_tracker_dets"] > 0
    return TrackingScores(
        hota=hota["HOTA"] if truth or result else None,
        det_a=hota["DetA"] if truth or result else None,
        ass_a=hota["AssA"] if truth or result else None,
        loc_a=hota["LocA"] if truth and result else None,
        idf1=float(identity["IDF1"]) if truth or result else None,
        idp=float(identity["IDP"]) if result else None,
        idr=float(identity["IDR"]) if truth else None,
        mota=float(clear["MOTA"]) if truth else None,
        id_switches=int(clear["IDSW"]),
        people=data["num_gt_ids"],
        identities=data["num_tracker_ids"],
    )


def _trackeval_data(frames: Sequence[MatchedFrame]) -> dict[str, Any]:
    """Write frames as TrackEval's metrics take them: ids from 0 without a hole."""
    truth, num_people = _from_zero([frame.person_ids for frame in frames])
    result, num_identities = _from_zero([frame.result_ids for frame in frames])
    return {
        "num_timesteps": len(frames),
        "num_gt_ids": num_people,
        "num_tracker_ids": num_identities,
        "num_gt_dets": sum(map(len, truth)),
        "num_tracker_dets": sum(map(len, result)),
        "gt_ids": truth,
        "tracker_ids": result,
        "similarity_scores": [frame.iou for frame in frames],
    }


def _from_zero(ids: Sequence[np.ndarray]) -> tuple[list[np.ndarray], int]:
    known, numbers = np.unique(np.concatenate([np.empty(0, np.int64), *ids]), return_inverse=True)
    ends = np.cumsum([len(of_frame) for of_frame in ids])
    return np.split(numbers, ends)[:-1] if len(ids) else [], len(known)
