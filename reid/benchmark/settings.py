"""What a benchmark is asked for, beside data sets and contestants."""

from __future__ import annotations

from dataclasses import dataclass

from reid.errors import ConfigError
from reid.metrics import MOST_BYTES, AveragePrecision, Distance
from reid.reranking import Reranking


@dataclass(frozen=True)
class BenchmarkSettings:
    """How to search and score.

    Attributes:
        policy: which clips stand for a tracklet, as in `reid.clips`.
        flip: whether mirror images are embedded too.
        protocols: by name, for those data sets that have several; empty for each one's first.
        average_precision: which form of AP.
        distance: of vectors.
        same_camera: whether a person found again in the query's own camera counts, for sets of one camera.
        reranking: to report re-ranked rows too; None for none.
        expansion: to report rows after query expansion by so many neighbours too; 0 for none.
        speed: whether to measure what embedding costs.
        most_bytes: that blocks of similarities may take.
        device: where products of vectors are computed.

    Raises:
        ConfigError: a value makes no sense.
    """

    policy: str = "even"
    flip: bool = False
    protocols: tuple[str, ...] = ()
    average_precision: AveragePrecision = "hits"
    distance: Distance = "cosine"
    same_camera: bool = False
    reranking: Reranking | None = None
    expansion: int = 0
    speed: bool = False
    most_bytes: int = MOST_BYTES
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.expansion < 0:
            raise ConfigError(f"query expansion: by 0 neighbours or more, not {self.expansion}")
        if self.most_bytes < 1:
            raise ConfigError("memory: there must be some for similarities")

    def label(self, protocol: str) -> str:
        """Name a protocol with all else that tells scores of the same vectors apart."""
        parts = [protocol, f"AP {self.average_precision}", self.distance, f"clips {self.policy}"]
        parts += ["mirrored too"] * self.flip + ["same camera counts"] * self.same_camera
        return ", ".join(parts)
