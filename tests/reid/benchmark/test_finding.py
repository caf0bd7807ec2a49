"""What a benchmark finds by itself."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from reid.benchmark.finding import data_sets_there


def test_half_a_data_set_is_left_out_aloud(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("VREID_DATA", str(tmp_path))
    (tmp_path / "mars" / "bbox_train").mkdir(parents=True)
    with caplog.at_level(logging.WARNING):
        assert data_sets_there() == ("synthetic",)
    (line,) = caplog.messages
    assert "left out" in line and "holds only a part of MARS: bbox_train, but not bbox_test" in line
