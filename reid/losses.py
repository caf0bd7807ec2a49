"""Losses: pure functions of features, logits and labels, named terms, and their weighted sum.

B clips, T frames, D width of a feature, K identities, as in `reid.models`. Labels are (B,) int64 in [0, K). Where a
stage is supervised frame by frame, its features are (B, T, D), its logits (B, T, K), and every frame is a sample of
its clip's person. Everything is computed in float32, under autocast too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reid.errors import ConfigError, RunError

if TYPE_CHECKING:  # the models use these losses themselves
    from reid.models.output import ReidOutput

Distance = Literal["euclidean", "cosine"]
OverFrames = Literal["sum", "mean"]


def cross_entropy(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Compare logits with the persons' identities.

    -sum_k q_k log p_k, averaged over the samples, with p = softmax(logits) and q_k = (1 - e) [k = y] + e / K.

    Args:
        logits: (B, K) or (B, T, K).
        labels: (B,) in [0, K).
        smoothing: e, the share of the target that is spread evenly over all identities, in [0, 1).

    Returns:
        A scalar, at least `smoothing_floor(K, smoothing)`.

    Source: label smoothing, Szegedy et al. 2016; STCA equations 6 and 7, where N stands for K.
    """
    samples, persons = _samples(logits, labels)
    return F.cross_entropy(samples, persons, label_smoothing=smoothing)


def smoothing_floor(num_classes: int, smoothing: float) -> float:
    """Return the least value of the label-smoothed cross-entropy: the entropy of its target, reached at p = q.

    Args:
        num_classes: K, at least 1.
        smoothing: e, in [0, 1).
    """
    other = smoothing / num_classes
    own = 1 - smoothing + other
    return -own * math.log(own) - ((num_classes - 1) * other * math.log(other) if other else 0.0)


def batch_hard_triplet(
    features: Tensor, labels: Tensor, *, margin: float | None = 0.3, distance: Distance = "euclidean"
) -> Tensor:
    """Ask of every sample that its farthest positive lies nearer than its nearest negative.

    The mean over anchors a of [m + d(a, p) - d(a, n)]_+, or of ln(1 + exp(d(a, p) - d(a, n))) without a margin; p is
    the farthest other sample of a's person, n the nearest sample of anybody else. An anchor without a positive or
    without a negative is left out. If none is left, the loss is zero and so are its gradients.

    Args:
        features: (B, D), or (B, T, D), where every frame is an anchor and the other frames of its clip are positives.
        labels: (B,).
        margin: m, in the distance's unit; None for the soft margin.
        distance: "euclidean", or "cosine", which is 1 - cos and lies in [0, 2].

    Returns:
        A scalar, at least 0.

    Source: batch hard and its soft margin, Hermans et al. 2017, In Defense of the Triplet Loss for Person
    Re-Identification, who print a sum over anchors; the mean is STCA's, equation 4, as is the cosine.
    """
    samples, persons = _samples(features, labels)
    points = F.normalize(samples, dim=1) if distance == "cosine" else samples
    same = persons[:, None] == persons  # (N, N), N samples
    itself = torch.eye(len(persons), dtype=torch.bool, device=persons.device)
    positives, negatives = same & ~itself, ~same
    with torch.no_grad():
        # Between unit vectors the Euclidean distance orders pairs as the cosine does. Without matrix products, because
        # |a|^2 + |b|^2 - 2ab loses the digits by which near pairs differ.
        apart = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
        farthest = apart.masked_fill(~positives, -torch.inf).argmax(dim=1)
        nearest = apart.masked_fill(~negatives, torch.inf).argmin(dim=1)
    gap = _distance(points, points[farthest], distance) - _distance(points, points[nearest], distance)
    losses = F.softplus(gap) if margin is None else F.relu(margin + gap)
    valid = positives.any(dim=1) & negatives.any(dim=1)
    return torch.where(valid, losses, 0.0).sum() / valid.sum().clamp(min=1)


