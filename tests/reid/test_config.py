"""Settings from YAML: what is wrong is named, with what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.config import RunConfig
from reid.config import builtin_text, load_settings, override, parse_settings
from reid.errors import ConfigError


def refused(content: object) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_settings(content, RunConfig, where="site.yaml")  # type: ignore[arg-type]
    message = str(caught.value)
    assert message.startswith("site.yaml: ")
    assert "\n" not in message
    return message.removeprefix("site.yaml: ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"trakcer": 1}, "unknown key 'trakcer'; did you mean 'tracker'?"),
        ({"tracker": {"nmae": "x"}}, "unknown key 'tracker.nmae'; did you mean 'tracker.name'?"),
        (
            {"tracklets": {"gates": {"min_heigth_px": 4}}},
            "unknown key 'tracklets.gates.min_heigth_px'; did you mean 'tracklets.gates.min_height_px'?",
        ),
        (
            {"cameras": [{"source": "a"}, {"sorce": "b", "source": "c"}]},
            "unknown key 'cameras[1].sorce'; did you mean 'cameras[1].source'?",
        ),
        ({"tracker": {"zzzzzz": 1}}, "unknown key 'tracker.zzzzzz'; known: lost_seconds, name, new_track_conf"),
        ({"cameras": [{"name": "a"}]}, "'cameras[0].source' is missing"),
        ({"every": 0}, "'every': input should be greater than or equal to 1, got 0"),
        ({"detector": {"conf": "high"}}, "'detector.conf': input should be a valid number"),
        ({"tracklets": {"gates": {"min_aspect": 9}}}, "'tracklets.gates': min_aspect (9.0) must be below max_aspect"),
        ({"tracklets": {"min_crops": 20}}, "'tracklets': min_crops (20) can be at most half of max_crops (32)"),
        ({"topology": {"transit": [{"cameras": ["a", "b"], "min_s": 9, "max_s": 2}]}}, "'topology.transit[0]': max_s"),
    ],
)
def test_what_is_wrong_is_named(content: dict[str, object], message: str) -> None:
    assert refused(content).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("every: [1", "line 1: not valid YAML"),
        ("- a\n- b\n", "expected keys with values"),
        ("just words", "expected keys with values"),
    ],
)
def test_what_is_no_configuration_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_settings(path, RunConfig)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_settings(tmp_path / "missing.yaml", RunConfig)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not a YAML text file"):
        load_settings(tmp_path / "binary.yaml", RunConfig)


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("")
    assert load_settings(tmp_path / "site.yaml", RunConfig) == RunConfig()


def test_the_shipped_defaults_are_the_defaults() -> None:
    """Key by key, so that a setting that the file does not explain is noticed too."""
    shipped = yaml.safe_load(builtin_text("run/default.yaml"))
    assert shipped == RunConfig().model_dump(mode="json")


def test_override_replaces_single_keys() -> None:
    changed = override(RunConfig(), {"detector.conf": 0.3, "every": 2}, where="flags")
    assert (changed.detector.conf, changed.every, changed.detector.name) == (0.3, 2, "auto")
    with pytest.raises(ConfigError, match=r"flags: 'detector.conf'"):
        override(RunConfig(), {"detector.conf": 3}, where="flags")
