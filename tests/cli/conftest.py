"""The command as a user types it, in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from cli.main import main


class Outcome(NamedTuple):
    """What a command left behind: its exit code and what it printed."""

    code: int
    stdout: str
    stderr: str


Vreid = Callable[..., Outcome]
Refused = Callable[..., None]


@pytest.fixture
def vreid(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Vreid:
    """Run `vreid` with some arguments."""

    def run(*args: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["vreid", *map(str, args)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_info:
            main()
        printed = capsys.readouterr()
        return Outcome(int(exit_info.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture
def refused(vreid: Vreid) -> Refused:
    """Run `vreid` with some arguments that it refuses in one line, leaving a folder as it was."""

    def run(folder: Path, message: str, *args: object) -> None:
        before = sorted(folder.rglob("*"))
        outcome = vreid(*args)
        assert outcome.code == 2
        (line,) = outcome.stderr.splitlines()
        assert line.startswith("vreid: ")
        assert message in line
        assert outcome.stdout == ""
        assert sorted(folder.rglob("*")) == before

    return run
