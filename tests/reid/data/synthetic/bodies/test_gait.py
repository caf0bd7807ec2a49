"""Joints of walking people."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reid.data.synthetic.bodies.gait import ANKLE, Joints, turn, walk
from reid.data.synthetic.bodies.people import HIP, People

PEOPLE = People.from_seeds(np.arange(50))


def pose(phase: float, stride: float = 1.0) -> Joints:
    return walk(PEOPLE, torch.full((50,), phase), torch.full((50,), stride))


def lengths(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return (one - other).square().sum(dim=-1).sqrt()


def test_bones_keep_their_lengths() -> None:
    rest = pose(0.0, 0.0)
    for phase in np.linspace(0, 2 * np.pi, 9):
        moved = pose(float(phase))
        for bone in (("hips", "knees"), ("knees", "ankles"), ("shoulders", "elbows"), ("elbows", "wrists")):
            before = lengths(*(getattr(rest, joint) for joint in bone))
            after = lengths(*(getattr(moved, joint) for joint in bone))
            torch.testing.assert_close(after, before, atol=1e-5, rtol=0)


def test_the_gait_repeats_after_a_cycle_and_mirrors_after_half_of_one() -> None:
    torch.testing.assert_close(pose(0.7).ankles, pose(0.7 + 2 * np.pi).ankles, atol=1e-5, rtol=0)
    even = PEOPLE.gait.asymmetry.abs() < 0.02
    mirrored = pose(0.7 + np.pi).ankles.flip(1) * torch.tensor([1.0, -1.0, 1.0])
    torch.testing.assert_close(pose(0.7).ankles[even], mirrored[even], atol=0.01, rtol=0)


def test_the_left_foot_is_in_front_when_its_heel_lands_and_the_right_arm_with_it() -> None:
    joints = pose(0.0)
    assert (joints.ankles[:, 0, 0] > joints.ankles[:, 1, 0] + 0.1).all()
    free = (PEOPLE.gait.held.sum(dim=1) == 0) & (PEOPLE.gait.arm_swing > 0.2)
    assert (joints.wrists[free, 1, 0] > joints.wrists[free, 0, 0]).all()


def test_one_foot_is_always_near_the_ground() -> None:
    for phase in np.linspace(0, 2 * np.pi, 17):
        lowest = pose(float(phase)).ankles[:, :, 2].amin(dim=1)
        assert lowest.max() < 2.6 * ANKLE
        assert lowest.min() > 0.5 * ANKLE


def test_who_stands_stands_straight() -> None:
    joints = pose(1.0, 0.0)
    torch.testing.assert_close(joints.ankles[:, 0, 0], joints.ankles[:, 1, 0])
    assert joints.pelvis[:, 2].mean().item() == pytest.approx(HIP, abs=0.02)


def test_turning_is_counter_clockwise() -> None:
    turned = turn(torch.tensor([[[1.0, 0.0, 5.0]]]), torch.tensor([torch.pi / 2]))
    torch.testing.assert_close(turned, torch.tensor([[[0.0, 1.0, 5.0]]]), atol=1e-6, rtol=0)
