"""Single frames by number, with decord and without."""

from __future__ import annotations

import importlib.util
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from pipeline.sources import FramePicker, open_source, parse_sources
from pipeline.sources import frame_picker as module
from reid.errors import SourceError
from tests.pipeline.made_videos import read_number, remux, write_video

BOTH = pytest.mark.parametrize("use_decord", [True, False])


@BOTH
@pytest.mark.parametrize("name", ["one-by-one.mp4", "street.mp4"])
def test_picked_frames_equal_those_read_through(shared_data: Path, name: str, use_decord: bool) -> None:
    path = shared_data / "videos" / name
    wanted = [0, 1, 77, 78, 131, 129, 255, 256, 257, 300, 301, 77]
    source = open_source(parse_sources([str(path)])[0])
    read = {frame.index: frame.rgb[::8, ::8].astype(int) for frame in source.frames() if frame.index < 302}
    with FramePicker(path, use_decord=use_decord) as picker:
        assert len(picker) == source.health.frames_expected
        if use_decord and importlib.util.find_spec("decord"):
            assert picker._decord is not None
        for index, rgb in zip(wanted, picker.pick(wanted), strict=True):
            assert rgb is not None
            error = {
                near: np.abs(read[near] - rgb[::8, ::8]).mean()
                for near in range(max(0, index - 2), index + 3)
                if near in read
            }
            assert error[index] < 1.0
            assert min(error, key=lambda near: error[near]) == index
            if not use_decord:
                assert error[index] == 0


@BOTH
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_numbers_are_right_at_a_variable_rate_and_in_every_container(
    tmp_path: Path, suffix: str, use_decord: bool
) -> None:
    pts = np.cumsum([0] + [(3000, 9000, 4500)[step % 3] for step in range(89)]).tolist()
    path = write_video(tmp_path / f"cam{suffix}", pts, options={"g": "25"})
    wanted = [88, 3, 4, 50, 24, 25, 26, 0, 89]
    with FramePicker(path, use_decord=use_decord) as picker:
        assert [read_number(rgb) for rgb in picker.pick(wanted) if rgb is not None] == wanted
        assert picker.pick([]) == []
        with pytest.raises(IndexError, match="frame 90 was asked for, there are 90"):
            picker.pick([90])
        with pytest.raises(IndexError):
            picker.pick([-1])


@BOTH
@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_turned_video_is_picked_upright(tmp_path: Path, rotation: int, use_decord: bool) -> None:
    path = write_video(tmp_path / "cam.mp4", range(5), Fraction(1, 10), rate=10, rotation=rotation)
    (read, *_) = open_source(parse_sources([str(path)])[0]).frames()
    with FramePicker(path, use_decord=use_decord) as picker:
        (picked,) = picker.pick([0])
    assert picked is not None
    assert np.array_equal(picked, read.rgb)


@BOTH
def test_damage_loses_the_damaged_frames_only(tmp_path: Path, use_decord: bool) -> None:
    path = write_video(tmp_path / "cam.mp4", range(100), Fraction(1, 25), rate=25, options={"g": "10", "bf": "0"})
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            if packet.pts is not None and round(packet.pts * packet.time_base * 25) == 54:
                data[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    path.write_bytes(data)
    with FramePicker(path, use_decord=use_decord) as picker:
        picked = picker.pick(range(100))
    assert all(picked[index] is not None and read_number(picked[index]) == index for index in range(54))
    assert all(picked[index] is not None and read_number(picked[index]) == index for index in range(60, 100))
    if not use_decord:
        assert [index for index in range(100) if picked[index] is None] == list(range(54, 60))


class HangingReader:
    """A decord that counts right and never answers."""

    def __init__(self, count: int, hold: threading.Event) -> None:
        self._count, self._hold = count, hold

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Any:
        self._hold.wait(10)
        raise RuntimeError("late")


def test_a_decord_that_hangs_is_left_behind(tmp_path: Path) -> None:
    path = write_video(tmp_path / "cam.mp4", range(20), Fraction(1, 10), rate=10)
    hold = threading.Event()
    with FramePicker(path, timeout_s=0.1) as picker:
        picker._decord = HangingReader(20, hold)
        assert [read_number(rgb) for rgb in picker.pick([3, 7]) if rgb is not None] == [3, 7]
        assert picker._decord is None
    hold.set()


def test_where_decord_is_not_installed_pyav_picks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda _: None)
    path = remux(write_video(tmp_path / "cam.mp4", range(20), Fraction(1, 10), rate=10), tmp_path / "cam.mkv")
    with FramePicker(path) as picker:
        assert picker._decord is None
        assert [read_number(rgb) for rgb in picker.pick([19, 0]) if rgb is not None] == [19, 0]


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(SourceError, match="cannot be opened"):
        FramePicker(tmp_path / "text.mp4")
