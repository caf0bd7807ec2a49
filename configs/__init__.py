"""YAML files that ship with vreid: defaults of commands and recipes."""
