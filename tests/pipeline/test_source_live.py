"""Live cameras, from a real server on this machine: reconnecting, time, newest frames first."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.sources import CameraStatus, LiveSettings, Prefetcher, RunClock, Source, open_source, parse_sources
from pipeline.sources.clock import MAX_LAG_S, LiveTimes
from pipeline.sources.live_source import NO_SIGNAL, LiveSource
from reid.errors import SourceError
from tests.pipeline.camera_server import CameraServer
from tests.pipeline.made_videos import read_number, write_video

QUICK = LiveSettings(
    open_timeout_s=2.0, read_timeout_s=0.5, first_delay_s=0.05, longest_delay_s=0.2, give_up_after_s=1.0
)
FPS = 50


@pytest.fixture(scope="module")
def stream_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Ten seconds at 50 fps."""
    options = {"g": "10", "bf": "0", "crf": "30", "preset": "ultrafast"}
    path = tmp_path_factory.mktemp("live") / "cam.ts"
    return write_video(path, range(500), Fraction(1, FPS), rate=FPS, options=options, size_px=(160, 96)).read_bytes()


@pytest.fixture
def server(stream_bytes: bytes) -> Iterator[CameraServer]:
    server = CameraServer(stream_bytes, 10.0, silent_after=60.0)
    server.start()
    yield server
    server.kill()


def opened(url: str, settings: LiveSettings = QUICK, **options: Any) -> Source:
    return open_source(parse_sources([f"gate={url}"])[0], live=settings, **options)


def take(reader: Prefetcher, count: int, limit_s: float = 8.0) -> list[tuple[int, float, int]]:
    """(index, time, number shown) of the next frames."""
    taken: list[tuple[int, float, int]] = []
    end_s = time.monotonic() + limit_s
    while len(taken) < count:
        assert time.monotonic() < end_s, f"only {len(taken)} frames, {reader.health}"
        frame = reader.next(timeout_s=0.2)
        if frame is not None:
            taken.append((frame.index, frame.time_s, read_number(frame.rgb)))
    return taken


def test_an_outage_is_survived_and_recorded(server: CameraServer) -> None:
    clock = RunClock()
    with Prefetcher(opened(server.url, clock=clock)) as reader:
        assert reader.source.live
        assert reader.source.start_time_utc == clock.started_utc
        before = take(reader, 20)
        server.kill()
        time.sleep(0.4)
        server.start()
        while (frame := reader.next(timeout_s=3.0)) is not None and not reader.health.gaps:
            before.append((frame.index, frame.time_s, read_number(frame.rgb)))
        after = take(reader, 20)
        health = reader.health
    assert server.connections == 2
    assert (health.status, health.gaps[0].reason, len(health.gaps)) == (CameraStatus.DAMAGED, NO_SIGNAL, 1)
    assert 0.3 < health.gaps[0].end_s - health.gaps[0].start_s < 3
    assert after[0][1] > before[-1][1] + 0.3
    for taken in (before, after):
        assert all(a[0] < b[0] and a[1] < b[1] for a, b in itertools.pairwise(taken))


def test_times_follow_the_streams_clock_and_start_with_the_run(server: CameraServer) -> None:
    clock = RunClock(started_s=time.monotonic() - 100.0)
    with Prefetcher(opened(server.url, clock=clock), queue_frames=200) as reader:
        taken = take(reader, 160)[120:]  # the first second arrives in one burst
        assert abs(taken[-1][1] - clock.now_s()) < 1.5
    steps_s = np.diff([time_s for _, time_s, _ in taken])
    shown = np.diff([number for _, _, number in taken])
    assert steps_s == pytest.approx(shown / FPS, abs=1e-3)


def test_a_slow_consumer_gets_new_frames_and_the_old_are_counted(server: CameraServer) -> None:
    with Prefetcher(opened(server.url), queue_frames=4) as reader:
        take(reader, 4)
        time.sleep(1.0)
        late = take(reader, 4)
        health = reader.health
    assert late[0][0] > 30
    assert health.frames_dropped > 20
    assert health.status == CameraStatus.OK


def test_a_camera_that_falls_silent_is_left_and_connected_to_again(stream_bytes: bytes) -> None:
    server = CameraServer(stream_bytes, 10.0, silent_after=0.3)
    server.start()
    try:
        with Prefetcher(opened(server.url, replace(QUICK, max_attempts=2))) as reader:
            take(reader, 10)
            end_s = time.monotonic() + 8
            while server.connections < 4 and time.monotonic() < end_s:
                reader.next(timeout_s=0.05)
            assert reader.health.gaps and reader.health.last_error
        assert server.connections >= 4  # attempts count from the last frame on
    finally:
        server.kill()


def test_a_camera_that_never_answers_is_tried_and_then_lost(server: CameraServer) -> None:
    server.kill()
    source = opened(server.url)
    assert isinstance(source, LiveSource) and not source.connected
    started_s = time.monotonic()
    assert list(source.frames()) == []
    assert 0.9 < time.monotonic() - started_s < 5
    assert source.health.status == CameraStatus.LOST
    assert len(source.health.gaps) == 1
    assert source.health.last_error is not None
    assert "secret" not in str(source.health) and "***@127.0.0.1" in source.health.last_error


def test_a_camera_that_is_there_later_is_found(server: CameraServer) -> None:
    server.kill()
    with Prefetcher(opened(server.url)) as reader:
        time.sleep(0.2)
        server.start()
        assert take(reader, 5)
        assert reader.source.fps == pytest.approx(FPS, rel=0.1)