class CentreLoss(nn.Module):
    """Pulls features to a learned centre of their person: 1/2 sum_j ||f_j - c_(y_j)||^2 over the batch's samples.

    The sum is over the batch, as printed, so its weight belongs to one batch size. The centres move by the gradient
    of this loss, which is best left to an optimiser of their own: Wen et al. give them a rate of their own, and in
    one optimiser their step would shrink with the loss's weight.

    Args:
        num_classes: K.
        width: D of the features.

    Source: STCA equation 5; Wen et al. 2016, A Discriminative Feature Learning Approach for Deep Face Recognition,
    equation 2. Their update also divides a centre's step by 1 + the number of its samples, which is left out here.
    """

    def __init__(self, num_classes: int, width: int) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(num_classes, width))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Turn features (B, D) or (B, T, D) and labels (B,) into a scalar."""
        samples, persons = _samples(features, labels)
        return 0.5 * (samples - self.centres[persons]).square().sum()


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


def supervised_loss(
    output: ReidOutput,
    labels: Tensor,
    *,
    smoothing: float = 0.0,
    margin: float | None = 0.3,
    distance: Distance = "euclidean",
) -> dict[str, Tensor]:
    """Compute what every model is trained with: cross-entropy and triplet loss of each stage, and its own losses.

    Args:
        output: of a model that was built with classifiers.
        labels: (B,) in [0, K).
        smoothing: as in `cross_entropy`.
        margin: as in `batch_hard_triplet`.
        distance: as in `batch_hard_triplet`.

    Returns:
        `ce/STAGE` and `triplet/STAGE` for each stage, `aux/NAME` for each loss of the model itself; scalars, not
        weighted.

    Raises:
        ValueError: the output has no stages.
    """
    if not output.stages:
        raise ValueError("nothing is supervised: the model was built without classifiers (num_classes=0)")
    terms = {}
    for name, stage in output.stages.items():
        terms[f"ce/{name}"] = cross_entropy(stage.logits, labels, smoothing)
        terms[f"triplet/{name}"] = batch_hard_triplet(stage.features, labels, margin=margin, distance=distance)
    return terms | {f"aux/{name}": loss for name, loss in output.aux_losses.items()}


def weighted_sum(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Add up named terms.

    Args:
        terms: name -> scalar.
        weights: factor for each term, by its name or by the kind in front of its slash: "ce" weighs `ce/final` and
            `ce/base`, unless "ce/final" is given as well.

    Raises:
        ConfigError: a term has no weight, or a weight no term.
        RunError: the sum is not finite; the message gives every term.
    """
    used = {name: name if name in weights else name.split("/")[0] for name in terms}
    unknown = [name for name in weights if name not in used.values()]
    unweighted = [name for name in terms if used[name] not in weights]
    if unknown or unweighted:
        what = f"{', '.join(unknown)} weighs no term" if unknown else f"{', '.join(unweighted)} has no weight"
        raise ConfigError(f"loss weights: {what}; the terms are {', '.join(terms)}")
    total = torch.stack([weights[used[name]] * term for name, term in terms.items()]).sum()
    if not torch.isfinite(total):
        listed = ", ".join(f"{name} {float(term.detach()):g}" for name, term in terms.items())
        raise RunError(f"the loss is {float(total.detach()):g}; its terms before weighting: {listed}")
    return total


def _samples(values: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Make samples (N, D) float32 with labels (N,) out of (B, D) or (B, T, D) and (B,)."""
    if values.ndim not in (2, 3) or labels.shape != values.shape[:1]:
        shapes = f"{tuple(values.shape)} and {tuple(labels.shape)}"
        raise ValueError(f"expected (B, D) or (B, T, D) with labels (B,), got {shapes}")
    if values.ndim == 3:
        labels = labels.repeat_interleave(values.shape[1])
        values = values.flatten(0, 1)
    return values.float(), labels


def _student_and_teacher(student: Tensor, teacher: Tensor) -> tuple[Tensor, Tensor]:
    """Make (B, T, D) and (B, 1, D), float32 and the second detached, of (B, T, D) or (B, D), and (B, D)."""
    frames = student.unsqueeze(1) if student.ndim == 2 else student
    if frames.ndim != 3 or teacher.shape != frames[:, 0].shape:
        shapes = f"{tuple(student.shape)} and {tuple(teacher.shape)}"
        raise ValueError(f"expected a student (B, T, D) or (B, D) and a teacher (B, D), got {shapes}")
    return frames.float(), teacher.detach().float().unsqueeze(1)


def _distance(points: Tensor, others: Tensor, distance: Distance) -> Tensor:
    """Return the distance of each row of (N, D) to its row of the other; for the cosine the rows are unit vectors.

    Both forms have finite gradients where two rows are equal: the norm's is defined as zero there, and
    1 - cos = ||u - v||^2 / 2 needs no square root.
    """
    apart = points - others
    return apart.square().sum(dim=1) / 2 if distance == "cosine" else torch.linalg.vector_norm(apart, dim=1)
