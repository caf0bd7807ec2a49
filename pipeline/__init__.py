"""From videos to identities: detection, tracking, tracklets, embedding, association, a run directory."""

import logging

from pipeline.config import CameraConfig, DetectorConfig, RunConfig
from pipeline.listener import RunListener
from pipeline.run import run_pipeline
from pipeline.run_directory import RunDirectory, TrackletRow

__all__ = ["CameraConfig", "DetectorConfig", "RunConfig", "RunDirectory", "RunListener", "TrackletRow", "run_pipeline"]

logging.getLogger(__name__).addHandler(logging.NullHandler())
