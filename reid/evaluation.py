"""A model's scores on a data set: tracklets from wherever their pictures are, through the embedding path, ranked.

In a group of processes each embeds its share of the tracklets and all of them get all vectors, so that every process
comes to the same scores as one alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reid.clips import clip_indices
from reid.colour_histograms import centred, tracklet_histograms, unit
from reid.data.read_ahead import read_ahead
from reid.data.records import JUNK_ID, CropSource, DataSet, TrackletRecord
from reid.distributed import World, gather_objects
from reid.embedder import Embedder, Vectors
from reid.errors import ConfigError, ImageError
from reid.metrics import RankingScores, score_ranking
from reid.preprocess import Crop

_STRIPES = 6
_NAMED = 5  # broken pictures in one warning

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Embedded:
    """Tracklets as vectors.

    Attributes:
        rows: which of the given tracklets have a vector, ascending: M of N. Those without a readable picture have none.
        vectors: feature variant -> (M, D), of L2 norm 1.
        broken: names of pictures that could not be read, each with the reason.
    """

    rows: tuple[int, ...]
    vectors: dict[str, Vectors]
    broken: dict[str, str]


def embed_records(
    embedder: Embedder,
    records: Sequence[TrackletRecord],
    source: CropSource,
    *,
    variants: Sequence[str] | None = None,
    world: World | None = None,
    on_tracklets: Callable[[int], None] = lambda _: None,
) -> Embedded:
    """Turn tracklets into vectors.

    Only the pictures that the embedder's clip policy picks are read, ahead of the model. For a broken one the nearest
    readable one of its tracklet stands in; a tracklet without any is left out. Both are said in one warning each.

    Args:
        embedder: with the model, on the device that it is to run on.
        records: N tracklets.
        source: of their pictures.
        variants: names of feature variants, all made in one pass; None for the embedder's own.
        world: the group of processes, each of which calls this with the same tracklets; None for one alone.
        on_tracklets: told how many more of the N are embedded, by all processes about.

    Returns:
        The vectors, the same in every process.

    Raises:
        ImageError: not a single picture can be read.
        ConfigError: the model has no such variant.
        WeightsError: the weights yield something that is not finite.
    """
    names = _known(variants or (embedder.variant,), embedder)
    rank, size = (world.rank, world.size) if world else (0, 1)
    part = embed_quietly(embedder, records, source, names, range(rank, len(records), size), on_tracklets)
    parts = gather_objects(part) if world else [part]
    embedded = _join(parts, names)
    check_read(embedded, records, warn=rank == 0)
    return embedded


def check_read(embedded: Embedded, records: Sequence[TrackletRecord], *, warn: bool = True) -> None:
    """Say which pictures could not be read, and refuse to go on if none could.

    Args:
        embedded: what came of the tracklets.
        records: all of them.
        warn: name broken pictures and lost tracklets in one warning each.

    Raises:
        ImageError: not a single picture could be read.
    """
    if warn:
        _warn(embedded, records)
    if records and not embedded.rows:
        reason = next(iter(embedded.broken.values()))
        raise ImageError(f"{reason}; none of the {len(records)} tracklets has a picture that can be read")


def embed_quietly(
    embedder: Embedder,
    records: Sequence[TrackletRecord],
    source: CropSource,
    names: Sequence[str],
    rows: range,
    on_tracklets: Callable[[int], None] = lambda _: None,
) -> Embedded:
    """Embed some of the tracklets, some at a time; what cannot be read is left out, and `check_read` says so later.

    Args:
        embedder: as for `embed_records`.
        records: N tracklets.
        source: of their pictures.
        names: of the variants.
        rows: which of the N.
        on_tracklets: told how many more are done.
    """

    def pick(num_frames: int) -> list[int]:
        picked: list[int] = clip_indices(num_frames, embedder.clip_length, embedder.policy).ravel().tolist()
        return picked

    usable: list[int] = []
    vectors: dict[str, list[Vectors]] = {name: [] for name in names}
    broken: dict[str, str] = {}
    done = 0
    for group in read_ahead(records, rows, source, pick):
        read = [(row, crops) for row, crops in zip(group.rows, group.tracklets, strict=True) if crops is not None]
        usable.extend(row for row, _ in read)
        broken.update(group.broken)
        for name, values in _variants(embedder, [crops for _, crops in read], names).items():
            vectors[name].append(values)
        reached = min(group.rows[-1] + rows.step, len(records))
        on_tracklets(reached - done)
        done = reached
    widths = embedder.variant_widths
    empty = {name: np.zeros((0, widths[name]), np.float32) for name in names}
    return Embedded(tuple(usable), {name: np.concatenate([empty[name], *vectors[name]]) for name in names}, broken)


def evaluate_data_set(
    embedder: Embedder,
    data_set: DataSet,
    *,
    variants: Sequence[str] | None = None,
    world: World | None = None,
    on_tracklets: Callable[[int], None] = lambda _: None,
) -> dict[str, RankingScores]:
    """Score a model on the test half of a data set; what scoring leaves out, junk above all, is not embedded.

    Args:
        embedder: as for `embed_records`.
        data_set: its query searches its gallery.
        variants: as for `embed_records`.
        world: as for `embed_records`.
        on_tracklets: told how many more of `scored_rows(data_set)` are embedded.

    Returns:
        Feature variant -> its scores, the same in every process.

    Raises:
        InputError: as for `embed_records` and `score_ranking`.
    """
    needed = scored_rows(data_set)
    records = [data_set.test[row] for row in needed]
    embedded = embed_records(
        embedder, records, data_set.source, variants=variants, world=world, on_tracklets=on_tracklets
    )
    at = {needed[row]: position for position, row in enumerate(embedded.rows)}
    return {name: _score(data_set, vectors, at) for name, vectors in embedded.vectors.items()}


def scored_rows(data_set: DataSet) -> tuple[int, ...]:
    """Which tracklets of the test half are needed for its scores, ascending."""
    rows = {*data_set.query, *data_set.gallery}
    return tuple(sorted(row for row in rows if data_set.test[row].person_id != JUNK_ID))


def colour_histogram_scores(data_set: DataSet) -> dict[str, RankingScores]:
    """Score what colours alone can tell: what a model has to beat.

    Args:
        data_set: its query searches its gallery.

    Returns:
        "whole": the whole crop as one histogram. "striped": six stripes, less their camera's mean; the stronger one.

    Raises:
        InputError: as for `score_ranking`.
    """
    needed = scored_rows(data_set)
    described = colour_histogram_vectors([data_set.test[row] for row in needed], data_set.source)
    at = {needed[row]: position for position, row in enumerate(described.rows)}
    return {name: _score(data_set, vectors, at) for name, vectors in described.vectors.items()}


def colour_histogram_vectors(records: Sequence[TrackletRecord], source: CropSource) -> Embedded:
    """Describe tracklets by their colours: "whole" and "striped", as `colour_histogram_scores` says.

    Args:
        records: N tracklets.
        source: of their pictures.

    Returns:
        Their vectors; what cannot be read has none, as with a model, but is not named.
    """
    described = tracklet_histograms(records, source, (1, _STRIPES))
    cameras = np.array([record.camera_id for record in records], dtype=np.int64)
    seen = np.flatnonzero(described[1].any(axis=1))
    vectors = {
        "whole": unit(described[1][seen]),
        "striped": unit(centred(described[_STRIPES][seen], cameras[seen])),
    }
    return Embedded(tuple(seen.tolist()), vectors, {})


def _known(names: Sequence[str], embedder: Embedder) -> tuple[str, ...]:
    for name in names:
        if name not in embedder.variant_widths:
            raise ConfigError(
                f"variant: {embedder.model_name} has no {name!r}, it has {', '.join(embedder.variant_widths)}"
            )
    return tuple(names)


def _variants(embedder: Embedder, tracklets: Sequence[Sequence[Crop]], names: Sequence[str]) -> dict[str, Vectors]:
    """Embed tracklets with one pass: variant -> (number of tracklets, D)."""
    if len(names) == 1:
        return {names[0]: embedder.embed(tracklets, names[0])}
    found = embedder.embed_variants(tracklets)
    return {name: found[name] for name in names}


def _join(parts: Sequence[Embedded], names: Sequence[str]) -> Embedded:
    """Put the shares of all processes into the order of the tracklets."""
    rows = np.concatenate([np.array(part.rows, dtype=np.int64) for part in parts])
    order = np.argsort(rows)
    vectors = {name: np.concatenate([part.vectors[name] for part in parts])[order] for name in names}
    broken = {name: reason for part in parts for name, reason in part.broken.items()}
    return Embedded(tuple(rows[order].tolist()), vectors, broken)


def _score(data_set: DataSet, vectors: Vectors, at: Mapping[int, int]) -> RankingScores:
    """Score vectors; `at` is where the vector of a row of the test half stands, if it has one."""
    query, gallery = ([row for row in rows if row in at] for rows in (data_set.query, data_set.gallery))
    return score_ranking(
        vectors[[at[row] for row in query]],
        [data_set.test[row] for row in query],
        vectors[[at[row] for row in gallery]],
        [data_set.test[row] for row in gallery],
    )


def _warn(embedded: Embedded, records: Sequence[TrackletRecord]) -> None:
    """Name what could not be read."""
    if embedded.broken:
        named = "; ".join(list(embedded.broken.values())[:_NAMED])  # a reason begins with the picture's name
        more = len(embedded.broken) - _NAMED
        _LOG.warning(
            "%d pictures cannot be read, their neighbours stand in: %s%s",
            len(embedded.broken),
            named,
            f"; and {more} more" if more > 0 else "",
        )
    left_out = sorted(set(range(len(records))) - set(embedded.rows))
    if left_out:
        first = records[left_out[0]]
        _LOG.warning(
            "%d of %d tracklets are left out, none of their pictures can be read: the first is that of %s",
            len(left_out),
            len(records),
            first.frames[0],
        )
