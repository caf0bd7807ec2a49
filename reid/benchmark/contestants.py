"""What is benchmarked: checkpoints, networks that nobody trained, and colours alone, all as vectors of tracklets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from reid.benchmark.speed import Speed, measure_speed
from reid.data.records import DataSet, TrackletRecord
from reid.embedder import Embedder
from reid.embedding_cache import embed_and_keep
from reid.evaluation import Embedded, colour_histogram_vectors


@dataclass(frozen=True)
class About:
    """What a row of the table says of a contestant.

    Attributes:
        name: as it is printed.
        model: a name in `reid.models.PRESETS`; None for colours.
        trained_on: the data set; None for what was not trained.
        split: which of its ten splits, from 0; None where it has one.
        run_variant: the variant that `vreid run` uses, or the strongest.
        variants: name -> width.
        fingerprint: SHA-256 of the weights and all that vectors depend on; None for colours.
    """

    name: str
    model: str | None
    trained_on: str | None
    split: int | None
    run_variant: str
    variants: Mapping[str, int]
    fingerprint: str | None = None

    def is_like(self, other: About) -> bool:
        """Whether both are the same model with the same variants, so that their scores make a mean."""
        return (self.model, dict(self.variants)) == (other.model, dict(other.variants))


class Contestant(Protocol):
    """Somebody who turns tracklets into vectors.

    Attributes:
        one_by_one: whether a tracklet's vector is the same whatever it is embedded with.
    """

    one_by_one: bool

    @property
    def about(self) -> About:
        """What it is."""
        ...

    def embed(
        self,
        data_set: DataSet,
        records: Sequence[TrackletRecord],
        *,
        folder: Path | None,
        on_tracklets: Callable[[int], None],
    ) -> Embedded:
        """Turn tracklets of a data set into vectors of every variant; arguments as for `embed_and_keep`."""
        ...

    def speed(self) -> Speed | None:
        """Measure what embedding costs; None where that says nothing."""
        ...


class Network:
    """A network, trained or not.

    Args:
        reopen: opens it; can be pickled, so that it can be opened in another process too.
        name: as it is printed; None for the model's.
    """

    one_by_one = True

    def __init__(self, reopen: Callable[[], Embedder], name: str | None = None) -> None:
        self._reopen = reopen
        self._speed: Speed | None = None
        self.embedder = embedder = reopen()
        described = embedder.describe()
        self._about = About(
            name=name or embedder.model_name,
            model=embedder.model_name,
            trained_on=described["dataset"],
            split=described["split"],
            run_variant=embedder.variant,
            variants=embedder.variant_widths,
            fingerprint=embedder.fingerprint,
        )

    @property
    def about(self) -> About:
        return self._about

    def embed(
        self,
        data_set: DataSet,
        records: Sequence[TrackletRecord],
        *,
        folder: Path | None,
        on_tracklets: Callable[[int], None],
    ) -> Embedded:
        return embed_and_keep(
            self.embedder,
            data_set,
            records,
            variants=tuple(self.about.variants),
            folder=folder,
            on_tracklets=on_tracklets,
        )

    def speed(self) -> Speed:
        if self._speed is None:
            self._speed = measure_speed(self._reopen)
        return self._speed


class Colours:
    """Colour histograms: what every network has to beat."""

    one_by_one = False  # a camera's own colours are taken away, as they are in all of its tracklets

    about = About("colour histogram", None, None, None, "striped", {"whole": 512, "striped": 3072})

    def embed(
        self,
        data_set: DataSet,
        records: Sequence[TrackletRecord],
        *,
        folder: Path | None,
        on_tracklets: Callable[[int], None],
    ) -> Embedded:
        described = colour_histogram_vectors(records, data_set.source)
        on_tracklets(len(records))
        return described

    def speed(self) -> None:
        return None
