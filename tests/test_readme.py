"""What the README shows is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_the_library_example_prints_what_it_says(shared_data: Path, tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    match = re.search(
        r"<!-- run by tests/test_readme.py -->\n```python\n(.*?)```\n\n```text\n(.*?)```", text, re.DOTALL
    )
    assert match is not None
    code, expected = match.groups()
    for source in (
        *sorted((shared_data / "videos").iterdir()),
        shared_data / "weights" / "yolo11n_int8_openvino_model",
    ):
        (tmp_path / source.name).symlink_to(source)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert re.sub(r"\d+", "#", done.stdout) == re.sub(r"\d+", "#", expected)
    printed, promised = (list(map(int, re.findall(r"\d+", text))) for text in (done.stdout, expected))
    assert printed == pytest.approx(promised, abs=1)  # another processor may see someone a frame earlier
