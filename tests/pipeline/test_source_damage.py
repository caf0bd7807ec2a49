"""Damaged recordings: no hang, no silent success, and reading goes on behind the damage."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from pipeline.sources import CameraHealth, CameraStatus, Frame, open_source, parse_sources
from pipeline.sources.ledger import DAMAGED_DATA, ENDS_EARLY
from reid.errors import SourceError
from tests.pipeline.made_videos import cut, flip_bytes, read_number, remux, write_video, zero_hole

FRAMES = 200
GROUP = 20


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 frames at 25 fps, a key frame every 20."""
    path = tmp_path_factory.mktemp("damage") / "whole.mp4"
    options = {"g": str(GROUP), "crf": "15"}
    return write_video(path, range(FRAMES), Fraction(1, 25), rate=25, size_px=(320, 240), options=options)


def read_all(path: Path) -> tuple[CameraHealth, list[Frame]]:
    source = open_source(parse_sources([str(path)])[0])
    frames = list(source.frames())
    return source.health, frames


def check_account(health: CameraHealth, frames: list[Frame], total: int = FRAMES) -> None:
    """What holds for every damaged file."""
    assert health.status == CameraStatus.DAMAGED
    assert health.frames_expected == total
    assert health.frames_decoded == len(frames)
    assert health.frames_decoded + health.frames_skipped + health.frames_corrupt == total
    assert health.gaps
    assert all(gap.start_s < gap.end_s for gap in health.gaps)
    assert all(a.end_s <= b.start_s for a, b in itertools.pairwise(health.gaps))
    inside = [frame for frame in frames for gap in health.gaps if gap.start_s <= frame.time_s < gap.end_s - 1e-6]
    assert not inside, "a frame was handed on out of a gap"
    indices = [frame.index for frame in frames]
    assert indices == sorted(set(indices))


