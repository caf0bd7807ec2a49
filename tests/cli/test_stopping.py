"""Ctrl-C: a wish the first time, an end the second, and nothing to processes that were forked meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.stopping import stop_on_signals

ROOT = Path(__file__).resolve().parents[2]
FORKS = """
import os, signal
from cli.stopping import stop_on_signals

with stop_on_signals("said") as stop:
    child = os.fork()
    if not child:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGTERM):
            os.kill(os.getpid(), number)
        os._exit(7 if stop.is_set() else 0)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_first_a_wish_then_an_end(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals("it will stop") as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.is_set()
        assert capsys.readouterr().err == "vreid: it will stop\n"
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_workers_leave_the_answer_to_the_process_that_started_them() -> None:
    """A terminal that closes or a service that ends sends its signal to them too."""
    done = subprocess.run([sys.executable, "-c", FORKS], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
