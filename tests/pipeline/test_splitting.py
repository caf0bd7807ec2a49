"""Where a stay is cut: by a network whose vectors are the colours of the crops."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.config import TrackletConfig
from pipeline.splitting import Splitter
from pipeline.tracklets import Doubt, Tracklet, TrackletBuilder, cut_at
from reid.calibration import Calibration
from reid.checkpoints import Provenance
from reid.embedder import Embedder, Vectors
from reid.models import build_model
from reid.preprocess import Preprocessing
from tests.pipeline.test_identities import CURVE
from trackers.types import TrackedBoxes

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
BOX, CLOSE, FAR = (100.0, 100.0, 160.0, 260.0), (125.0, 100.0, 185.0, 260.0), (300.0, 100.0, 360.0, 260.0)


class Colours(Embedder):
    """The mean colour of all crops, of length 1."""

    def __init__(self) -> None:
        model = build_model("dcct-micro")
        super().__init__(model, Preprocessing(model.config.image_size_hw), Provenance(trained=True, seed=0))

    def embed(
        self, tracklets: Sequence[Sequence[np.ndarray]], variant: str | None = None, policy: str | None = None
    ) -> Vectors:
        colours = np.array([np.mean([crop.mean(axis=(0, 1)) for crop in crops], axis=0) for crops in tracklets])
        return (colours / np.linalg.norm(colours, axis=1, keepdims=True)).astype(np.float32)


def stay(colours: Sequence[tuple[int, int, int]], *, crossed: Sequence[int]) -> Tracklet:
    """A track whose frames are all of one colour each, with somebody in the way in some frames."""
    tracks = TrackletBuilder("gate", TrackletConfig(), frame_s=0.1, lost_after_s=1.0)
    for index, colour in enumerate(colours):
        frame = np.full((400, 600, 3), colour, dtype=np.uint8)
        boxes = np.array([BOX, CLOSE if index in crossed else FAR], dtype=np.float32)
        tracks.update(frame, index, index / 10, TrackedBoxes(np.array([1, 2]), boxes, np.full(2, 0.9, np.float32)))
    return tracks.finish()[0]


def jumps(tracklet: Tracklet, calibration: Calibration | None = CURVE) -> list[Doubt]:
    return Splitter(Colours(), calibration).jumps(tracklet)


def cuts(tracklet: Tracklet) -> list[int]:
    return [jump.first_frame for jump in jumps(tracklet)]


def test_a_stay_is_cut_where_it_changes_person() -> None:
    tracklet = stay([RED] * 15 + [GREEN] * 16, crossed=[5, 15, 25])
    assert cuts(tracklet) == [15]
    red, green = cut_at(tracklet, jumps(tracklet), TrackletConfig())
    assert {tuple(crop.rgb[0, 0].tolist()) for crop in red.crops} == {RED}
    assert {tuple(crop.rgb[0, 0].tolist()) for crop in green.crops} == {GREEN}


def test_three_people_make_three_stays() -> None:
    assert cuts(stay([RED] * 10 + [GREEN] * 10 + [RED] * 10, crossed=[3, 10, 20, 27])) == [10, 20]


def test_someone_else_for_a_moment_stays_where_they_are() -> None:
    assert cuts(stay([RED] * 14 + [GREEN] * 2 + [RED] * 14, crossed=[14, 16])) == []


def test_a_change_where_nobody_is_near_is_no_jump() -> None:
    assert cuts(stay([RED] * 15 + [GREEN] * 15, crossed=[7])) == []


def test_without_a_calibration_nothing_is_cut() -> None:
    assert jumps(stay([RED] * 15 + [BLUE] * 15, crossed=[15]), None) == []
