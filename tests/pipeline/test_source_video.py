"""Recordings: true times, numbers, colours, rotation, memory."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation

from pipeline.sources import CameraStatus, Frame, Source, open_source, parse_sources
from pipeline.sources.packets import ShownPackets
from tests.pipeline.made_videos import read_number, remux, write_video

VARIABLE_PTS = np.cumsum([0] + [(3000, 9000, 4500, 30000)[step % 4] for step in range(79)]).tolist()
RATES = {
    "10": (Fraction(1, 10), list(range(40)), 10),
    "25": (Fraction(1, 25), list(range(60)), 25),
    "29.97": (Fraction(1001, 30000), list(range(90)), Fraction(30000, 1001)),
    "30": (Fraction(1, 30), list(range(90)), 30),
    "variable": (Fraction(1, 90000), VARIABLE_PTS, 30),
}


def opened(path: Path, **options: int) -> Source:
    return open_source(parse_sources([str(path)])[0], **options)


def read_all(path: Path, **options: int) -> tuple[Source, list[Frame]]:
    source = opened(path, **options)
    return source, list(source.frames())


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("rate", RATES)
def test_numbers_and_times_are_the_containers_own(tmp_path: Path, rate: str, suffix: str) -> None:
    time_base, pts, nominal = RATES[rate]
    path = write_video(tmp_path / f"cam{suffix}", pts, time_base, rate=nominal)
    source, frames = read_all(path)
    assert [frame.index for frame in frames] == list(range(len(pts)))
    assert [read_number(frame.rgb) for frame in frames] == list(range(len(pts)))
    assert np.abs(np.array([frame.time_s for frame in frames]) - np.array(pts) * float(time_base)).max() < 1e-3
    assert (
        source.health.to_dict() | {"frames_expected": len(pts), "frames_decoded": len(pts)} == source.health.to_dict()
    )
    assert (source.health.status, source.health.gaps, source.live) == (CameraStatus.OK, [], False)
    if rate != "variable":
        assert source.fps == pytest.approx(float(nominal), rel=1e-3)


def test_times_begin_where_the_container_does_not_where_the_picture_does(tmp_path: Path) -> None:
    path = tmp_path / "late-picture.mkv"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=16000)
        video = container.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for number in range(40):
            quiet = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            quiet.pts, quiet.sample_rate = number * 1024, 16000
            container.mux(sound.encode(quiet))
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = number + 5, Fraction(1, 10)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))
    with av.open(str(path)) as container:
        assert container.streams.video[0].start_time > 0
        offset_s = (container.start_time or 0) / av.time_base
    _, frames = read_all(path)
    assert frames[0].time_s == pytest.approx(0.5 - offset_s, abs=2e-3)


def test_every_nth_frame_keeps_number_and_time(tmp_path: Path) -> None:
    path = write_video(tmp_path / "cam.mp4", range(23), Fraction(1, 10), rate=10)
    source, frames = read_all(path, every=5)
    assert [(frame.index, read_number(frame.rgb)) for frame in frames] == [(i, i) for i in (0, 5, 10, 15, 20)]
    assert [frame.time_s for frame in frames] == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0])
    assert source.health.frames_decoded == 23
    with pytest.raises(ValueError, match="every is 0"):
        opened(path, every=0)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_phones_video_is_turned_upright(tmp_path: Path, rotation: int) -> None:
    flat = write_video(tmp_path / "flat.mp4", range(3), Fraction(1, 10), rate=10)
    turned = write_video(tmp_path / "turned.mp4", range(3), Fraction(1, 10), rate=10, rotation=rotation)
    upright = np.rot90(read_all(flat)[1][2].rgb, rotation // 90)
    source, frames = read_all(turned)
    assert np.array_equal(frames[2].rgb, upright)
    assert source.size_px == (upright.shape[1], upright.shape[0])
    assert frames[2].rgb.flags["C_CONTIGUOUS"]


def test_start_time_is_the_metadatas(tmp_path: Path) -> None:
    for stamp, expected in {
        "2024-05-06T09:08:09+02:00": datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
        "1976-01-01T00:00:00Z": None,
        "": None,
    }.items():
        path = write_video(tmp_path / "cam.mp4", range(3), metadata={"creation_time": stamp} if stamp else {})
        source = opened(path)
        assert source.start_time_utc == expected
        source.close()


class FakePacket(bytearray):
    """As much of a packet as `ShownPackets` looks at; its content can be seen through the buffer protocol."""

    def __init__(self, pts: int, first_byte: int = 0x10, *, key: bool = False, discard: bool = False) -> None:
        super().__init__([first_byte])
        self.pts, self.is_keyframe, self.is_discard, self.size = pts, key, discard, 1


def test_only_packets_that_are_shown_count(tmp_path: Path) -> None:
    for codec, suffix, invisible_counts in (("libvpx", ".webm", False), ("libx264", ".mp4", True)):
        path = write_video(tmp_path / f"cam{suffix}", range(3), codec=codec)
        with av.open(str(path)) as container:
            shown = ShownPackets(container.streams.video[0])
        packets = [
            (FakePacket(0), False),  # before the first key frame
            (FakePacket(5, key=True), True),
            (FakePacket(3), False),  # leads the key frame
            (FakePacket(6), True),
            (FakePacket(7, 0x00), invisible_counts),
            (FakePacket(8, discard=True), False),
            (FakePacket(9, key=True), True),
        ]
        assert [shown.accepts(packet) for packet, _ in packets] == [expected for _, expected in packets]
        assert [shown.shows(pts) for pts in (4, 5, None)] == [False, True, True]


def test_a_stream_cut_before_its_first_key_frame_counts_from_the_first_shown(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "cam.ts", range(60), Fraction(1, 25), rate=25, options={"g": "20", "bf": "0"})
    cut = tmp_path / "cut.ts"
    with av.open(str(whole)) as reader, av.open(str(cut), "w") as writer:
        copied = writer.add_stream_from_template(reader.streams.video[0])
        for packet in list(reader.demux(video=0))[7:-1]:
            packet.stream = copied
            writer.mux(packet)
    source, frames = read_all(cut)
    assert [read_number(frame.rgb) for frame in frames] == list(range(20, 60))
    assert [frame.index for frame in frames] == list(range(40))
    assert source.health.status == CameraStatus.OK


def test_colours_are_swscales(tmp_path: Path, shared_data: Path) -> None:
    for name in ("street.mp4", "one-by-one.mp4"):
        path = shared_data / "videos" / name
        frame = next(iter(opened(path).frames()))
        with av.open(str(path)) as container:
            decoded = next(container.decode(video=0))
        plain = decoded.to_ndarray(format="rgb24")
        assert np.abs(frame.rgb.astype(int) - plain).max() <= 2
        exact = decoded.reformat(
            format="rgb24", interpolation=Interpolation.POINT | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
        ).to_ndarray()
        assert np.abs(frame.rgb.astype(int) - exact).mean() < 1.0


@pytest.mark.parametrize("name", ["street.mp4", "one-by-one.mp4"])
def test_real_videos_are_read_whole(shared_data: Path, name: str) -> None:
    path = shared_data / "videos" / name
    with av.open(str(path)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    source, frames = read_all(path, every=10)
    assert [frame.time_s for frame in frames] == pytest.approx(times[::10], abs=1e-3)
    assert source.health.frames_decoded == source.health.frames_expected == len(times)
    assert source.health.status == CameraStatus.OK


def test_closing_lets_go_of_the_file(tmp_path: Path) -> None:
    path = write_video(tmp_path / "cam.mp4", range(30), Fraction(1, 10), rate=10)

    def open_files() -> int:
        return sum(os.path.realpath(f"/proc/self/fd/{fd}") == str(path) for fd in os.listdir("/proc/self/fd"))  # noqa: PTH208

    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc to see which files are open")
    unread = opened(path)
    assert open_files() == 1
    unread.close()
    assert open_files() == 0
    half_read = opened(path)
    frames = half_read.frames()
    next(frames)
    half_read.close()
    half_read.close()
    assert open_files() == 0
    assert list(frames) == []
    read_all(path)
    assert open_files() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="resident memory is read from /proc")
def test_memory_does_not_grow(tmp_path: Path) -> None:
    path = write_video(tmp_path / "cam.mp4", range(150), Fraction(1, 25), rate=25, size_px=(640, 480))

    def resident_mb() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def read_through(times: int) -> None:
        for _ in range(times):
            for _ in opened(path).frames():
                pass

    read_through(2)
    before_mb = resident_mb()
    read_through(6)  # 900 frames, 790 MB of pictures
    assert resident_mb() - before_mb < 40


def test_remuxed_copies_give_the_same_pictures(tmp_path: Path) -> None:
    path = write_video(tmp_path / "cam.mp4", range(20), Fraction(1, 25), rate=25)
    first = [frame.rgb for frame in read_all(path)[1]]
    for suffix in (".mkv", ".ts"):
        again = [frame.rgb for frame in read_all(remux(path, tmp_path / f"copy{suffix}"))[1]]
        assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
