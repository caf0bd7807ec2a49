"""A few made-up people, rendered once for all tests of training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reid import calibrating, curves
from reid.data.synthetic.kept import VARIABLE


@pytest.fixture(scope="package", autouse=True)
def kept_people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep what is rendered in a folder of the tests' own."""
    folder = tmp_path_factory.mktemp("tracklets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(folder))
        yield folder


@pytest.fixture(autouse=True)
def no_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than such a training; `test_what_a_training_leaves` has the charts."""
    for module in (curves, calibrating):
        monkeypatch.setattr(module, "new_figure", lambda *_: None)
