"""From crops of any size to a model's input."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reid.preprocess import IMAGENET_MEAN, IMAGENET_STD, Crop, Preprocessing


def crop(height: int, width: int, seed: int = 0) -> Crop:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_values_by_hand() -> None:
    pixels = np.zeros((4, 2, 3), dtype=np.uint8)
    pixels[1, 0] = (255, 51, 0)
    result = Preprocessing((4, 2), mean=(0.5, 0.2, 0.1), std=(0.5, 0.4, 0.2))([pixels])
    assert tuple(result.shape) == (1, 3, 4, 2)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result[0, :, 1, 0], torch.tensor([1.0, 0.0, -0.5]))
    torch.testing.assert_close(result[0, :, 3, 1], torch.tensor([-1.0, -0.5, -0.5]))


def test_against_a_loop_over_pixels() -> None:
    pixels = crop(5, 3)
    result = Preprocessing((5, 3))([pixels])
    for y in range(5):
        for x in range(3):
            for c in range(3):
                expected = (pixels[y, x, c] / 255 - IMAGENET_MEAN[c]) / IMAGENET_STD[c]
                assert float(result[0, c, y, x]) == pytest.approx(expected, abs=1e-5)


def test_crops_of_any_size_share_a_batch() -> None:
    result = Preprocessing((6, 4))([crop(30, 11), crop(1, 1), crop(6, 4), crop(3, 40)])
    assert tuple(result.shape) == (4, 3, 6, 4)
    assert Preprocessing((6, 4))([]).shape == (0, 3, 6, 4)


def test_area_averages_over_what_falls_together() -> None:
    pixels = crop(8, 4)
    means = pixels.reshape(4, 2, 2, 2, 3).mean(axis=(1, 3))
    assert np.abs(Preprocessing((4, 2)).resize(pixels) - means).max() <= 0.5
    nearest_only = Preprocessing((2, 1), interpolation="bilinear").resize(crop(16, 8))
    assert np.abs(nearest_only - Preprocessing((2, 1)).resize(crop(16, 8)).astype(float)).max() > 1


def test_a_growing_crop_is_smooth() -> None:
    ramp = np.repeat(np.array([[[0] * 3], [[200] * 3]], dtype=np.uint8), 2, axis=1)
    grown = Preprocessing((8, 2)).resize(ramp)[:, 0, 0].astype(int)
    assert len(set(grown.tolist())) > 2


def test_views_into_a_frame_are_read_as_they_look() -> None:
    frame = crop(40, 40)
    view = frame[3:33:2, 5:25, ::-1]
    resized = Preprocessing((6, 4)).resize(view)
    np.testing.assert_array_equal(resized, Preprocessing((6, 4)).resize(view.copy()))


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((4, 2), np.uint8),
        np.zeros((4, 2, 4), np.uint8),
        np.zeros((3, 4, 2), np.uint8),
        np.zeros((4, 2, 3), np.float32),
        np.zeros((0, 2, 3), np.uint8),
        [[1, 2, 3]],
    ],
)
def test_what_is_no_crop_is_refused(bad: Crop) -> None:
    with pytest.raises(ValueError, match="crop: expected"):
        Preprocessing((4, 2)).resize(bad)


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="size_hw"):
        Preprocessing((0, 2))
    with pytest.raises(ValueError, match="std"):
        Preprocessing((4, 2), std=(1.0, 0.0, 1.0))