def test_attempts_are_limited(server: CameraServer) -> None:
    server.kill()
    patient = LiveSettings(first_delay_s=0.01, longest_delay_s=0.02, give_up_after_s=None, max_attempts=3)
    source = opened(server.url, patient)
    assert list(source.frames()) == []
    assert source.health.status == CameraStatus.LOST


def test_closing_ends_a_reader_that_waits_to_reconnect(server: CameraServer) -> None:
    server.kill()
    reader = Prefetcher(opened(server.url, LiveSettings(open_timeout_s=1.0, first_delay_s=30.0)))
    time.sleep(0.1)
    started_s = time.monotonic()
    reader.close()
    assert time.monotonic() - started_s < 0.5
    assert reader.finished


def test_waiting_to_reconnect_is_no_stall(server: CameraServer) -> None:
    server.kill()
    patient = LiveSettings(open_timeout_s=0.1, read_timeout_s=0.1, first_delay_s=2.0, max_attempts=1)
    with Prefetcher(opened(server.url, patient), stall_timeout_s=0.7) as reader:
        end_s = time.monotonic() + 1.5
        while time.monotonic() < end_s:
            assert reader.next(timeout_s=0.1) is None
            assert not reader.finished


def test_a_recording_behind_a_url_is_read_whole_and_not_live(tmp_path: Path) -> None:
    data = write_video(tmp_path / "cam.mp4", range(60), Fraction(1, 25), rate=25).read_bytes()
    ready = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = ready.accept()
                with client:
                    request = client.recv(65536).decode()
                    first = int(request.partition("bytes=")[2].partition("-")[0] or 0)
                    head = f"HTTP/1.1 206 Partial Content\r\nContent-Length: {len(data) - first}\r\n"
                    head += f"Content-Range: bytes {first}-{len(data) - 1}/{len(data)}\r\nConnection: close\r\n\r\n"
                    client.sendall(head.encode() + data[first:])

    threading.Thread(target=serve, daemon=True).start()
    try:
        source = opened(f"http://127.0.0.1:{ready.getsockname()[1]}/cam.mp4")
        frames = list(source.frames())
    finally:
        ready.close()
    assert not source.live
    assert [read_number(frame.rgb) for frame in frames] == list(range(60))
    assert [frame.time_s for frame in frames] == pytest.approx([index / 25 for index in range(60)], abs=1e-3)
    assert source.health.status == CameraStatus.OK


class FakeCapture:
    """A device with three pictures."""

    left = 3

    def __init__(self, index: int) -> None:
        self.index = index

    def isOpened(self) -> bool:  # noqa: N802 (OpenCV's name)
        return self.index == 0

    def get(self, _: int) -> float:
        return 15.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        type(self).left -= 1
        return (True, np.full((4, 6, 3), (10, 20, 30), np.uint8)) if type(self).left >= 0 else (False, None)

    def release(self) -> None:
        """Nothing to give back."""


def test_a_device_gives_rgb_frames_and_is_lost_when_unplugged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "VideoCapture", FakeCapture)
    monkeypatch.setattr(FakeCapture, "left", 3)
    quick = LiveSettings(first_delay_s=0.01, longest_delay_s=0.01, give_up_after_s=0.1)
    source = open_source(parse_sources(["0"])[0], live=quick)
    frames = list(source.frames())
    assert [(frame.index, frame.rgb[0, 0].tolist()) for frame in frames] == [(i, [30, 20, 10]) for i in range(3)]
    assert (source.fps, source.size_px, source.live) == (15.0, (6, 4), True)
    assert source.health.status == CameraStatus.LOST


def test_a_device_that_is_not_there_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match="device 97 cannot be opened"):
        open_source(parse_sources(["97"])[0])
    assert capfd.readouterr().err == ""


def test_live_times_by_hand() -> None:
    times = LiveTimes()
    assert times.time_s(50.0, 10.0) == 10.0
    assert times.time_s(50.1, 10.4) == pytest.approx(10.1)  # late arrival
    assert times.time_s(50.6, 10.5) == 10.5  # from the future: the first frame was late itself
    assert times.time_s(50.7, 10.65) == pytest.approx(10.6)
    assert times.time_s(3.0, 10.9) == 10.9  # the camera started again
    assert times.time_s(3.1, 11.0 + MAX_LAG_S + 1) == 11.0 + MAX_LAG_S + 1  # its clock fell behind
    assert times.time_s(None, 20.0) == 20.0


def test_live_times_after_a_small_step_back_and_a_long_lag() -> None:
    times = LiveTimes()
    assert times.time_s(10.0, 0.0) == 0.0
    assert times.time_s(8.0, 0.1) == 0.1  # two seconds back: the camera's clock was set
    assert times.time_s(8.1, 0.3) == pytest.approx(0.2)
    assert times.time_s(9.0, 1.2 + MAX_LAG_S) == 1.2 + MAX_LAG_S
    assert times.time_s(9.1, 1.4 + MAX_LAG_S) == pytest.approx(1.3 + MAX_LAG_S)


@pytest.mark.parametrize("seed", range(10))
def test_live_times_grow_and_never_lead_the_clock(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = LiveTimes()
    now_s, last_s = 0.0, -1.0
    for step in range(500):
        now_s += float(rng.exponential(0.04))
        stream_s = step * 0.04 * rng.choice([0.9, 1.0, 1.1]) if rng.random() > 0.05 else None
        time_s = times.time_s(stream_s, now_s)
        assert last_s < time_s <= now_s + 1e-3
        last_s = time_s


@pytest.mark.parametrize(
    "wrong", [{"open_timeout_s": 0}, {"first_delay_s": -1}, {"give_up_after_s": -1}, {"max_attempts": 0}]
)
def test_impossible_patience_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LiveSettings(**wrong)
