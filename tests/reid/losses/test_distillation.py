"""Distillation against numbers worked by hand and against a loop over frames."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from reid.losses import feature_distillation, logit_distillation
from tests.reid.losses.numbers import normal


def test_logit_distillation_by_hand() -> None:
    # Teacher (3/4, 1/4); frames (1/2, 1/2) and (3/4, 1/4): KL = 3/4 ln(3/2) + 1/4 ln(1/2), and nothing.
    teacher = torch.tensor([[3.0, 1.0]]).log()
    student = torch.tensor([[[1.0, 1.0], [3.0, 1.0]]]).log()
    expected = 0.75 * math.log(1.5) - 0.25 * math.log(2)
    assert float(logit_distillation(student, teacher)) == pytest.approx(expected)
    assert float(logit_distillation(student, teacher, reduction="mean")) == pytest.approx(expected / 2)
    # At temperature 1/2 the odds are squared: 9 to 1.
    sharp = 0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5)
    assert float(logit_distillation(student, teacher, temperature=0.5)) == pytest.approx(sharp)


@pytest.mark.parametrize("seed", [0, 1])
def test_logit_distillation_is_a_loop_over_frames(seed: int) -> None:
    student, teacher = 3 * normal(2, 3, 4, seed=seed), 3 * normal(2, 4, seed=seed + 9)
    expected = 0.0
    for b in range(2):
        p = (teacher[b] / 0.3).softmax(0)
        for t in range(3):
            q = (student[b, t] / 0.3).softmax(0)
            expected += float((p * (p / q).log()).sum()) / 2
    assert float(logit_distillation(student, teacher, temperature=0.3)) == pytest.approx(expected, rel=1e-4)


def test_feature_distillation_by_hand() -> None:
    teacher = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    student = torch.tensor([[[1.0, 1.0], [2.0, 3.0]], [[0.0, 1.0], [1.0, 0.0]]])
    assert float(feature_distillation(student, teacher)) == pytest.approx((5 + 2) / 2)
    assert float(feature_distillation(student, teacher, reduction="mean")) == pytest.approx(7 / 8)


@pytest.mark.parametrize("distil", [logit_distillation, feature_distillation])
def test_distillation_teaches_the_student_only(distil: Callable[[Tensor, Tensor], Tensor]) -> None:
    student, teacher = normal(2, 3, 4).requires_grad_(), normal(2, 4, seed=1).requires_grad_()
    distil(student, teacher).backward()
    assert teacher.grad is None
    assert student.grad is not None
    assert float(student.grad.abs().min()) > 0


@pytest.mark.parametrize("distil", [logit_distillation, feature_distillation])
def test_a_student_may_judge_the_clip(distil: Callable[[Tensor, Tensor], Tensor]) -> None:
    student, teacher = normal(2, 4), normal(2, 4, seed=1)
    assert distil(student, teacher) == distil(student.unsqueeze(1), teacher)
    assert float(distil(teacher, teacher)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("teacher_shape", [(2, 3, 4), (3, 4), (2, 1)])
def test_distillation_refuses_a_teacher_of_another_shape(teacher_shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"a teacher \(B, D\), got \(2, 3, 4\) and"):
        feature_distillation(torch.zeros(2, 3, 4), torch.zeros(teacher_shape))
