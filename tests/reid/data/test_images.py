"""Pictures in files: what is read, and what is told of files that are missing, damaged or cut off."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from reid.data.images import ImageFiles, decode, read_usable
from reid.errors import ImageError

PICTURE = np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3) * 3
SMOOTH = cv2.resize(np.random.default_rng(0).integers(0, 256, (8, 4, 3), np.uint8), (32, 64))


def encoded(rgb: np.ndarray, extension: str = ".png") -> bytes:
    return cv2.imencode(extension, np.ascontiguousarray(rgb[..., ::-1]))[1].tobytes()


class TestDecode:
    def test_pixels_are_rgb(self) -> None:
        crop = decode(encoded(PICTURE), "a.png")
        assert crop.dtype == np.uint8
        assert crop.flags.c_contiguous
        np.testing.assert_array_equal(crop, PICTURE)

    def test_jpeg(self) -> None:
        crop = decode(encoded(SMOOTH, ".jpg"), "a.jpg")
        assert np.abs(crop.astype(int) - SMOOTH).mean() < 4

    def test_grey_has_three_channels(self) -> None:
        grey = cv2.imencode(".png", PICTURE[..., 0])[1].tobytes()
        np.testing.assert_array_equal(decode(grey, "a.png"), PICTURE[..., :1].repeat(3, axis=2))

    @pytest.mark.parametrize("extension", [".jpg", ".png"])
    @pytest.mark.parametrize("left", [0.2, 0.5, 0.9, 0.99])
    def test_what_was_cut_off_is_not_taken_for_a_picture(self, extension: str, left: float) -> None:
        data = encoded(SMOOTH, extension)
        with pytest.raises(ImageError, match=r"^x/1: the file was cut off after \d+ bytes$"):
            decode(data[: int(len(data) * left)], "x/1")

    def test_bytes_after_the_end_do_no_harm(self) -> None:
        for extension in (".jpg", ".png"):
            data = encoded(SMOOTH, extension)
            np.testing.assert_array_equal(decode(data + b"\0" * 20, "a"), decode(data, "a"))

    def test_a_thumbnail_has_an_end_of_its_own(self) -> None:
        data, thumbnail = encoded(SMOOTH, ".jpg"), encoded(SMOOTH[:8, :8], ".jpg")
        segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
        whole = data[:2] + segment + data[2:]
        np.testing.assert_array_equal(decode(whole, "a"), decode(data, "a"))
        with pytest.raises(ImageError, match="cut off"):
            decode(whole[:-100], "a")

    @pytest.mark.parametrize(
        ("data", "message"),
        [(b"", "a.jpg: the file is empty"), (b"a letter, no picture", "a.jpg: not an image that can be decoded")],
    )
    def test_no_picture(self, data: bytes, message: str) -> None:
        with pytest.raises(ImageError, match=f"^{message}"):
            decode(data, "a.jpg")


@pytest.fixture
def files(tmp_path: Path) -> ImageFiles:
    """Files a to c and a broken one."""
    (tmp_path / "person").mkdir()
    for number, name in enumerate("abc"):
        (tmp_path / "person" / f"{name}.png").write_bytes(encoded(PICTURE + number))
    (tmp_path / "person" / "bad.png").write_bytes(encoded(PICTURE)[:30])
    return ImageFiles(tmp_path)


class TestFiles:
    def test_any_order_and_number(self, files: ImageFiles) -> None:
        crops = files.read([f"person/{name}.png" for name in "cac"])
        assert len(crops) == 3
        for crop, number in zip(crops, (2, 0, 2), strict=True):
            np.testing.assert_array_equal(crop, PICTURE + number)
        assert files.read([]) == []

    @pytest.mark.parametrize(
        ("name", "reason"),
        [("none.png", "No such file or directory"), ("person", "Is a directory"), ("person/\0", "null byte")],
    )
    def test_what_is_not_there(self, files: ImageFiles, tmp_path: Path, name: str, reason: str) -> None:
        with pytest.raises(ImageError) as raised:
            files.read(["person/a.png", name])
        assert str(raised.value).startswith(f"{name}: ")
        assert reason in str(raised.value)
        assert str(tmp_path) in str(raised.value)

    def test_as_it_is(self, files: ImageFiles) -> None:
        assert files.encoded("person/b.png") == encoded(PICTURE + 1)


class TestReadUsable:
    def test_all_in_one_call_where_all_can_be_read(self, files: ImageFiles) -> None:
        asked: list[list[str]] = []

        class Watched:
            def read(self, frames: list[str]) -> list[np.ndarray]:
                asked.append(list(frames))
                return files.read(frames)

        usable, broken = read_usable(Watched(), ["person/b.png", "person/a.png", "person/b.png"])
        assert asked == [["person/b.png", "person/a.png"]]
        assert (list(usable), broken) == (["person/b.png", "person/a.png"], {})
        np.testing.assert_array_equal(usable["person/b.png"], PICTURE + 1)

    def test_what_is_broken_is_told_apart(self, files: ImageFiles) -> None:
        usable, broken = read_usable(files, ["none.png", "person/a.png", "person/bad.png"])
        assert list(usable) == ["person/a.png"]
        assert list(broken) == ["none.png", "person/bad.png"]
        assert broken["person/bad.png"] == "person/bad.png: the file was cut off after 30 bytes"

    def test_nothing(self, files: ImageFiles) -> None:
        assert read_usable(files, []) == ({}, {})
