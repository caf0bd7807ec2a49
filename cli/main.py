"""Entry of the `vreid` command: every error that a user can cause ends here, as one line and an exit code."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Annotated

import typer

from cli import (
    associate,
    benchmark,
    calibrate,
    data,
    demo,
    doctor,
    evaluate,
    explain,
    gallery,
    identities,
    models,
    run,
    search,
    synth,
    topology,
    train,
)
from cli.output import complain, show_log
from reid.errors import InputError, VreidError

EXIT_FAILED = 1
_BAD_NAMES = {errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP}
EXIT_BAD_INPUT = 2

# The class of all errors in flags and arguments; Typer exports only this subclass of it.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]

app = typer.Typer(
    name="vreid",
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
run.register(app)
associate.register(app)
identities.register(app)
search.register(app)
topology.register(app)
gallery.register(app)
evaluate.register(app)
explain.register(app)
models.register(app)
synth.register(app)
data.register(app)
train.register(app)
calibrate.register(app)
benchmark.register(app)
demo.register(app)
doctor.register(app)


@app.callback(invoke_without_command=True)
def vreid(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Who was where and when, across the recordings or live streams of several cameras.

    Give it videos, get a folder: who was seen by which camera from when to when, as a page for a browser, tables for a
    spreadsheet or pandas, and pictures. [b]vreid run --help[/b] shows how.
    """
    if version:
        from reid.version import package_version

        typer.echo(f"vreid {package_version()}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run the command line and exit."""
    show_log()
    try:
        code = app(standalone_mode=False)
    except VreidError as error:
        complain(str(error))
        code = EXIT_BAD_INPUT if isinstance(error, InputError) else EXIT_FAILED
    except OSError as error:  # a name that the system does not take, or a right that is missing
        complain(f"{error.filename or 'a file'}: {error.strerror or error}")
        code = EXIT_BAD_INPUT if error.errno in _BAD_NAMES else EXIT_FAILED
    except _UsageError as error:
        complain(error.format_message())  # type: ignore[attr-defined]
        code = EXIT_BAD_INPUT
    sys.exit(code or 0)


def entry() -> None:
    """Be the process: what `vreid` and `python -m cli` call.

    Leaves without tearing the interpreter down, which takes a second for torch and OpenVINO, and which a reader thread
    that hangs inside a decoder could crash.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # for names of files that the terminal has no letters for
    try:
        main()
    except SystemExit as leaving:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(leaving.code if isinstance(leaving.code, int) else 1)
