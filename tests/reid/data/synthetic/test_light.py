"""Light on surfaces, by hand."""

from __future__ import annotations

import torch

from reid.data.synthetic.light import Light

LIGHT = Light(
    towards=torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
    lamp_rgb=torch.tensor([[0.5, 0.5, 0.5], [1.0, 0.0, 0.0]]),
    sky_rgb=torch.tensor([[0.2, 0.3, 0.4], [0.0, 0.0, 0.0]]),
    ground_rgb=torch.tensor([[0.1, 0.1, 0.1], [0.0, 0.2, 0.0]]),
)


def test_surfaces_up_down_and_sideways() -> None:
    normals = torch.tensor([[0.0, 0, 1], [0, 0, -1], [0, 1, 0], [1, 0, 0]])
    seen = LIGHT.falling_on(normals, torch.tensor([0, 0, 0, 1]))
    expected = [[0.7, 0.8, 0.9], [0.1, 0.1, 0.1], [0.15, 0.2, 0.25], [1.0, 0.1, 0.0]]
    torch.testing.assert_close(seen, torch.tensor(expected))


def test_a_shadow_takes_the_lamp_and_leaves_the_sky() -> None:
    up = torch.tensor([[0.0, 0, 1], [0, 0, 1]])
    seen = LIGHT.falling_on(up, torch.tensor([0, 0]), torch.tensor([0.0, 0.5]))
    torch.testing.assert_close(seen, torch.tensor([[0.2, 0.3, 0.4], [0.45, 0.55, 0.65]]))
