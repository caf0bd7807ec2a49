"""Blur and sharpening."""

import numpy as np
import torch

from reid.data.synthetic.cameras.blur import MAX_RADIUS_PX, filter_taps, filtered


def _taps(defocus_px: float, motion_px: float, sharpening: float) -> np.ndarray:
    return filter_taps(np.array([defocus_px]), np.array([motion_px]), np.array([sharpening]))


def test_nothing_to_do_leaves_pictures_alone() -> None:
    taps = _taps(0.0, 0.0, 0.0)
    assert taps[0].tolist() == [1.0] + [0.0] * MAX_RADIUS_PX
    planes = torch.rand(1, 9, 7)
    assert torch.equal(filtered(planes, taps, taps), planes)


def test_taps_by_hand() -> None:
    # Three pixels, evenly.
    assert np.abs(_taps(0.0, 3.0, 0.0)[0, :3] - [1 / 3, 1 / 3, 0]).max() < 2e-4
    # The pixel, and half of what it differs by from (1, 4, 6, 4, 1) / 16 of its neighbourhood.
    assert _taps(0.0, 0.0, 0.5)[0, :4].tolist() == [1 + 0.5 * 10 / 16, -0.5 * 4 / 16, -0.5 / 16, 0.0]


def test_width_of_a_gaussian() -> None:
    for defocus_px in (0.7, 1.0, 1.6):
        taps = _taps(defocus_px, 0.0, 0.0)[0].astype(np.float64)
        away = np.arange(MAX_RADIUS_PX + 1)
        assert abs(np.sqrt(2 * (taps * away**2).sum()) - defocus_px) < 0.02
        assert taps[0] + 2 * taps[1:].sum() == 1.0


def test_agrees_with_a_naive_filter() -> None:
    rng = np.random.default_rng(0)
    planes = rng.uniform(0, 255, size=(4, 12, 15))
    defocus_px, motion_px, sharpening = (
        np.array([0.0, 0.8, 1.5, 0.3]),
        np.array([4, 0, 2, 6.5]),
        np.array([0, 1, 0.3, 0]),
    )
    across = filter_taps(defocus_px, motion_px, sharpening)
    down = filter_taps(defocus_px, 0 * motion_px, sharpening)
    expected = np.zeros_like(planes)
    for image in range(4):
        for y in range(12):
            for x in range(15):
                for dy in range(-MAX_RADIUS_PX, MAX_RADIUS_PX + 1):
                    for dx in range(-MAX_RADIUS_PX, MAX_RADIUS_PX + 1):
                        pixel = planes[image, min(max(y + dy, 0), 11), min(max(x + dx, 0), 14)]
                        expected[image, y, x] += across[image, abs(dx)] * down[image, abs(dy)] * pixel
    assert np.abs(filtered(torch.from_numpy(planes).float(), across, down).numpy() - expected).max() < 1e-3


def test_an_image_is_the_same_beside_a_blurrier_one() -> None:
    planes = torch.rand(2, 20, 20)
    taps = filter_taps(np.array([0.4, 2.4]), np.array([0.0, 7.0]), np.array([0.3, 0.0]))
    together = filtered(planes, taps, taps)
    assert torch.equal(filtered(planes[:1], taps[:1], taps[:1]), together[:1])
