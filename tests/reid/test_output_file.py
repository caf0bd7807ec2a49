"""Files that are whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from reid.output_file import whole_file


def test_it_takes_its_place_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "result.txt"
    path.write_text("old")
    with whole_file(path) as place:
        place.write_text("new")
        assert (place.name, path.read_text()) == ("result.txt", "old")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_it_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    with whole_file(tmp_path / "result.txt") as place:
        place.touch(mode=0o600)
    assert (tmp_path / "result.txt").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_after_an_error_the_old_one_is_still_there(tmp_path: Path) -> None:
    path = tmp_path / "result.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as place:
        place.write_text("ne")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "nowhere" / "result.txt"):
        raise AssertionError("nothing can be written")
