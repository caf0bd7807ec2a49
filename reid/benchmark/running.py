"""The benchmark: every contestant on every data set, embedded once, scored in every way that was asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from reid.benchmark.contestants import About, Contestant, Network
from reid.benchmark.protocols import Protocol, choose_protocols
from reid.benchmark.reported import reported
from reid.benchmark.results import Row
from reid.benchmark.settings import BenchmarkSettings
from reid.benchmark.speed import measure_speed
from reid.data.records import DataSet
from reid.errors import InputError
from reid.evaluation import Embedded, scored_rows
from reid.metrics import (
    QueryScores,
    RankingScores,
    Ranks,
    Search,
    Vectors,
    find_ranks,
    mean_scores,
    score_queries,
    similarity_blocks,
)
from reid.reranking import expand_queries, rerank_blocks


class BenchmarkListener:
    """Hears of a benchmark's progress; the methods do nothing unless a subclass replaces them."""

    def on_embedding(self, contestant: str, data_set: str, tracklets: int, done: int) -> None:
        """Of so many tracklets so many more have a contestant's vectors."""

    def on_row(self, row: Row) -> None:
        """A further row of the table."""

    def on_note(self, text: str) -> None:
        """Something that the user should know."""


@dataclass(frozen=True, eq=False)
class Scored:
    """One search in full: what pictures of it are made from.

    Attributes:
        row: as it stands in the table; of several splits the last one is what the rest is of.
        data_set: with the protocol's gallery.
        search: queries and gallery that have vectors.
        query_rows: (Q,) of the data set's test half.
        gallery_rows: (G,) likewise.
        query: (Q, D) vectors.
        gallery: (G, D) vectors.
        ranks: of the right answers.
        queries: scores of each query.
    """

    row: Row
    data_set: DataSet
    search: Search
    query_rows: tuple[int, ...]
    gallery_rows: tuple[int, ...]
    query: Vectors
    gallery: Vectors
    ranks: Ranks
    queries: QueryScores


Pair = tuple[DataSet, Contestant]


def pair_up(
    splits: Sequence[DataSet], contestants: Sequence[Contestant], listener: BenchmarkListener
) -> Iterator[tuple[About, list[Pair]]]:
    """Say who is scored on which splits.

    Everybody on all of them, but for who was trained on one of them: there only the people of that split's test are
    new. Such checkpoints of one model, one a split, make a row together.

    Args:
        splits: a data set in each of the ways that it is used.
        contestants: who.
        listener: hears of splits without a checkpoint.

    Yields:
        What the row is called, and its pairs of a split and who is scored on it.

    Raises:
        InputError: a checkpoint was trained on this data set, in a way that is none of its splits.
    """
    name = splits[0].name
    own: dict[str, dict[int, Contestant]] = {}
    for contestant in contestants:
        about = contestant.about
        if about.trained_on != name or about.model is None or len(splits) == 1:
            yield about, [(data_set, contestant) for data_set in splits]
        elif about.split is None or about.split >= len(splits):
            raise InputError(
                f"{about.name} was trained on {name} as a whole or on a split that there is not: it may have seen the "
                "people of every test"
            )
        else:
            own.setdefault(about.model, {})[about.split] = contestant
    for model, of_split in own.items():
        listener.on_note(
            f"{model} was trained on {len(of_split)} of the {len(splits)} splits of {name}, and is scored on these: "
            f"{', '.join(map(str, sorted(of_split)))}"
        )
        about = next(iter(of_split.values())).about
        if len(of_split) > 1:
            about = replace(about, name=f"{model}, {len(of_split)} checkpoints", split=None)
        yield about, [(splits[split], of_split[split]) for split in sorted(of_split)]


