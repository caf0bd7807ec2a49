"""Scaling pictures."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from reid.data.synthetic.cameras.resampling import resampled


def test_half_and_double_by_hand() -> None:
    row = torch.tensor([[0.0, 8.0, 16.0, 80.0]])
    # A triangle two pixels to each side: 1/8, 3/8, 3/8, 1/8, where the outermost pixel goes on.
    assert torch.equal(resampled(row, (1, 2)), torch.tensor([[5.0, 47.0]]))
    assert torch.equal(resampled(torch.tensor([[0.0, 8.0]]), (1, 4)), torch.tensor([[0.0, 2.0, 6.0, 8.0]]))


@pytest.mark.parametrize("size_hw", [(96, 48), (64, 32), (33, 20), (128, 70), (250, 64)])
def test_agrees_with_a_floating_point_one(size_hw: tuple[int, int]) -> None:
    planes = 255 * torch.rand(3, 2, 128, 64, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(planes, size_hw, mode="bilinear", antialias=True, align_corners=False)
    inside = (slice(None), slice(None), slice(4, -4), slice(4, -4))  # at the borders theirs goes on otherwise
    assert (resampled(planes, size_hw)[inside] - expected[inside]).abs().max() < 0.5


def test_flat_stays_flat_and_the_same_size_is_left_alone() -> None:
    flat = torch.full((2, 50, 30), 117.125)
    assert torch.equal(resampled(flat, (37, 44)), torch.full((2, 37, 44), 117.125))
    any_planes = torch.rand(2, 50, 30)
    assert torch.equal(resampled(any_planes, (50, 30)), any_planes)


def test_sums_are_exact() -> None:
    planes = torch.from_numpy(np.random.default_rng(0).uniform(-255, 255, size=(64, 128, 64))).float()
    scaled = resampled(planes, (48, 64))
    for row in (0, 17, 63):
        assert torch.equal(resampled(planes[row], (48, 64)), scaled[row])
    in_double = resampled(planes[:, :, :1].double().float(), (48, 1))
    assert torch.equal(in_double, scaled[:, :, :1])
