"""Records of tracklets: what a data set may and may not be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from reid.data.records import DISTRACTOR_ID, JUNK_ID, Counts, DataSet, TrackletRecord
from reid.preprocess import Crop


class Numbered:
    """Pictures of one grey, the number that ends their name; remembers how often it was asked."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def read(self, frames: Sequence[str]) -> list[Crop]:
        self.calls.append(len(frames))
        return [np.full((4, 2, 3), int(frame.rpartition("-")[2]), np.uint8) for frame in frames]


def tracklet(person_id: int, camera_id: int, *numbers: int) -> TrackletRecord:
    return TrackletRecord(person_id, camera_id, tuple(f"{person_id}-{camera_id}-{number}" for number in numbers))


TRAIN = (tracklet(1, 1, 10, 11), tracklet(1, 2, 12), tracklet(2, 1, 13, 14, 15))
TEST = (tracklet(JUNK_ID, 1, 1), tracklet(DISTRACTOR_ID, 2, 2), tracklet(3, 1, 3, 4), tracklet(3, 2, 5))


def data_set(query: tuple[int, ...] = (2,), gallery: tuple[int, ...] = (0, 1, 2, 3)) -> DataSet:
    return DataSet("hand-made", TRAIN, TEST, query, gallery, Numbered())


def test_queries_are_the_rows_they_point_at() -> None:
    assert data_set(query=(3, 2)).queries == (TEST[3], TEST[2])


def test_tracklets_are_read_in_order_with_one_call() -> None:
    data = data_set()
    read = data.read([TEST[2], TRAIN[1], TRAIN[2]])
    assert [[int(crop[0, 0, 0]) for crop in crops] for crops in read] == [[3, 4], [12], [13, 14, 15]]
    assert data.source.calls == [6]  # type: ignore[attr-defined]
    assert data.read([]) == []


def test_counts_leave_nobodies_out_of_the_people() -> None:
    assert Counts.of(TRAIN) == Counts(people=2, tracklets=3, images=6)
    assert Counts.of(TEST) == Counts(people=1, tracklets=4, images=5)
    assert Counts.of(()) == Counts(0, 0, 0)


@pytest.mark.parametrize(
    ("person_id", "camera_id", "frames", "message"),
    [(-2, 1, ("a",), "not -2"), (1, 0, ("a",), "not 0"), (7, 1, (), "person 7 has no pictures")],
)
def test_impossible_tracklets_are_refused(
    person_id: int, camera_id: int, frames: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        TrackletRecord(person_id, camera_id, frames)


@pytest.mark.parametrize(
    ("query", "gallery", "message"),
    [
        ((4,), (0,), "query points beyond the 4"),
        ((-1,), (0,), "query points beyond"),
        ((2,), (0, 4), "gallery points beyond"),
        ((2, 3, 2), (0,), "query has a row twice"),
        ((2,), (1, 1), "gallery has a row twice"),
        ((0,), (2,), "gallery only"),
        ((1,), (2,), "gallery only"),
    ],
)
def test_impossible_splits_are_refused(query: tuple[int, ...], gallery: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        data_set(query, gallery)


@pytest.mark.parametrize("nobody", [JUNK_ID, DISTRACTOR_ID])
def test_nobody_is_trained_with(nobody: int) -> None:
    with pytest.raises(ValueError, match="gallery only"):
        DataSet("hand-made", (tracklet(nobody, 1, 1),), TEST, (2,), (3,), Numbered())
