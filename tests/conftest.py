"""Fixtures that several test packages share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(autouse=True)
def _no_weights_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let `auto` choose what ships, whatever lies in the folder of weights on this machine."""
    monkeypatch.setenv("VREID_WEIGHTS", str(tmp_path_factory.getbasetemp() / "no-weights"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real videos and detector weights beside the repository."""
    if not SHARED_DATA.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"the real videos and weights are missing: {SHARED_DATA} is not a folder")
        pytest.skip("needs real videos and weights in ../shared/data, which this checkout does not have")
    return SHARED_DATA
