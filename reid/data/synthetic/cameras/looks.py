"""How cameras differ in the pictures that they make of one and the same scene."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from reid.data.synthetic.draws import Draws

_NIGHT_SHARE = 0.03
_DIM_SHARE = 0.12
_MAX_CURVE = 0.9


@dataclass(frozen=True)
class Looks:
    """The looks of C cameras: each keeps its own for good, as the colour and grain of its pictures show.

    A display value is the root of linear light and lies in [0, 1]; a level is one of a finished picture's 256 steps;
    lengths are in the camera's own pixels. All arrays are float32.

    Attributes:
        gains_rgb: (C, 3), on linear light: exposure, and what the white balance leaves of the light's colour.
        curve: (C, 2), brightness and contrast: the display value d becomes
            d + d (1 - d) (brightness + contrast (2 d - 1)).
        black_rgb: (C, 3), the display value of black: haze, glare, or blacks that were never set.
        saturation: (C,), 1 leaves colours as they are, 0 is black and white.
        hue_rad: (C,), by how much hues are turned.
        vignetting: (C,), share of the light that is lost in the picture's corners.
        shot_noise: (C,), in levels; the deviation of the noise of bright places.
        read_noise: (C,), in levels; what black has on top of that.
        colour_noise: (C,), that of the colours as a share of the brightness's.
        defocus_px: (C,), standard deviation of the lens's blur.
        motion_px: (C,), how far people typically move while the shutter is open.
        sharpening: (C,), how strongly edges are raised.
        loss: (C,), of the compression: 100 less JPEG's quality; 0 leaves it out.
        person_px: (C,), how high people typically stand in the picture.
        drift: (C,), how much the light and the white balance change with time; 1 is usual.
    """

    gains_rgb: np.ndarray
    curve: np.ndarray
    black_rgb: np.ndarray
    saturation: np.ndarray
    hue_rad: np.ndarray
    vignetting: np.ndarray
    shot_noise: np.ndarray
    read_noise: np.ndarray
    colour_noise: np.ndarray
    defocus_px: np.ndarray
    motion_px: np.ndarray
    sharpening: np.ndarray
    loss: np.ndarray
    person_px: np.ndarray
    drift: np.ndarray

    def __len__(self) -> int:
        return len(self.gains_rgb)

    @staticmethod
    def from_seeds(seeds: np.ndarray, strength: float = 1.0) -> Looks:
        """Draw cameras as streets and buildings have them: most of them fair, some of them poor.

        Args:
            seeds: (C,) integers, one a camera.
            strength: how far the cameras are from one that shows the scene as it is: 0 is that camera, 1 is usual.

        Returns:
            Their looks.
        """
        draws = Draws(seeds).child("look")
        dim, night = _darkness(draws, min(strength, 1.0))
        dark = np.maximum(dim, night)
        looks = {
            "gains_rgb": _gains_rgb(draws, dark, strength),
            "curve": _curve(draws, strength),
            "black_rgb": _black_rgb(draws, strength),
            "saturation": _saturation(draws, dim, night, strength),
            "hue_rad": draws.normal("hue", 0.0, 0.05) * strength,
            "vignetting": np.minimum(np.abs(draws.normal("vignetting", 0.0, 0.2)) * strength, 0.6),
            "shot_noise": np.minimum(_spread(draws, "shot noise", 1.5, 0.5) * (1.0 + 1.6 * dark) * strength, 10.0),
            "read_noise": np.minimum(_spread(draws, "read noise", 1.2, 0.7) * (1.0 + 2.5 * dark) * strength, 10.0),
            "colour_noise": draws.uniform("colour noise", 0.3, 0.9),
            "defocus_px": np.minimum(_spread(draws, "defocus", 0.5, 0.5), 1.8) * strength,
            "motion_px": _spread(draws, "motion", 0.9, 0.6) * (1.0 + 1.2 * dark) * strength,
            "sharpening": np.maximum(draws.normal("sharpening", 0.35, 0.4), 0.0) * strength,
            "loss": np.minimum(_spread(draws, "loss", 30.0, 0.45) * strength, 70.0),
            "person_px": np.maximum(_spread(draws, "person", 170.0, 0.42), 56.0) / max(strength, 1e-3),
            "drift": np.full(len(draws), strength),
        }
        return Looks(**{name: values.astype(np.float32) for name, values in looks.items()})

    def select(self, rows: np.ndarray) -> Looks:
        """Pick looks, with repetition: (M,) indices give M looks."""
        return Looks(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def of_images(self, camera: np.ndarray, tracklet_draws: Draws, draws: Draws) -> Looks:
        """Look through the cameras at certain moments: light and lens are never quite the same.

        Args:
            camera: (M,) int64, which camera made each image.
            tracklet_draws: M seeds, equal for images taken within seconds of each other: for the hour, the weather, the
                person's distance.
            draws: M seeds of the images: for what changes from one frame to the next.

        Returns:
            One look an image.
        """
        looks = self.select(camera)
        visit, frame = tracklet_draws.child("visit"), draws.child("frame")
        stops = visit.normal("exposure", 0.0, 0.15) + frame.normal("exposure", 0.0, 0.02)
        balance = visit.normal("balance", 0.0, 0.035, size=3) + frame.normal("balance", 0.0, 0.006, size=3)
        speed = np.abs(visit.normal("motion", 0.0, 1.2)) * frame.uniform("motion", 0.4, 1.4)
        distance = np.exp(visit.normal("distance", 0.0, 0.3) + frame.normal("distance", 0.0, 0.03))
        return replace(
            looks,
            gains_rgb=looks.gains_rgb * np.exp2((stops[:, None] + balance) * looks.drift[:, None]),
            defocus_px=looks.defocus_px * np.exp(visit.normal("defocus", 0.0, 0.2)),
            motion_px=looks.motion_px * speed,
            loss=looks.loss * frame.uniform("loss", 0.85, 1.15),
            person_px=looks.person_px * distance,
        )


def _darkness(draws: Draws, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Which cameras see too little light, and which have gone over to black and white for it: (C,) 0 or 1 each."""
    kind = draws.uniform("darkness")
    night = kind < _NIGHT_SHARE * share
    dim = ~night & (kind < (_NIGHT_SHARE + _DIM_SHARE) * share)
    return dim.astype(np.float32), night.astype(np.float32)


