"""Site files: what they name is found beside them, from wherever they are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.inputs import resolve_cameras
from pipeline.site import load_site
from reid.errors import ConfigError, SourceError


def site(folder: Path, *sources: str) -> Path:
    path = folder / "site.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("cameras:\n" + "".join(f"  - source: {source}\n" for source in sources))
    return path


def sources(path: Path) -> list[str]:
    return [camera.source for camera in load_site(path).cameras]


def test_recordings_are_found_beside_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = site(tmp_path / "a place", "videos/gate.mp4", f"{tmp_path}/b.mp4", "hall=videos/1.mp4", "'videos/*.mp4'")
    videos = tmp_path / "a place" / "videos"
    expected = [f"{videos}/gate.mp4", f"{tmp_path}/b.mp4", f"hall={videos}/1.mp4", f"{videos}/*.mp4"]
    assert sources(path) == expected
    monkeypatch.chdir(tmp_path / "a place")
    assert sources(Path("site.yaml")) == ["videos/gate.mp4", expected[1], "hall=videos/1.mp4", "videos/*.mp4"]
    monkeypatch.chdir(tmp_path)
    assert sources(Path("a place/site.yaml"))[0] == "a place/videos/gate.mp4"


def test_devices_and_streams_stay_as_they_are(tmp_path: Path) -> None:
    given = ["0", "rtsp://host/2", "yard=http://host/3", "door=1"]
    assert sources(site(tmp_path, *given)) == given


def test_patterns_are_found_in_folders_of_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "day[1] a=b"
    for name in ("one.mp4", "two.mp4", "three=3.mp4"):
        (folder / "videos").mkdir(parents=True, exist_ok=True)
        (folder / "videos" / name).touch()
    path = site(folder, "'videos/t*.mp4'", "videos/one.mp4")
    names = [spec.name for spec, _ in resolve_cameras(load_site(path).cameras)]
    assert names == ["three_3", "two", "one"]


def test_what_else_the_file_says_stays(tmp_path: Path) -> None:
    path = site(tmp_path, "a.mp4")
    path.write_text(path.read_text() + "every: 3\n")
    assert load_site(path).every == 3


def test_bad_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the configuration"):
        load_site(tmp_path / "missing.yaml")
    with pytest.raises(SourceError, match="blank"):
        load_site(site(tmp_path, "' '"))
