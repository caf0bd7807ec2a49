"""Who is scored on what, by which protocol, and what comes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reid.benchmark.protocols import PROTOCOLS, choose_protocols
from reid.benchmark.reported import reported
from reid.benchmark.running import BenchmarkListener, check_searchable, pair_up, score_pairs
from reid.benchmark.settings import BenchmarkSettings
from reid.data.catalogue import CATALOGUE
from reid.data.records import DataSet
from reid.errors import ConfigError, InputError
from reid.models import PRESETS
from reid.reranking import Reranking
from tests.reid.benchmark.makers import Knows, files
from tests.reid.data.makers import small_mars


class Notes(BenchmarkListener):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.embedded: list[tuple[str, str, int, int]] = []

    def on_note(self, text: str) -> None:
        self.notes.append(text)

    def on_embedding(self, contestant: str, data_set: str, tracklets: int, done: int) -> None:
        self.embedded.append((contestant, data_set, tracklets, done))


class TestProtocols:
    def test_every_data_set_has_one(self) -> None:
        for name in CATALOGUE:
            (first,) = choose_protocols(name)
            assert first.data_set == name
        assert len({protocol.name for protocol in PROTOCOLS}) == len(PROTOCOLS)

    def test_those_of_other_sets_are_for_those(self) -> None:
        names = ("mars-9330", "ilids-10", "mars-official")
        assert [protocol.name for protocol in choose_protocols("mars", names)] == ["mars-9330", "mars-official"]
        assert [protocol.name for protocol in choose_protocols("prid", names)] == ["prid-10"]
        with pytest.raises(ConfigError, match="protocol: 'mars' is none of mars-official, mars-9330"):
            choose_protocols("mars", ("mars",))

    def test_a_match_that_is_another_query_is_lost_without_queries_in_the_gallery(self) -> None:
        """Person 4's two tracklets are both queries; person 2's other one is not."""
        data_set = small_mars()
        for name, lost in (("mars-official", 0), ("mars-9330", 2)):
            (protocol,) = choose_protocols("mars", (name,))
            (scored, *_) = score_pairs(Knows().about, [(data_set, Knows())], BenchmarkSettings(protocols=(name,)))
            assert scored.row.protocol == protocol.name
            assert (scored.row.scores[0].queries, scored.row.scores[0].without_match) == (3 - lost, lost)
            assert scored.row.unmatched == ((data_set.test[4].frames[0], data_set.test[5].frames[0])[:lost],)


class TestScores:
    def test_one_pass_serves_every_row(self, tmp_path: Path) -> None:
        data_set, contestant, listener = files(tmp_path), Knows(confuses=2), Notes()
        settings = BenchmarkSettings(reranking=Reranking(k1=4, k2=2), expansion=2)
        found = list(score_pairs(contestant.about, [(data_set, contestant)], settings, listener=listener))
        assert [(each.row.variant, each.row.ranking) for each in found] == [
            (variant, ranking) for ranking in ("plain", "expanded by 2", "re-ranked") for variant in ("base", "final")
        ]
        judged = 8 * 3 + 3  # people and the distractor; junk is not embedded
        assert contestant.embedded == judged == found[0].row.tracklets
        assert listener.embedded == [("knows", "folder", judged, judged)]
        plain = found[1]
        assert plain.row.for_run
        assert plain.row.label == "folder, AP hits, cosine, clips even"
        assert plain.row.means()["r1"] == 5 / 8
        assert plain.row.deviations() == {}
        assert plain.search.queries == 8
        assert plain.query.shape == (8, 32)
        np.testing.assert_array_equal(plain.queries.average_precision[3:], 1)

    def test_euclidean_distances_of_unit_vectors_rank_the_same(self, tmp_path: Path) -> None:
        data_set = files(tmp_path)
        rows = [
            [
                each.row.means()
                for each in score_pairs(
                    Knows().about, [(data_set, Knows(confuses=3))], BenchmarkSettings(distance=distance)
                )
            ]
            for distance in ("cosine", "euclidean")
        ]
        assert rows[0] == rows[1]

    def test_average_precision_by_trapezoid_is_lower(self, tmp_path: Path) -> None:
        data_set = files(tmp_path)
        hits, trapezoid = (
            next(score_pairs(Knows().about, [(data_set, Knows())], BenchmarkSettings(average_precision=form))).row
            for form in ("hits", "trapezoid")
        )
        assert trapezoid.means()["map"] < hits.means()["map"]
        assert trapezoid.means()["r1"] == hits.means()["r1"]
        assert "AP trapezoid" in trapezoid.label

    def test_what_cannot_be_read_is_left_out(self, tmp_path: Path) -> None:
        class Misses(Knows):
            def embed(self, *given: object, **options: object) -> object:  # type: ignore[override]
                whole = super().embed(*given, **options)  # type: ignore[arg-type]
                kept = whole.rows[1:]
                return replace(whole, rows=kept, vectors={name: each[1:] for name, each in whole.vectors.items()})

        data_set = files(tmp_path)
        (_, final) = score_pairs(Knows().about, [(data_set, Misses())], BenchmarkSettings())
        assert final.search.queries == 7
        assert final.row.means()["map"] == 1


class TestSplits:
    def splits(self, tmp_path: Path) -> tuple[DataSet, ...]:
        return tuple(files(tmp_path / str(number), people=4 + number, name="ilids") for number in range(3))

    def test_mean_and_deviation_over_all_of_them(self, tmp_path: Path) -> None:
        splits, listener = self.splits(tmp_path), Notes()
        ((about, pairs),) = pair_up(splits, [Knows(confuses=1)], listener)
        (_, final) = score_pairs(about, pairs, BenchmarkSettings())
        assert final.row.protocol == "ilids-10"
        values = [2 / 4, 3 / 5, 4 / 6]
        assert final.row.means()["r1"] == pytest.approx(np.mean(values))
        assert final.row.deviations()["r1"] == pytest.approx(np.std(values, ddof=1))
        assert listener.notes == []

    def test_who_was_trained_on_a_split_is_scored_on_that_one(self, tmp_path: Path) -> None:
        splits, listener = self.splits(tmp_path), Notes()
        own = [Knows(f"own-{split}", trained_on="ilids", split=split) for split in (2, 0)]
        paired = list(pair_up(splits, [*own, Knows("other", trained_on="mars")], listener))
        assert [(about.name, [(pair[0], pair[1].about.name) for pair in pairs]) for about, pairs in paired] == [
            ("other", [(data_set, "other") for data_set in splits]),
            ("dcct-micro, 2 checkpoints", [(splits[0], "own-0"), (splits[2], "own-2")]),
        ]
        assert listener.notes == ["own-2, own-0: trained on 2 of the 3 splits of ilids, and scored on these: 0, 2"]

    def test_checkpoints_of_one_split_or_of_other_variants_keep_rows_of_their_own(self, tmp_path: Path) -> None:
        splits = self.splits(tmp_path)
        a, b, c, other = (
            Knows(name, trained_on="ilids", split=split) for name, split in (("a", 0), ("b", 0), ("c", 1), ("d", 2))
        )
        other.about = replace(other.about, variants={"final": 32})
        names = [[each.about.name for _, each in pairs] for _, pairs in pair_up(splits, [a, b, c, other], Notes())]
        assert names == [["a", "c"], ["b"], ["d"]]

    def test_a_tracklet_of_several_splits_is_embedded_once(self, tmp_path: Path) -> None:
        whole = files(tmp_path, name="prid")
        first, second = (replace(whole, query=whole.query[part::2]) for part in (0, 1))
        contestant = Knows()
        ((about, pairs),) = pair_up((first, second), [contestant], Notes())
        (_, final) = score_pairs(about, pairs, BenchmarkSettings())
        assert contestant.embedded == 27
        assert final.row.means()["map"] == 1
        assert final.row.tracklets == 2 * 27

    @pytest.mark.parametrize("split", [None, 3])
    def test_who_may_have_seen_every_test_is_refused(self, tmp_path: Path, split: int | None) -> None:
        with pytest.raises(InputError, match="it may have seen the people of every test"):
            list(pair_up(self.splits(tmp_path), [Knows(trained_on="ilids", split=split)], Notes()))


class TestRefusals:
    def test_one_camera(self, tmp_path: Path) -> None:
        data_set = files(tmp_path, cameras=(1,))
        with pytest.raises(InputError, match=r"folder has one camera only.*--same-camera lets"):
            check_searchable(data_set, BenchmarkSettings())
        with pytest.raises(InputError, match="none of the 8 queries has its person in the gallery"):
            check_searchable(data_set, BenchmarkSettings(same_camera=True))

    def test_nothing_to_search(self, tmp_path: Path) -> None:
        data_set = files(tmp_path)
        for empty, what in ((replace(data_set, gallery=()), "gallery"), (replace(data_set, query=()), "query")):
            with pytest.raises(InputError, match=f"folder: there is no {what} to score with"):
                check_searchable(empty, BenchmarkSettings())

    def test_all_queries_invalid(self, tmp_path: Path) -> None:
        data_set = files(tmp_path)
        others = tuple(row for row, record in enumerate(data_set.test) if record.person_id < 1)
        with pytest.raises(InputError, match="none of the 8 queries has its person in another camera"):
            check_searchable(replace(data_set, gallery=others), BenchmarkSettings())

    def test_vectors_that_are_not_finite(self, tmp_path: Path) -> None:
        class Broken(Knows):
            def embed(self, *given: object, **options: object) -> object:  # type: ignore[override]
                whole = super().embed(*given, **options)  # type: ignore[arg-type]
                whole.vectors["base"][5, 3] = np.nan
                return whole

        with pytest.raises(InputError, match=r"vector \d+ holds a value that is not finite"):
            list(score_pairs(Knows().about, [(files(tmp_path), Broken())], BenchmarkSettings()))

    def test_settings(self) -> None:
        with pytest.raises(ConfigError, match="query expansion"):
            BenchmarkSettings(expansion=-1)
        with pytest.raises(ConfigError, match="memory"):
            BenchmarkSettings(most_bytes=0)


def test_what_papers_report_is_of_their_own_systems() -> None:
    assert str(reported("dcct-512", "mars")) == "mAP 87.5, R1 92.3"
    assert str(reported("denseil", "ilids")) == "R1 92.0, R5 98.0"
    assert reported("cnn-average", "mars") is None
    assert reported("dcct", "synthetic") is None
    assert {name for name in PRESETS if reported(name, "mars")} == {
        name for name in PRESETS if name.startswith(("dcct", "stca", "denseil", "mstat"))
    }
