"""Fixtures that several test packages share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real videos and detector weights beside the repository."""
    if not SHARED_DATA.is_dir():
        if os.environ.get("CI"):
            pytest.fail(f"the real videos and weights are missing: {SHARED_DATA} is not a folder")
        pytest.skip("needs real videos and weights in ../shared/data, which this checkout does not have")
    return SHARED_DATA
