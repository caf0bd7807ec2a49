"""`python -m cli` is the same as `vreid`."""

from cli.main import entry

entry()
