"""Splits: drawn, written, read, refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reid.data.splits import Split, Splits, draw_splits, read_splits
from reid.errors import InputError

PEOPLE = tuple(f"p{number:02d}" for number in range(11))


class TestDrawing:
    def test_each_is_another_half_of_everybody(self) -> None:
        splits = draw_splits(PEOPLE, "people", count=10).splits
        assert len(set(splits)) == 10
        for train, test in splits:
            assert (len(train), len(test)) == (5, 6)
            assert tuple(sorted(train + test)) == PEOPLE
            assert list(train) == sorted(train) and list(test) == sorted(test)

    def test_a_seed_decides_them_whatever_the_order_and_number(self) -> None:
        ten = draw_splits(PEOPLE, "people", count=10, seed=3)
        assert draw_splits(PEOPLE[::-1], "people", count=4, seed=3).splits == ten.splits[:4]
        assert draw_splits(PEOPLE, "people", count=10, seed=4).splits != ten.splits

    def test_everybody_is_as_often_in_either_half(self) -> None:
        splits = draw_splits(PEOPLE, "people", count=2_000).splits
        for person in PEOPLE:
            assert sum(person in train for train, _ in splits) / 2_000 == pytest.approx(5 / 11, abs=0.04)


class TestFiles:
    def test_what_is_written_is_read_again(self, tmp_path: Path) -> None:
        drawn = draw_splits(PEOPLE, "the 11 people of a test", count=3, seed=5)
        (tmp_path / "splits.json").write_text(drawn.to_json(chosen=2))
        assert read_splits(tmp_path / "splits.json", PEOPLE) == drawn
        content = json.loads((tmp_path / "splits.json").read_text())
        assert content["format"] == "vreid-splits/1"
        assert (content["standard"], content["seed"], content["chosen"]) == (False, 5, 2)
        assert content["splits"][1]["train"] == list(drawn.splits[1].train)

    def test_standard_ones_stay_so(self, tmp_path: Path) -> None:
        (tmp_path / "list.json").write_text('[{"test": ["p01", "p00"], "train": ["p03", "p02"]}]')
        standard = read_splits(tmp_path / "list.json", PEOPLE)
        assert standard == Splits((Split(("p02", "p03"), ("p00", "p01")),), "list.json")
        assert standard.standard and str(standard) == "split of list.json"
        (tmp_path / "again.json").write_text(standard.to_json())
        assert read_splits(tmp_path / "again.json", PEOPLE) == standard

    def test_who_stands_there_twice_trains_once(self, tmp_path: Path) -> None:
        (tmp_path / "list.json").write_text('[{"test": ["p01", "p00", "p01"], "train": ["p03", "p03"]}]')
        assert read_splits(tmp_path / "list.json", PEOPLE).splits == (Split(("p03",), ("p00", "p01")),)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (None, "cannot read .*: No such file"),
            ("{", "holds no splits, expected a list of"),
            ("3", "holds no splits, expected a list of"),
            ('{"train": []}', "holds no splits, expected a list of"),
            ('[{"train": ["p01"]}]', "holds no splits, expected a list of"),
            ('[{"train": ["p01"], "test": [2]}, {"train": [1, "a"], "test": []}]', "holds no splits, expected"),
            ('[{"train": ["p01"], "test": "p02"}]', "holds no splits, expected"),
            ('[{"train": ["p01"], "test": [["p02"]]}]', "holds no splits, expected"),
            ('{"format": "vreid-splits/1", "splits": [], "seed": "three"}', "holds no splits, expected"),
            ('{"format": "vreid-splits/2", "splits": []}', "not of format vreid-splits/1, which is all that this"),
            ("[]", "holds no splits"),
            (
                '[{"train": ["p01"], "test": ["p99", "p98", "p02"]}]',
                "split 0 has p98 and 1 more, not among the complete",
            ),
            ('[{"train": ["p01", "p02"], "test": ["p02"]}]', "split 0 has p02 in both halves"),
            ('[{"train": ["p01"], "test": []}]', "split 0 has nobody to test with"),
            ('[{"train": [], "test": ["p01"]}]', "split 0 has nobody to train with"),
        ],
    )
    def test_other_files_are_refused(self, tmp_path: Path, text: str | None, message: str) -> None:
        path = tmp_path / "splits.json"
        if text is not None:
            path.write_text(text)
        with pytest.raises(InputError, match=message):
            read_splits(path, PEOPLE)
