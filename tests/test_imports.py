"""The import rule: data flows one way, and each heavy library is known to one file."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("cli", "pipeline", "trackers", "reid")
MAY_IMPORT = {
    "cli": {"cli", "pipeline", "reid"},
    "pipeline": {"pipeline", "trackers", "reid"},
    "trackers": {"trackers"},
    "reid": {"reid"},
}
KNOWN_TO_ONE_FILE = {
    "ultralytics": "pipeline/yolo.py",
    "boxmot": "trackers/boxmot_tracker.py",
    "faiss": "pipeline/vector_index.py",
    "decord": "pipeline/sources/frame_picker.py",
    "trackeval": "pipeline/evaluation_tracking.py",
    "matplotlib": "reid/figures.py",
    "sklearn": "reid/benchmark/figures.py",
}


def files() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def imported_packages(path: Path) -> set[str]:
    """The top-level names that a file imports anywhere, also as text given to importlib."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(str(node.module).split(".")[0])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.update(library for library in KNOWN_TO_ONE_FILE if node.value.startswith(f"{library}."))
    return names


def test_packages_import_only_what_they_may() -> None:
    for path in files():
        package = path.relative_to(ROOT).parts[0]
        breaches = imported_packages(path) & set(PACKAGES) - MAY_IMPORT[package]
        assert not breaches, f"{path.relative_to(ROOT)} imports {breaches}"


@pytest.mark.parametrize(("library", "file"), KNOWN_TO_ONE_FILE.items())
def test_heavy_libraries_are_known_to_one_file(library: str, file: str) -> None:
    users = [path.relative_to(ROOT).as_posix() for path in files() if library in imported_packages(path)]
    assert users == [file]


def test_reid_and_the_command_work_where_the_libraries_of_run_are_missing() -> None:
    missing = ("ultralytics", "boxmot", "decord", "faiss", "av", "pyarrow", "jinja2", "openvino", "onnxruntime")
    missing += ("matplotlib", "tensorboard", "sklearn")
    code = f"""
import sys
for name in {missing!r}:
    sys.modules[name] = None  # importing it now raises ImportError
import pkgutil, importlib, reid
for module in pkgutil.walk_packages(reid.__path__, "reid."):
    importlib.import_module(module.name)
import cli.main
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