def _gains_rgb(draws: Draws, dark: np.ndarray, strength: float) -> np.ndarray:
    """Mostly between warm and cold, a little between green and magenta."""
    tail = _spread(draws, "cast", 1.0, 0.45)
    warmth = draws.normal("warmth", 0.02, 0.14) * tail * strength
    green = draws.normal("green", 0.01, 0.04) * tail * strength
    cast = np.exp(np.stack([warmth, green, -warmth], axis=1))  # (C, 3)
    stops = draws.normal("exposure", 0.0, 0.35) - dark * draws.uniform("dark", 0.6, 1.9)
    brightness = cast @ np.array([0.3, 0.59, 0.11], dtype=np.float32)
    exposure = np.exp2(np.clip(stops * strength, -1.7, 1.3))
    gains: np.ndarray = cast * (exposure / brightness)[:, None]
    return gains


def _curve(draws: Draws, strength: float) -> np.ndarray:
    brightness = draws.normal("brightness", 0.0, 0.16) * strength
    contrast = draws.normal("contrast", 0.05, 0.18) * strength
    curve = np.stack([brightness, contrast], axis=1)  # (C, 2)
    # Beyond a sum of 1 the curve would fall somewhere.
    bent: np.ndarray = curve * (_MAX_CURVE / np.maximum(np.abs(curve).sum(axis=1, keepdims=True), _MAX_CURVE))
    return bent


def _black_rgb(draws: Draws, strength: float) -> np.ndarray:
    height = np.minimum(np.abs(draws.normal("haze", 0.0, 0.045)) * _spread(draws, "haze tail", 1.0, 0.5), 0.22)
    tint = 1.0 + draws.normal("haze colour", 0.0, 0.12, size=3)
    black: np.ndarray = np.clip(height[:, None] * tint * strength, 0.0, 0.4)
    return black


def _saturation(draws: Draws, dim: np.ndarray, night: np.ndarray, strength: float) -> np.ndarray:
    usual = np.exp((draws.normal("saturation", -0.08, 0.22) - dim * draws.uniform("dim colours", 0.1, 0.7)) * strength)
    saturation: np.ndarray = usual * (1.0 - night)
    return saturation


def _spread(draws: Draws, name: str, middle: float, spread: float) -> np.ndarray:
    """(C,) positive, as often above the middle as below, with the longer tail above."""
    spread_out: np.ndarray = middle * np.exp(draws.normal(name, 0.0, spread))
    return spread_out
