"""From data sets and contestants to a folder with the table and what there is to look at."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reid.benchmark.contestants import Contestant
from reid.benchmark.figures import (
    FALSE_MATCH_RATES,
    camera_pairs,
    draw_camera_pairs,
    draw_cmc,
    draw_pairs,
    draw_people,
    measure_pairs,
)
from reid.benchmark.protocols import choose_protocols
from reid.benchmark.ranked import write_ranked
from reid.benchmark.results import Row
from reid.benchmark.running import BenchmarkListener, Scored, check_searchable, pair_up, score_pairs
from reid.benchmark.settings import BenchmarkSettings
from reid.benchmark.tables import FORMAT, write_tables
from reid.data.records import DataSet
from reid.errors import ConfigError
from reid.output_folder import new_folder
from reid.version import package_version

MARKER = "benchmark.json"


def run_benchmark(
    data_sets: Sequence[Sequence[DataSet]],
    contestants: Sequence[Contestant],
    settings: BenchmarkSettings,
    out: Path,
    *,
    cache: Path | None = None,
    about: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    listener: BenchmarkListener | None = None,
) -> list[Row]:
    """Score every contestant on every data set, and write the table, pages and pictures.

    Args:
        data_sets: each in every way that it is used.
        contestants: who.
        settings: how.
        out: the folder to make.
        cache: where vectors are kept; None keeps none.
        about: what else `benchmark.json` says.
        overwrite: replace a benchmark that stands at `out`.
        listener: hears of the progress.

    Returns:
        The table.

    Raises:
        InputError: there is nothing to score; nothing was written.
        RunError: writing failed.
    """
    listener = listener or BenchmarkListener()
    _check_names([splits[0].name for splits in data_sets], settings)
    for splits in data_sets:
        for data_set in splits:
            for protocol in choose_protocols(data_set.name, settings.protocols):
                check_searchable(protocol.apply(data_set), settings)
    paired = [list(pair_up(splits, contestants, listener)) for splits in data_sets]
    rows: list[Row] = []
    with new_folder(out, marker=MARKER, what="a benchmark", overwrite=overwrite) as building:
        for of_data_set in paired:
            first = len(rows)
            for named, pairs in of_data_set:
                for scored in score_pairs(named, pairs, settings, cache=cache, listener=listener):
                    rows.append(scored.row)
                    listener.on_row(scored.row)
                    if scored.row.for_run and scored.row.ranking == "plain":
                        _look(scored, settings, building)
            for label in dict.fromkeys(row.label for row in rows[first:]):
                of_label = [row for row in rows[first:] if row.label == label and row.for_run]
                draw_cmc(of_label, building / f"cmc-{of_label[0].protocol}.png")
        write_tables(
            building, rows, {"vreid_version": package_version(), **(about or {}), "settings": asdict(settings)}
        )
    return rows


def _look(scored: Scored, settings: BenchmarkSettings, building: Path) -> None:
    """Write what there is to look at of one contestant's vectors."""
    row = scored.row
    folder = _new_place(building, f"{row.protocol}-{row.contestant.name}")
    title = f"{row.contestant.name}, {row.variant}, {row.protocol}"
    pairs = measure_pairs(scored, settings.most_bytes, settings.device)
    draw_pairs(pairs, title, folder / "pairs.png")
    cameras, found, counts = camera_pairs(scored, settings)
    draw_camera_pairs(cameras, found, title, folder / "cameras.png")
    draw_people(scored, title, folder / "people.png")
    rates = {str(rate): pairs.true_match_rate(rate) for rate in FALSE_MATCH_RATES if pairs.different.any()}
    content = {
        "format": FORMAT,
        "label": row.label,
        "contestant": row.contestant.name,
        "variant": row.variant,
        "true_match_rates": {rate: {"true": found, "threshold": at} for rate, (found, at) in rates.items()},
        "cameras": cameras,
        "map_between_cameras": [[None if value != value else value for value in line] for line in found.tolist()],
        "queries_between_cameras": counts.tolist(),
        "queries": _per_query(scored),
    }
    (folder / "queries.json").write_text(json.dumps(content, allow_nan=False) + "\n", encoding="utf-8")
    about = f"{row.label}. mAP {100 * row.means()['map']:.2f} %, R1 {100 * row.means()['r1']:.2f} %."
    pictures = [name for name in ("pairs.png", "cameras.png", "people.png") if (folder / name).exists()]
    write_ranked(scored, folder, title, about, pictures)


def _per_query(scored: Scored) -> list[dict[str, Any]]:
    """List every query with its scores; without a right answer it has none."""
    listed: list[dict[str, Any]] = []
    at = {query: place for place, query in enumerate(scored.queries.queries.tolist())}
    for query, row in enumerate(scored.query_rows):
        record = scored.data_set.test[row]
        entry: dict[str, Any] = {
            "picture": record.frames[0],
            "person": record.person_id,
            "camera": record.camera_id,
            "ap": None,
        }
        if query in at:
            place = at[query]
            entry |= {
                "ap": float(scored.queries.average_precision[place]),
                "inp": float(scored.queries.inverse_negative_penalty[place]),
                "first_rank": int(scored.queries.first_rank[place]),
                "right_answers": int(scored.queries.right_answers[place]),
            }
        listed.append(entry)
    return listed


def _new_place(building: Path, name: str) -> Path:
    """Make a folder of a name that every file system takes and that is not there yet."""
    name = re.sub(r"[^\w.+-]+", "_", name).strip("_.")
    places = (building / (f"{name}-{number}" if number > 1 else name) for number in itertools.count(1))
    place = next(place for place in places if not place.exists())
    place.mkdir()
    return place


def _check_names(data_sets: Sequence[str], settings: BenchmarkSettings) -> None:
    """Refuse what could not be told apart in the table, and protocols that nothing is scored by.

    Raises:
        ConfigError: with what to do.
    """
    for name in data_sets:
        if data_sets.count(name) > 1:
            raise ConfigError(
                f"{name} is given twice, and its rows could not be told apart; score one of them, then the other"
            )
        choose_protocols(name, settings.protocols)
    for protocol in settings.protocols:
        if not any(each.name == protocol for name in data_sets for each in choose_protocols(name, settings.protocols)):
            raise ConfigError(f"protocol: {protocol} is for none of the data sets {', '.join(data_sets)}")
