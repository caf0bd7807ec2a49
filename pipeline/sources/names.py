"""Camera names: safe as file names on every platform, and distinct within a run."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from reid.errors import SourceError

MAX_NAME_LENGTH = 80
# Windows refuses these as file names, with any extension.
_RESERVED = frozenset(
    {"con", "prn", "aux", "nul"} | {f"com{digit}" for digit in range(1, 10)} | {f"lpt{digit}" for digit in range(1, 10)}
)


def safe_name(text: str) -> str:
    """Make a camera name out of a file's stem or a host: other characters become '_'.

    Args:
        text: anything, also nothing.

    Returns:
        A name that `check_name` accepts.
    """
    normal = unicodedata.normalize("NFC", text)
    name = "".join(char if _allowed(char) else "_" for char in normal)[:MAX_NAME_LENGTH].strip(".")
    if not name.strip("_"):
        name = "camera"
    return f"{name}-camera" if _reserved(name) else name


def check_name(name: str) -> None:
    """Refuse a name of the user's that could not be a file name.

    Args:
        name: what stands before '=' in NAME=SOURCE.

    Raises:
        SourceError: with what is allowed.
    """
    if (
        not name
        or len(name) > MAX_NAME_LENGTH
        or not all(_allowed(char) for char in name)
        or name[0] == "."
        or name[-1] == "."
        or _reserved(name)
    ):
        raise SourceError(
            f"{name!r} cannot be a camera's name; expected at most {MAX_NAME_LENGTH} letters, digits, '.', '_' or '-', "
            "with no '.' at either end, and no name that Windows reserves"
        )


def distinct_names(explicit: Sequence[str | None], suggested: Sequence[str]) -> list[str]:
    """Give every camera a name of its own; upper and lower case count as equal, as some file systems have it.

    Args:
        explicit: the user's names, None for a camera without one.
        suggested: a stem or host per camera, used where there is no explicit name.

    Returns:
        One name a camera. Explicit names stay; the first camera of a stem has the stem, later ones stem-2, stem-3.

    Raises:
        SourceError: two explicit names are equal.
    """
    taken: set[str] = set()
    for name in explicit:
        if name is not None:
            if name.casefold() in taken:
                raise SourceError(f"two cameras are named {name!r}; give each its own name")
            taken.add(name.casefold())
    names: list[str] = []
    for given, stem in zip(explicit, suggested, strict=True):
        name = given if given is not None else _first_free(safe_name(stem), taken)
        taken.add(name.casefold())
        names.append(name)
    return names


def _first_free(name: str, taken: set[str]) -> str:
    candidate, number = name, 1
    while candidate.casefold() in taken:
        number += 1
        candidate = f"{name}-{number}"
    return candidate


def _allowed(char: str) -> bool:
    return char.isalnum() or char in "._-"


def _reserved(name: str) -> bool:
    return name.split(".")[0].casefold() in _RESERVED
