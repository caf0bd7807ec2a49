"""The folder of weights that the user keeps for vreid."""

from __future__ import annotations

import os
from pathlib import Path


def weights_folder() -> Path:
    """Where vreid keeps and looks for weights: `VREID_WEIGHTS`, else `~/.cache/vreid`."""
    return Path(os.environ.get("VREID_WEIGHTS") or Path.home() / ".cache" / "vreid")
