"""What every source yields, and what every source can be asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.sources.health import CameraHealth
from pipeline.sources.spec import CameraSpec

RgbImage = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of one camera.

    Attributes:
        camera_id: the camera's name.
        index: 0-based number in order of presentation. Skipped and damaged frames keep theirs.
        time_s: presentation time in seconds. In a recording since its beginning, as a player shows it; from a live
            source since the run's clock started.
        rgb: (H, W, 3) uint8, contiguous, upright.
    """

    camera_id: str
    index: int
    time_s: float
    rgb: RgbImage


class Source(Protocol):
    """An opened camera.

    Attributes:
        spec: the camera as the user gave it.
        fps: average frames a second, None where unknown.
        size_px: (width, height) of upright frames, None where no frame was seen yet. A stream may change its size.
        connected: False for a stream that does not answer at this moment; it is tried again while it is read.
        live: True if frames are lost unless they are read in time.
        start_time_utc: when `time_s` was 0, None where unknown.
        health: the account so far; final once `frames` has ended.
        progress: grows with everything that is read, also where that yields no frame; a watcher can tell a slow
            source from one that hangs.
        longest_wait_s: how long one read may rightly take, in seconds; 0 unless a network time-out applies.
    """

    spec: CameraSpec
    fps: float | None
    size_px: tuple[int, int] | None
    live: bool

    @property
    def connected(self) -> bool: ...

    start_time_utc: datetime | None
    health: CameraHealth
    progress: int
    longest_wait_s: float

    def frames(self) -> Iterator[Frame]:
        """Yield the frames whose index `every` divides, once; damage is skipped and accounted for in `health`."""
        ...

    def close(self) -> None:
        """Stop reading and let go of file, device or connection; safe from any thread and more than once.

        A thread that is inside the decoder lets go itself, as soon as the decoder returns.
        """
        ...
