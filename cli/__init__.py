"""The `vreid` command: the only package that prints, reads flags and exits."""
