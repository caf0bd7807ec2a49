"""Tracklets: when someone was there, which crops are kept, and which gate refused which."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.config import CropGateConfig, TrackletConfig
from pipeline.tracklets import Crop, EvenCrops, TrackletBuilder, cut, cut_at, refusal
from reid.clips import kept_indices
from trackers.types import TrackedBoxes

FRAME = np.zeros((400, 600, 3), dtype=np.uint8)


def tracked(boxes: dict[int, tuple[float, float, float, float]], confidence: float = 0.9) -> TrackedBoxes:
    return TrackedBoxes(
        np.array(list(boxes), dtype=np.int64),
        np.array(list(boxes.values()), dtype=np.float32).reshape(-1, 4),
        np.full(len(boxes), confidence, dtype=np.float32),
    )


GOOD = (100.0, 100.0, 160.0, 260.0)


@pytest.mark.parametrize("length", [1, 2, 7, 8, 9, 100, 1000, 12_345])
def test_even_crops_are_evenly_spread_and_never_too_many(length: int) -> None:
    keeper = EvenCrops(8)
    most = 0
    for index in range(length):
        keeper.offer(Crop(index, FRAME[:1, :1]) if keeper.wants_next() else None)
        most = max(most, len(keeper.crops))
    frames = [crop.frame_index for crop in keeper.crops]
    assert most <= 8
    assert frames[0] == 0
    assert len(set(np.diff(frames).tolist())) <= 1
    assert len(frames) >= min(length, 4)
    stride = frames[1] if len(frames) > 1 else 1
    assert frames[-1] > length - 1 - stride
    assert frames == kept_indices(length, 8), "what a calibration is made of is what a run keeps"


def test_even_crops_insist_on_the_wanted_crop() -> None:
    with pytest.raises(ValueError, match="wanted"):
        EvenCrops(4).offer(None)


@pytest.mark.parametrize(
    ("box", "confidence", "reason"),
    [
        (GOOD, 0.9, None),
        ((100, 100, 140, 140), 0.9, "size"),
        ((100, 100, 110, 160), 0.9, "size"),
        ((100, 100, 300, 260), 0.9, "aspect"),
        ((100, 100, 130, 260), 0.9, "aspect"),
        ((1, 100, 61, 260), 0.9, "edge"),
        ((100, 1, 160, 161), 0.9, "edge"),
        ((540, 100, 599, 260), 0.9, "edge"),
        ((100, 250, 160, 420), 0.9, "edge"),
        (GOOD, 0.3, "confidence"),
    ],
)
def test_each_gate(box: tuple[float, ...], confidence: float, reason: str | None) -> None:
    boxes = np.array([box], dtype=np.float32)
    got = refusal(0, boxes, np.array([confidence]), CropGateConfig(), frame_hw=(400, 600))
    assert got == reason


def test_overlap_counts_the_share_of_ones_own_box() -> None:
    boxes = np.array([GOOD, (100, 150, 300, 390)], dtype=np.float32)  # covers 110 of the 160 rows of the first
    gates = CropGateConfig(max_overlap=0.5, min_aspect=0.5)
    confidences = np.array([0.9, 0.9])
    assert refusal(0, boxes, confidences, gates, frame_hw=(400, 600)) == "overlap"
    assert refusal(1, boxes, confidences, gates, frame_hw=(400, 600)) is None
    looser = gates.model_copy(update={"max_overlap": 0.7})
    assert refusal(0, boxes, confidences, looser, frame_hw=(400, 600)) is None


def builder(**settings: object) -> TrackletBuilder:
    config = TrackletConfig.model_validate({"min_seconds": 0.5, "min_crops": 2, **settings})
    return TrackletBuilder("gate", config, frame_s=0.1, lost_after_s=0.5)


def test_a_stay_has_the_videos_own_times() -> None:
    tracks = builder()
    for index in range(10, 20):
        assert tracks.update(FRAME, index, index / 10, tracked({7: GOOD})) == []
    (tracklet,) = tracks.finish()
    assert (tracklet.camera_id, tracklet.track_id) == ("gate", 7)
    assert (tracklet.first_frame, tracklet.last_frame, tracklet.frames) == (10, 19, 10)
    assert tracklet.start_s == pytest.approx(1.0)
    assert tracklet.end_s == pytest.approx(2.0)
    assert tracklet.mean_confidence == pytest.approx(0.9)
    assert tracklet.evidence == "enough"
    assert [crop.frame_index for crop in tracklet.crops] == list(range(10, 20))
    assert tracklet.crops[0].rgb.shape == (160, 60, 3)


def test_a_track_ends_only_when_the_tracker_can_no_longer_take_it_up() -> None:
    tracks = builder()
    tracks.update(FRAME, 0, 0.0, tracked({1: GOOD}))
    assert tracks.update(FRAME, 5, 0.5, tracked({})) == []
    (ended,) = tracks.update(FRAME, 6, 0.6, tracked({}))
    assert ended.track_id == 1
    assert tracks.finish() == []


def test_evidence_is_named() -> None:
    tracks = builder()
    for index in range(10):
        boxes = {1: GOOD, 2: (0.0, 100.0, 60.0, 260.0)}  # the second one stands at the edge
        if index >= 8:
            boxes[3] = (300.0, 100.0, 360.0, 260.0)
        tracks.update(FRAME, index, index / 10, tracked(boxes))
    enough, edge, short = tracks.finish()
    assert (enough.evidence, edge.evidence, short.evidence) == ("enough", "few_crops", "short")
    assert edge.refused == {"edge": 10}
    assert edge.crops_kept == 0
    assert len(edge.crops) == 1  # the best of the refused ones


def test_the_fallback_picture_is_the_clearest_and_goes_when_a_good_one_comes() -> None:
    tracks = builder()
    small, large = (0.0, 100.0, 40.0, 200.0), (0.0, 100.0, 80.0, 300.0)
    for index, box in enumerate([small, large, small]):
        tracks.update(FRAME, index, index / 10, tracked({1: box, 2: box if index < 2 else GOOD}))
    refused_only, with_good = tracks.finish()
    assert refused_only.crops[0].frame_index == 1
    assert [crop.frame_index for crop in with_good.crops] == [2]


def test_crops_are_copies_clipped_to_the_frame() -> None:
    frame = np.arange(400 * 600 * 3, dtype=np.uint32).astype(np.uint8).reshape(400, 600, 3)
    crop = cut(frame, np.array([-10.5, 390.2, 20.4, 500.0]), 3)
    assert crop is not None
    np.testing.assert_array_equal(crop.rgb, frame[390:400, 0:21])
    frame[:] = 0
    assert crop.rgb.any()
    assert cut(frame, np.array([700.0, 10.0, 800.0, 50.0]), 3) is None


def test_memory_does_not_grow_with_a_long_stay() -> None:
    tracks = builder(max_crops=8)
    for index in range(5000):
        tracks.update(FRAME, index, index / 10, tracked({1: GOOD}))
    (tracklet,) = tracks.finish()
    assert 4 <= len(tracklet.crops) <= 8
    assert tracklet.crops_kept == len(tracklet.crops)
    spacing = np.diff([crop.frame_index for crop in tracklet.crops])
    assert len(set(spacing.tolist())) == 1


ALONE, CLOSE = (300.0, 100.0, 360.0, 260.0), (125.0, 100.0, 185.0, 260.0)  # CLOSE covers 35 of GOOD's 60 columns


def test_doubts_lie_where_boxes_cover_each_other_and_where_a_track_was_lost() -> None:
    tracks = builder()
    for index in [*range(10), *range(13, 20)]:
        boxes = {1: GOOD, 2: CLOSE if index in (5, 6) else ALONE}
        tracks.update(FRAME, index, index / 10, tracked(boxes))
    for tracklet in tracks.finish():
        overlapped, lost = tracklet.doubts
        assert (overlapped.first_frame, overlapped.last_frame, overlapped.frames) == (5, 4, 5)
        assert (overlapped.start_s, overlapped.end_s) == pytest.approx((0.5, 0.5))
        assert (lost.first_frame, lost.last_frame) == (13, 9)
        assert overlapped.doubtful < 1 <= lost.doubtful


def test_nobody_near_means_no_doubt() -> None:
    tracks = builder()
    for index in range(20):
        tracks.update(FRAME, index, index / 10, tracked({1: GOOD, 2: ALONE}))
    assert [tracklet.doubts for tracklet in tracks.finish()] == [(), ()]


def test_there_is_one_doubt_between_two_crops_however_long_the_crowd() -> None:
    tracks = builder(max_crops=8)
    for index in range(2000):
        tracks.update(FRAME, index, index / 10, tracked({1: GOOD, 2: CLOSE if index % 3 else ALONE}))
    for tracklet in tracks.finish():
        crops = [crop.frame_index for crop in tracklet.crops]
        gaps = [sum(frame < doubt.first_frame for frame in crops) for doubt in tracklet.doubts]
        assert gaps == sorted(set(gaps))
        assert gaps[0] >= 1
        assert gaps[-1] <= len(crops) - 1
        assert len(gaps) >= len(crops) - 2


def test_parts_add_up_to_the_whole() -> None:
    tracks = builder(min_crops=4, max_crops=16, min_seconds=0.5)
    for index in range(40):
        boxes = {1: (0.0, 100.0, 60.0, 260.0) if index in (3, 30, 31) else GOOD}  # at the edge three times
        tracks.update(FRAME, index, index / 10, tracked({**boxes, 2: CLOSE if index in (10, 36) else ALONE}))
    whole = tracks.finish()[0]
    assert [doubt.first_frame for doubt in whole.doubts] == [3, 10, 30, 36]
    doubts = [doubt for doubt in whole.doubts if doubt.first_frame in (10, 36)]
    parts = cut_at(whole, doubts, TrackletConfig(min_crops=4, max_crops=16, min_seconds=0.5))
    assert [(part.first_frame, part.last_frame, part.frames) for part in parts] == [
        (0, 9, 10),
        (10, 35, 26),
        (36, 39, 4),
    ]
    assert [part.start_s for part in parts] == pytest.approx([0.0, 1.0, 3.6])
    assert [part.end_s for part in parts] == pytest.approx([1.0, 3.6, 4.0])
    assert [part.refused for part in parts] == [{"edge": 1}, {"edge": 2, "overlap": 1}, {"overlap": 1}]
    assert [part.evidence for part in parts] == ["few_crops", "enough", "short"]
    assert tuple(crop for part in parts for crop in part.crops) == whole.crops
    assert all(part.mean_confidence == pytest.approx(0.9) and part.track_id == 1 for part in parts)


def test_without_a_cut_a_stay_is_what_it_was() -> None:
    tracks = builder(min_crops=1)
    for index in range(10):
        tracks.update(FRAME, index, index / 10, tracked({1: (0.0, 100.0, 60.0, 260.0)}))  # at the edge
    (tracklet,) = tracks.finish()
    assert cut_at(tracklet, [], TrackletConfig(min_crops=1)) == [tracklet]
    assert (tracklet.crops_kept, tracklet.evidence) == (0, "few_crops")


def test_a_camera_slower_than_it_says_leaves_no_doubts() -> None:
    tracks = builder()
    for index in range(60):
        tracks.update(FRAME, index, index / 2, tracked({1: GOOD}))
    (tracklet,) = tracks.finish()
    assert len(tracklet.doubts) <= 1


def test_a_box_of_somebody_hardly_seen_is_a_doubt() -> None:
    """Whoever stands in front of them may have no box of their own."""
    tracks = builder()
    for index in range(20):
        boxes = tracked({1: GOOD})
        if index in (8, 9):
            boxes = TrackedBoxes(boxes.track_ids, boxes.boxes_xyxy, np.array([0.2], np.float32))
        tracks.update(FRAME, index, index / 10, boxes)
    ((doubt,),) = (tracklet.doubts for tracklet in tracks.finish())
    assert doubt.first_frame == 8
