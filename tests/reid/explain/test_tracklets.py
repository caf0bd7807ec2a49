"""Folders of crops: what is found in them, what they are called, what is refused."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reid.errors import InputError
from reid.explain.tracklets import find_crop_folders, read_crop


def write_crops(folder: Path, count: int = 2, suffix: str = ".jpg") -> Path:
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (20, 10, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03d}{suffix}")
    return folder


def test_a_folder_of_images_is_one_tracklet(tmp_path: Path) -> None:
    folder = write_crops(tmp_path / "gate" / "7", 3)
    (folder / "notes.txt").touch()
    (found,) = find_crop_folders([folder])
    assert (found.name, found.path) == ("7", folder)
    assert [path.name for path in found.images] == ["000.jpg", "001.jpg", "002.jpg"]


@pytest.mark.parametrize("suffix", [".png", ".jpeg", ".JPG", ".bmp", ".webp", ".tif"])
def test_formats(tmp_path: Path, suffix: str) -> None:
    (found,) = find_crop_folders([write_crops(tmp_path / "7", 1, suffix)])
    crop = read_crop(found.images[0])
    assert (crop.shape, crop.dtype) == ((20, 10, 3), np.uint8)


def test_grey_images_become_rgb(tmp_path: Path) -> None:
    Image.new("L", (4, 8), 77).save(tmp_path / "a.png")
    assert (read_crop(tmp_path / "a.png") == 77).all()


def test_the_crops_of_a_run_are_found_below_their_cameras(tmp_path: Path) -> None:
    for name in ("gate/1", "gate/12", "hall/1"):
        write_crops(tmp_path / "run" / "crops" / name)
    crops = tmp_path / "run" / "crops"
    assert [found.name for found in find_crop_folders([crops / "gate"])] == ["1", "12"]
    assert [found.name for found in find_crop_folders([crops])] == ["gate-1", "gate-12", "hall-1"]
    with pytest.raises(InputError, match="no images"):
        find_crop_folders([tmp_path / "run"])


def test_names_are_as_short_as_tells_them_apart(tmp_path: Path) -> None:
    folders = [write_crops(tmp_path / name) for name in ("a/crops/gate/1", "b/crops/gate/1", "b/crops/gate/2")]
    found = find_crop_folders(folders)
    assert [each.name for each in found] == ["a-crops-gate-1", "b-crops-gate-1", "b-crops-gate-2"]
    assert [each.name for each in find_crop_folders([folders[0], folders[2], folders[0]])] == ["1", "2"]


def test_broken_images_are_named_and_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = write_crops(tmp_path / "7", 4)
    data = (folder / "001.jpg").read_bytes()
    (folder / "001.jpg").write_bytes(data[: len(data) // 2])
    (folder / "text.png").write_text("words")
    (folder / "empty.jpg").touch()
    (folder / "folder.jpg").mkdir()
    with caplog.at_level(logging.WARNING):
        (found,) = find_crop_folders([folder])
    assert [path.name for path in found.images] == ["000.jpg", "002.jpg", "003.jpg"]
    (record,) = caplog.records
    message = record.getMessage()
    assert "4 of 7 images cannot be read" in message
    assert "001.jpg: " in message and "empty.jpg: not an image" in message and "and 1 more" in message


def test_a_tracklet_of_broken_images_is_left_out_beside_others(tmp_path: Path) -> None:
    write_crops(tmp_path / "1")
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / "a.jpg").touch()
    assert [found.name for found in find_crop_folders([tmp_path])] == ["1"]
    with pytest.raises(InputError, match="none of the images can be read"):
        find_crop_folders([tmp_path / "2"])


def test_refusals(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for path, message in (
        (tmp_path / "missing", "no folder"),
        (tmp_path / "file", "is not a folder"),
        (tmp_path / "empty", "no images"),
        (tmp_path / ("x" * 300), "File name too long"),
    ):
        with pytest.raises(InputError, match=message):
            find_crop_folders([path])
