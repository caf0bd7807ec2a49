"""Options with several values after one flag."""

from __future__ import annotations

from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from cli.options import MultiValueCommand, repeat_flags, split_assignments


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["--videos", "a", "b"], ["--videos", "a", "--videos", "b"]),
        (["--videos", "a", "--videos", "b"], ["--videos", "a", "--videos", "b"]),
        (["--videos=a", "b", "--out", "o"], ["--videos=a", "--videos", "b", "--out", "o"]),
        (
            ["--every", "2", "--videos", "a", "b", "--half"],
            ["--every", "2", "--videos", "a", "--videos", "b", "--half"],
        ),
        (["--out", "o", "stray"], ["--out", "o", "stray"]),
        (["--videos", "a", "--", "-b"], ["--videos", "a", "--", "-b"]),
        (["--videos", "rtsp://h/1?a=b", "-"], ["--videos", "rtsp://h/1?a=b", "--videos", "-"]),
        ([], []),
    ],
)
def test_repeat_flags(given: list[str], expected: list[str]) -> None:
    assert repeat_flags(given, ["--videos"]) == expected


def test_a_command_sees_every_value() -> None:
    app = typer.Typer()

    @app.command(cls=MultiValueCommand)
    def show(videos: Annotated[list[str], typer.Option()], out: Annotated[str, typer.Option()] = "") -> None:
        typer.echo(f"{videos} {out}")

    result = CliRunner().invoke(app, ["--videos", "a", "b", "--out", "o", "--videos", "c"])
    assert result.output.strip() == "['a', 'b', 'c'] o"
    assert CliRunner().invoke(app, ["--videos", "a", "--out", "o", "stray"]).exit_code == 2


def test_assignments() -> None:
    assert split_assignments(["a=1", "b=x=y"], "--start") == {"a": "1", "b": "x=y"}
    for bad in (["a"], ["=1"], ["a="], ["a=1", "a=2"]):
        with pytest.raises(typer.BadParameter, match="--start"):
            split_assignments(bad, "--start")
