"""Small data sets in files, and contestants that know who everybody is, or do not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from reid.benchmark.contestants import About
from reid.data.images import ImageFiles
from reid.data.records import DISTRACTOR_ID, JUNK_ID, DataSet, TrackletRecord
from reid.evaluation import Embedded

SIZE_HW = (16, 8)


def files(root: Path, people: int = 8, cameras: Sequence[int] = (1, 2, 3), name: str = "folder") -> DataSet:
    """Write people in plain colours, one tracklet of four PNG files a camera, with a distractor and junk."""
    records = []
    ids = [*range(1, people + 1), DISTRACTOR_ID, JUNK_ID]
    for person in ids:
        for camera in cameras:
            names = tuple(f"{person}_{camera}/{frame}.png" for frame in range(4))
            colour = np.random.default_rng(person + 10).integers(0, 200, 3) + 10 * camera
            (root / f"{person}_{camera}").mkdir(parents=True)
            for frame, file in enumerate(names):
                cv2.imwrite(str(root / file), np.full((*SIZE_HW, 3), colour + frame, np.uint8))
            records.append(TrackletRecord(person, camera, names))
    query = tuple(row for row, record in enumerate(records) if record.person_id >= 1 and record.camera_id == cameras[0])
    return DataSet(name, (), tuple(records), query, tuple(range(len(records))), ImageFiles(root))


class Knows:
    """Tells people apart by their ids, but takes the first few, in camera 1, for the next one each.

    So one more than those few do not find themselves first: the next one finds somebody else in its own camera.
    """

    def __init__(
        self,
        name: str = "knows",
        confuses: int = 0,
        *,
        trained_on: str | None = None,
        split: int | None = None,
        model: str = "dcct-micro",
    ) -> None:
        self.about = About(name, model, trained_on, split, "final", {"base": 32, "final": 32})
        self.confuses = confuses
        self.one_by_one = True
        self.embedded = 0

    def embed(
        self,
        data_set: DataSet,
        records: Sequence[TrackletRecord],
        *,
        folder: Path | None,
        on_tracklets: Callable[[int], None],
    ) -> Embedded:
        self.embedded += len(records)
        assert len(set(records)) == len(records)
        on_tracklets(len(records))
        vectors = np.zeros((len(records), 32), np.float32)
        for row, record in enumerate(records):
            wrong = 1 <= record.person_id <= self.confuses and record.camera_id == 1
            vectors[row, record.person_id + (2 if wrong else 1)] = 1
            vectors[row, 31] = 0.1 * record.camera_id
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return Embedded(tuple(range(len(records))), {"base": np.roll(vectors, 1, axis=0), "final": vectors}, {})

    def speed(self) -> None:
        return None
