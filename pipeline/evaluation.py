"""Score a result against ground truth: each camera by itself, and all of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from pipeline.evaluation_detection import DetectionScores, score_detection
from pipeline.evaluation_matching import MatchedFrame, match_frame, with_true_ids
from pipeline.evaluation_tracking import TrackingScores, score_tracking
from pipeline.mot import TrackBox, TruthBox
from reid.errors import InputError


@dataclass(frozen=True)
class CameraTruth:
    """Who was in one camera's pictures.

    Attributes:
        boxes: in any order.
        frames: how many frames the truth speaks of, also those with nobody in them; None where that is not known.
    """

    boxes: Sequence[TruthBox]
    frames: int | None = None


@dataclass(frozen=True)
class Analysed:
    """Which frames of the cameras a result speaks of.

    Attributes:
        every: only frames whose index it divides.
        until: cameras that were stopped before their end -> the first frame index that was not looked at.
    """

    every: int = 1
    until: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Scored:
    """The figures of one camera, or of all.

    Attributes:
        detection: who was found, whatever they were called.
        tracking: whether they were called the same throughout.
        ceiling: `tracking` of the same boxes with the true ids: what is missing to 1 there is lost by detection, what
            is missing from there to `tracking` by identities.
    """

    detection: DetectionScores
    tracking: TrackingScores
    ceiling: TrackingScores


@dataclass(frozen=True)
class Evaluation:
    """What a result is worth.

    Attributes:
        cameras: the truth's cameras in order of their names; an id counts within each.
        all_cameras: all of them together; an id counts across them.
        warnings: what the figures hide, a line each.
    """

    cameras: Mapping[str, Scored]
    all_cameras: Scored
    warnings: tuple[str, ...]


def evaluate(
    results: Mapping[str, Sequence[TrackBox]], truth: Mapping[str, CameraTruth], analysed: Analysed | None = None
) -> Evaluation:
    """Score a result.

    Every frame that was to be analysed counts, also one that was damaged and skipped: the person was there. A camera
    of the truth without a result has missed everyone; a camera of the result without truth is left out.

    Args:
        results: camera -> its boxes in any order; ids hold across cameras.
        truth: camera -> its people; ids hold across cameras.
        analysed: which frames the result speaks of; all of them by default.

    Returns:
        The figures.

    Raises:
        InputError: the two have no camera in common, an id stands twice in one frame, or a camera's truth is longer
            than it says.
    """
    analysed = analysed or Analysed()
    if not results.keys() & truth.keys():
        raise InputError(
            f"result and truth have no camera in common: the result has {_names(results)}, the truth {_names(truth)}"
        )
    warnings = [
        f"camera {name} is in the truth but not in the result: everyone there counts as missed"
        for name in sorted(truth.keys() - results.keys())
    ]
    warnings += [
        f"camera {name} is in the result but not in the truth: it is left out of all figures"
        for name in sorted(results.keys() - truth.keys())
    ]
    frames: dict[str, list[MatchedFrame]] = {}
    for name in sorted(truth):
        boxes = _within_truth(name, results.get(name, ()), truth[name], warnings)
        people = _looked_at(name, truth[name], analysed, warnings)
        frames[name] = _match(name, people, boxes)
    together = [frame for of_camera in frames.values() for frame in of_camera]
    return Evaluation({name: _score(frames[name]) for name in frames}, _score(together), tuple(warnings))


def _score(frames: Sequence[MatchedFrame]) -> Scored:
    return Scored(score_detection(frames), score_tracking(frames), score_tracking(with_true_ids(frames)))


def _looked_at(name: str, truth: CameraTruth, analysed: Analysed, warnings: list[str]) -> list[TruthBox]:
    """Leave out the people in frames that were not to be looked at."""
    last = max((box.frame_index for box in truth.boxes), default=-1)
    if truth.frames is not None and last >= truth.frames:
        raise InputError(
            f"the truth of camera {name} is to have {truth.frames} frames, but has boxes in frame {last + 1}"
        )
    until = analysed.until.get(name, last + 1)
    if last >= until:
        warnings.append(f"camera {name} was stopped after {until} frames: the truth of later ones does not count")
    return [box for box in truth.boxes if box.frame_index % analysed.every == 0 and box.frame_index < until]


def _within_truth(name: str, boxes: Sequence[TrackBox], truth: CameraTruth, warnings: list[str]) -> Sequence[TrackBox]:
    """Leave out boxes beyond the truth's last frame, where that is known."""
    frames = truth.frames
    if frames is None:
        frames = 1 + max((box.frame_index for box in truth.boxes), default=-1)
    beyond = sum(box.frame_index >= frames for box in boxes)
    if not beyond:
        return boxes
    last = 1 + max(box.frame_index for box in boxes)
    ends = f"the truth of camera {name} ends with frame {frames}, the result goes on to frame {last}: the"
    if truth.frames is None:
        warnings.append(
            f"{ends} {beyond} boxes beyond count as false, as nothing says how many frames the truth covers"
        )
        return boxes
    warnings.append(f"{ends} {beyond} boxes beyond are left out")
    return [box for box in boxes if box.frame_index < frames]


def _match(name: str, people: Sequence[TruthBox], boxes: Sequence[TrackBox]) -> list[MatchedFrame]:
    """Match every frame in which there is anyone, in order of time."""
    truth, results = _by_frame(people), _by_frame(boxes)
    matched = []
    for index in sorted(truth.keys() | results.keys()):
        in_frame, found = truth.get(index, []), results.get(index, [])
        _check_distinct([box.person_id for box in in_frame], f"the truth of camera {name}, frame {index + 1}")
        _check_distinct([box.mot_id for box in found], f"the result of camera {name}, frame {index + 1}")
        matched.append(match_frame(in_frame, found))
    return matched


class _InFrame(Protocol):
    @property
    def frame_index(self) -> int: ...


_Box = TypeVar("_Box", bound=_InFrame)


def _by_frame(boxes: Sequence[_Box]) -> dict[int, list[_Box]]:
    frames: dict[int, list[_Box]] = {}
    for box in boxes:
        frames.setdefault(box.frame_index, []).append(box)
    return frames


def _check_distinct(ids: Sequence[int], where: str) -> None:
    if len(set(ids)) < len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise InputError(f"{where}: id {twice} stands twice; an id can be in one place at a time")


def _names(cameras: Mapping[str, object]) -> str:
    return ", ".join(sorted(cameras)) or "none"
