"""What a benchmark finds: one row for each contestant, feature variant, protocol and way of ranking."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import Any

from reid.benchmark.contestants import About
from reid.benchmark.reported import Reported
from reid.benchmark.speed import Speed
from reid.metrics import RankingScores

RANKS_SHOWN = (1, 5, 10, 20)


@dataclass(frozen=True)
class Row:
    """Scores of one contestant.

    Attributes:
        data_set: that was searched.
        protocol: its name.
        label: the protocol's name with all else that the scores depend on.
        contestant: who.
        variant: of its vectors.
        ranking: "plain", "expanded by N" or "re-ranked".
        scores: of each split.
        unmatched: names of queries that nobody could find, by split; the first picture of each.
        tracklets: that have vectors.
        unreadable: that have none, since none of their pictures can be read.
        embedding_s: seconds that took; those that were kept before take next to none.
        scoring_s: seconds that ranking and scoring took.
        reported: what the paper reports.
        speed: what embedding costs, where it was measured.
    """

    data_set: str
    protocol: str
    label: str
    contestant: About
    variant: str
    ranking: str
    scores: tuple[RankingScores, ...]
    unmatched: tuple[tuple[str, ...], ...]
    tracklets: int
    unreadable: int
    embedding_s: float
    scoring_s: float
    reported: Reported | None
    speed: Speed | None = None

    @property
    def for_run(self) -> bool:
        """Whether it is the variant that `vreid run` uses."""
        return self.variant == self.contestant.run_variant

    def values(self) -> dict[str, tuple[float, ...]]:
        """Return what was measured on each split: "map", "r1", "r5", "r10", "r20", "minp", in [0, 1]."""
        found = {"map": tuple(each.mean_ap for each in self.scores)}
        found |= {f"r{k}": tuple(each.rank(k) for each in self.scores) for k in RANKS_SHOWN}
        return found | {"minp": tuple(each.mean_inp for each in self.scores)}

    def means(self) -> dict[str, float]:
        """Return the means over splits."""
        return {name: statistics.mean(values) for name, values in self.values().items()}

    def deviations(self) -> dict[str, float]:
        """Return the standard deviations over splits (n - 1); empty for one split."""
        if len(self.scores) == 1:
            return {}
        return {name: statistics.stdev(values) for name, values in self.values().items()}

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {
            "data_set": self.data_set,
            "protocol": self.protocol,
            "label": self.label,
            "contestant": self.contestant.name,
            "model": self.contestant.model,
            "trained_on": self.contestant.trained_on,
            "fingerprint": self.contestant.fingerprint,
            "variant": self.variant,
            "width": self.contestant.variants[self.variant],
            "for_run": self.for_run,
            "ranking": self.ranking,
            **self.means(),
            "deviations": self.deviations() or None,
            "splits": len(self.scores),
            "queries": [each.queries for each in self.scores],
            "without_match": [each.without_match for each in self.scores],
            "unmatched": [list(names) for names in self.unmatched],
            "tracklets": self.tracklets,
            "unreadable": self.unreadable,
            "embedding_s": self.embedding_s,
            "scoring_s": self.scoring_s,
            "paper": None if self.reported is None else asdict(self.reported),
            "speed": None if self.speed is None else asdict(self.speed),
        }
