"""Noise from the table."""

import numpy as np
import torch

from reid.data.synthetic.cameras.grain import TABLE_LENGTH, grain

CPU = torch.device("cpu")


def test_statistics() -> None:
    offsets = np.arange(40) * 6_151 % TABLE_LENGTH
    noise = grain(offsets, (128, 64), CPU).double()
    assert abs(float(noise.mean())) < 0.01
    assert abs(float(noise.std()) - 1) < 0.01
    assert abs(float((noise.abs() < 1).double().mean()) - 0.6827) < 0.01
    # White: neither neighbours nor rows know of each other.
    assert abs(float((noise[:, :, 1:] * noise[:, :, :-1]).mean())) < 0.01
    assert abs(float((noise[:, 1:] * noise[:, :-1]).mean())) < 0.01


def test_no_row_of_a_crop_repeats_another() -> None:
    noise = grain(np.array([TABLE_LENGTH - 1]), (256, 128), CPU)[0]
    starts = noise[:, :8]
    pieces = noise.unfold(1, 8, 1)  # (H, W - 7, 8)
    matches = (pieces[:, :, None] == starts).all(dim=3).sum(dim=(0, 1))
    assert torch.equal(matches, torch.ones(256, dtype=torch.int64))


def test_the_same_offset_is_the_same_noise() -> None:
    together = grain(np.array([5, 77, 5]), (20, 30), CPU)
    assert torch.equal(together[0], together[2])
    assert not torch.equal(together[0], together[1])
    assert torch.equal(grain(np.array([77]), (20, 30), CPU)[0], together[1])


def test_frames_larger_than_the_table() -> None:
    assert grain(np.array([3]), (540, 960), CPU).shape == (1, 540, 960)
