"""Small videos made for the tests, whole and damaged."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

MARK_PX = 16


def write_video(
    path: Path,
    pts: Sequence[int],
    time_base: Fraction = Fraction(1, 90000),
    *,
    rate: int | Fraction = 30,
    size_px: tuple[int, int] = (128, 96),
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
    rotation: int = 0,
) -> Path:
    """Write one frame a pts; frame i shows i as a binary number along its top (see `read_number`)."""
    width, height = size_px
    noise = np.random.default_rng(0).integers(60, 120, (height, width, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = stream.codec_context.time_base = time_base
        if rotation:
            stream.set_display_rotation(rotation)
        for number, tick in enumerate(pts):
            picture = np.roll(noise, number * 3, axis=1)
            for bit in range(width // MARK_PX):
                picture[:MARK_PX, bit * MARK_PX : (bit + 1) * MARK_PX] = 235 if number >> bit & 1 else 16
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = tick, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def read_number(rgb: np.ndarray) -> int:
    """The number that `write_video` drew into a frame."""
    bits = [rgb[4:12, left + 4 : left + 12].mean() > 128 for left in range(0, rgb.shape[1], MARK_PX)]
    return sum(bool(bit) << place for place, bit in enumerate(bits))


def remux(source: Path, target: Path, options: dict[str, str] | None = None) -> Path:
    """Put a video's packets into another container, unchanged."""
    with av.open(str(source)) as reader, av.open(str(target), "w", options=options or {}) as writer:
        stream = reader.streams.video[0]
        copied = writer.add_stream_from_template(stream)
        for packet in reader.demux(stream):
            if packet.dts is not None:
                packet.stream = copied
                writer.mux(packet)
    return target


def cut(source: Path, target: Path, share: float) -> Path:
    """Keep the first part of a file."""
    data = source.read_bytes()
    target.write_bytes(data[: int(len(data) * share)])
    return target


def zero_hole(source: Path, target: Path, size: int) -> Path:
    """Overwrite `size` bytes in the middle with zeros."""
    data = bytearray(source.read_bytes())
    middle = len(data) // 2
    data[middle : middle + size] = bytes(size)
    target.write_bytes(data)
    return target


def flip_bytes(source: Path, target: Path, count: int) -> Path:
    """Invert `count` bytes between 40 % and 60 % of a file."""
    data = bytearray(source.read_bytes())
    for place in np.random.default_rng(0).integers(int(len(data) * 0.4), int(len(data) * 0.6), count):
        data[place] ^= 0xFF
    target.write_bytes(data)
    return target
