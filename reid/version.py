"""The version of what is installed."""

from __future__ import annotations

import importlib.metadata


def package_version() -> str:
    """Return the installed vreid's version, "unknown" where only its source is on the path."""
    try:
        return importlib.metadata.version("vreid")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
