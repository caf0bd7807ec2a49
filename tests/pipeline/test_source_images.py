"""Folders of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.sources import CameraStatus, Frame, Source, open_source, parse_sources


def save(path: Path, grey: int) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.full((20, 30, 3), (grey, grey // 2, 0), np.uint8)).save(path)


def read_all(folder: Path, **options: float) -> tuple[Source, list[Frame]]:
    source = open_source(parse_sources([str(folder)])[0], **options)  # type: ignore[arg-type]
    return source, list(source.frames())


def test_images_come_in_natural_order_with_times(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        save(tmp_path / "walk" / f"frame{number}.png", number * 20)
    source, frames = read_all(tmp_path / "walk", image_fps=10.0)
    assert [frame.rgb[0, 0].tolist() for frame in frames] == [[20, 10, 0], [40, 20, 0], [200, 100, 0]]
    assert [(frame.index, frame.time_s) for frame in frames] == [(0, 0.0), (1, 0.1), (2, 0.2)]
    assert (source.size_px, source.fps, source.live) == ((30, 20), 10.0, False)
    assert (source.health.status, source.health.frames_expected) == (CameraStatus.OK, 3)


def test_every_nth_image(tmp_path: Path) -> None:
    for number in range(7):
        save(tmp_path / "walk" / f"{number}.png", number * 10)
    source, frames = read_all(tmp_path / "walk", every=3)
    assert [(frame.index, int(frame.rgb[0, 0, 0])) for frame in frames] == [(0, 0), (3, 30), (6, 60)]
    assert source.health.frames_decoded == 7


def test_broken_images_are_counted_and_the_others_keep_their_numbers(tmp_path: Path) -> None:
    folder = tmp_path / "walk"
    for number in range(6):
        save(folder / f"{number}.jpg", number * 10)
        save(folder / f"{number}.png", number * 10)
    (folder / "0.jpg").write_bytes(b"")
    (folder / "2.jpg").write_text("no image")
    for name in ("3.jpg", "4.png"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) * 2 // 3])
    source, frames = read_all(folder, image_fps=10.0)
    assert [frame.index for frame in frames] == [1, 2, 3, 5, 7, 8, 10, 11]
    health = source.health
    assert (health.status, health.frames_decoded, health.frames_corrupt) == (CameraStatus.DAMAGED, 8, 4)
    assert [round(gap.start_s, 3) for gap in health.gaps] == [0.0, 0.4, 0.6, 0.9]
    assert health.last_error is not None and health.last_error.startswith("4.png: ")
    assert source.size_px == (30, 20)


def test_a_folder_of_broken_images_only_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "walk").mkdir()
    (tmp_path / "walk" / "1.jpg").write_bytes(b"x")
    source, frames = read_all(tmp_path / "walk")
    assert (frames, source.health.status, source.size_px) == ([], CameraStatus.DAMAGED, None)


def test_a_frame_rate_must_be_above_zero(tmp_path: Path) -> None:
    save(tmp_path / "walk" / "1.jpg", 0)
    with pytest.raises(ValueError, match="image_fps is 0"):
        read_all(tmp_path / "walk", image_fps=0)
