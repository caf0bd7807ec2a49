"""Distillation of a clip's logits and features into those of its frames."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from reid.losses.samples import in_full_precision

OverFrames = Literal["sum", "mean"]


def logit_distillation(
    student_logits: Tensor, teacher_logits: Tensor, *, temperature: float = 1.0, reduction: OverFrames = "sum"
) -> Tensor:
    """Let the frames' predictions follow the clip's.

    sum_t KL(P || P^t), averaged over the clips, with P = softmax(teacher / tau), P^t = softmax(student_t / tau).

    Args:
        student_logits: (B, T, K), or (B, K) for a student that judges the clip.
        teacher_logits: (B, K); no gradient flows into them.
        temperature: tau, above 0.
        reduction: over frames: "sum" as printed, or "mean", which does not grow with T.

    Returns:
        A scalar, at least 0.

    Source: DCCT equations 13 to 16, one branch. They print KL(P^t, P) without saying which of the two is the
    reference: here it is the teacher, as in Hinton et al. 2015. They have no temperature; the authors' code uses 0.3.
    Hinton's factor tau^2 is left out, because no equation has it: the weight of the loss takes its place.
    """
    student, teacher = _student_and_teacher(student_logits, teacher_logits)
    student = (student / temperature).log_softmax(dim=2)  # (B, T, K)
    teacher = (teacher / temperature).log_softmax(dim=2)  # (B, 1, K)
    divergence = (teacher.exp() * (teacher - student)).sum(dim=2)  # (B, T)
    return (divergence.sum(dim=1) if reduction == "sum" else divergence.mean(dim=1)).mean()


def feature_distillation(student: Tensor, teacher: Tensor, *, reduction: OverFrames = "sum") -> Tensor:
    """Pull the frames' features to the clip's: sum_t ||f^t - s||^2, averaged over the clips.

    Args:
        student: (B, T, D), or (B, D) for a student that sees the clip; already brought to the teacher's width.
        teacher: (B, D); no gradient flows into it.
        reduction: "sum" over frames and channels as printed, or "mean" over both, which grows with neither.

    Returns:
        A scalar, at least 0.

    Source: DCCT equation 17, one branch; the hint network is the caller's.
    """
    frames, clip = _student_and_teacher(student, teacher)
    squares = (frames - clip).square().flatten(1)  # (B, T * D)
    return (squares.sum(dim=1) if reduction == "sum" else squares.mean(dim=1)).mean()


def _student_and_teacher(student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """Make (B, T, D) and (B, 1, D), float32 and the second detached, of (B, T, D) or (B, D), and (B, D)."""
    frames = student.unsqueeze(1) if student.ndim == 2 else student
    if frames.ndim != 3 or teacher.shape != frames[:, 0].shape:
        shapes = f"{tuple(student.shape)} and {tuple(teacher.shape)}"
        raise ValueError(f"expected a student (B, T, D) or (B, D) and a teacher (B, D), got {shapes}")
    return in_full_precision(frames), in_full_precision(teacher.detach()).unsqueeze(1)
