"""Things in front of people."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reid.data.synthetic.cameras import occluder_kinds
from reid.data.synthetic.cameras.episodes import episodes
from reid.data.synthetic.cameras.occluder_kinds import draw_things
from reid.data.synthetic.cameras.occluder_shapes import Shapes, paint, shape
from reid.data.synthetic.cameras.occluders import occlude
from reid.data.synthetic.draws import Draws

WHITE = np.ones((1, 3), dtype=np.float32)


def _painted(one: np.ndarray, size_hw: tuple[int, int], background: float = 0.0) -> torch.Tensor:
    """(H, W) of one white shape with hard edges, by full light."""
    image = torch.full((1, 3, *size_hw), background)
    paint(image, Shapes(one[:, None], np.array([1]), np.array([1e-4], dtype=np.float32)), torch.ones(1))
    assert torch.equal(image[:, 0], image[:, 2])
    return image[0, 0]


def _covers(shapes: Shapes, size_hw: tuple[int, int]) -> torch.Tensor:
    """(K,): the share of each image that is covered, as seen where black and where white was behind."""
    order = np.argsort(-shapes.number, kind="stable")
    black, white = torch.zeros(len(order), 3, *size_hw), torch.ones(len(order), 3, *size_hw)
    for image in (black, white):
        paint(image, shapes.select(order), torch.ones(len(order)))
    covers = torch.empty(len(order))
    covers[torch.from_numpy(order)] = (1.0 - (white - black)).mean(dim=(1, 2, 3))
    return covers


def test_a_box_and_a_ring_by_hand() -> None:
    box = _painted(shape(WHITE, x=0.25, y=0.5, half_width=0.1, half_height=0.2), (20, 10))
    expected = torch.zeros(20, 10)
    expected[6:14, 3:7] = 1.0
    assert torch.equal(box, expected)
    ring = _painted(shape(WHITE, x=0.5, y=0.5, rounding=0.4, outline=0.05), (100, 100))
    assert ring[50, 50] == 0 and ring[50, 10] == 1 and ring[50, 3] == 0 and ring[50, 16] == 0
    assert abs(float(ring.mean()) - np.pi * (0.45**2 - 0.35**2)) < 0.005


def test_copies_turn_and_shade_by_hand() -> None:
    bars = _painted(shape(WHITE, x=0.5, y=0.5, half_width=0.02, half_height=1.0, every=0.2, times=1.0), (50, 50))
    assert torch.equal(bars[0].nonzero()[:, 0], torch.tensor([14, 15, 24, 25, 34, 35]))
    turned = _painted(shape(WHITE, x=0.5, y=0.5, half_width=1.0, half_height=0.02, turn_rad=np.pi / 4), (50, 50))
    assert turned[10, 10] == 1 and turned[40, 40] == 1 and turned[10, 40] == 0  # clockwise: down to the right
    column = _painted(shape(WHITE, x=0.5, y=0.5, half_width=0.5, half_height=1.0, bulge=0.8), (50, 50))[25]
    assert column[25] > 0.99 and abs(float(column[0]) - (1 - 0.8 * 0.98**2)) < 1e-3
    striped = _painted(
        shape(WHITE, x=0.0, y=0.5, half_width=2.0, half_height=1.0, stripes=5.0, stripe_depth=0.6), (50, 50)
    )
    assert torch.allclose(striped[0, :40], striped[0, 10:], atol=1e-5)
    assert abs(float(striped[0].min()) - 0.7) < 0.04


@pytest.mark.parametrize("kind", range(len(occluder_kinds._KINDS)))
def test_every_kind_covers_something_and_never_more_than_half(kind: int, monkeypatch: pytest.MonkeyPatch) -> None:
    only = tuple((float(place == kind), build) for place, (_, build) in enumerate(occluder_kinds._KINDS))
    monkeypatch.setattr(occluder_kinds, "_KINDS", only)
    for size_hw in ((64, 32), (32, 32)):
        shapes = draw_things(Draws(np.arange(250)), np.linspace(0, 0.99, 250), size_hw[1] / size_hw[0])
        covers = _covers(shapes, size_hw)
        assert covers.max() <= 0.5
        assert (covers > 0.01).float().mean() > 0.7


def test_most_things_cover_less_than_a_third() -> None:
    covers = _covers(draw_things(Draws(np.arange(1500)), np.full(1500, 0.5), 0.5), (64, 32))
    assert (covers < 0.33).float().mean() > 0.8
    assert 0.08 < covers.mean() < 0.25


def test_share_of_images_with_a_thing() -> None:
    linear = torch.full((2000, 3, 16, 8), 0.3)
    shown = occlude(linear, Draws(np.arange(2000)), np.arange(2000) % 90, 0.25)
    assert torch.equal(linear, torch.full((2000, 3, 16, 8), 0.3))
    assert abs(float((shown != linear).flatten(1).any(dim=1).float().mean()) - 0.25) < 0.035
    assert shown.min() >= 0 and shown.max() <= 1.2
    assert occlude(linear, Draws(np.arange(2000)), np.arange(2000), 0.0) is linear


def test_a_thing_moves_smoothly_and_keeps_its_kind() -> None:
    tracklets, frames = 60, 12
    linear = torch.full((tracklets * frames, 3, 64, 32), 0.3)
    draws = Draws(np.repeat(np.arange(tracklets), frames))
    shown = occlude(linear, draws, np.tile(np.arange(frames), tracklets), 1.0).view(tracklets, frames, 3, 64, 32)
    step = (shown[:, 1:] - shown[:, :-1]).abs().mean(dim=(2, 3, 4))  # (tracklets, frames - 1)
    seeds = episodes(draws, np.tile(np.arange(frames), tracklets), "occluder")[0].seeds.reshape(tracklets, frames)
    stays = torch.from_numpy(seeds[:, 1:] == seeds[:, :-1])
    assert step[stays].quantile(0.9) < 0.5 * step[~stays].median()
    assert step[stays].median() < 0.15 * step[~stays].median()
    assert (step[stays] > 0).float().mean() > 0.6


def test_things_stand_in_the_scenes_light() -> None:
    draws, frame_index = Draws(np.arange(200)), np.zeros(200, dtype=np.int64)
    dark, bright = (occlude(torch.full((200, 3, 32, 16), light), draws, frame_index, 1.0) for light in (0.05, 0.35))
    is_thing = ((dark != 0.05) & (bright != 0.35)).any(dim=1, keepdim=True).expand_as(dark)
    assert bright[is_thing].mean() > 2 * dark[is_thing].mean()


def test_alone_and_in_a_batch_to_the_bit() -> None:
    linear = torch.rand(40, 3, 64, 32, generator=torch.Generator().manual_seed(0))
    seeds, frame_index = np.arange(40) // 2, np.arange(40)
    together = occlude(linear, Draws(seeds), frame_index, 0.8)
    assert torch.equal(occlude(linear, Draws(seeds), frame_index, 0.8), together)
    for size in (1, 3, 17):
        for start in range(0, 40, size):
            rows = np.arange(start, min(start + size, 40))
            alone = occlude(linear[rows], Draws(seeds[rows]), frame_index[rows], 0.8)
            assert torch.equal(alone, together[rows])
