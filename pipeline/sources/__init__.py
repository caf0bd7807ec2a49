"""Cameras: video files, folders of images, devices and streams, behind one way to read them.

    parse_sources(entries) -> [CameraSpec] -> open_source(spec) -> Source -> Prefetcher / PrefetcherGroup -> Frame

Frames are RGB uint8 (H, W, 3), upright, numbered from 0 in order of presentation, with true times in seconds. Nothing
that goes wrong with a camera is lost: `CameraHealth` counts it.
"""

from pipeline.sources.clock import RunClock
from pipeline.sources.frame import Frame, RgbImage, Source
from pipeline.sources.frame_picker import FramePicker
from pipeline.sources.health import CameraHealth, CameraStatus, Gap
from pipeline.sources.live_source import LiveSettings
from pipeline.sources.names import check_name
from pipeline.sources.opening import open_source
from pipeline.sources.prefetch import Prefetcher, PrefetcherGroup
from pipeline.sources.spec import CameraSpec, SourceKind, parse_sources
from pipeline.sources.urls import redact_url

__all__ = [
    "CameraHealth",
    "CameraSpec",
    "CameraStatus",
    "Frame",
    "FramePicker",
    "Gap",
    "LiveSettings",
    "Prefetcher",
    "PrefetcherGroup",
    "RgbImage",
    "RunClock",
    "Source",
    "SourceKind",
    "check_name",
    "open_source",
    "parse_sources",
    "redact_url",
]
