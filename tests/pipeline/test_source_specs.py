"""Names, kinds and refusals of what stands after --videos."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.sources import CameraSpec, SourceKind, parse_sources, redact_url
from pipeline.sources.names import MAX_NAME_LENGTH, check_name, distinct_names, safe_name
from pipeline.sources.spec import natural_key, split_name
from pipeline.sources.urls import url_name
from reid.errors import SourceError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*paths: str) -> None:
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()


def names(*entries: str) -> list[str]:
    return [spec.name for spec in parse_sources(entries)]


def test_a_file_is_named_by_its_stem(here: Path) -> None:
    touch("videos/Hall 2.north.mp4")
    (spec,) = parse_sources(["videos/Hall 2.north.mp4"])
    assert spec == CameraSpec("Hall_2.north", SourceKind.VIDEO, str(Path("videos/Hall 2.north.mp4")))


def test_equal_stems_are_numbered_in_order_and_never_meet_an_explicit_name(here: Path) -> None:
    touch("a/cam.mp4", "b/cam.mp4", "c/cam.mp4", "d/CAM.mp4")
    assert names("a/cam.mp4", "b/cam.mp4", "c/cam.mp4", "d/CAM.mp4") == ["cam", "cam-2", "cam-3", "CAM-4"]
    assert names("a/cam.mp4", "b/cam.mp4", "cam-2=c/cam.mp4") == ["cam", "cam-3", "cam-2"]
    assert names("a/cam.mp4", "cam=b/cam.mp4") == ["cam-2", "cam"]
    touch("e/cam-2.mp4")
    assert names("a/cam.mp4", "b/cam.mp4", "e/cam-2.mp4") == ["cam", "cam-2", "cam-2-2"]


def test_two_equal_explicit_names_are_refused(here: Path) -> None:
    touch("a.mp4", "b.mp4")
    with pytest.raises(SourceError, match="two cameras are named 'Gate'"):
        parse_sources(["gate=a.mp4", "Gate=b.mp4"])


@pytest.mark.parametrize("name", [".hidden", "a b", "a/b", "con", "LPT1.x", "dot.", "x" * (MAX_NAME_LENGTH + 1), "a\n"])
def test_names_that_are_no_file_names_are_refused(name: str) -> None:
    with pytest.raises(SourceError, match="cannot be a camera's name"):
        check_name(name)


@pytest.mark.parametrize("text", ["", "...", "a/b:c*?", "nul", "  ", "\u0065\u0301t\u00e9", "x" * 500, ".profile", "?"])
def test_derived_names_are_always_allowed(text: str) -> None:
    check_name(safe_name(text))


def test_letters_of_all_scripts_stay() -> None:
    assert safe_name("\u043a\u0430\u043c\u0435\u0440\u0430 1") == "\u043a\u0430\u043c\u0435\u0440\u0430_1"


def test_distinct_names_are_distinct_for_any_mix() -> None:
    given = [None, "a-2", None, None, "A-3", None]
    found = distinct_names(given, ["a", "x", "a", "A", "y", "a-2"])
    assert len({name.casefold() for name in found}) == 6
    assert found[1] == "a-2" and found[4] == "A-3"


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("gate=cam.mp4", ("gate", "cam.mp4")),
        ("gate=rtsp://host/x?a=b", ("gate", "rtsp://host/x?a=b")),
        ("rtsp://host/x?a=b", (None, "rtsp://host/x?a=b")),
        (r"C:\videos\a=b.mp4", (None, r"C:\videos\a=b.mp4")),
        ("gate=C:\\videos\\b.mp4", ("gate", "C:\\videos\\b.mp4")),
        ("../day=1/cam.mp4", (None, "../day=1/cam.mp4")),
        ("gate=day=1.mp4", ("gate", "day=1.mp4")),
        ("day*=1.mp4", (None, "day*=1.mp4")),
        ("0", (None, "0")),
    ],
)
def test_name_and_source_are_split(entry: str, expected: tuple[str | None, str]) -> None:
    assert split_name(entry) == expected


def test_an_existing_path_with_an_equals_sign_wins(here: Path) -> None:
    touch("day=1.mp4")
    (spec,) = parse_sources(["day=1.mp4"])
    assert (spec.name, spec.source) == ("day_1", "day=1.mp4")


def test_a_pattern_of_videos_is_several_cameras_in_natural_order(here: Path) -> None:
    touch("cam10.mp4", "cam2.mp4", "cam1.mp4", "note.txt")
    assert names("cam*.mp4") == ["cam1", "cam2", "cam10"]
    with pytest.raises(SourceError, match="3 cameras, which cannot share one name"):
        parse_sources(["gate=cam*.mp4"])
    assert names("gate=cam10*.mp4") == ["gate"]


def test_images_are_one_camera_in_natural_order(here: Path) -> None:
    touch("walk/frame10.jpg", "walk/frame2.JPG", "walk/frame1.jpg", "walk/.frame0.jpg", "walk/notes.txt")
    by_folder, by_pattern = parse_sources(["walk", "walk/*.[jJ][pP][gG]"])
    assert [path.name for path in by_folder.images] == ["frame1.jpg", "frame2.JPG", "frame10.jpg"]
    assert by_folder.kind == by_pattern.kind == SourceKind.IMAGES
    assert by_folder.images == by_pattern.images
    assert (by_folder.name, by_pattern.name) == ("walk", "walk-2")


def test_natural_order_compares_numbers_and_letters_without_error() -> None:
    given = [Path(text) for text in ["b", "a10", "1", "a2", "10", "a", "2b"]]
    assert [str(path) for path in sorted(given, key=natural_key)] == ["1", "2b", "10", "a", "a2", "a10", "b"]


def test_devices_and_streams(here: Path) -> None:
    device, stream = parse_sources(["0", "rtsp://me:secret@cam.example:554/live/ch2?x=1"])
    assert (device.kind, device.name) == (SourceKind.DEVICE, "device-0")
    assert (stream.kind, stream.name) == (SourceKind.STREAM, "cam.example-ch2")
    assert stream.source == "rtsp://me:secret@cam.example:554/live/ch2?x=1"
    assert "secret" not in repr(stream) + str(stream) + stream.shown + f"{[stream]}"


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "no camera was given"),
        ([" "], "blank"),
        (["missing.mp4"], "missing.mp4: no such file or folder"),
        (["gate=missing.mp4"], "missing.mp4: no such file or folder"),
        (["*.avi"], "matches no file"),
        (["empty"], "holds no images"),
        (["one.jpg"], "a single image is no camera"),
        (["mix*"], "matches images and other files"),
        (["=a.mp4"], "expected NAME=SOURCE"),
        (["gate="], "expected NAME=SOURCE"),
        (["ga te=one.jpg"], "cannot be a camera's name"),
        (["ftp://u:secret@host/x"], "not read"),
    ],
)
def test_refusals_are_one_line_that_says_what_was_given(here: Path, entries: list[str], message: str) -> None:
    touch("one.jpg", "mix1.jpg", "mix2.mp4")
    Path("empty").mkdir()
    with pytest.raises(SourceError, match=message) as caught:
        parse_sources(entries)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://host/2", "rtsp://host/2"),
        ("cam.mp4", "cam.mp4"),
        ("rtsp://me:se:cret@host:554/2", "rtsp://***@host:554/2"),
        ("rtsp://me@host/2", "rtsp://***@host/2"),
        ("rtsp://me:se/cr#et@host/2", "rtsp://***@host/2"),
        ("http://host/v?channel=1&token=abc", "http://host/v?channel=1&token=***"),
        ("http://host/v?pin=1234&subtype=0", "http://host/v?pin=***&subtype=0"),
        ("http://host/v?st=x7Gh2&n=12345", "http://host/v?st=***&n=***"),
        ("rtsp://h/user=admin_password=x1_channel=1", "rtsp://h/user=***"),
        ("rtsp://h/user=admin&password=12&channel=1", "rtsp://h/user=***&password=***&channel=1"),
        ("cannot open 'rtsp://me:secret@host/2' now", "cannot open 'rtsp://***@host/2' now"),
        ("rtsp://a:b@h/1 rtsp://c:d@h/2", "rtsp://***@h/1 rtsp://***@h/2"),
        ("RTSP://a:b@[::1]:554/1", "RTSP://***@[::1]:554/1"),
    ],
)
def test_credentials_are_hidden(url: str, shown: str) -> None:
    assert redact_url(url) == shown


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("rtsp://me:secret@host/2", "host-2"),
        ("rtsp://host:554", "host"),
        ("http://host/live/cam.m3u8?token=x", "host-cam"),
        ("rtsp://host/user=admin&password=secret", "host"),
    ],
)
def test_a_streams_name_holds_no_secret(url: str, name: str) -> None:
    assert url_name(url) == name
