"""`vreid models`: the tables, and their numbers for programs."""

from __future__ import annotations

import json

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cli.main import app
from reid.errors import ConfigError
from reid.models import PRESETS


def output_of(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["models", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_every_preset_has_a_row_and_the_papers_stand_beside() -> None:
    lines = output_of().splitlines()
    assert {line.split()[0] for line in lines if line.strip()} >= set(PRESETS)
    (hta,) = (line for line in lines if "+ HTA" in line and "MACs" in line)
    assert hta.split()[-4:-2] == ["10^10", "13.15"]
    assert not any("…" in line for line in lines)


def test_it_fits_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.output.stdout", Console(width=80, force_terminal=True, color_system=None))
    lines = [line.rstrip() for line in output_of().splitlines()]
    assert max(map(len, lines)) <= 80
    table = lines[: lines.index("Beside the papers")]
    facts = {line.split()[0]: line.split()[1:] for line in table if line}
    for name, preset in PRESETS.items():
        assert facts[name][-1] == preset.config.run_variant


def test_the_parts_of_one_model_with_their_shapes() -> None:
    lines = output_of("dcct-micro", "--frames", "3").splitlines()
    (cca,) = (line for line in lines if line.startswith("cca"))
    assert "(3, 112, 4, 2) (3, 112) (3, 192, 4, 2) (3, 192)" in cca
    assert "Start weights of transformer: deit_tiny_patch16_224" in lines


def test_json_adds_up() -> None:
    facts = json.loads(output_of("dcct-micro", "--json"))
    assert facts["parameters"] == sum(part["parameters"] for part in facts["parts"])
    assert facts["macs_per_clip"] == sum(part["macs"] for part in facts["parts"])
    assert facts["width"] == 128
    assert facts["paper"] == []


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'dcct-micro'"):
        CliRunner().invoke(app, ["models", "dcct-mikro"], catch_exceptions=False)
