"""Reader threads: order, bounds, stalls, closing."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from pipeline.sources import (
    CameraHealth,
    CameraSpec,
    CameraStatus,
    Frame,
    Prefetcher,
    PrefetcherGroup,
    SourceKind,
    open_source,
    parse_sources,
)
from pipeline.sources.bounded import call_bounded
from pipeline.sources.prefetch import STALLED
from reid.errors import SourceError
from tests.pipeline.made_videos import write_video

PICTURE = np.zeros((2, 3, 3), np.uint8)


class FakeSource:
    """Frames on command; `stall_at` blocks until `release` is set, `fail_at` raises."""

    def __init__(
        self, name: str, count: int, *, live: bool = False, stall_at: int | None = None, fail_at: int | None = None
    ) -> None:
        self.spec = CameraSpec(name, SourceKind.VIDEO, name)
        self.fps: float | None = 10.0
        self.size_px: tuple[int, int] | None = (3, 2)
        self.live = live
        self.start_time_utc: datetime | None = None
        self.health = CameraHealth(frames_expected=count)
        self.progress = 0
        self.longest_wait_s = 0.0
        self.release = threading.Event()
        self.produced = 0
        self.closed = False
        self._count, self._stall_at, self._fail_at = count, stall_at, fail_at

    def frames(self) -> Iterator[Frame]:
        for index in range(self._count):
            if self.closed:
                return
            if index == self._stall_at:
                self.release.wait()
            if index == self._fail_at:
                raise RuntimeError("broken inside")
            self.progress += 1
            self.health.frames_decoded += 1
            self.produced += 1
            yield Frame(self.spec.name, index, index / 10, PICTURE)

    def close(self) -> None:
        self.closed = True


def drain(reader: Prefetcher | PrefetcherGroup, limit_s: float = 10.0) -> list[Frame]:
    """Take frames until the end; fails rather than hangs."""
    frames: list[Frame] = []
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        frame = reader.next(timeout_s=0.5)
        if frame is not None:
            frames.append(frame)
        elif reader.finished:
            return frames
    pytest.fail(f"no end within {limit_s} s, {len(frames)} frames so far")


def wait_for(condition: object, limit_s: float = 5.0) -> None:
    assert callable(condition)
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.005)


def test_a_recording_comes_whole_and_in_order_through_a_short_queue() -> None:
    with Prefetcher(FakeSource("cam", 50), queue_frames=3) as reader:
        assert [frame.index for frame in drain(reader)] == list(range(50))
        assert reader.next(timeout_s=0.0) is None
        assert reader.health.frames_dropped == 0


def test_a_recording_is_not_read_further_ahead_than_the_queue() -> None:
    source = FakeSource("cam", 50)
    with Prefetcher(source, queue_frames=4):
        wait_for(lambda: source.produced == 5)
        time.sleep(0.05)
        assert source.produced == 5  # four wait, one is in hand


def test_a_live_camera_drops_its_oldest_frames_and_counts_them() -> None:
    source = FakeSource("cam", 50, live=True)
    with Prefetcher(source, queue_frames=4) as reader:
        wait_for(lambda: source.closed)
        assert [frame.index for frame in drain(reader)] == [46, 47, 48, 49]
        assert reader.health.frames_dropped == 46


def test_a_waiting_consumer_is_no_stall() -> None:
    with Prefetcher(FakeSource("cam", 12), queue_frames=2, stall_timeout_s=0.1) as reader:
        for _ in range(4):
            time.sleep(0.15)
            assert not reader.finished
        assert len(drain(reader)) == 12
        assert reader.health.status == CameraStatus.OK


def test_a_stalled_camera_is_given_up_and_the_others_go_on() -> None:
    stuck, fine = FakeSource("stuck", 30, stall_at=5), FakeSource("fine", 300)
    with PrefetcherGroup([stuck, fine], stall_timeout_s=0.4) as group:
        started_s = time.monotonic()
        frames = drain(group)
        assert time.monotonic() - started_s < 3
        assert [frame.index for frame in frames if frame.camera_id == "stuck"] == list(range(5))
        assert [frame.index for frame in frames if frame.camera_id == "fine"] == list(range(300))
        health = group.health["stuck"]
        assert health.status == CameraStatus.LOST
        assert (health.frames_decoded, health.frames_skipped) == (5, 25)
        assert [(gap.start_s, gap.end_s, gap.reason) for gap in health.gaps] == [(0.4, 3.0, STALLED)]
        assert health.last_error is not None and "given up" in health.last_error
        assert group.health["fine"].status == CameraStatus.OK
        stuck.release.set()
        time.sleep(0.1)
        assert group.health["stuck"].to_dict() == health.to_dict(), "a reader that was given up changed its account"


def test_cameras_take_turns() -> None:
    sources = [FakeSource(name, 30) for name in "abc"]
    with PrefetcherGroup(sources) as group:
        wait_for(lambda: all(source.produced >= 8 for source in sources))
        taken = [group.next(timeout_s=1.0) for _ in range(12)]
    assert [frame.camera_id for frame in taken if frame] == list("abc" * 4)


def test_an_error_in_one_camera_is_kept_and_ends_that_camera_only(caplog: pytest.LogCaptureFixture) -> None:
    with PrefetcherGroup([FakeSource("bad", 30, fail_at=3), FakeSource("good", 30)]) as group:
        frames = drain(group)
        assert sum(frame.camera_id == "bad" for frame in frames) == 3
        assert sum(frame.camera_id == "good" for frame in frames) == 30
        assert group.health["bad"].status == CameraStatus.DAMAGED
        assert group.health["bad"].last_error == "RuntimeError: broken inside"
    (record,) = (record for record in caplog.records if record.levelno >= logging.WARNING)
    assert record.getMessage() == "camera bad: reading failed: RuntimeError: broken inside"
    assert record.exc_info is None, "a traceback is for debugging"


def test_the_time_reading_takes_is_counted_without_waiting_for_room() -> None:
    class Slow(FakeSource):
        def frames(self) -> Iterator[Frame]:
            for frame in super().frames():
                time.sleep(0.02)
                yield frame

    with PrefetcherGroup([Slow("a", 8), Slow("b", 8)], queue_frames=1) as group:
        wait_for(lambda: all(reader.source.progress == 2 for reader in group.readers))
        time.sleep(0.5)  # both have one frame in the queue and one in hand
        assert len(drain(group)) == 16
        busy_s = [reader.busy_s for reader in group.readers]
        assert all(8 * 0.02 <= one < 0.5 for one in busy_s)
        assert group.busy_s == sum(busy_s)


def test_no_camera_at_all_is_finished() -> None:
    with PrefetcherGroup([]) as group:
        assert group.finished
        assert group.next(timeout_s=0.0) is None


def test_closing_early_ends_the_thread_and_the_file(tmp_path: Path) -> None:
    path = write_video(tmp_path / "cam.mp4", range(200), Fraction(1, 25), rate=25)
    for frames_taken in (0, 1, 20):
        reader = Prefetcher(open_source(parse_sources([str(path)])[0]))
        for _ in range(frames_taken):
            assert reader.next(timeout_s=2.0) is not None
        started_s = time.monotonic()
        reader.close()
        assert time.monotonic() - started_s < 1
        assert reader.finished
        if Path("/proc/self/fd").exists():
            assert str(path) not in {os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")}  # noqa: PTH208
    assert not [thread for thread in threading.enumerate() if thread.name == "vreid-read-cam"]


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="queue_frames is 0"):
        Prefetcher(FakeSource("cam", 1), queue_frames=0)


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Path]:
    """A named pipe; whoever still waits for its other end is set free in the end."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("needs named pipes")
    path = tmp_path / "cam.ts"
    os.mkfifo(path)
    yield path
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))


