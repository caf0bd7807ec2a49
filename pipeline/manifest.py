"""What `run.json` says of a run; every key is described in docs/formats.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.camera import Camera
from pipeline.config import RunConfig
from pipeline.device import describe_device, describe_versions
from pipeline.inputs import Input
from pipeline.run_directory import TrackletRow
from pipeline.sources import CameraHealth, CameraStatus, redact_url
from reid.version import package_version

KINDS = {"video": "file"}


@dataclass(frozen=True)
class Finding:
    """One camera at the end of a run.

    Attributes:
        input: the camera as it was opened.
        camera: what became of its frames; None if it never opened.
        health: its account.
        cut_short: whether a recording was stopped by hand before its end.
    """

    input: Input
    camera: Camera | None
    health: CameraHealth
    cut_short: bool = False


def build_manifest(
    config: RunConfig,
    findings: Sequence[Finding],
    rows: Sequence[TrackletRow],
    *,
    created: datetime,
    command: Sequence[str] | None,
    stopped_by: str | None,
    device: str,
    detector: dict[str, Any],
    embedder: dict[str, Any],
    association: dict[str, Any],
    calibration: dict[str, Any] | None,
    gallery: dict[str, Any] | None,
    timings: dict[str, Any],
    warnings: Sequence[str],
) -> dict[str, Any]:
    """Put a run's record together.

    Args:
        config: the resolved settings.
        findings: every camera, in order.
        rows: the tracklets with their identities.
        created: when the run began.
        command: the command line, or None.
        stopped_by: `user` or `duration` if it did not end by itself.
        device: what the networks ran on.
        detector: its part of the record.
        embedder: its part of the record.
        association: its part of the record.
        calibration: the curve that match thresholds are set by; None where there is none.
        gallery: what became of the people in the gallery; None without one.
        timings: their part of the record.
        warnings: lines that the user was shown.

    Returns:
        The record, ready for JSON.
    """
    all_fine = all(finding.health.status is CameraStatus.OK for finding in findings)
    cameras = [finding.camera for finding in findings if finding.camera is not None]
    settings = config.model_dump(mode="json")
    for camera in settings["cameras"]:
        camera["source"] = redact_url(camera["source"])
    return {
        "vreid_version": package_version(),
        "status": "complete" if all_fine and not any(finding.cut_short for finding in findings) else "partial",
        "stopped_by": stopped_by,
        "created": created.isoformat(timespec="seconds"),
        "command": None if command is None else [redact_url(word) for word in command],
        "config": settings,
        "cameras": [_describe_camera(finding) for finding in findings],
        "detector": detector,
        "tracker": config.tracker.model_dump(mode="json"),
        "embedder": embedder,
        "association": association,
        "calibration": calibration,
        "gallery": gallery,
        "counts": {
            "frames": sum(camera.frames for camera in cameras),
            "detections": sum(camera.detections for camera in cameras),
            **count_people(rows),
        },
        "timings": timings,
        "device": describe_device(config.device, device),
        "versions": describe_versions(),
        "warnings": list(warnings),
    }


def count_people(rows: Sequence[TrackletRow]) -> dict[str, int]:
    """Count tracklets and identities, for `run.json`."""
    return {
        "tracklets": len(rows),
        "identities": len({row.identity_id for row in rows} - {None}),
        "unknown_tracklets": sum(row.identity_id is None for row in rows),
    }


def _describe_camera(finding: Finding) -> dict[str, Any]:
    spec, source, clock = finding.input.spec, finding.input.source, finding.input.clock()
    size_px = source.size_px if source is not None else None
    return {
        "camera_id": spec.name,
        "source": spec.shown,
        "kind": KINDS.get(spec.kind.value, spec.kind.value),
        "files": finding.input.files,
        "fps": source.fps if source is not None else None,
        "width_px": size_px[0] if size_px else None,
        "height_px": size_px[1] if size_px else None,
        "start_time": clock.start_time.isoformat() if clock.start_time else None,
        "start_time_source": clock.origin,
        "clock_rate": clock.rate,
        "cut_short": finding.cut_short,
        "health": finding.health.to_dict(),
        "counts": finding.camera.counts() if finding.camera is not None else None,
    }
