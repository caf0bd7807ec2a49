"""Things between a camera and a person, painted over crops."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from reid.data.synthetic.cameras.episodes import episodes
from reid.data.synthetic.cameras.occluder_kinds import draw_things
from reid.data.synthetic.cameras.occluder_shapes import paint
from reid.data.synthetic.draws import Draws

_LEAST_LIGHT, _MOST_LIGHT = 0.15, 1.1
_LIGHT_PER_MEAN = 2.8
_SAMPLES = 8
_SAMPLE_STEPS = 1024.0


def occlude(linear: Tensor, tracklet_draws: Draws, frame_index: np.ndarray, probability: float) -> Tensor:
    """Put posts, counters, railings, bicycles, luggage, cars, leaves and the like in front of people.

    In a tracklet a thing stays for an episode and moves past smoothly. It covers at most half of a crop, mostly much
    less.

    Args:
        linear: (M, 3, H, W) linear light.
        tracklet_draws: M seeds, equal for images of one tracklet.
        frame_index: (M,) int64 >= 0, each image's place in its tracklet.
        probability: the share of images with a thing in front.

    Returns:
        (M, 3, H, W); the tensor itself where nothing is in front of anyone.
    """
    episode, passed = episodes(tracklet_draws, frame_index, "occluder")
    rows = np.flatnonzero(episode.chance("there", probability))
    if len(rows) == 0:
        return linear
    things = draw_things(Draws(episode.seeds[rows]), passed[rows], aspect=linear.shape[3] / linear.shape[2])
    order = np.argsort(-things.number, kind="stable")
    chosen = torch.from_numpy(rows[order]).to(linear.device)
    images = linear[chosen]
    paint(images, things.select(order), _light(images))
    result = linear.clone()
    result[chosen] = images
    return result


def _light(images: Tensor) -> Tensor:
    """(M,): about what a white surface sends back in each image, as its green tells at a few places."""
    height_px, width_px = images.shape[2:]
    samples = images[:, 1, :: max(1, height_px // _SAMPLES), :: max(1, width_px // _SAMPLES)].flatten(1)
    # Whole numbers, whose sum is exact and so the same in any batch.
    total = (samples.clamp(0.0, 1.0) * _SAMPLE_STEPS).round_().sum(dim=1)
    mean = total / (_SAMPLE_STEPS * samples.shape[1])
    return (mean * _LIGHT_PER_MEAN).clamp_(_LEAST_LIGHT, _MOST_LIGHT)
