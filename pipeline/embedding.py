"""Tracklets become crops on disk and rows of the table; their vectors come in batches, over all cameras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from pipeline.config import EmbedderConfig
from pipeline.inputs import CameraClock
from pipeline.run_directory import TrackletRow, write_jpeg
from pipeline.stopwatch import Stopwatch
from pipeline.tracklets import Tracklet
from reid.calibration import Calibration
from reid.clips import RUN_SELECTION
from reid.embedder import Embedder
from reid.named_weights import find_named

_JPEG_QUALITY = 95


def create_embedder(
    settings: EmbedderConfig,
    *,
    device: str,
    half: bool,
    tell: Callable[[str], None],
    warn: Callable[[str], None],
) -> Embedder:
    """Build the embedder that the settings name.

    Args:
        settings: `weights` is a name or path as in `reid.named_weights`.
        device: `cpu`, `cuda`, ...
        half: half precision, on a GPU.
        tell: is told in one line which network it is, and why.
        warn: is told in one line when the network is untrained.

    Raises:
        WeightsError: the checkpoint is missing or cannot be used.
        ConfigError: the variant is not one of the model's.
    """
    named = find_named(settings.weights)
    embedder = named.open(device, half=half, batch_size=settings.batch_size, run_variant=settings.variant)
    tell(f"people are told apart by {embedder.model_name} ({named.reason})")
    if not embedder.trained:
        warn(
            f"untrained: the re-ID network {embedder.model_name} was never trained (its weights are random); "
            "identities are not to be trusted"
        )
    return embedder


def calibration_for_run(embedder: Embedder, warn: Callable[[str], None]) -> Calibration | None:
    """Give the calibration if it was made of the very vectors that a run compares.

    Args:
        embedder: whose.
        warn: is told if there is one that was made of others.
    """
    calibration = embedder.calibration
    if calibration is None:
        return None
    made_of = (calibration.variant, calibration.policy, calibration.crop_selection)
    compared = (embedder.variant, embedder.policy, RUN_SELECTION)
    if made_of == compared:
        return calibration
    warn(f"the calibration was made of {made_of}, this run compares {compared}: treated as uncalibrated")
    return None


class TrackletStore:
    """Takes tracklets as they end and lets go of their pictures as soon as they are written and embedded.

    Args:
        embedder: makes the vectors.
        run_path: the run directory; crops go below it.
        clocks: each camera's clock.
        stopwatch: times the stages `crops` and `embedding`.
        batch_size: tracklets embedded at once.
    """

    def __init__(
        self,
        embedder: Embedder,
        run_path: Path,
        clocks: Mapping[str, CameraClock],
        stopwatch: Stopwatch,
        *,
        batch_size: int,
    ) -> None:
        self._embedder = embedder
        self._run_path = run_path
        self._clocks = clocks
        self._stopwatch = stopwatch
        self._batch_size = batch_size
        self._waiting: list[tuple[int, Tracklet]] = []
        self._rows: list[TrackletRow] = []
        self._embeddings: list[np.ndarray] = []

    def add(self, tracklet: Tracklet) -> None:
        """Take in a tracklet that has ended."""
        with self._stopwatch.work("crops"):
            crops_path = Path("crops") / tracklet.camera_id / str(tracklet.track_id)
            _write_crops(self._run_path / crops_path, tracklet)
        clock = self._clocks[tracklet.camera_id]
        self._rows.append(
            TrackletRow(
                camera_id=tracklet.camera_id,
                track_id=tracklet.track_id,
                first_frame=tracklet.first_frame,
                last_frame=tracklet.last_frame,
                start_s=tracklet.start_s,
                end_s=tracklet.end_s,
                start_time=clock.at(tracklet.start_s),
                end_time=clock.at(tracklet.end_s),
                frames=tracklet.frames,
                mean_confidence=tracklet.mean_confidence,
                evidence=tracklet.evidence,
                crops_kept=tracklet.crops_kept,
                crops_refused=sum(tracklet.refused.values()),
                crop_frames=tuple(crop.frame_index for crop in tracklet.crops),
                crops_path=crops_path.as_posix(),
                embedded=bool(tracklet.crops),
            )
        )
        self._embeddings.append(np.zeros(self._embedder.dim, dtype=np.float32))
        if tracklet.crops:
            self._waiting.append((len(self._rows) - 1, tracklet))
        if len(self._waiting) >= self._batch_size:
            self._embed()

    def finish(self, camera_ids: list[str]) -> tuple[list[TrackletRow], np.ndarray]:
        """Embed what is still waiting.

        Args:
            camera_ids: the order of the cameras.

        Returns:
            The rows, sorted by camera and track, and their embeddings (N, D) float32.
        """
        if self._waiting:
            self._embed()
        order = sorted(
            range(len(self._rows)),
            key=lambda index: (camera_ids.index(self._rows[index].camera_id), self._rows[index].track_id),
        )
        embeddings = np.zeros((len(order), self._embedder.dim), dtype=np.float32)
        for position, index in enumerate(order):
            embeddings[position] = self._embeddings[index]
        return [self._rows[index] for index in order], embeddings

    def _embed(self) -> None:
        with self._stopwatch.work("embedding"):
            crops = [[crop.rgb for crop in tracklet.crops] for _, tracklet in self._waiting]
            vectors = self._embedder.embed(crops)
            for (index, _), vector in zip(self._waiting, vectors, strict=True):
                self._embeddings[index] = vector
        self._waiting.clear()


def _write_crops(folder: Path, tracklet: Tracklet) -> None:
    folder.mkdir(parents=True)
    for number, crop in enumerate(tracklet.crops):
        write_jpeg(folder / f"{number:03d}.jpg", crop.rgb, quality=_JPEG_QUALITY)
