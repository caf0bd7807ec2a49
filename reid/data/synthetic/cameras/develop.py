"""From linear light to finished pictures, as certain cameras make them.

An image's bytes depend on its light, its camera and its draws, never on what it is developed beside: over pixels there
is only arithmetic one by one, in a fixed order, or on numbers whose sums are exact in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from reid.data.synthetic.cameras.blur import filter_taps, filtered
from reid.data.synthetic.cameras.grain import TABLE_LENGTH, grain
from reid.data.synthetic.cameras.jpeg import compressed
from reid.data.synthetic.cameras.looks import Looks
from reid.data.synthetic.cameras.resampling import resampled
from reid.data.synthetic.cameras.ycc import RGB_TO_YCC, halved, to_rgb, weighted
from reid.data.synthetic.draws import Draws

# A camera's own pixels per pixel of a finished crop; what lies between is taken for the nearest.
_RESOLUTIONS = (1.0, 0.75, 0.5, 0.375, 0.25)
_MOTION_DOWN = 0.3


def develop(
    linear: Tensor,
    looks: Looks,
    camera: np.ndarray,
    draws: Draws,
    tracklet_draws: Draws | None = None,
    box_height_px: np.ndarray | None = None,
) -> Tensor:
    """Finish crops of people: optics, sensor, compression, and the scaling to one size after it.

    Args:
        linear: (M, 3, H, W) linear light; white is 1, and what is brighter is white too.
        looks: those of C cameras.
        camera: (M,) int64 in [0, C): which took each image.
        draws: M seeds, one an image.
        tracklet_draws: M seeds, equal for images of one tracklet; without them every image stands alone.
        box_height_px: (M,) how high each crop was in its camera's picture, before it was scaled to H; without it, it is
            drawn to suit the camera.

    Returns:
        (M, 3, H, W) uint8.
    """
    tracklet_draws = draws if tracklet_draws is None else tracklet_draws
    shots = looks.of_images(camera, tracklet_draws, draws)
    squared_radius = tracklet_draws.uniform("place in the picture")  # evenly spread over a disc
    display = _display(linear, shots, _column(1.0 - shots.vignetting * squared_radius, linear.device))
    scale = (shots.person_px if box_height_px is None else np.asarray(box_height_px)) / linear.shape[2]  # (M,)
    finished = torch.empty(linear.shape, dtype=torch.uint8, device=linear.device)
    for rows, resolution, is_lossy in _groups(scale, shots.loss > 0):
        chosen = torch.from_numpy(rows).to(linear.device)
        finished[chosen] = _recorded(
            display[chosen],
            shots.select(rows),
            Draws(draws.seeds[rows]),
            own_hw=(_own_length(linear.shape[2], resolution), _own_length(linear.shape[3], resolution)),
            scale=scale[rows] / resolution,
            is_lossy=is_lossy,
        )
    return finished


def develop_frames(linear: Tensor, looks: Looks, camera: np.ndarray, draws: Draws) -> Tensor:
    """Finish whole frames of videos, which are compressed as videos afterwards: optics and sensor only.

    Args:
        linear: (M, 3, H, W) linear light; white is 1, and what is brighter is white too.
        looks: those of C cameras, whose own pixels are these.
        camera: (M,) int64 in [0, C): which took each frame.
        draws: M seeds, one a frame, for its noise; nothing else differs from frame to frame.

    Returns:
        (M, 3, H, W) uint8.
    """
    shots = looks.select(camera)
    height_px, width_px = linear.shape[2:]
    rows = (np.arange(height_px) + 0.5) / height_px * 2.0 - 1.0
    columns = (np.arange(width_px) + 0.5) / width_px * 2.0 - 1.0
    squared_radius = (0.5 * (rows[:, None] ** 2 + columns**2)).astype(np.float32)  # (H, W), 1 in the corners
    falloff = 1.0 - _column(shots.vignetting, linear.device) * torch.from_numpy(squared_radius).to(linear.device)
    display = _display(linear, shots, falloff)
    still = replace(shots, motion_px=np.zeros_like(shots.motion_px))
    return _recorded(display, still, draws, (height_px, width_px), np.ones_like(shots.motion_px), is_lossy=False)


def _groups(scale: np.ndarray, lossy: np.ndarray) -> Iterator[tuple[np.ndarray, float, bool]]:
    """Rows of images that are recorded alike, with their resolution and whether they are compressed."""
    nearest = np.abs(np.log(scale[:, None] / np.array(_RESOLUTIONS))).argmin(axis=1)  # (M,)
    for place, resolution in enumerate(_RESOLUTIONS):
        for is_lossy in (False, True):
            rows = np.flatnonzero((nearest == place) & (lossy == is_lossy))
            if len(rows):
                yield rows, resolution, is_lossy


def _display(linear: Tensor, shots: Looks, falloff: Tensor) -> Tensor:
    """Expose, and bend by the tone curve: (M, 3, H, W) in [0, 1]. The falloff is (M, 1, 1, 1) or (M, 1, H, W)."""
    gains = torch.from_numpy(shots.gains_rgb).to(linear.device)[:, :, None, None]
    display = linear * (gains * falloff)
    display.clamp_(0.0, 1.0).sqrt_()
    brightness, contrast = shots.curve.T
    # d + d (1 - d) (brightness + contrast (2 d - 1)), by Horner's rule.
    curved = display * _column(-2.0 * contrast, linear.device)
    curved += _column(3.0 * contrast - brightness, linear.device)
    curved *= display
    curved += _column(1.0 + brightness - contrast, linear.device)
    return curved.mul_(display)


def _recorded(
    display: Tensor, shots: Looks, draws: Draws, own_hw: tuple[int, int], scale: np.ndarray, is_lossy: bool
) -> Tensor:
    """Blur, grain and compress at the camera's own resolution, then scale back.

    Args:
        display: (M, 3, H, W) in [0, 1].
        shots: the look of every image.
        draws: M seeds.
        own_hw: the size at which they are recorded.
        scale: (M,) the camera's own pixels per pixel of that size; where it is above 1, an image was scaled down after
            it was recorded, and shows less of everything.
        is_lossy: whether they are compressed, and their colours at half resolution.

    Returns:
        (M, 3, H, W) uint8.
    """
    height_px, width_px = display.shape[2:]
    part = 2 if is_lossy else 1
    luma, chroma = _planes(display, shots, halve_colour=is_lossy)
    luma = resampled(luma, own_hw)
    chroma = resampled(chroma, (-(-own_hw[0] // part), -(-own_hw[1] // part)))
    luma, chroma = _blurred(luma, chroma, shots, scale, part)
    luma, chroma = _grained(luma, chroma, shots, scale, draws)
    if is_lossy:
        quality = 100 - np.round(shots.loss / np.maximum(scale, 1.0)).astype(np.int64)
        luma, chroma = compressed(luma, chroma, quality)
    luma = resampled(luma, (height_px, width_px))
    chroma = resampled(chroma, (height_px + height_px % part, width_px + width_px % part))
    return to_rgb(luma, chroma[..., :height_px, :width_px])


def _planes(display: Tensor, shots: Looks, halve_colour: bool) -> tuple[Tensor, Tensor]:
    """Split into luma (M, H, W) and chroma (M, 2, H', W'), in levels, with the look's black, saturation and hue."""
    to_luma, to_blue, to_red = np.asarray(RGB_TO_YCC, dtype=np.float32) * 255.0  # (3,) each
    cosine = (shots.saturation * np.cos(shots.hue_rad))[:, None]
    sine = (shots.saturation * np.sin(shots.hue_rad))[:, None]
    to_luma = np.broadcast_to(to_luma, shots.black_rgb.shape)
    rows = np.stack([to_luma, cosine * to_blue - sine * to_red, sine * to_blue + cosine * to_red], axis=1)  # (M, 3, 3)
    blacks = torch.from_numpy((rows * shots.black_rgb[:, None]).sum(axis=2)).to(display.device)[:, :, None, None]
    weights = torch.from_numpy(rows * (1.0 - shots.black_rgb[:, None])).to(display.device)
    coloured = halved(display) if halve_colour else display
    luma = weighted(display, weights[:, 0]).add_(blacks[:, 0])
    chroma = torch.stack([weighted(coloured, weights[:, 1]), weighted(coloured, weights[:, 2])], dim=1)
    return luma, chroma.add_(blacks[:, 1:])


