"""The folder that a benchmark leaves."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from reid.benchmark.contestants import Colours
from reid.benchmark.figures import camera_pairs
from reid.benchmark.ranked import choose_queries, draw_lists, ranked_list
from reid.benchmark.running import Scored, score_pairs
from reid.benchmark.session import run_benchmark
from reid.benchmark.settings import BenchmarkSettings
from reid.errors import ConfigError, InputError, OutputError
from reid.reranking import Reranking
from tests.reid.benchmark.makers import Knows, files


def test_what_it_leaves(tmp_path: Path) -> None:
    data_set = files(tmp_path / "set")
    out = tmp_path / "out"
    settings = BenchmarkSettings(reranking=Reranking(k1=4, k2=2))
    rows = run_benchmark([[data_set]], [Knows(confuses=2), Colours()], settings, out, about={"command": ["x"]})
    assert len(rows) == 2 * 2 * 2
    content = json.loads((out / "benchmark.json").read_text())
    assert (content["format"], content["command"]) == ("vreid-benchmark/1", ["x"])
    (best,) = [
        row
        for row in content["rows"]
        if (row["contestant"], row["variant"], row["ranking"]) == ("knows", "final", "plain")
    ]
    assert (best["r1"], best["queries"], best["splits"], best["width"]) == (5 / 8, [8], 1, 32)
    table = list(csv.DictReader((out / "benchmark.csv").read_text().splitlines()))
    assert [row["contestant"] for row in table] == [row["contestant"] for row in content["rows"]]
    assert float(table[2]["map"]) == pytest.approx(content["rows"][2]["map"], abs=1e-6)
    text = (out / "benchmark.md").read_text()
    assert "### folder, AP hits, cosine, clips even" in text
    assert "| knows: final* | " in text
    assert "| colour histogram: striped*, re-ranked | " in text
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*")) == sorted(
        ["benchmark.csv", "benchmark.json", "benchmark.md", "cmc-folder.png"]
        + [
            f"folder-{name}/{file}"
            for name in ("knows", "colour_histogram")
            for file in (
                "cameras.png",
                "pairs.png",
                "people.png",
                "queries.json",
                "ranked-best.png",
                "ranked-median.png",
                "ranked-worst.png",
                "ranked.html",
            )
        ]
    )
    queries = json.loads((out / "folder-knows" / "queries.json").read_text())
    assert [query["person"] for query in queries["queries"]] == list(range(1, 9))
    assert np.mean([query["ap"] for query in queries["queries"]]) == pytest.approx(best["map"])
    assert queries["map_between_cameras"][0][0] is None  # a query does not search its own camera
    assert queries["queries_between_cameras"] == [[0, 8, 8], [0, 0, 0], [0, 0, 0]]
    page = (out / "folder-knows" / "ranked.html").read_text()
    assert page.count('<figure class="query">') == 3 * 6
    assert "http" not in page.replace("http-equiv", "")


def test_a_list_shows_what_counts_in_order(tmp_path: Path) -> None:
    (_, scored) = score_pairs(Knows().about, [(files(tmp_path), Knows(confuses=2))], BenchmarkSettings())
    chosen = choose_queries(scored)
    assert [len(rows) for rows in chosen.values()] == [6, 6, 6]
    precision = scored.queries.average_precision
    assert precision[chosen["best"][0]] == precision.max()
    assert precision[chosen["worst"][0]] == precision.min()
    shown = ranked_list(scored, chosen["worst"][0])
    assert [each.similarity for each in shown.answers] == sorted(
        (each.similarity for each in shown.answers), reverse=True
    )
    assert not shown.answers[0].right
    own = [each for each in shown.answers if each.person == shown.query.person]
    assert all(each.right and each.camera != shown.query.camera for each in own)
    sheet = draw_lists([shown])
    assert (sheet.dtype, sheet.ndim) == (np.uint8, 3)
    for colour in ((178, 114, 0), (0, 94, 213)):
        assert (sheet == colour).all(axis=2).sum() > 500


def test_people_without_strangers(tmp_path: Path) -> None:
    """One person alone: nothing is wrong, so that there is nothing to compare with."""
    data_set = files(tmp_path / "set", people=1)
    alone = replace(data_set, gallery=tuple(row for row in data_set.gallery if data_set.test[row].person_id == 1))
    (_, final) = run_benchmark([[alone]], [Knows()], BenchmarkSettings(), tmp_path / "out")
    assert final.means()["map"] == 1
    assert not (tmp_path / "out" / "folder-knows" / "pairs.png").exists()


def test_cameras_against_each_other_follow_the_settings(tmp_path: Path) -> None:
    (_, scored) = score_pairs(Knows().about, [(files(tmp_path), Knows(confuses=2))], BenchmarkSettings())
    hits, trapezoid = (
        camera_pairs(scored, BenchmarkSettings(average_precision=form))[1] for form in ("hits", "trapezoid")
    )
    assert np.nansum(trapezoid) < np.nansum(hits)


def test_what_could_not_be_told_apart_is_refused(tmp_path: Path) -> None:
    data_set = files(tmp_path / "set")
    with pytest.raises(ConfigError, match="folder is given twice"):
        run_benchmark([[data_set], [data_set]], [Knows()], BenchmarkSettings(), tmp_path / "out")
    with pytest.raises(ConfigError, match="protocol: mars-9330 is for none of the data sets folder"):
        run_benchmark([[data_set]], [Knows()], BenchmarkSettings(protocols=("mars-9330",)), tmp_path / "out")


def test_contestants_of_the_same_name_have_folders_of_their_own(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_benchmark([[files(tmp_path / "set")]], [Knows("a b"), Knows("a/b")], BenchmarkSettings(), out)
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == ["folder-a_b", "folder-a_b-2"]


def test_places_that_are_taken_are_left_alone(tmp_path: Path) -> None:
    data_set = files(tmp_path / "set")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    for overwrite in (False, True):
        with pytest.raises(OutputError):
            run_benchmark([[data_set]], [Knows()], BenchmarkSettings(), tmp_path / "mine", overwrite=overwrite)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter"]


def test_what_cannot_be_scored_is_refused_before_anything_is_embedded(tmp_path: Path) -> None:
    good, bad = files(tmp_path / "a"), files(tmp_path / "b", cameras=(1,), name="synthetic")
    contestant = Knows()
    with pytest.raises(InputError, match="synthetic has one camera only"):
        run_benchmark([[good], [bad]], [contestant], BenchmarkSettings(), tmp_path / "out")
    assert contestant.embedded == 0
    assert not (tmp_path / "out").exists()


def test_a_picture_that_is_gone_is_grey(tmp_path: Path) -> None:
    data_set = files(tmp_path)
    found: list[Scored] = list(score_pairs(Knows().about, [(data_set, Knows())], BenchmarkSettings()))
    cv2.imwrite(str(tmp_path / "1_1" / "2.png"), np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "2_1" / "2.png").unlink()
    lists = [ranked_list(found[1], row) for row in range(2)]
    assert (lists[0].query.crop == 0).all()
    assert (lists[1].query.crop == 128).all()
