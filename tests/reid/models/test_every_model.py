"""What every model must do, whichever it is. Every preset is held to it and none is excused.

Presets whose names end in -micro or -compact run in the usual suite, all others with `make check-full`. A failing
preset is named in the test's id.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reid.criterion import Criterion, LossSettings
from reid.losses import smoothing_floor
from reid.models import PRESETS, ReidModel, build_model

MICROS = [name for name in PRESETS if name.endswith("-micro")]
SMALL = [name for name in PRESETS if name.endswith(("-micro", "-compact"))]
EVERY = [pytest.param(name, marks=() if name in SMALL else pytest.mark.full) for name in PRESETS]
NUM_CLASSES = 5

# How a paper's losses differ from plain cross-entropy and Euclidean triplets, by the part of its presets' names before
# the first dash.
LOSSES: dict[str, dict[str, Any]] = {
    "dcct": {"weights": {"ce": 1.0, "triplet": 1.0, "aux": 0.1}},
    "stca": {"smoothing": 0.1, "distance": "cosine"},
    "mstat": {"smoothing": 0.1},
}


class Variants(nn.Module):
    """A model that gives its variants only: a dictionary is what an exported program can return."""

    def __init__(self, model: ReidModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        variants: dict[str, Tensor] = self.model(clips).variants
        return variants


def clips(model: ReidModel, num_clips: int, num_frames: int, seed: int = 0) -> Tensor:
    """Make clips of people: to each one a coarse pattern of colours, a little different in every frame."""
    generator = torch.Generator().manual_seed(seed)
    colours = torch.randn(num_clips, 3, 4, 2, generator=generator)
    pattern = F.interpolate(colours, size=model.config.image_size_hw, mode="bilinear")
    shape = (num_clips, num_frames, 3, *model.config.image_size_hw)
    return pattern.unsqueeze(1) + 0.1 * torch.randn(shape, generator=generator)


def short(model: ReidModel) -> int:
    """Return T that is the configured one for a micro model, and for a larger one as many frames as are quick."""
    return min(4, model.config.clip_length)


def embedding_model(name: str) -> ReidModel:
    """Build a model for evaluation whose necks know the statistics of clips.

    Without them the features of a random network are nearly the same for all clips, and any of them would pass for
    another. A twentieth of what all clips have in common stays in: in a random network their differences can be so
    small that rounding alone would stand beside them. The other batch normalisations stay as built: with the
    statistics of their own maps, deep random networks magnify rounding from layer to layer, as trained ones do not.
    """
    model = build_model(name).eval()
    for neck in model.necks.values():
        neck.momentum = 0.95
        neck.train()
    with torch.inference_mode():
        model(clips(model, 8, short(model), seed=1))
    return model.eval()


def training_model(name: str) -> ReidModel:
    """Build a model for training, without stochastic depth, lest it drop the very block that is looked at."""
    overrides = {"drop_path": 0.0} if hasattr(PRESETS[name].config, "drop_path") else {}
    return build_model(name, num_classes=NUM_CLASSES, overrides=overrides).train()


def criterion_of(model: ReidModel, num_classes: int) -> Criterion:
    """Build the losses that a model's paper trains it with."""
    settings = {"weights": {"ce": 1.0, "triplet": 1.0}, **LOSSES.get(model.name.split("-")[0], {})}
    return Criterion(LossSettings(**settings), model.stage_widths, num_classes, model.aux_losses)


def assert_near(half: dict[str, Tensor], full: dict[str, Tensor]) -> None:
    """Hold half-precision variants to full ones: close by, and nearer to their own clip than to any other."""
    for name, expected in full.items():
        # (B, B): row i compares clip i at half precision with every clip at full precision.
        similarity = F.normalize(half[name].float(), dim=1) @ F.normalize(expected, dim=1).T
        assert float(similarity.diagonal().min()) >= 0.99, name
        assert similarity.argmax(dim=1).tolist() == list(range(len(expected))), f"{name}: nearer to another clip"