def score_pairs(
    about: About,
    pairs: Sequence[Pair],
    settings: BenchmarkSettings,
    *,
    policy: str = "even",
    flip: bool = False,
    cache: Path | None = None,
    listener: BenchmarkListener | None = None,
) -> Iterator[Scored]:
    """Score somebody on the splits of a data set.

    Args:
        about: what to call it.
        pairs: splits, each with who turns it into vectors, as `pair_up` makes them.
        settings: how to score.
        policy: which clips stand for a tracklet, for the protocol's label.
        flip: whether mirror images count, for the same.
        cache: the folder where vectors are kept; None to keep none.
        listener: hears of the progress.

    Yields:
        For each protocol, way of ranking and feature variant the scores.

    Raises:
        InputError: there is nothing to score, or a vector is not finite.
    """
    listener = listener or BenchmarkListener()
    name = pairs[0][0].name
    started_s = time.perf_counter()
    embedded = []
    for data_set, contestant in pairs:
        needed = scored_rows(data_set)
        found = contestant.embed(
            data_set,
            [data_set.test[row] for row in needed],
            folder=cache,
            on_tracklets=partial(listener.on_embedding, about.name, name, len(needed)),
        )
        embedded.append((data_set, needed, found))
    embedding_s = time.perf_counter() - started_s
    network = pairs[0][1]
    speed = measure_speed(network.reopen) if settings.speed and isinstance(network, Network) else None
    for protocol in choose_protocols(name, settings.protocols):
        for ranking in _rankings(settings):
            for variant in about.variants:
                started_s = time.perf_counter()
                searched = [
                    _search(protocol, ranking, data_set, needed, found, variant, settings)
                    for data_set, needed, found in embedded
                ]
                row = Row(
                    data_set=name,
                    protocol=protocol.name,
                    label=settings.label(protocol.name, policy, flip),
                    contestant=about,
                    variant=variant,
                    ranking=ranking,
                    scores=tuple(mean for _, mean in searched),
                    unmatched=tuple(_names(scored) for scored, _ in searched),
                    tracklets=sum(len(found.rows) for *_, found in embedded),
                    embedding_s=embedding_s,
                    scoring_s=time.perf_counter() - started_s,
                    reported=reported(about.model, name) if about.model else None,
                    speed=speed,
                )
                yield Scored(row, *searched[-1][0])


def check_searchable(data_set: DataSet, settings: BenchmarkSettings) -> None:
    """Refuse a data set in which nobody can be found by the rule, and say which rule that is.

    Raises:
        InputError: there is no query, no gallery, or nobody to be found.
    """
    rows = {*data_set.query, *data_set.gallery}
    if not data_set.query or not data_set.gallery:
        raise InputError(f"{data_set.name}: there is no {'gallery' if data_set.query else 'query'} to score with")
    if not settings.same_camera and len({data_set.test[row].camera_id for row in rows}) == 1:
        raise InputError(
            f"{data_set.name} has one camera only. A query has to find its person in another camera, since in its own "
            "one picture is as good as the next; --same-camera lets tracklets of the same camera count"
        )
    Search.of_data_set(data_set, same_camera=settings.same_camera).check()


_Found = tuple[DataSet, Search, tuple[int, ...], tuple[int, ...], Vectors, Vectors, Ranks, QueryScores]


def _search(
    protocol: Protocol,
    ranking: str,
    data_set: DataSet,
    needed: tuple[int, ...],
    found: Embedded,
    variant: str,
    settings: BenchmarkSettings,
) -> tuple[_Found, RankingScores]:
    """Search one split with vectors of one variant."""
    data_set = protocol.apply(data_set)
    at = {needed[row]: position for position, row in enumerate(found.rows)}
    query_rows, gallery_rows = (tuple(row for row in rows if row in at) for rows in (data_set.query, data_set.gallery))
    place = {row: position for position, row in enumerate(gallery_rows)}
    search = Search.of_records(
        [data_set.test[row] for row in query_rows],
        [data_set.test[row] for row in gallery_rows],
        itself=[place.get(row, -1) for row in query_rows],
        same_camera=settings.same_camera,
    )
    search.check()
    vectors = found.vectors[variant]
    query, gallery = (vectors[[at[row] for row in rows]] for rows in (query_rows, gallery_rows))
    ranks = find_ranks(search, _blocks(ranking, query, gallery, settings))
    scores = score_queries(ranks, settings.average_precision)
    return (data_set, search, query_rows, gallery_rows, query, gallery, ranks, scores), mean_scores(scores, search)


def _blocks(ranking: str, query: Vectors, gallery: Vectors, settings: BenchmarkSettings) -> Iterator[Vectors]:
    """Compare queries and gallery in one of the ways."""
    most_bytes, device = settings.most_bytes, settings.device
    if ranking == "re-ranked":
        return rerank_blocks(query, gallery, settings.reranking, most_bytes=most_bytes, device=device)
    if ranking == "expanded":
        query = expand_queries(query, gallery, settings.expansion, device=device)
    return similarity_blocks(query, gallery, distance=settings.distance, most_bytes=most_bytes, device=device)


def _rankings(settings: BenchmarkSettings) -> list[str]:
    asked = {"plain": True, "expanded": settings.expansion > 0, "re-ranked": settings.reranking is not None}
    return [ranking for ranking, wanted in asked.items() if wanted]


def _names(found: _Found) -> tuple[str, ...]:
    """Name the queries that nobody could find by their first pictures."""
    data_set, search, query_rows, *_ = found
    return tuple(data_set.test[query_rows[query]].frames[0] for query in search.unmatched.tolist())