def zeroed(whole: Path, target: Path, first: int, last: int) -> Path:
    """Overwrite the packets of some frames with zeros."""
    data = bytearray(whole.read_bytes())
    with av.open(str(whole)) as container:
        for packet in container.demux(video=0):
            if packet.pts is not None and first <= round(packet.pts * packet.time_base * 25) < last:
                data[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    target.write_bytes(data)
    return target


def test_a_hole_is_skipped_up_to_the_next_key_frame(whole: Path, tmp_path: Path) -> None:
    health, frames = read_all(zeroed(whole, tmp_path / "hole.mp4", 90, 105))
    check_account(health, frames)
    assert [read_number(frame.rgb) for frame in frames] == [frame.index for frame in frames]
    indices = {frame.index for frame in frames}
    assert indices >= set(range(85)) | set(range(120, FRAMES))
    assert not indices & set(range(90, 120))
    assert str(health.last_error).endswith("damaged (Invalid data found when processing input)")
    assert len(health.gaps) == 1
    assert health.gaps[0].end_s == pytest.approx(120 / 25)


def test_frames_behind_a_hole_equal_those_of_the_whole_file(whole: Path, tmp_path: Path) -> None:
    sound = {frame.index: frame for frame in read_all(whole)[1]}
    for frame in read_all(zeroed(whole, tmp_path / "hole.mp4", 90, 105))[1]:
        assert frame.time_s == pytest.approx(sound[frame.index].time_s, abs=1e-6)
        assert np.array_equal(frame.rgb, sound[frame.index].rgb)


def test_a_file_with_its_index_in_front_is_read_up_to_the_cut(whole: Path, tmp_path: Path) -> None:
    fast_start = remux(whole, tmp_path / "fast.mp4", {"movflags": "faststart"})
    health, frames = read_all(cut(fast_start, tmp_path / "cut.mp4", 0.6))
    check_account(health, frames)
    assert FRAMES * 0.4 < len(frames) < FRAMES * 0.8
    assert health.gaps[-1].reason == ENDS_EARLY
    assert health.gaps[-1].end_s == pytest.approx(FRAMES / 25)


def test_a_file_whose_index_was_at_its_lost_end_does_not_open(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cut\.mp4: cannot be opened as a video"):
        read_all(cut(whole, tmp_path / "cut.mp4", 0.6))


def test_flipped_bytes_are_noticed(whole: Path, tmp_path: Path) -> None:
    health, frames = read_all(flip_bytes(whole, tmp_path / "flip.mp4", 100))
    check_account(health, frames)
    assert len(frames) > FRAMES / 2
    assert health.frames_corrupt > 0


def test_a_cut_matroska_file_ends_early(whole: Path, tmp_path: Path) -> None:
    health, frames = read_all(cut(remux(whole, tmp_path / "cam.mkv"), tmp_path / "cut.mkv", 0.6))
    check_account(health, frames)
    assert health.gaps[-1].reason == ENDS_EARLY


@pytest.mark.parametrize("suffix", [".mkv", ".ts"])
def test_packets_that_vanished_are_counted(whole: Path, tmp_path: Path, suffix: str) -> None:
    path = remux(whole, tmp_path / f"cam{suffix}")
    health, frames = read_all(zero_hole(path, tmp_path / f"hole{suffix}", path.stat().st_size // 8))
    check_account(health, frames)
    assert health.gaps[0].reason == DAMAGED_DATA
    assert frames[-1].index == FRAMES - 1
    assert all(frame.index == pytest.approx(frame.time_s * 25, abs=0.1) for frame in frames)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("seed", range(6))
def test_no_damage_raises_or_hangs(whole: Path, tmp_path: Path, suffix: str, seed: int) -> None:
    path = whole if suffix == ".mp4" else remux(whole, tmp_path / f"cam{suffix}")
    rng = np.random.default_rng(seed)
    data = bytearray(path.read_bytes())
    for _ in range(rng.integers(1, 6)):
        start = int(rng.integers(0, len(data)))
        length = int(rng.integers(1, 5000))
        data[start : start + length] = rng.bytes(length)[: len(data) - start]
    broken = tmp_path / f"broken{suffix}"
    broken.write_bytes(data)
    try:
        health, frames = read_all(broken)
    except SourceError as error:
        assert "\n" not in str(error)
        return
    assert health.frames_decoded == len(frames)
    if len(frames) < FRAMES:
        assert health.status != CameraStatus.OK or health.gaps


def test_no_bytes_text_and_sound_are_refused_in_one_line(tmp_path: Path) -> None:
    empty, text, sound = tmp_path / "empty.mp4", tmp_path / "text.mp4", tmp_path / "sound.mp4"
    empty.touch()
    text.write_text("this is no video\n" * 100)
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        for number in range(20):
            quiet = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            quiet.pts, quiet.sample_rate = number * 1024, 16000
            container.mux(stream.encode(quiet))
        container.mux(stream.encode(None))
    for path, message in ((empty, "0 bytes"), (text, "cannot be opened"), (sound, "holds no video stream")):
        with pytest.raises(SourceError, match=message) as caught:
            read_all(path)
        assert path.name in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_song_with_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        sound = container.add_stream("aac", rate=16000)
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        container.mux(cover.encode(picture))
        container.mux(cover.encode(None))
        for number in range(20):
            quiet = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            quiet.pts, quiet.sample_rate = number * 1024, 16000
            container.mux(sound.encode(quiet))
        container.mux(sound.encode(None))
    with av.open(str(path)) as container:
        assert container.streams.video, "the file has no cover"
    with pytest.raises(SourceError, match="holds no video stream"):
        read_all(path)


def test_a_file_that_went_away_after_it_was_named_is_refused(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "cam.mp4"
    path.write_bytes(whole.read_bytes())
    (spec,) = parse_sources([str(path)])
    path.unlink()
    with pytest.raises(SourceError, match="no longer there"):
        open_source(spec)


def test_a_header_without_frames_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "cam.mkv", range(3))
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"\x1f\x43\xb6\x75")])  # up to the first cluster
    with pytest.raises(SourceError, match="End of file"):
        read_all(path)


@pytest.mark.parametrize("name", ["one-by-one.mp4", "street.mp4"])
def test_real_videos_with_damage(shared_data: Path, tmp_path: Path, name: str) -> None:
    path = shared_data / "videos" / name
    total = {"one-by-one.mp4": 1394, "street.mp4": 302}[name]
    health, frames = read_all(zero_hole(path, tmp_path / "hole.mp4", 65536))
    check_account(health, frames, total)
    assert frames[-1].index == total - 1
    health, frames = read_all(flip_bytes(path, tmp_path / "flip.mp4", 200))
    check_account(health, frames, total)
    if name == "one-by-one.mp4":  # its index is in front
        health, frames = read_all(cut(path, tmp_path / "cut.mp4", 0.6))
        check_account(health, frames, total)
    else:
        # A hole this long makes the reader of transport streams answer "try again".
        stream = zero_hole(remux(path, tmp_path / "cam.ts"), tmp_path / "hole.ts", 300_000)
        health, frames = read_all(stream)
        check_account(health, frames, total)
        assert frames[-1].index == total - 1
        with pytest.raises(SourceError, match="cannot be opened"):
            read_all(cut(path, tmp_path / "cut.mp4", 0.6))
