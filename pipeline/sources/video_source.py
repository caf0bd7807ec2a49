"""A recording: frames with true times, going on after damage, every loss accounted for."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from fractions import Fraction

import av
from av import VideoFrame
from av.container import InputContainer
from av.video.stream import VideoStream

from pipeline.sources.connections import video_stream
from pipeline.sources.conversion import RgbConverter, quarter_turns_ccw
from pipeline.sources.frame import Frame
from pipeline.sources.health import CameraHealth, CameraStatus
from pipeline.sources.ledger import FrameLedger
from pipeline.sources.packets import ShownPackets
from pipeline.sources.running import FramesOnce
from pipeline.sources.spec import CameraSpec
from pipeline.sources.urls import redact_url

log = logging.getLogger(__name__)

# Containers with a table of all their packets: damage to the data leaves the table whole.
_TABLE_FORMATS = frozenset({"mov", "mp4", "avi"})
# In a row, without a packet in between; each one moves on in the file, so a few clusters of rubbish are survived.
_MAX_DEMUX_ERRORS = 1000
# Streams that refresh their picture piecewise have no key frames to wait for.
_MAX_KEY_FRAME_WAIT_S = 15.0
_MAX_EARLY_FRAMES = 16


class VideoSource(FramesOnce):
    """A video file, or a finite recording behind a URL.

    After a picture is lost outright, frames are held back until the next key frame: until then they are drawn over
    the wrong reference and not flagged by the decoder. Frames that the decoder flags as corrupt are held back alone.
    """

    live = False
    connected = True

    def __init__(self, spec: CameraSpec, container: InputContainer, *, every: int = 1) -> None:
        """Decode up to the first frame, which tells size and rotation.

        Args:
            spec: the camera.
            container: opened for reading, with at least one video stream; closed by this source.
            every: yield frames whose index this divides; the others are decoded but not converted.
        """
        super().__init__()
        self.spec = spec
        self.health = CameraHealth()
        self.progress = 0
        self._container = container
        self._every = every
        self._convert = RgbConverter()
        self._stream = video_stream(container)
        self._stream.thread_type = "AUTO"
        rate = self._stream.average_rate or self._stream.guessed_rate
        self.fps: float | None = float(rate) if rate else None
        self.start_time_utc = creation_time(container)
        self._time_base = self._stream.time_base or Fraction(1, av.time_base)
        self._origin_s = _origin_s(container, self._stream)
        self._ledger = FrameLedger(
            self.health,
            time_base=self._time_base,
            origin_s=self._origin_s,
            interval_s=1 / self.fps if self.fps else None,
            packets_can_vanish=not _TABLE_FORMATS & set(container.format.name.split(",")),
        )
        self._shown = ShownPackets(self._stream)
        self._discarded = 0
        self._corrupt_pts: set[int | None] = set()
        self._key_frame_wanted_since_s: float | None = None
        end_s = self._container_end_s()
        self.health.frames_expected = self._stream.frames or (round(end_s * self.fps) if end_s and self.fps else None)
        self._decoded = self._decode()
        self._first = next(self._decoded, None)
        self.size_px: tuple[int, int] | None = self._upright_size_px()

    def _generate(self) -> Generator[Frame, None, None]:
        try:
            if self._first is not None:
                first, self._first = self._first, None
                yield from self._yield_frame(first)
            for decoded in self._decoded:
                yield from self._yield_frame(decoded)
            if not self.stopped:
                tolerance_s = max(2 / self.fps if self.fps else 0.0, 0.1)
                if len(self._container.streams) > 1:
                    tolerance_s = max(tolerance_s, 1.0)  # sound may go on for a little longer than the picture
                self._ledger.finish(
                    container_frames=self._stream.frames - self._discarded if self._stream.frames else None,
                    container_end_s=self._container_end_s(),
                    tolerance_s=tolerance_s,
                )
        finally:
            self._release()

    def _release(self) -> None:
        self._decoded.close()
        self._first = None
        self._container.close()

    def _yield_frame(self, decoded: VideoFrame) -> Iterator[Frame]:
        if not self._shown.shows(decoded.pts):
            return
        damaged = decoded.is_corrupt or decoded.pts in self._corrupt_pts
        self._corrupt_pts.discard(decoded.pts)
        if damaged or self._waits_for_key_frame(decoded):
            self._ledger.corrupt(decoded.pts)
            return
        placed = self._ledger.sound(decoded.pts)
        if placed is None:
            return
        index, time_s = placed
        if index % self._every == 0:
            yield Frame(self.spec.name, index, time_s, self._convert(decoded))

    def _waits_for_key_frame(self, decoded: VideoFrame) -> bool:
        since_s = self._key_frame_wanted_since_s
        if since_s is None:
            return False
        time_s = decoded.time if decoded.time is not None else since_s
        if decoded.key_frame or time_s - since_s > _MAX_KEY_FRAME_WAIT_S:
            self._key_frame_wanted_since_s = None
            return False
        return True

    def _decode(self) -> Generator[VideoFrame, None, None]:
        """Yield decoded frames in order of time, none before all packets of earlier times were read.

        Sound streams come so by themselves; a decoder misled by damage may let a frame out before its turn.
        """
        early: list[tuple[int, int, VideoFrame]] = []  # heap of time, order of arrival, frame
        for dts, frame in self._decode_as_they_come():
            if frame is not None:
                if frame.pts is None:
                    yield frame
                    continue
                heapq.heappush(early, (frame.pts, self.progress, frame))
            while early and (dts is None or early[0][0] <= dts or len(early) > _MAX_EARLY_FRAMES):
                yield heapq.heappop(early)[2]
        while early:
            yield heapq.heappop(early)[2]

    def _decode_as_they_come(self) -> Generator[tuple[int | None, VideoFrame | None], None, None]:
        """Yield (decoding time of the newest packet, frame or None), at least once a packet."""
        last_time_s = 0.0
        for packet in self._demux():
            self.progress += 1
            if packet.is_corrupt:
                self._corrupt_pts.add(packet.pts)
                self._ledger.damage()
            if self._shown.accepts(packet):
                self._ledger.expect(packet.pts)
            self._discarded += packet.is_discard
            try:
                frames = packet.decode()
            except av.error.FFmpegError as error:
                self._note(error)
                self._key_frame_wanted_since_s = last_time_s
                continue
            yield packet.dts, None
            for frame in frames:
                last_time_s = frame.time if frame.time is not None else last_time_s
                yield packet.dts, frame

    def _demux(self) -> Iterator[av.Packet]:
        errors_in_a_row = 0
        packets = self._container.demux(self._stream)
        while not self.stopped:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except (av.error.InvalidDataError, av.error.BlockingIOError) as error:
                # Both mean that there is more behind this place. The generator is used up by its error.
                errors_in_a_row += 1
                self.progress += 1
                self._note(error)
                if errors_in_a_row > _MAX_DEMUX_ERRORS:
                    return
                packets = self._container.demux(self._stream)
            except av.error.FFmpegError as error:
                self._note(error)
                yield from self._flush()
                return
            else:
                errors_in_a_row = 0
                yield packet

    def _flush(self) -> Iterator[av.Packet]:
        packet = av.Packet()
        packet.stream = self._stream
        yield packet

    def _note(self, error: av.error.FFmpegError) -> None:
        self._ledger.damage()
        if not isinstance(error, av.error.BlockingIOError):
            self.health.mark(CameraStatus.DAMAGED, redact_url(error.strerror or str(error)))
            log.debug("%s: %s", self.spec.name, self.health.last_error)

    def _container_end_s(self) -> float | None:
        stream, container = self._stream, self._container
        if stream.duration is not None:
            return float((stream.start_time or 0) + stream.duration) * float(self._time_base) - self._origin_s
        if container.duration is not None:
            return float(container.duration / av.time_base)
        return None

    def _upright_size_px(self) -> tuple[int, int]:
        if self._first is None:
            return self._stream.width, self._stream.height
        size_px = self._first.width, self._first.height
        return size_px[::-1] if quarter_turns_ccw(self._first) % 2 else size_px


def creation_time(container: InputContainer) -> datetime | None:
    """When the recording began, as its metadata has it; None where it is missing or a clock's factory setting."""
    try:
        created = datetime.fromisoformat(container.metadata.get("creation_time", ""))
    except ValueError:
        return None
    created = created.replace(tzinfo=UTC) if created.tzinfo is None else created.astimezone(UTC)
    return created if created.year > 1980 else None


def _origin_s(container: InputContainer, stream: VideoStream) -> float:
    """The stream time at which a player shows 0: the beginning of whichever stream begins first."""
    container_s = (container.start_time or 0) / av.time_base
    stream_s = float((stream.start_time or 0) * (stream.time_base or 0))
    # The container's own figure is rounded to the microsecond.
    return stream_s if abs(stream_s - container_s) < 2e-6 else container_s
