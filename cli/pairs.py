"""Two whole numbers in one word, as `256x128` or `10-60`."""

from __future__ import annotations

import re

import typer


def read_pair(text: str, between: str, flag: str, example: str, *, least: int = 1, most: int) -> tuple[int, int]:
    """Read two whole numbers.

    Args:
        text: what was typed.
        between: the character between them.
        flag: the option, for messages.
        example: a value that it takes, for messages.
        least: the smallest that either may be.
        most: the largest that either may be.

    Raises:
        typer.BadParameter: it is something else.
    """
    match = re.fullmatch(rf"(\d{{1,9}}){between}(\d{{1,9}})", text)
    if match is None:
        raise typer.BadParameter(f"{flag} takes two numbers, such as {example}, not {text!r}")
    first, second = int(match[1]), int(match[2])
    if not (least <= first <= most and least <= second <= most):
        raise typer.BadParameter(f"{flag} takes numbers from {least} to {most}, not {text}")
    return first, second