def _blurred(luma: Tensor, chroma: Tensor, shots: Looks, scale: np.ndarray, part: int) -> tuple[Tensor, Tensor]:
    defocus_px, motion_px, sharpening = shots.defocus_px / scale, shots.motion_px / scale, shots.sharpening / scale
    luma = filtered(
        luma,
        filter_taps(defocus_px, motion_px, sharpening),
        filter_taps(defocus_px, motion_px * _MOTION_DOWN, sharpening),
    )
    defocus_px, motion_px, sharpening = defocus_px / part, motion_px / part, np.zeros_like(sharpening)
    chroma = filtered(
        chroma.flatten(0, 1),
        filter_taps(defocus_px, motion_px, sharpening).repeat(2, axis=0),
        filter_taps(defocus_px, motion_px * _MOTION_DOWN, sharpening).repeat(2, axis=0),
    ).view(chroma.shape)
    return luma, chroma


def _grained(luma: Tensor, chroma: Tensor, shots: Looks, scale: np.ndarray, draws: Draws) -> tuple[Tensor, Tensor]:
    """Add noise: more of it in the dark; that of the colours is coarse where they are kept at half resolution."""
    device = luma.device
    finer = np.maximum(scale, 1.0)
    shot_noise, read_noise = shots.shot_noise / finer, shots.read_noise / finer
    deviation = luma * _column(read_noise / -255.0, device)[:, 0]
    deviation += _column(shot_noise + read_noise, device)[:, 0]
    luma = luma + deviation.mul_(grain(draws.integers("grain", 0, TABLE_LENGTH), luma.shape[1:], device))
    of_colour = np.minimum(shots.saturation, 1.0) * shots.colour_noise * (shot_noise + 0.5 * read_noise)
    offsets = np.stack([draws.integers("blue grain", 0, TABLE_LENGTH), draws.integers("red grain", 0, TABLE_LENGTH)], 1)
    noise = grain(offsets.reshape(-1), chroma.shape[2:], device).view(chroma.shape)
    return luma, chroma + noise.mul_(_column(of_colour, device))


def _column(values: np.ndarray, device: torch.device) -> Tensor:
    """(M,) numbers as (M, 1, 1, 1), to go with images."""
    return torch.from_numpy(np.asarray(values, dtype=np.float32)).to(device)[:, None, None, None]


def _own_length(length_px: int, resolution: float) -> int:
    """A crop's height or width in its camera's picture: even, since colours have half of it."""
    return length_px if resolution == 1.0 else max(2, 2 * round(length_px * resolution / 2.0))
