"""Galleries and runs made up for tests: vectors in two dimensions, pictures of noise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np

from pipeline.config import AssociationConfig, TopologyConfig
from pipeline.gallery.store import NewSighting
from pipeline.mot import TrackBox, write_tracks
from pipeline.run_directory import RunDirectoryWriter, TrackletRow, assign_mot_ids, write_sightings, write_tracklets
from pipeline.vector_index import VectorIndex
from tests.pipeline.report_samples import camera, row
from tests.pipeline.test_association import unit
from tests.pipeline.test_identities import CURVE

MADE_OF: dict[str, Any] = {"model": "tiny", "fingerprint": "f" * 64, "variant": "final", "policy": "even", "dim": 2}
CREATED = datetime(2024, 5, 1, 9, 0, tzinfo=UTC)


def stay(camera_id: str, track_id: int, start_s: float, end_s: float, **changes: Any) -> TrackletRow:
    """One row of a run's table, with three pictures; its time by the clock is not known."""
    changes = {"crop_frames": (0, 1, 2), "crops_path": f"crops/{camera_id}/{track_id}", **changes}
    return cast(TrackletRow, row(camera_id, track_id, start_s, end_s, clock=False, **changes))


def seen(camera_id: str, track_id: int, start_s: float, degrees: float | None) -> NewSighting:
    """A stay of ten seconds that begins so many seconds after `CREATED`, by the clock."""
    start_time = CREATED.timestamp() + start_s
    return NewSighting(
        camera_id,
        track_id,
        start_s,
        start_s + 10.0,
        True,
        start_time,
        start_time + 10.0,
        start_time + 10.0,
        None if degrees is None else unit(degrees)[0],
        None if degrees is None else f"picture of {camera_id} {track_id}".encode(),
    )


def write_run(
    path: Path, rows: Sequence[TrackletRow], degrees: Sequence[float], *, created: datetime = CREATED, **embedder: Any
) -> Path:
    """Write a run whose stays look as the degrees say, with pictures, tracks, scenes, a video and a report."""
    rows = assign_mot_ids(rows)
    rng = np.random.default_rng(int(created.timestamp()))
    with RunDirectoryWriter(path) as writer:
        write_tracklets(writer.path / "tracklets.parquet", rows)
        write_sightings(writer.path / "sightings.csv", rows)
        np.save(writer.path / "embeddings.npy", unit(*degrees))
        VectorIndex(unit(*degrees)).save(writer.path / "gallery.faiss")
        names = list(dict.fromkeys(row.camera_id for row in rows))
        for name in names:
            own = [row for row in rows if row.camera_id == name]
            boxes = [
                TrackBox(frame, row.mot_id, (10.0, 10.0, 20.0, 40.0), 0.9)
                for row in own
                for frame in range(row.first_frame, row.last_frame + 1)
            ]
            write_tracks(writer.path / "tracks" / f"{name}.txt", sorted(boxes, key=lambda box: box.frame_index))
            for row in own:
                files = [writer.path / row.crops_path / f"{number:03d}.jpg" for number in range(len(row.crop_frames))]
                for file in (*files, writer.path / "scenes" / name / f"{row.track_id}.jpg"):
                    file.parent.mkdir(parents=True, exist_ok=True)
                    cv2.imwrite(str(file), rng.integers(0, 256, (40, 20, 3), dtype=np.uint8))
            (writer.path / "videos").mkdir(exist_ok=True)
            (writer.path / "videos" / f"{name}.mp4").write_bytes(rng.bytes(2000))
        (writer.path / "report.html").write_text("a page")
        config = {
            "association": AssociationConfig(threshold=0.95, camera_prior=None).model_dump(mode="json"),
            "topology": TopologyConfig().model_dump(mode="json"),
        }
        writer.write_manifest(
            {
                "created": created.isoformat(timespec="seconds"),
                "config": config,
                "cameras": [camera(name) for name in names],
                "calibration": CURVE.to_dict(),
                "embedder": {**MADE_OF, **embedder},
                "association": {"corrections": []},
                "counts": {"frames": 60, "tracklets": len(rows), "identities": 2, "unknown_tracklets": 0},
            }
        )
        writer.commit()
    return path
