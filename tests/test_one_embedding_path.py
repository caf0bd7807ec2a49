"""What `vreid run` and `vreid benchmark` make of the same crops."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import cv2
import numpy as np

from pipeline.embedding import TrackletStore
from pipeline.inputs import CameraClock
from pipeline.stopwatch import Stopwatch
from pipeline.tracklets import Crop, Tracklet
from reid.benchmark.contestants import Network
from reid.data.images import ImageFiles
from reid.data.records import DataSet, TrackletRecord
from reid.embedder import Embedder


def test_they_are_equal(tmp_path: Path) -> None:
    """Crops of many sizes, longer and shorter than a clip, in batches of another size."""
    rng = np.random.default_rng(0)
    tracklets = [
        [rng.integers(0, 256, (*rng.integers(30, 200, 2), 3), np.uint8) for _ in range(length)]
        for length in (1, 3, 4, 9, 32, 32, 17)
    ]
    embedder = Embedder.untrained("dcct-micro", batch_size=3)
    store = TrackletStore(embedder, tmp_path, {"gate": CameraClock(None, None)}, Stopwatch(), batch_size=2)
    records = []
    for number, crops in enumerate(tracklets, start=1):
        kept = tuple(Crop(index, crop) for index, crop in enumerate(crops))
        store.add(Tracklet("gate", number, 0, 40, 0.0, 1.6, 40, 0.9, kept, len(kept), {}, "enough"))
        names = tuple(f"{number}/{index:02d}.png" for index in range(len(crops)))
        (tmp_path / str(number)).mkdir()
        for name, crop in zip(names, crops, strict=True):
            cv2.imwrite(str(tmp_path / name), crop[..., ::-1])
        records.append(TrackletRecord(number, 1, names))
    rows, by_run = store.finish(["gate"])
    assert [row.track_id for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    data_set = DataSet("folder", (), tuple(records), (), tuple(range(7)), ImageFiles(tmp_path))
    contestant = Network(partial(Embedder.untrained, "dcct-micro", batch_size=8))
    for _ in range(2):  # fresh, then kept
        by_benchmark = contestant.embed(data_set, records, folder=tmp_path / "kept", on_tracklets=lambda _: None)
        np.testing.assert_allclose(by_benchmark.vectors[embedder.variant], by_run, atol=1e-5)
    same_batches = Network(lambda: embedder).embed(data_set, records[:2], folder=None, on_tracklets=lambda _: None)
    np.testing.assert_array_equal(same_batches.vectors[embedder.variant], by_run[:2])
