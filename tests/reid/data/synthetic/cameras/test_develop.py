"""From linear light to finished pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from reid.data.synthetic.cameras.develop import develop, develop_frames
from reid.data.synthetic.cameras.looks import Looks
from reid.data.synthetic.draws import Draws

NEUTRAL = Looks.from_seeds(np.arange(4), strength=0.0)
FIRST = np.array([0])
UNSCALED = np.array([128.0])


def _light(number: int, height_px: int, width_px: int, seed: int = 0) -> torch.Tensor:
    """(M, 3, H, W) linear light of coloured patches, from 0 to beyond white."""
    coarse = torch.rand(number, 3, 6, 4, generator=torch.Generator().manual_seed(seed)) * 1.3
    return torch.nn.functional.interpolate(coarse, (height_px, width_px), mode="nearest")


def _changed(**values: float) -> Looks:
    return replace(NEUTRAL, **{name: np.full_like(getattr(NEUTRAL, name), value) for name, value in values.items()})


def _grey(display: float, *, number: int = 1, height_px: int = 128, width_px: int = 64) -> torch.Tensor:
    return torch.full((number, 3, height_px, width_px), display**2)


@pytest.mark.parametrize("size_hw", [(128, 64), (61, 33)])
def test_a_neutral_camera_shows_the_scene_as_it_is(size_hw: tuple[int, int]) -> None:
    linear = _light(3, *size_hw)
    expected = (255 * linear.clamp(0, 1).sqrt()).round()
    camera = np.array([0, 1, 1])
    for shown in (
        develop(linear, NEUTRAL, camera, Draws(camera)),
        develop_frames(linear, NEUTRAL, camera, Draws(camera)),
    ):
        assert shown.dtype == torch.uint8 and shown.shape == linear.shape
        assert (shown.float() - expected).abs().max() <= 1


def test_colours_by_hand() -> None:
    # Gains and curve: light 0.16 times 1.5625 is 0.25, display 0.5, plus 0.25 times 0.2: 0.55.
    bent = replace(_changed(gains_rgb=1.5625), curve=np.tile(np.float32([0.2, 0.3]), (4, 1)))
    assert develop(_grey(0.4), bent, FIRST, Draws([0])).unique().tolist() == [140]
    # Haze: black is at 0.1, and what was at 0.5 is half-way from there to 1.
    assert develop(_grey(0.5), _changed(black_rgb=0.1), FIRST, Draws([0])).unique().tolist() == [140]
    # Without saturation only the brightness is left: 0.299 * 255.
    red = torch.zeros(1, 3, 8, 8)
    red[:, 0] = 1.0
    assert develop(red, _changed(saturation=0.0), FIRST, Draws([0])).unique().tolist() == [76]
    # A third of a turn of the hue: red goes towards blue, and not to green.
    turned = develop(red, _changed(hue_rad=-np.pi / 3), FIRST, Draws([0]))[0, :, 0, 0].tolist()
    assert turned[2] > 120 and turned[1] < 60


def test_vignetting_takes_from_the_corners() -> None:
    shown = develop_frames(_grey(0.8, height_px=90, width_px=160), _changed(vignetting=0.5), FIRST, Draws([0]))[0, 0]
    assert abs(int(shown[45, 80]) - 204) <= 1
    assert abs(int(shown[0, 0]) - 204 * 0.5**0.5) <= 3
    assert (shown == shown.flip(0)).all() and (shown == shown.flip(1)).all()


def test_a_camera_keeps_its_cast() -> None:
    looks = Looks.from_seeds(np.arange(40))
    camera = np.tile(np.arange(40), 2)
    shown = develop(_grey(0.5, number=80), looks, camera, Draws(np.arange(80))).float().mean(dim=(2, 3))
    cast = torch.stack([shown[:, 0] - shown[:, 1], shown[:, 2] - shown[:, 1]], dim=1)  # (80, 2)
    within = (cast[:40] - cast[40:]).abs().mean()
    between = (cast[:40] - cast[1:41]).abs().mean()
    assert within < 0.25 * between


def test_noise_is_as_strong_as_asked() -> None:
    noisy = replace(_changed(shot_noise=4.0, colour_noise=0.0), read_noise=np.float32([0, 6, 0, 0]))
    camera = np.array([0, 1])
    shown = develop(_grey(0.5, number=2), noisy, camera, Draws([8, 9]), box_height_px=UNSCALED.repeat(2))[:, 1].float()
    assert abs(shown[0].std().item() - 4.0) < 0.15
    assert abs(shown[1].std().item() - (4.0 + 6.0 * 0.5)) < 0.25  # half of what black has
    assert (shown.mean(dim=(1, 2)) - 127.5).abs().max() < 0.3
    looks = _changed(shot_noise=4.0, colour_noise=0.5)
    coloured = develop(_grey(0.5), looks, FIRST, Draws([8]), box_height_px=UNSCALED)[0].float()
    blue_difference = (coloured[2] - coloured[1]).std().item()
    assert abs(blue_difference - 2.0 * np.hypot(1.772 + 0.344, 0.714)) < 0.3


def test_noise_differs_from_image_to_image_and_not_with_the_seed() -> None:
    noisy = _changed(shot_noise=4.0)
    shown = develop(_grey(0.5, number=3), noisy, FIRST.repeat(3), Draws([1, 2, 1]), box_height_px=UNSCALED.repeat(3))
    assert torch.equal(shown[0], shown[2])
    assert (shown[0] != shown[1]).float().mean() > 0.8


def test_small_boxes_lose_detail_and_large_ones_noise() -> None:
    stripes = _grey(0.3)
    stripes[:, :, 0::4] = 0.6
    stripes[:, :, 1::4] = 0.6
    lossy = _changed(loss=30.0)
    draws, camera = Draws(np.zeros(4, dtype=np.int64)), np.zeros(4, dtype=np.int64)
    shown = develop(stripes.repeat(4, 1, 1, 1), lossy, camera, draws, box_height_px=np.array([400, 128, 64, 32]))
    contrast = shown[:, 1].float().std(dim=1).mean(dim=1)
    assert contrast[0] > 0.9 * contrast[1] > 1.5 * contrast[2] > 3 * contrast[3]
    noisy = develop(
        _grey(0.5, number=2), _changed(shot_noise=6.0), camera[:2], Draws([0, 0]), box_height_px=np.array([128, 384])
    )
    assert abs(noisy[1].float().std() / noisy[0].float().std() - 1 / 3) < 0.06


def test_movement_blurs_along_and_defocus_all_around() -> None:
    point = _grey(0.2)
    point[:, :, 60:62, 30:32] = 1.0
    many = np.zeros(30, dtype=np.int64)
    moved = develop(
        point.repeat(30, 1, 1, 1),
        _changed(motion_px=4.0),
        many,
        Draws(np.arange(30)),
        box_height_px=UNSCALED.repeat(30),
    )[:, 1].float()
    moved = moved.mean(dim=0) - moved[0, 0, 0]
    across, down = moved.sum(dim=0), moved.sum(dim=1)
    assert (across > 0.05 * across.max()).sum() > 1.5 * (down > 0.05 * down.max()).sum()
    blurred = develop(point, _changed(defocus_px=1.5), FIRST, Draws([0]), box_height_px=UNSCALED)[0, 1].float()
    assert torch.equal(blurred[52:70, 22:40], blurred[52:70, 22:40].T)
    assert blurred[61, 31] < 200 < develop(point, NEUTRAL, FIRST, Draws([0]))[0, 1, 61, 31]


@pytest.mark.parametrize("size_hw", [(128, 64), (61, 33)])
def test_alone_and_in_a_batch_to_the_bit(size_hw: tuple[int, int]) -> None:
    number = 24
    looks = Looks.from_seeds(np.arange(number), strength=1.2)
    linear, seeds = _light(number, *size_hw), np.arange(number) + 100
    together = develop(linear, looks, np.arange(number), Draws(seeds), Draws(seeds // 3))
    assert torch.equal(develop(linear, looks, np.arange(number), Draws(seeds), Draws(seeds // 3)), together)
    for size in (1, 5, 11):
        for start in range(0, number, size):
            rows = np.arange(start, min(start + size, number))
            alone = develop(linear[rows], looks, rows, Draws(seeds[rows]), Draws(seeds[rows] // 3))
            assert torch.equal(alone, together[rows])


def test_frames_of_a_video_differ_by_their_noise_only() -> None:
    looks = Looks.from_seeds(np.array([3]))
    linear = _light(1, 90, 160).repeat(3, 1, 1, 1)
    camera = np.zeros(3, dtype=np.int64)
    shown = develop_frames(linear, looks, camera, Draws([1, 2, 3]))
    assert not torch.equal(shown[0], shown[1])
    assert (shown[0].float().mean(dim=(1, 2)) - shown[1].float().mean(dim=(1, 2))).abs().max() < 0.5
    assert torch.equal(develop_frames(linear[:1], looks, camera[:1], Draws([2]))[0], shown[1])


def test_no_images() -> None:
    nothing = develop(torch.zeros(0, 3, 128, 64), NEUTRAL, np.zeros(0, dtype=np.int64), Draws([]))
    assert nothing.shape == (0, 3, 128, 64) and nothing.dtype == torch.uint8
