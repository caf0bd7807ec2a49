"""Random changes to clips: each one against what it should be, and how they go together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from reid.data.augmentation import Augmentation, augment
from reid.preprocess import Preprocessing

SIZE_HW = (24, 12)
PREPROCESSING = Preprocessing(SIZE_HW)
NOTHING = {"flip": 0.0, "crop_padding_px": 0, "erasing": 0.0}
MEAN = np.array([124, 116, 104])  # ImageNet's


def noise(count: int = 3, size_hw: tuple[int, int] = SIZE_HW) -> list[np.ndarray]:
    """Crops without a black pixel."""
    return list(np.random.default_rng(0).integers(1, 256, (count, *size_hw, 3), np.uint8))


def changed(crops: list[np.ndarray], seed: int = 0, **settings: Any) -> np.ndarray:
    return augment(crops, PREPROCESSING, Augmentation(**{**NOTHING, **settings}), np.random.default_rng(seed))


def test_nothing_is_resizing() -> None:
    crops = noise(2, (50, 30)) + noise(2, (10, 40)) + noise(1)
    clip = changed(crops)
    assert (clip.shape, clip.dtype) == ((5, *SIZE_HW, 3), np.uint8)
    for frame, crop in zip(clip, crops, strict=True):
        np.testing.assert_array_equal(frame, PREPROCESSING.resize(crop))


def test_the_same_numbers_make_the_same_clip_and_crops_stay_as_they_are() -> None:
    crops = noise()
    for crop in crops:
        crop.flags.writeable = False
    everything = {
        "flip": 0.5, "crop_padding_px": 3, "erasing": 0.9, "erasing_fill": "random", "partial": 0.5, "colour": 0.2,
    }  # fmt: skip
    clips = [changed(crops, seed, **everything) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(clips[0], clips[1])
    assert (clips[0] != clips[2]).any()


def test_all_of_the_given_room_is_written() -> None:
    settings = Augmentation(crop_padding_px=5, erasing=0.5, partial=0.5)
    for seed in range(20):
        out = np.full((3, *SIZE_HW, 3), 77, np.uint8)
        clip = augment(noise(), PREPROCESSING, settings, np.random.default_rng(seed), out)
        assert clip is out
        np.testing.assert_array_equal(out, augment(noise(), PREPROCESSING, settings, np.random.default_rng(seed)))


class TestFlip:
    def test_of_a_clip(self) -> None:
        crops = np.stack(noise())
        flipped = 0
        for seed in range(200):
            clip = changed(list(crops), seed, flip=0.3)
            is_flipped = bool((clip != crops).any())
            np.testing.assert_array_equal(clip, crops[:, :, ::-1] if is_flipped else crops)
            flipped += is_flipped
        assert 35 < flipped < 85

    def test_of_frames(self) -> None:
        crops = np.stack(noise(8))
        seen = set()
        for seed in range(50):
            clip = changed(list(crops), seed, flip=0.5, flip_level="frame")
            flips = [bool((frame != crop).any()) for frame, crop in zip(clip, crops, strict=True)]
            for frame, crop, flipped in zip(clip, crops, flips, strict=True):
                np.testing.assert_array_equal(frame, crop[:, ::-1] if flipped else crop)
            seen.add(tuple(flips))
        assert len(seen) > 30


class TestCrop:
    @pytest.mark.parametrize("flip", [0.0, 1.0])
    @pytest.mark.parametrize("padding", [1, 4, 30])  # the last one larger than the picture
    def test_as_padding_and_cutting(self, padding: int, flip: float) -> None:
        crops = np.stack(noise())
        height, width = SIZE_HW
        padded = np.pad(crops[:, :, ::-1] if flip else crops, ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)))
        offsets = set()
        for seed in range(120):
            clip = changed(list(crops), seed, crop_padding_px=padding, flip=flip)
            if not clip.any():
                continue
            (found,) = [
                (top, left)
                for top in range(2 * padding + 1)
                for left in range(2 * padding + 1)
                if (padded[:, top, left : left + width] == clip[:, 0]).all()
                and (padded[:, top : top + height, left : left + width] == clip).all()
            ]
            offsets.add(found)
        if padding == 1:
            assert offsets == {(top, left) for top in range(3) for left in range(3)}
        else:
            assert len(offsets) > 30


def painted(clip: np.ndarray, crops: np.ndarray) -> np.ndarray:
    """(T, 4) top, bottom, left, right of what was painted over; it is checked that it is a rectangle."""
    boxes = []
    for mask in (clip != crops).any(-1):  # (H, W)
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if not len(rows):
            boxes.append((0, 0, 0, 0))
            continue
        boxes.append((rows[0], rows[-1] + 1, columns[0], columns[-1] + 1))
        assert mask.sum() == (boxes[-1][1] - boxes[-1][0]) * (boxes[-1][3] - boxes[-1][2])
    return np.array(boxes)


class TestErasing:
    crops = np.full((4, *SIZE_HW, 3), 7, np.uint8)

    def test_one_rectangle_for_a_clip(self) -> None:
        boxes = []
        for seed in range(300):
            clip = changed(list(self.crops), seed, erasing=0.4)
            own = painted(clip, self.crops)
            assert (own == own[0]).all()
            top, bottom, left, right = own[0]
            assert (clip[:, top:bottom, left:right] == MEAN).all()
            boxes.append(own[0])
        top, bottom, left, right = np.array(boxes).T
        erased = bottom > top
        assert 90 < erased.sum() < 150
        areas = ((bottom - top) * (right - left))[erased] / np.prod(SIZE_HW)
        ratios = ((bottom - top)[erased]) / (right - left)[erased]
        assert 0.01 < areas.min() < 0.06 and 0.33 < areas.max() < 0.44  # 0.02 to 0.4, in whole pixels
        assert ratios.min() < 0.6 and ratios.max() > 2.0
        assert len(set(top[erased])) > 10 and len(set(left[erased])) > 5
        assert bottom.max() == SIZE_HW[0] and right.max() == SIZE_HW[1]

    def test_rectangles_of_frames(self) -> None:
        clip = changed(list(self.crops), 1, erasing=1.0, erasing_level="frame")
        boxes = painted(clip, self.crops)
        assert len({tuple(box) for box in boxes.tolist()}) > 1
        some = np.concatenate(
            [
                painted(changed(list(self.crops), seed, erasing=0.5, erasing_level="frame"), self.crops)
                for seed in range(50)
            ]
        )
        assert 70 < (some[:, 1] > some[:, 0]).sum() < 130

    def test_noise_is_the_same_in_all_frames(self) -> None:
        clip = changed(list(self.crops), 0, erasing=1.0, erasing_area=(0.3, 0.4), erasing_fill="random")
        assert (clip == clip[0]).all()
        values = clip[0][(clip[0] != 7).any(-1)]
        assert len(values) > 50
        assert 100 < values.mean() < 155 and values.std() > 60

    def test_what_never_fits_is_not_painted(self) -> None:
        clip = changed(list(self.crops), 0, erasing=1.0, erasing_area=(0.9, 1.0), erasing_ratio=(20.0, 30.0))
        np.testing.assert_array_equal(clip, self.crops)


class TestPartial:
    def test_the_same_part_of_crops_of_all_sizes_fills_the_picture(self) -> None:
        """Crops whose pixels say where they were."""
        crops = [
            np.stack(
                np.broadcast_arrays(
                    np.linspace(0, 255, height)[:, None], np.linspace(0, 255, width), np.zeros((height, width))
                ),
                axis=-1,
            ).astype(np.uint8)
            for height, width in ((400, 200), (240, 150))
        ]
        shares, tops, widths = [], [], []
        for seed in range(150):
            clip = changed(crops, seed, partial=1.0, partial_range=(0.4, 0.9)).astype(float) / 255
            assert np.abs(clip[0] - clip[1]).max() < 0.03
            top, bottom = clip[0, 0, :, 0].mean(), clip[0, -1, :, 0].mean()
            left, right = clip[0, :, 0, 1].mean(), clip[0, :, -1, 1].mean()
            # The outermost pixels of the picture stand for the middles of what they average over.
            height = (bottom - top) * SIZE_HW[0] / (SIZE_HW[0] - 1)
            width = (right - left) * SIZE_HW[1] / (SIZE_HW[1] - 1)
            shares.append(height * width)
            tops.append(top - height / SIZE_HW[0] / 2)
            widths.append(width)
        assert 0.37 < min(shares) < 0.45 and 0.85 < max(shares) < 0.93
        assert np.mean(np.abs(tops) < 0.02) > 0.6 and max(tops) > 0.3
        assert min(widths) < 0.8 and np.mean(np.array(widths) > 0.97) > 0.5

    def test_how_often(self) -> None:
        crops = noise()
        partial = sum(bool((changed(crops, seed, partial=0.4) != np.stack(crops)).any()) for seed in range(200))
        assert 60 < partial < 100

    def test_a_pixel_is_left_of_the_smallest_crop(self) -> None:
        assert changed(noise(2, (1, 1)), partial=1.0).shape == (2, *SIZE_HW, 3)


class TestColour:
    def test_brightness_and_contrast_are_the_clips(self) -> None:
        """Two levels, 80 and 120: their mean becomes 100 x brightness, their difference 40 x brightness x contrast."""
        crops = [np.full((*SIZE_HW, 3), level, np.uint8) for level in (80, 120)]
        brightness, contrast = [], []
        for seed in range(200):
            clip = changed(crops, seed, colour=0.3).astype(float)
            low, high = clip[0, 0, 0, 0], clip[1, 0, 0, 0]
            assert (clip[0] == low).all() and (clip[1] == high).all()
            brightness.append((low + high) / 200)
            contrast.append((high - low) / 40 / brightness[-1])
        for values in (np.array(brightness), np.array(contrast)):
            assert 0.68 <= values.min() < 0.75 and 1.25 < values.max() <= 1.33
        assert abs(np.corrcoef(brightness, contrast)[0, 1]) < 0.3

    def test_levels_stay_in_range(self) -> None:
        for seed in range(20):
            clip = changed([np.tile(np.array([[[0]], [[255]]], np.uint8), (12, 12, 3))], seed, colour=0.9)
            assert clip[0, 0].max() <= clip[0, 1].min()  # nothing wraps around


@pytest.mark.parametrize(
    "wrong",
    [
        {"flip": 1.5},
        {"erasing": -0.1},
        {"crop_padding_px": -1},
        {"flip_level": "video"},
        {"erasing_area": (0.4, 0.2)},
        {"erasing_area": (0.0, 0.2)},
        {"erasing_area": (0.2, 1.2)},
        {"erasing_ratio": (-1.0, 2.0)},
        {"partial_range": (0.3, 1.01)},
        {"colour": 1.0},
        {"colors": 0.1},
    ],
)
def test_settings_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Augmentation(**wrong)
