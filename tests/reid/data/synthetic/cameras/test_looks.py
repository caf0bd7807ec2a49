"""Looks of cameras."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from reid.data.synthetic.cameras.looks import Looks
from reid.data.synthetic.draws import Draws

MANY = Looks.from_seeds(np.arange(20_000))
NAMES = [field.name for field in fields(Looks)]


def _brightness(looks: Looks) -> np.ndarray:
    return looks.gains_rgb @ np.array([0.3, 0.59, 0.11])


@pytest.mark.parametrize("name", NAMES)
def test_a_camera_depends_on_its_seed_alone(name: str) -> None:
    alone = getattr(Looks.from_seeds(np.array([1234])), name)
    assert alone.dtype == np.float32
    assert np.array_equal(alone, getattr(MANY, name)[1234:1235])
    assert np.array_equal(alone, getattr(Looks.from_seeds(np.array([5, 1234, 77])), name)[1:2])


def test_strength_0_is_the_neutral_camera() -> None:
    neutral = Looks.from_seeds(np.arange(50), strength=0.0)
    for name in ("gains_rgb", "saturation"):
        assert (getattr(neutral, name) == 1).all()
    for name in ("curve", "black_rgb", "hue_rad", "vignetting", "shot_noise", "read_noise", "defocus_px", "motion_px"):
        assert (getattr(neutral, name) == 0).all()
    assert (neutral.sharpening == 0).all() and (neutral.loss == 0).all() and (neutral.drift == 0).all()
    assert (neutral.person_px > 10_000).all()


def test_strength_scales_the_distance_from_it() -> None:
    half = Looks.from_seeds(np.arange(20_000), strength=0.5)
    warmth, half_warmth = (np.log(looks.gains_rgb[:, 0] / looks.gains_rgb[:, 2]) for looks in (MANY, half))
    assert np.abs(half_warmth - warmth / 2).max() < 1e-5
    stops, half_stops = np.log2(_brightness(MANY)), np.log2(_brightness(half))
    assert abs(half_stops.std() / stops.std() - 0.5) < 0.1
    assert np.allclose(half.hue_rad, MANY.hue_rad / 2)
    assert np.allclose(half.defocus_px, MANY.defocus_px / 2)


def test_most_cameras_are_fair_and_some_are_poor() -> None:
    night = MANY.saturation == 0
    assert abs(night.mean() - 0.03) < 0.005
    assert 0.08 < (_brightness(MANY) < 0.5).mean() < 0.3
    stops = np.log2(_brightness(MANY))
    assert abs(np.median(stops)) < 0.15
    assert stops.min() >= -1.8 and stops.max() <= 1.4
    assert 20 < np.median(MANY.loss) < 40 and MANY.loss.max() <= 70
    assert 120 < np.median(MANY.person_px) < 220
    assert MANY.shot_noise.min() > 0 and MANY.shot_noise.max() <= 10


def test_tone_curves_never_fall() -> None:
    display = np.linspace(0, 1, 101)[:, None]
    brightness, contrast = MANY.curve.T
    bent = display + display * (1 - display) * (brightness + contrast * (2 * display - 1))
    assert np.diff(bent, axis=0).min() > 0


def test_moments_of_a_camera_are_alike() -> None:
    looks = Looks.from_seeds(np.arange(200))
    camera = np.repeat(np.arange(200), 20)
    one_visit = looks.of_images(camera, Draws(camera), Draws(np.arange(4_000)))
    visits = looks.of_images(camera, Draws(np.arange(4_000)), Draws(np.arange(4_000)))

    def spread(shots: Looks) -> float:
        return float(np.log(_brightness(shots)).reshape(200, 20).std(axis=1).mean())

    assert 0.005 < spread(one_visit) < 0.03
    assert 0.05 < spread(visits) < 0.15 < np.log(_brightness(looks)).std()
    for name in ("curve", "black_rgb", "saturation", "hue_rad", "shot_noise", "read_noise", "sharpening"):
        assert np.array_equal(getattr(visits, name), getattr(looks, name)[camera])
    cast = np.log(visits.gains_rgb[:, 0] / visits.gains_rgb[:, 2]).reshape(200, 20)
    assert cast.std(axis=1).mean() < 0.25 * cast.mean(axis=1).std()


def test_an_image_depends_on_its_own_draws_alone() -> None:
    looks = Looks.from_seeds(np.arange(5))
    camera, seeds = np.array([4, 0, 3, 3]), np.array([10, 11, 12, 13])
    together = looks.of_images(camera, Draws(seeds // 2), Draws(seeds))
    alone = looks.of_images(camera[2:3], Draws(seeds[2:3] // 2), Draws(seeds[2:3]))
    for name in NAMES:
        assert np.array_equal(getattr(alone, name), getattr(together, name)[2:3])
