"""Losses against numbers worked by hand and against loops over samples."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from reid.errors import ConfigError, RunError
from reid.losses import (
    CentreLoss,
    Distance,
    batch_hard_triplet,
    cross_entropy,
    feature_distillation,
    logit_distillation,
    smoothing_floor,
    supervised_loss,
    weighted_sum,
)
from reid.models.output import ReidOutput, SupervisedStage


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# -- cross-entropy


def test_cross_entropy_by_hand() -> None:
    # p = (1/2, 1/4, 1/4) for both samples; the first person is 0, the second 2.
    logits = torch.tensor([[2.0, 1.0, 1.0], [2.0, 1.0, 1.0]]).log()
    labels = torch.tensor([0, 2])
    ln2 = math.log(2)
    assert float(cross_entropy(logits, labels)) == pytest.approx((ln2 + 2 * ln2) / 2)
    # q = (0.8, 0.1, 0.1): 0.8 ln 2 + 0.2 ln 4; q = (0.1, 0.1, 0.8): 0.1 ln 2 + 0.9 ln 4.
    assert float(cross_entropy(logits, labels, 0.3)) == pytest.approx((1.2 * ln2 + 1.9 * ln2) / 2)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("seed", [0, 1])
def test_cross_entropy_of_frames_is_a_loop_over_frames(smoothing: float, seed: int) -> None:
    logits, labels = 3 * normal(4, 3, 5, seed=seed), torch.tensor([0, 4, 2, 2])
    values = []
    for b in range(4):
        for t in range(3):
            p = logits[b, t].exp() / logits[b, t].exp().sum()
            q = [(1 - smoothing) * (k == labels[b]) + smoothing / 5 for k in range(5)]
            values.append(-sum(float(q[k] * p[k].log()) for k in range(5)))
    assert float(cross_entropy(logits, labels, smoothing)) == pytest.approx(sum(values) / len(values), rel=1e-5)


@pytest.mark.parametrize(("num_classes", "smoothing"), [(5, 0.1), (625, 0.1), (2, 0.5), (1, 0.1)])
def test_smoothed_cross_entropy_reaches_its_floor_and_no_less(num_classes: int, smoothing: float) -> None:
    target = torch.full((1, num_classes), smoothing / num_classes)
    target[0, 0] += 1 - smoothing
    labels = torch.zeros(1, dtype=torch.long)
    floor = smoothing_floor(num_classes, smoothing)
    assert float(cross_entropy(target.log(), labels, smoothing)) == pytest.approx(floor, abs=1e-6)
    for seed in range(5):
        other = target.log() + 0.1 * normal(1, num_classes, seed=seed)
        assert float(cross_entropy(other, labels, smoothing)) >= floor - 1e-6


def test_without_smoothing_the_floor_is_zero() -> None:
    assert smoothing_floor(7, 0.0) == 0.0


# -- triplet loss


def naive_triplet(features: Tensor, labels: Tensor, margin: float | None, distance: Distance) -> float:
    """Walk over every anchor, comparing it with every other sample in float64."""
    samples = features.double()
    persons = labels.tolist()
    if samples.ndim == 3:
        persons = [person for person in persons for _ in range(samples.shape[1])]
        samples = samples.flatten(0, 1)

    def apart(a: int, b: int) -> float:
        if distance == "euclidean":
            return math.dist(samples[a].tolist(), samples[b].tolist())
        return 1 - float(samples[a] @ samples[b] / (samples[a].norm() * samples[b].norm()))

    values = []
    for a, person in enumerate(persons):
        positives = [apart(a, b) for b, other in enumerate(persons) if other == person and b != a]
        negatives = [apart(a, b) for b, other in enumerate(persons) if other != person]
        if positives and negatives:
            gap = max(positives) - min(negatives)
            values.append(math.log1p(math.exp(gap)) if margin is None else max(margin + gap, 0.0))
    return sum(values) / len(values) if values else 0.0


def test_triplet_by_hand() -> None:
    # On a line: person 0 at 0 and 1, person 1 at 3 and 7. Farthest positives 1, 1, 4, 4; nearest negatives 3, 2, 2, 6.
    features, labels = torch.tensor([[0.0], [1.0], [3.0], [7.0]]), torch.tensor([0, 0, 1, 1])
    assert float(batch_hard_triplet(features, labels, margin=0.5)) == pytest.approx(2.5 / 4)
    assert float(batch_hard_triplet(features, labels, margin=2.5)) == pytest.approx((0.5 + 1.5 + 4.5 + 0.5) / 4)
    soft = sum(math.log1p(math.exp(gap)) for gap in (-2, -1, 2, -2)) / 4
    assert float(batch_hard_triplet(features, labels, margin=None)) == pytest.approx(soft)


def test_cosine_triplet_by_hand() -> None:
    # Directions at 0, 90 and 180 degrees, of any length: the positive is 1 away, the negatives 2 and 1.
    features, labels = torch.tensor([[2.0, 0.0], [0.0, 5.0], [-0.1, 0.0]]), torch.tensor([0, 0, 1])
    assert float(batch_hard_triplet(features, labels, margin=0.3, distance="cosine")) == pytest.approx(0.3 / 2)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
@pytest.mark.parametrize("margin", [0.3, None])
@pytest.mark.parametrize("shape", [(8, 6), (6, 3, 4)])
@pytest.mark.parametrize("seed", [0, 1])
def test_triplet_is_a_loop_over_anchors(
    distance: Distance, margin: float | None, shape: tuple[int, ...], seed: int
) -> None:
    features = normal(*shape, seed=seed)
    labels = torch.randint(3, shape[:1], generator=torch.Generator().manual_seed(seed))
    expected = naive_triplet(features, labels, margin, distance)
    assert expected > 0
    found = batch_hard_triplet(features, labels, margin=margin, distance=distance)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_triplet_finds_the_hardest_among_near_features_of_large_norm() -> None:
    # Distances of a millionth of the norm: |a|^2 + |b|^2 - 2ab would hold no digit of them.
    features = 1000 + torch.tensor([[0.0], [0.001], [0.003], [0.007]])
    labels = torch.tensor([0, 0, 1, 1])
    found = batch_hard_triplet(features, labels, margin=0.0025)
    assert float(found) == pytest.approx(naive_triplet(features, labels, 0.0025, "euclidean"), rel=1e-4)


def test_anchors_without_positive_or_negative_are_left_out() -> None:
    features = torch.tensor([[0.0], [1.0], [3.0]])
    # Person 1 has one sample: it is nobody's anchor, and the nearest negative of both others.
    loss = batch_hard_triplet(features, torch.tensor([0, 0, 1]), margin=2.5)
    assert float(loss) == pytest.approx((0.5 + 1.5) / 2)


@pytest.mark.parametrize("labels", [[0, 1, 2], [0, 0, 0]], ids=["no positives", "no negatives"])
@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_without_any_triplet_the_loss_is_zero_and_has_a_graph(labels: list[int], distance: Distance) -> None:
    features = normal(3, 4).requires_grad_()
    loss = batch_hard_triplet(features, torch.tensor(labels), distance=distance)
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert features.grad is not None
    assert float(features.grad.abs().max()) == 0.0


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
@pytest.mark.parametrize("margin", [0.3, None])
@pytest.mark.parametrize("fill", [0.0, 1.0])
def test_triplet_of_equal_features_has_finite_gradients(distance: Distance, margin: float | None, fill: float) -> None:
    features = torch.full((4, 3), fill, requires_grad=True)
    loss = batch_hard_triplet(features, torch.tensor([0, 0, 1, 1]), margin=margin, distance=distance)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(math.log(2) if margin is None else margin)
    assert features.grad is not None
    assert bool(features.grad.isfinite().all())


def test_triplet_of_one_sample_is_zero() -> None:
    assert float(batch_hard_triplet(torch.ones(1, 3), torch.zeros(1, dtype=torch.long))) == 0.0


def test_triplet_pulls_positives_and_pushes_negatives() -> None:
    features = torch.tensor([[0.0], [2.0], [3.0]], requires_grad=True)
    batch_hard_triplet(features, torch.tensor([0, 0, 1]), margin=5.0).backward()
    assert features.grad is not None
    # Anchors 0 and 2 pull each other with 1/2 + 1/2; each pushes 3 away with 1/2.
    assert features.grad.flatten().tolist() == pytest.approx([-1 + 0.5, 1 + 0.5, -1.0])


# -- centre loss


def test_centre_loss_by_hand() -> None:
    loss = CentreLoss(num_classes=2, width=2)
    with torch.no_grad():
        loss.centres.copy_(torch.tensor([[0.0, 0.0], [1.0, 1.0]]))
    features, labels = torch.tensor([[3.0, 4.0], [1.0, 3.0]], requires_grad=True), torch.tensor([0, 1])
    value = loss(features, labels)
    assert float(value.detach()) == pytest.approx((25 + 4) / 2)
    value.backward()
    assert features.grad is not None
    assert features.grad.tolist() == [[3.0, 4.0], [0.0, 2.0]]
    assert loss.centres.grad is not None
    assert loss.centres.grad.tolist() == [[-3.0, -4.0], [0.0, -2.0]]


def test_centre_loss_of_frames_is_a_loop_over_frames() -> None:
    loss = CentreLoss(num_classes=3, width=4)
    features, labels = normal(2, 5, 4), torch.tensor([2, 0])
    with torch.no_grad():
        expected = sum(
            float((features[b, t] - loss.centres[labels[b]]).square().sum()) / 2 for b in range(2) for t in range(5)
        )
        assert float(loss(features, labels)) == pytest.approx(expected, rel=1e-5)


# -- distillation


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


# -- everything together


def test_half_precision_is_compared_in_float32() -> None:
    features, labels = normal(6, 3, 5), torch.tensor([0, 0, 1, 1, 2, 2])
    with torch.autocast("cpu", torch.bfloat16):
        half = features.bfloat16()
        assert cross_entropy(half, labels).dtype == torch.float32
        assert logit_distillation(half, half[:, 0]).dtype == torch.float32
        assert feature_distillation(half, half[:, 0]).dtype == torch.float32
        assert CentreLoss(3, 5)(half, labels).dtype == torch.float32
        expected = batch_hard_triplet(half.float(), labels)
        assert float(batch_hard_triplet(half, labels)) == pytest.approx(float(expected))


@pytest.mark.parametrize("num_labels", [3, 8])
def test_labels_that_are_not_one_a_clip_are_refused(num_labels: int) -> None:
    with pytest.raises(ValueError, match=r"labels \(B,\), got \(4, 2, 5\)"):
        cross_entropy(torch.zeros(4, 2, 5), torch.zeros(num_labels, dtype=torch.long))


def test_supervised_loss_names_every_stage_and_the_models_own_losses() -> None:
    labels = torch.tensor([0, 0, 1, 1])
    clip = SupervisedStage(normal(4, 6), normal(4, 2, seed=1), normal(4, 6))
    frames = SupervisedStage(normal(4, 3, 5, seed=2), normal(4, 3, 2, seed=3), normal(4, 3, 5))
    output = ReidOutput({}, {"final": clip, "base": frames}, {"diversity": torch.tensor(0.5)})
    terms = supervised_loss(output, labels, smoothing=0.1, margin=None, distance="cosine")
    assert list(terms) == ["ce/final", "triplet/final", "ce/base", "triplet/base", "aux/diversity"]
    assert terms["ce/base"] == cross_entropy(frames.logits, labels, 0.1)
    assert terms["triplet/final"] == batch_hard_triplet(clip.features, labels, margin=None, distance="cosine")
    assert float(terms["aux/diversity"]) == 0.5


def test_supervised_loss_refuses_a_model_without_classifiers() -> None:
    with pytest.raises(ValueError, match="built without classifiers"):
        supervised_loss(ReidOutput({"final": normal(2, 3)}), torch.tensor([0, 1]))


def test_weighted_sum_takes_weights_by_name_before_kind() -> None:
    terms = {name: torch.tensor(value) for name, value in [("ce/final", 2.0), ("ce/base", 3.0), ("centre", 100.0)]}
    assert float(weighted_sum(terms, {"ce": 1.0, "centre": 0.01})) == pytest.approx(6.0)
    assert float(weighted_sum(terms, {"ce": 1.0, "ce/base": 0.5, "centre": 0.0})) == pytest.approx(3.5)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"ce": 1.0, "centre": 1.0}, "centre weighs no term; the terms are ce/final, ce/base"),
        ({"ce/final": 1.0}, "ce/base has no weight"),
        ({"ce": 1.0, "ce/finale": 1.0}, "ce/finale weighs no term"),
    ],
)
def test_weighted_sum_refuses_what_does_not_match(weights: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        weighted_sum({"ce/final": torch.tensor(1.0), "ce/base": torch.tensor(1.0)}, weights)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_sum_that_is_not_finite_names_every_term(value: float) -> None:
    terms = {"ce/final": torch.tensor(0.25, requires_grad=True), "triplet/final": torch.tensor(value)}
    with pytest.raises(RunError, match=rf"the loss is {value:g}.*ce/final 0.25, triplet/final {value:g}"):
        weighted_sum(terms, {"ce": 1.0, "triplet": 1.0})


def test_weighted_sum_keeps_the_graph() -> None:
    value = torch.tensor(2.0, requires_grad=True)
    weighted_sum({"a": value.square(), "b": value}, {"a": 0.5, "b": 3.0}).backward()
    assert float(value.grad) == pytest.approx(5.0)
