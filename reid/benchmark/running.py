"""The benchmark: every contestant on every data set, embedded once, scored in every way that was asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from reid.benchmark.contestants import About, Contestant
from reid.benchmark.protocols import Protocol, choose_protocols
from reid.benchmark.reported import reported
from reid.benchmark.results import Row
from reid.benchmark.settings import BenchmarkSettings
from reid.data.records import DataSet
from reid.errors import InputError
from reid.evaluation import scored_rows
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
    own: list[dict[int, Contestant]] = []
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
            # Together with others of its kind that were trained on other splits.
            kin = (
                group for group in own if about.split not in group and about.is_like(next(iter(group.values())).about)
            )
            group = next(kin, None)
            if group is None:
                group = {}
                own.append(group)
            group[about.split] = contestant
    for of_split in own:
        about = next(iter(of_split.values())).about
        listener.on_note(
            f"{', '.join(each.about.name for each in of_split.values())}: trained on {len(of_split)} of the "
            f"{len(splits)} splits of {name}, and scored on these: {', '.join(map(str, sorted(of_split)))}"
        )
        if len(of_split) > 1:
            about = replace(about, name=f"{about.model}, {len(of_split)} checkpoints", split=None)
        yield about, [(splits[split], of_split[split]) for split in sorted(of_split)]


def score_pairs(
    about: About,
    pairs: Sequence[Pair],
    settings: BenchmarkSettings,
    *,
    cache: Path | None = None,
    listener: BenchmarkListener | None = None,
) -> Iterator[Scored]:
    """Score somebody on the splits of a data set.

    Args:
        about: what to call it.
        pairs: splits, each with who turns it into vectors, as `pair_up` makes them.
        settings: how to score.
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
    embedded = [
        each
        for contestant, splits in _by_contestant(pairs)
        for each in _embed(contestant, splits, cache, partial(listener.on_embedding, about.name, name))
    ]
    embedding_s = time.perf_counter() - started_s
    speed = pairs[0][1].speed() if settings.speed else None
    for protocol in choose_protocols(name, settings.protocols):
        for ranking in _rankings(settings):
            for variant in about.variants:
                started_s = time.perf_counter()
                searched = [
                    _search(protocol, ranking, data_set, at, vectors[variant], settings)
                    for data_set, at, vectors in embedded
                ]
                row = Row(
                    data_set=name,
                    protocol=protocol.name,
                    label=settings.label(protocol.name),
                    contestant=about,
                    variant=variant,
                    ranking=ranking,
                    scores=tuple(mean for _, mean in searched),
                    unmatched=tuple(_names(scored) for scored, _ in searched),
                    tracklets=sum(len(at) for _, at, _ in embedded),
                    unreadable=sum(len(scored_rows(data_set)) - len(at) for data_set, at, _ in embedded),
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


# A split, where in the vectors each row of its test half stands, and the vectors by variant.
_Embedded = tuple[DataSet, dict[int, int], dict[str, Vectors]]


def _by_contestant(pairs: Sequence[Pair]) -> list[tuple[Contestant, list[DataSet]]]:
    """Gather the splits that somebody is scored on."""
    gathered: dict[int, tuple[Contestant, list[DataSet]]] = {}
    for data_set, contestant in pairs:
        gathered.setdefault(id(contestant), (contestant, []))[1].append(data_set)
    return list(gathered.values())


def _embed(
    contestant: Contestant,
    splits: Sequence[DataSet],
    cache: Path | None,
    tell: Callable[[int, int], None],
) -> list[_Embedded]:
    """Embed what the splits need, a tracklet of several of them once if its vector depends on nothing else."""
    needed = [{row: data_set.test[row] for row in scored_rows(data_set)} for data_set in splits]
    groups = [list(range(len(splits)))] if contestant.one_by_one else [[number] for number in range(len(splits))]
    embedded = []
    for group in groups:
        records = list(dict.fromkeys(record for number in group for record in needed[number].values()))
        found = contestant.embed(splits[group[0]], records, folder=cache, on_tracklets=partial(tell, len(records)))
        place = {records[row]: position for position, row in enumerate(found.rows)}
        for number in group:
            at = {row: place[record] for row, record in needed[number].items() if record in place}
            embedded.append((splits[number], at, found.vectors))
    return embedded


_Found = tuple[DataSet, Search, tuple[int, ...], tuple[int, ...], Vectors, Vectors, Ranks, QueryScores]


def _search(
    protocol: Protocol,
    ranking: str,
    data_set: DataSet,
    at: Mapping[int, int],
    vectors: Vectors,
    settings: BenchmarkSettings,
) -> tuple[_Found, RankingScores]:
    """Search one split with vectors of one variant."""
    data_set = protocol.apply(data_set)
    query_rows, gallery_rows = (tuple(row for row in rows if row in at) for rows in (data_set.query, data_set.gallery))
    place = {row: position for position, row in enumerate(gallery_rows)}
    search = Search.of_records(
        [data_set.test[row] for row in query_rows],
        [data_set.test[row] for row in gallery_rows],
        itself=[place.get(row, -1) for row in query_rows],
        same_camera=settings.same_camera,
    )
    search.check()
    query, gallery = (vectors[[at[row] for row in rows]] for rows in (query_rows, gallery_rows))
    ranks = find_ranks(search, _blocks(ranking, search, query, gallery, settings))
    scores = score_queries(ranks, settings.average_precision)
    return (data_set, search, query_rows, gallery_rows, query, gallery, ranks, scores), mean_scores(scores, search)


def _blocks(
    ranking: str, search: Search, query: Vectors, gallery: Vectors, settings: BenchmarkSettings
) -> Iterator[Vectors]:
    """Compare queries and gallery in one of the ways."""
    most_bytes, device = settings.most_bytes, settings.device
    if ranking == "re-ranked":
        return rerank_blocks(query, gallery, settings.reranking, most_bytes=most_bytes, device=device)
    if ranking != "plain":
        query = expand_queries(
            query, gallery, settings.expansion, itself=search.itself, most_bytes=most_bytes, device=device
        )
    return similarity_blocks(query, gallery, distance=settings.distance, most_bytes=most_bytes, device=device)


def _rankings(settings: BenchmarkSettings) -> list[str]:
    expanded = [f"expanded by {settings.expansion}"] if settings.expansion else []
    return ["plain", *expanded, *(["re-ranked"] if settings.reranking else [])]


def _names(found: _Found) -> tuple[str, ...]:
    """Name the queries that nobody could find by their first pictures."""
    data_set, search, query_rows, *_ = found
    return tuple(data_set.test[query_rows[query]].frames[0] for query in search.unmatched.tolist())
