"""Which packets of a video stream stand for a frame that is shown."""

from __future__ import annotations

from av import Packet
from av.video.stream import VideoStream


class ShownPackets:
    """Pick the packets that should each yield one frame; numbering counts these.

    Left out are packets before the first key frame and pictures that lead it, which no decoder can show, packets that
    an edit list cuts away, and VP8's invisible reference frames.
    """

    def __init__(self, stream: VideoStream) -> None:
        """Start at the beginning of a stream.

        Args:
            stream: the stream whose packets follow.
        """
        self._is_vp8 = stream.codec_context.name == "vp8"
        self._started = False
        self._first_key_pts: int | None = None

    def accepts(self, packet: Packet) -> bool:
        """Whether this packet, given in file order, stands for a frame that is shown."""
        if packet.is_keyframe and not self._started:
            self._started = True
            self._first_key_pts = packet.pts
        if not self._started or packet.is_discard or packet.size == 0:
            return False
        if self._first_key_pts is not None and packet.pts is not None and packet.pts < self._first_key_pts:
            return False
        return not (self._is_vp8 and not memoryview(packet)[0] & 0x10)

    def shows(self, pts: int | None) -> bool:
        """Whether a decoded frame of this time is one of those that are counted."""
        return pts is None or self._first_key_pts is None or pts >= self._first_key_pts
