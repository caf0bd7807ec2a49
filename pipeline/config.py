"""The settings of a run. `configs/run/default.yaml` holds the same defaults with a line of explanation each."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from reid.clips import RUN_MOST_CROPS
from reid.config import Settings

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
CameraPair = tuple[str, str]
Polygon = Annotated[tuple[tuple[Fraction, Fraction], ...], Field(min_length=3)]
_DAY_S = 86_400.0
_MOST_DRIFT_S = 3600.0


class CameraConfig(Settings):
    """One camera.

    `start` is the clock at the first moment of the source, `offset_s` is added to a clock that is off,
    `drift_s_per_day` for every day of the recording to one that runs slow, and `fps` is the rate of a folder of images.
    `ignore` are parts of the picture, corners as fractions of its width and height, in which nobody is looked for.
    """

    name: str | None = None
    source: str
    start: datetime | None = None
    offset_s: float = 0.0
    drift_s_per_day: Annotated[float, Field(ge=-_MOST_DRIFT_S, le=_MOST_DRIFT_S)] = 0.0
    fps: Positive = 25.0
    ignore: tuple[Polygon, ...] = ()

    @property
    def clock_rate(self) -> float:
        """Seconds that pass in a second of the source."""
        return 1.0 + self.drift_s_per_day / _DAY_S

    @field_validator("source", mode="before")
    @classmethod
    def _device_number(cls, source: object) -> object:
        return str(source) if isinstance(source, int) and not isinstance(source, bool) else source


class DetectorConfig(Settings):
    """Which detector finds people, and how."""

    name: str = "auto"
    conf: Fraction = 0.1
    imgsz: Annotated[int, Field(ge=64)] | None = None
    half: bool = False


class TrackerConfig(Settings):
    """How people are followed within one camera."""

    name: str = "bytetrack"
    new_track_conf: Fraction = 0.5
    lost_seconds: Positive = 1.0


class CropGateConfig(Settings):
    """What a crop must be like to count as evidence; sizes in source pixels, aspect is height over width."""

    min_height_px: Positive = 48.0
    min_width_px: Positive = 16.0
    min_aspect: Positive = 1.0
    max_aspect: Positive = 5.0
    edge_px: Annotated[float, Field(ge=0)] = 2.0
    min_conf: Fraction = 0.4
    max_overlap: Fraction = 0.5

    @model_validator(mode="after")
    def _aspects_in_order(self) -> CropGateConfig:
        if self.min_aspect >= self.max_aspect:
            raise ValueError(f"min_aspect ({self.min_aspect}) must be below max_aspect ({self.max_aspect})")
        return self


class TrackletConfig(Settings):
    """What is kept of a track, and how much of it counts as enough to found an identity."""

    max_crops: Annotated[int, Field(ge=2)] = RUN_MOST_CROPS
    min_seconds: Annotated[float, Field(ge=0)] = 0.5
    min_crops: Annotated[int, Field(ge=0)] = 4
    cut_jumps: bool = True
    gates: CropGateConfig = CropGateConfig()

    @model_validator(mode="after")
    def _enough_can_be_kept(self) -> TrackletConfig:
        if self.min_crops > self.max_crops // 2:
            raise ValueError(f"min_crops ({self.min_crops}) can be at most half of max_crops ({self.max_crops})")
        return self


class EmbedderConfig(Settings):
    """Which re-ID network turns a tracklet into a vector: a name or path as in `reid.named_weights`."""

    weights: str = "auto"
    variant: str | None = None
    batch_size: Count = 4


class AssociationConfig(Settings):
    """When two tracklets are the same person, and how groups of them are found."""

    method: str = "average-link"
    threshold: Annotated[float, Field(ge=-1, le=1)] | None = None
    far: Annotated[float, Field(gt=0, lt=1)] = 0.01
    candidates_k: Count = 50
    k_reciprocal: Annotated[int, Field(ge=0)] = 0
    camera_prior: Positive | None = 10.0


class TransitConfig(Settings):
    """How long the way from one camera to another takes, seconds; holds in both directions unless `one_way`.

    `min_s` and `max_s` are limits that nobody passes. Half of all people take longer than `usual_s`, and two of three
    are between `usual_s` divided and multiplied by `spread`; a link in such a time needs less likeness, one at an odd
    time more.
    """

    cameras: CameraPair
    min_s: Annotated[float, Field(ge=0)] = 0.0
    max_s: Positive | None = None
    usual_s: Annotated[float, Field(gt=0, le=1e7)] | None = None
    spread: Annotated[float, Field(gt=1, le=10)] | None = None
    one_way: bool = False

    @model_validator(mode="after")
    def _times_in_order(self) -> TransitConfig:
        if self.max_s is not None and self.max_s < self.min_s:
            raise ValueError(f"max_s ({self.max_s}) must not be below min_s ({self.min_s})")
        if (self.usual_s is None) != (self.spread is None):
            raise ValueError("usual_s and spread go together")
        longest_s = math.inf if self.max_s is None else self.max_s
        if self.usual_s is not None and not self.min_s <= self.usual_s <= longest_s:
            raise ValueError(f"usual_s ({self.usual_s}) must lie between min_s and max_s")
        return self


class ExitConfig(Settings):
    """A part of a camera's picture through which people come and go, and the cameras that see them next.

    The polygon's corners are fractions of the picture's width and height; a person is where their feet are.
    """

    camera: str
    name: str
    polygon: Polygon
    leads_to: Annotated[tuple[str, ...], Field(min_length=1)]


class TopologyConfig(Settings):
    """What is known of the place: cameras that never show the same spot, ways between them, and where those begin."""

    all_non_overlapping: bool = False
    non_overlapping: tuple[CameraPair, ...] = ()
    transit: tuple[TransitConfig, ...] = ()
    exits: tuple[ExitConfig, ...] = ()


class GalleryConfig(Settings):
    """Which gallery remembers the people, and how much of them: vectors of each, and for how many days."""

    path: str | None = None
    most_looks: Count = 20
    max_age_days: Positive | None = None


class RunConfig(Settings):
    """Everything that `vreid run` can be told."""

    cameras: tuple[CameraConfig, ...] = ()
    every: Count = 1
    device: str = "auto"
    stall_timeout_s: Positive = 20.0
    detector: DetectorConfig = DetectorConfig()
    tracker: TrackerConfig = TrackerConfig()
    tracklets: TrackletConfig = TrackletConfig()
    embedder: EmbedderConfig = EmbedderConfig()
    association: AssociationConfig = AssociationConfig()
    topology: TopologyConfig = TopologyConfig()
    gallery: GalleryConfig = GalleryConfig()
    duration_s: Positive | None = None
    save_video: bool = False
    hash_inputs: bool = False
