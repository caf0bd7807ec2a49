"""A benchmark's rows as files: JSON for programs, CSV for spreadsheets, Markdown for reports."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reid.benchmark.results import Row
from reid.benchmark.speed import Speed
from reid.errors import RunError
from reid.output_file import whole_file

FORMAT = "vreid-benchmark/1"
SPEEDS = ("params M", "GMACs a clip", "clips/s", "peak MiB", "on")
COLUMNS = {"map": "mAP", "r1": "R1", "r5": "R5", "r10": "R10", "r20": "R20", "minp": "mINP"}


def write_tables(folder: Path, rows: Sequence[Row], about: Mapping[str, Any]) -> None:
    """Write `benchmark.json`, `benchmark.csv` and `benchmark.md`.

    Args:
        folder: that is there.
        rows: of the table.
        about: what else the JSON says: settings, versions, when.

    Raises:
        RunError: a file cannot be written.
    """
    content = {"format": FORMAT, **about, "rows": [row.to_dict() for row in rows]}
    _write(folder / "benchmark.json", json.dumps(content, indent=2, allow_nan=False) + "\n")
    _write(folder / "benchmark.csv", _csv(rows))
    _write(folder / "benchmark.md", _markdown(rows))


def percent(row: Row, column: str) -> str:
    """Return a mean over splits in percent, with its deviation where there are several."""
    mean, deviation = row.means()[column], row.deviations().get(column)
    return f"{100 * mean:.2f}" + (f" ± {100 * deviation:.2f}" if deviation is not None else "")


def title(row: Row) -> str:
    """Name a row by who it is, the variant and the way of ranking."""
    mark = "*" if row.for_run else ""
    return f"{row.contestant.name}: {row.variant}{mark}" + (f", {row.ranking}" if row.ranking != "plain" else "")


def _speeds(rows: Sequence[Row]) -> list[str]:
    """Say what networks cost, where that was measured."""
    measured = {row.contestant.name: row.speed for row in rows if row.speed is not None}
    if not measured:
        return []
    lines = ["### Speed", "", f"| | {' | '.join(SPEEDS)} |", "|---|" + "---:|" * len(SPEEDS)]
    lines += [f"| {name} | {' | '.join(speed_cells(speed))} |" for name, speed in measured.items()]
    return [*lines, ""]


def speed_cells(speed: Speed) -> list[str]:
    """Write a network's cost as cells of a table whose columns are `SPEEDS`."""
    on = speed.device if speed.device != "cpu" else f"cpu, {speed.threads} threads"
    return [
        f"{speed.parameters / 1e6:.2f}",
        f"{speed.macs / 1e9:.2f}",
        f"{speed.clips_per_s:.1f}",
        "" if speed.peak_mib is None else f"{speed.peak_mib:.0f}",
        on,
    ]


def below(rows: Sequence[Row]) -> str:
    """Say what the table is of."""
    of_whom: dict[str, list[str]] = {}
    for row in rows:
        text = f"{sum(each.queries for each in row.scores)} queries"
        without = sum(each.without_match for each in row.scores)
        if without:
            text += f" ({without} more have nobody to be found and are left out)"
        if row.unreadable:
            text += f", {row.unreadable} tracklets cannot be read"
        if len(row.scores) > 1:
            text += f", {len(row.scores)} splits, mean ± standard deviation"
        of_whom.setdefault(text, []).append(row.contestant.name)
    if len(of_whom) == 1:
        text = next(iter(of_whom))
    else:
        text = "; ".join(f"{', '.join(dict.fromkeys(names))}: {text}" for text, names in of_whom.items())
    return text + ". In percent. Time: embedding + scoring. * what `vreid run` uses. Paper: that paper's own figures."


def _csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    plain = [
        "data_set",
        "protocol",
        "label",
        "contestant",
        "model",
        "trained_on",
        "variant",
        "width",
        "for_run",
        "ranking",
    ]
    deviations = [f"{name}_deviation" for name in COLUMNS]
    counts = ["splits", "queries", "without_match", "unreadable", "embedding_s", "scoring_s", "paper"]
    writer.writerow([*plain, *COLUMNS, *deviations, *counts])
    for row in rows:
        values = row.to_dict()
        spread = row.deviations()
        writer.writerow(
            [
                *(values[name] for name in plain),
                *(f"{values[name]:.6f}" for name in COLUMNS),
                *(f"{spread[name]:.6f}" if spread else "" for name in COLUMNS),
                values["splits"],
                sum(values["queries"]),
                sum(values["without_match"]),
                values["unreadable"],
                f"{row.embedding_s:.3f}",
                f"{row.scoring_s:.3f}",
                row.reported or "",
            ]
        )
    return text.getvalue()


def _markdown(rows: Sequence[Row]) -> str:
    lines = []
    for label in dict.fromkeys(row.label for row in rows):
        of_label = [row for row in rows if row.label == label]
        lines += [f"### {label}", "", f"| | {' | '.join(COLUMNS.values())} | time | paper |"]
        lines.append("|---|" + "---:|" * (len(COLUMNS) + 1) + "---|")
        for row in of_label:
            cells = [percent(row, column) for column in COLUMNS]
            time = f"{row.embedding_s:.1f} + {row.scoring_s:.2f} s"
            paper = f"{row.reported} ({row.reported.paper})" if row.reported else ""
            lines.append(f"| {title(row)} | {' | '.join(cells)} | {time} | {paper} |")
        lines += ["", below(of_label), ""]
    lines += _speeds(rows)
    return "\n".join(lines)


def _write(path: Path, text: str) -> None:
    try:
        with whole_file(path) as building:
            building.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}") from error