@pytest.fixture(autouse=True)
def same_chance() -> Iterator[None]:
    """Let what is random in training be the same in every run, and leave the global state as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        yield


@pytest.fixture(scope="module", params=EVERY)
def model(request: pytest.FixtureRequest) -> ReidModel:
    return embedding_model(request.param)


@pytest.fixture(scope="module")
def given(model: ReidModel) -> Tensor:
    return clips(model, 3, short(model))


@pytest.fixture(scope="module")
def variants(model: ReidModel, given: Tensor) -> dict[str, Tensor]:
    with torch.inference_mode():
        found: dict[str, Tensor] = model(given).variants
    return found


@pytest.fixture
def fresh_compiler() -> Iterator[None]:
    """Keep what one test compiles from counting as a recompilation in another."""
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def test_variants_have_their_widths_at_any_clip_length(model: ReidModel) -> None:
    height, width = model.config.image_size_hw
    assert height != width
    num_clips = 2 if model.name in SMALL else 1  # 32 frames of a full-size model take gigabytes as they are
    for num_frames in (1, 3, 8, 32):
        with torch.inference_mode():
            output = model(clips(model, num_clips, num_frames))
        found = {name: tuple(variant.shape) for name, variant in output.variants.items()}
        assert found == {name: (num_clips, width) for name, width in model.variant_widths.items()}
        assert list(found) == list(model.variant_widths)
        assert all(bool(variant.isfinite().all()) for variant in output.variants.values())
        assert output.stages == {}
        assert output.aux_losses == {}


def test_evaluation_repeats_itself_bit_by_bit(model: ReidModel, given: Tensor, variants: dict[str, Tensor]) -> None:
    with torch.inference_mode():
        again = model(given).variants
    assert [name for name in variants if not torch.equal(variants[name], again[name])] == []


def test_a_batch_is_its_clips_one_by_one(model: ReidModel, given: Tensor, variants: dict[str, Tensor]) -> None:
    with torch.inference_mode():
        alone = [model(clip).variants for clip in given.split(1)]
    for name, batch in variants.items():
        singles = torch.cat([each[name] for each in alone])
        assert float((F.normalize(batch, dim=1) - F.normalize(singles, dim=1)).abs().max()) <= 1e-5, name


def test_a_variant_wanted_alone_is_the_same(model: ReidModel, given: Tensor, variants: dict[str, Tensor]) -> None:
    with torch.inference_mode():
        for name in variants:
            torch.testing.assert_close(model(given, wanted=(name,)).variants[name], variants[name], atol=0, rtol=0)


def test_half_precision_stays_near(model: ReidModel, given: Tensor, variants: dict[str, Tensor]) -> None:
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        assert_near(model(given).variants, variants)


# On a CPU, 3D convolutions in float16 take many times as long as in any other type.
@pytest.mark.parametrize(
    "model", [pytest.param(name, marks=() if name in MICROS else pytest.mark.full) for name in PRESETS], indirect=True
)
def test_float16_stays_near(model: ReidModel, given: Tensor, variants: dict[str, Tensor]) -> None:
    with torch.inference_mode(), torch.autocast("cpu", torch.float16):
        assert_near(model(given).variants, variants)


def test_an_exported_program_gives_the_same(model: ReidModel, given: Tensor, variants: dict[str, Tensor]) -> None:
    # Exported with fewer and other clips than it is asked about: nothing of them must have become part of it. T stays,
    # because a network that strides over time is another one for every T.
    example = clips(model, len(given) - 1, given.shape[1], seed=2)
    batch = torch.export.Dim("batch", min=1, max=64)
    with torch.no_grad():
        program = torch.export.export(Variants(model), (example,), dynamic_shapes=({0: batch},), strict=False)
        found = program.module()(given)
    torch.testing.assert_close(found, variants, atol=1e-5, rtol=1e-5)


def test_clips_of_another_shape_are_refused(model: ReidModel) -> None:
    height, width = model.config.image_size_hw
    for shape in ((2, 3, 3, width, height), (2, 0, 3, height, width), (2, 3, 1, height, width), (3, 3, height, width)):
        with pytest.raises(ValueError, match=rf"expected \(B, T, 3, {height}, {width}\)"):
            model(torch.zeros(shape))


@pytest.mark.parametrize("name", EVERY)
def test_training_supervises_every_stage(name: str) -> None:
    model = training_model(name)
    for num_frames in (1, short(model)):
        with torch.no_grad():
            output = model(clips(model, 3, num_frames))
        assert list(output.stages) == list(model.classifiers)
        assert output.stages
        for stage in output.stages.values():
            assert stage.features.shape[:-1] in ((3,), (3, num_frames))
            assert stage.logits.shape == (*stage.features.shape[:-1], NUM_CLASSES)
        assert all(loss.ndim == 0 and bool(loss.isfinite()) for loss in output.aux_losses.values())
        terms = criterion_of(model, NUM_CLASSES)(output, torch.tensor([0, 0, 1]))
        assert all(bool(term.isfinite()) for term in terms.values())


@pytest.mark.parametrize("name", EVERY)
def test_gradients_reach_every_trainable_parameter(name: str) -> None:
    model = training_model(name)
    with torch.no_grad():
        for parameter in model.parameters():
            # A layer that begins at zero, as the last of a ResNet's blocks does, would hide those before it for a step.
            if not bool(parameter.any()) and parameter.requires_grad:
                parameter.normal_(std=0.1)
    output = model(clips(model, 3, short(model)))
    parts = [part for stage in output.stages.values() for part in (stage.features, stage.logits)]
    generator = torch.Generator().manual_seed(1)
    projected = [(part * torch.randn(part.shape, generator=generator)).sum() for part in parts]
    torch.stack([*projected, *output.aux_losses.values()]).sum().backward()
    trainable = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert [name for name, parameter in trainable.items() if parameter.grad is None] == []
    assert [name for name, parameter in trainable.items() if not bool(parameter.grad.any())] == []
    assert [name for name, parameter in trainable.items() if not bool(parameter.grad.isfinite().all())] == []


def test_the_whole_model_compiles(
    model: ReidModel, given: Tensor, variants: dict[str, Tensor], fresh_compiler: None
) -> None:
    with torch.no_grad():
        found = torch.compile(model, backend="aot_eager", fullgraph=True)(given).variants
    torch.testing.assert_close(found, variants, atol=1e-4, rtol=1e-4)


@pytest.mark.full
@pytest.mark.parametrize("model", SMALL, indirect=True)
def test_what_inductor_makes_of_it_gives_the_same(
    model: ReidModel, given: Tensor, variants: dict[str, Tensor], fresh_compiler: None
) -> None:
    with torch.no_grad():
        found = torch.compile(model, backend="inductor", fullgraph=True)(given).variants
    torch.testing.assert_close(found, variants, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", MICROS)
def test_one_batch_can_be_learned_by_heart(name: str) -> None:
    people, num_frames, most_steps = 8, 2, 150
    model = build_model(name, num_classes=people).train()
    given = clips(model, people, 2 * num_frames).view(2 * people, num_frames, 3, *model.config.image_size_hw)
    labels = torch.arange(people).repeat_interleave(2)
    criterion = criterion_of(model, people)
    # SGD, because features that others are distilled from keep growing under Adam's steps of fixed size.
    optimiser = torch.optim.SGD(model.parameters(), lr=5e-3, momentum=0.9, nesterov=True)
    history: list[Tensor] = []  # the whole loss and its cross-entropies, each minus the least that it can be
    while len(history) <= most_steps and not (history and bool((history[-1] < 0.05 * history[0]).all())):
        output = model(given)
        terms = criterion(output, labels)
        loss = criterion.total(terms)
        identity = torch.stack([term for kind, term in terms.items() if kind.startswith("ce/")]).sum()
        floor = len(output.stages) * smoothing_floor(people, criterion.settings.smoothing)
        history.append(torch.stack([loss, identity]).detach() - floor)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    first, last = history[0].tolist(), history[-1].tolist()
    assert last[0] < 0.05 * first[0], f"the loss fell from {first[0]:.3f} to {last[0]:.3f} in {len(history)} steps"
    assert last[1] < 0.05 * first[1], f"cross-entropy fell from {first[1]:.3f} to {last[1]:.3f}"
