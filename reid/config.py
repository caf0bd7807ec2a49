"""YAML files become checked settings here, for every command; a wrong key is named with the one probably meant."""

from __future__ import annotations

import difflib
import importlib.resources
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from reid.errors import ConfigError


class Settings(BaseModel):
    """A group of settings: unknown keys are refused and nothing changes after it is built."""

    model_config = ConfigDict(extra="forbid", frozen=True)


SettingsT = TypeVar("SettingsT", bound=Settings)


def load_settings(path: Path, settings_type: type[SettingsT]) -> SettingsT:
    """Read a YAML file.

    Args:
        path: the file.
        settings_type: what it is to hold.

    Returns:
        The checked settings; keys that the file leaves out have their defaults.

    Raises:
        ConfigError: the file is missing, not YAML, or holds a key or value that is not understood; names it.
    """
    return parse_settings(read_yaml(path), settings_type, where=str(path))


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file's keys and values, which are not checked; none for an empty file.

    Raises:
        ConfigError: the file is missing, not YAML, or something else than keys with values.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not a YAML text file") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{place}: not valid YAML: {getattr(error, 'problem', None) or error}") from error
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected keys with values (such as `every: 2`), got a {type(content).__name__}")
    return content


def parse_settings(content: dict[str, Any], settings_type: type[SettingsT], *, where: str) -> SettingsT:
    """Check settings that are given as plain values.

    Args:
        content: keys and values as YAML gives them.
        settings_type: what they are to be.
        where: where they come from, for messages.

    Returns:
        The checked settings.

    Raises:
        ConfigError: the first key or value that is not understood, with the nearest known key.
    """
    try:
        return settings_type.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_explain(error, settings_type)}") from error


def override(settings: SettingsT, values: dict[str, Any], *, where: str) -> SettingsT:
    """Replace some settings.

    Args:
        settings: the settings to begin with.
        values: dotted key, such as `detector.conf`, to value.
        where: where the values come from, for messages.

    Returns:
        The checked settings.

    Raises:
        ConfigError: a key or value is not understood.
    """
    content = settings.model_dump()
    for key, value in values.items():
        *groups, name = key.split(".")
        target = content
        for group in groups:
            target = target.setdefault(group, {})
        target[name] = value
    return parse_settings(content, type(settings), where=where)


def builtin_text(name: str) -> str:
    """Read a file that ships in `configs`.

    Args:
        name: path below `configs`, such as `run/default.yaml`.

    Returns:
        Its text.
    """
    return (importlib.resources.files("configs") / name).read_text(encoding="utf-8")


def _explain(error: ValidationError, settings_type: type[Settings]) -> str:
    problem = error.errors()[0]
    location = [part for part in problem["loc"] if part != "function-after"]
    key = _dotted(location)
    if problem["type"] == "extra_forbidden":
        known = _fields_at(settings_type, location[:-1])
        nearest = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean {_dotted([*location[:-1], nearest[0]])!r}?" if nearest else f"known: {', '.join(known)}"
        return f"unknown key {key!r}; {hint}"
    if problem["type"] == "missing":
        return f"{key!r} is missing"
    message = problem["msg"].removeprefix("Value error, ")
    if not key:
        return message
    return f"{key!r}: {message[0].lower()}{message[1:]}, got {problem['input']!r}"


def _dotted(location: list[int | str]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _fields_at(settings_type: type[Settings], location: list[int | str]) -> list[str]:
    """The known keys of the group at `location`."""
    current: type[Settings] = settings_type
    for part in location:
        if isinstance(part, int):
            continue
        nested = _settings_in(current.model_fields[part].annotation) if part in current.model_fields else None
        if nested is None:
            return []
        current = nested
    return sorted(current.model_fields)


def _settings_in(annotation: Any) -> type[Settings] | None:
    """The group of settings inside an annotation such as `list[CameraConfig]` or `X | None`."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return annotation
    for argument in get_args(annotation):
        found = _settings_in(argument)
        if found is not None:
            return found
    return None