def test_a_pipe_that_nobody_writes_to_does_not_hang_the_opening(pipe: Path) -> None:
    (spec,) = parse_sources([str(pipe)])
    started_s = time.monotonic()
    with pytest.raises(SourceError, match=r"gave nothing within 0\.3 s"):
        open_source(spec, stall_timeout_s=0.3)
    assert time.monotonic() - started_s < 2


def test_a_pipe_that_stops_in_the_middle_is_given_up(pipe: Path, tmp_path: Path) -> None:
    data = write_video(tmp_path / "whole.ts", range(400), Fraction(1, 25), rate=25, size_px=(320, 240)).read_bytes()
    hold = threading.Event()

    def write_half() -> None:
        with contextlib.suppress(BrokenPipeError), pipe.open("wb") as writer:
            writer.write(data[: len(data) * 3 // 4])
            writer.flush()
            hold.wait(20)

    writer = threading.Thread(target=write_half, daemon=True)
    writer.start()
    try:
        source = open_source(parse_sources([str(pipe)])[0], stall_timeout_s=10)
        with Prefetcher(source, stall_timeout_s=0.5) as reader:
            frames = drain(reader)
            assert [frame.index for frame in frames] == list(range(len(frames)))
            assert len(frames) > 100
            assert reader.health.status == CameraStatus.LOST
            assert reader.health.gaps[-1].reason == STALLED
    finally:
        hold.set()
        writer.join(5)


def test_a_bounded_call_gives_its_result_its_error_or_up() -> None:
    assert call_bounded(lambda: 7, 1.0, discard=lambda _: None) == 7
    with pytest.raises(KeyError):
        call_bounded(lambda: {}["x"], 1.0, discard=lambda _: None)  # type: ignore[misc]
    hold, discarded = threading.Event(), []
    with pytest.raises(TimeoutError):
        call_bounded(lambda: hold.wait() and "late", 0.05, discard=discarded.append)
    hold.set()
    wait_for(lambda: discarded == ["late"])
