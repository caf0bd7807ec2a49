"""What was wrong with a camera: counted while its frames are read, and stored with the run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

MAX_LISTED_GAPS = 1000


class CameraStatus(StrEnum):
    """How a camera's source fared; the order is from best to worst."""

    OK = "ok"
    DAMAGED = "damaged"  # opened and partly read
    EMPTY = "empty"  # opened, but holds no frame
    FAILED = "failed"  # never opened
    LOST = "lost"  # opened, then gave nothing more: a stream that did not come back, a decoder that hung


@dataclass(frozen=True)
class Gap:
    """A stretch of time of which no frame was handed on.

    Attributes:
        start_s: time of the first missing frame, in the camera's own seconds.
        end_s: time at which frames go on, exclusive.
        reason: a few words for the report.
    """

    start_s: float
    end_s: float
    reason: str


@dataclass
class CameraHealth:
    """The account of one camera; decoded, corrupt and skipped frames add up to all frames known of.

    Attributes:
        status: see `CameraStatus`.
        frames_expected: what the container promises; None where it promises nothing, as a live stream.
        frames_decoded: sound frames, whether or not `every` let them through.
        frames_skipped: frames that are known to exist and never came out of the decoder.
        frames_corrupt: frames that came out damaged and were held back.
        frames_dropped: sound live frames thrown away because the run was slower than the camera.
        gaps: the first `MAX_LISTED_GAPS` gaps, in order of time.
        gaps_unlisted: gaps beyond those.
        last_error: the newest error of the decoder or the network, without credentials.
    """

    status: CameraStatus = CameraStatus.OK
    frames_expected: int | None = None
    frames_decoded: int = 0
    frames_skipped: int = 0
    frames_corrupt: int = 0
    frames_dropped: int = 0
    gaps: list[Gap] = field(default_factory=list)
    gaps_unlisted: int = 0
    last_error: str | None = None

    @classmethod
    def failed(cls, error: BaseException) -> CameraHealth:
        """The account of a camera that never opened.

        Args:
            error: why it did not open; its text is kept.
        """
        return cls(status=CameraStatus.FAILED, last_error=str(error))

    def mark(self, status: CameraStatus, error: str | None = None) -> None:
        """Worsen the status, never better it.

        Args:
            status: the status that the camera has at least.
            error: text for `last_error`, if there is a new one.
        """
        order = list(CameraStatus)
        if order.index(status) > order.index(self.status):
            self.status = status
        if error is not None:
            self.last_error = error

    def add_gap(self, start_s: float, end_s: float, reason: str) -> None:
        """Record a gap; one that touches the last of the same reason makes that one longer."""
        gap = Gap(start_s, max(start_s, end_s), reason)
        if self.gaps and not self.gaps_unlisted and self.gaps[-1].reason == reason and start_s <= self.gaps[-1].end_s:
            self.gaps[-1] = replace(self.gaps[-1], end_s=max(gap.end_s, self.gaps[-1].end_s))
        elif len(self.gaps) < MAX_LISTED_GAPS:
            self.gaps.append(gap)
        else:
            self.gaps_unlisted += 1

    def snapshot(self) -> CameraHealth:
        """An independent copy, which a reader that was given up can no longer change."""
        return replace(self, gaps=list(self.gaps))

    def to_dict(self) -> dict[str, Any]:
        """The account as plain JSON values, times rounded to the millisecond."""
        record = asdict(self)
        record["status"] = self.status.value
        record["gaps"] = [
            {"start_s": round(gap.start_s, 3), "end_s": round(gap.end_s, 3), "reason": gap.reason} for gap in self.gaps
        ]
        return record
