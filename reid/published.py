"""Published weights: what can start a part of a model, and how well a file's tensors fit it."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, cast

import timm
import torch
from timm.layers import resample_abs_pos_embed
from torch import Tensor, nn

from reid.preprocess import IMAGENET_MEAN, IMAGENET_STD

State = dict[str, Tensor]  # name -> tensor

_CLASSIFIERS = ("fc.", "head.", "classifier.", "pre_logits.")
_COUNTERS = "num_batches_tracked"
# What some versions of a network save and others compute.
_COMPUTED = (_COUNTERS, "relative_position_index", "relative_coords_table", "attn_mask")
_POSITIONS, _WINDOW_POSITIONS, _PATCHES = "pos_embed", "relative_position_bias_table", "patch_embed.proj.weight"


def _as_published(state: State) -> State:
    return state


@dataclass(frozen=True, kw_only=True)
class Published:
    """One set of published weights that can start a part.

    Args:
        name: what its file's name begins with, such as "resnet50_ibn_a". Where it is a name of timm's, a file must be
            that network: every tensor in it is one of the network's.
        hub: the model hub's repository that holds it as `model.safetensors`; None where only a local file can bring it.
        publisher: who publishes it, for the message that tells where to get it.
        translate: from names (and values) as published to the part's own. Given a state dict of another kind it may
            raise LookupError, ValueError or RuntimeError; that then does not fit.
        mean: the mean of RGB, in [0, 1], that the weights were made for.
        std: the deviation that goes with it.
        lacks: fragments of names of the part's tensors that this publication does not hold.
        spare: how the names, as translated, of tensors begin that this publication holds and the part need not have,
            such as blocks that follow the part's last one. Of what timm knows, of classifiers, and of modules that the
            part leaves out as a whole, such as a last stage, nothing must be said.
    """

    name: str
    hub: str | None = None
    publisher: str = ""
    translate: Callable[[State], State] = _as_published
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    lacks: tuple[str, ...] = ()
    spare: tuple[str, ...] = ()


@dataclass(frozen=True)
class StartPart:
    """A part of a model that published weights can start.

    Args:
        module: the part.
        published: what can start it, in order of preference.
        grid_hw: rows and columns of the part's patches, where it has position embeddings to resize.
    """

    module: nn.Module
    published: tuple[Published, ...]
    grid_hw: tuple[int, int] | None = None


def timm_part(module: nn.Module, name: str) -> StartPart:
    """Say how a backbone starts: from timm's own weights, or from nobody's if timm knows no network of that name.

    Args:
        module: the network, as timm built it; it may lack a classifier or its last blocks.
        name: the name it was built by.
    """
    if not timm.is_model(name):
        return StartPart(module, ())
    made_for = getattr(module, "pretrained_cfg", {})
    published = Published(
        name=name,
        hub=made_for.get("hf_hub_id"),
        publisher="timm",
        mean=made_for.get("mean", IMAGENET_MEAN),
        std=made_for.get("std", IMAGENET_STD),
    )
    has_positions = getattr(module, "pos_embed", None) is not None
    return StartPart(module, (published,), tuple(cast(Any, module).patch_embed.grid_size) if has_positions else None)


@dataclass(frozen=True)
class Fit:
    """How well a state dict fits a part.

    Args:
        published: the publication that it was taken for.
        taken: the tensors that the part can take, under its own names and in its own shapes.
        resized: names of those that had another shape: position embeddings.
        left: names of the part's tensors that stay at their initial values.
        unused: names of the publication's tensors, as translated, that the part has no place for.
        claimed: how many tensors the publication claims to hold for the part.
        matched: how many of those the part can take.
        example: one that it cannot take, and why.
        strange: names of tensors that the publication does not hold: they show that this is another network.
    """

    published: Published
    taken: State
    resized: tuple[str, ...]
    left: tuple[str, ...]
    unused: tuple[str, ...]
    claimed: int
    matched: int
    example: str
    strange: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether this is the publication: all that it claims to hold is there, and nothing of another network."""
        return 0 < self.claimed == self.matched and not self.strange

    def shortfall(self) -> str:
        """Say in one line why the fit is not good."""
        name = self.published.name
        line = f"{self.matched} of the {self.claimed} tensors of {name} fit"
        if self.example:
            line += f", all must; {self.example}"
        if self.strange:
            line += f"; {len(self.strange)} tensors in the file are not of {name} ({some_of(self.strange)})"
        return line


def some_of(names: Collection[str]) -> str:
    """List the first few of many names."""
    first = list(names)[:3]
    return ", ".join(first if len(names) == len(first) else [*first, "..."])


def fit(part: StartPart, published: Published, state: State) -> Fit:
    """Find out what a part can take from a state dict.

    Position embeddings are resized to the part's grid, tables of relative positions cut to its windows. Patch
    embeddings that were made for images normalised otherwise are adapted to ImageNet's mean and deviation, which is
    exact.

    A file of another network can hold all that a part asks for, as a ResNet-101 has every tensor of a ResNet-50. What
    it holds beyond that gives it away.

    Args:
        part: the part; it stays as it is.
        published: what the state dict is taken for.
        state: names and tensors as published.
    """
    known_to_timm = timm.is_model(published.name)
    if known_to_timm:
        state = _by_todays_names(state)
    try:
        translated = published.translate(state)
    except (LookupError, ValueError, RuntimeError):
        translated = {}
    own = {key: value for key, value in part.module.state_dict().items() if not key.endswith(_COUNTERS)}
    unused = [key for key in translated if key not in own and not key.endswith(_COMPUTED)]
    if known_to_timm:
        strange = [key for key in state if not _is_aside(key) and key not in _timm_tensors(published.name)]
    else:
        modules = {key.partition(".")[0] for key in own}
        within = [key for key in unused if key.partition(".")[0] in modules]
        strange = [key for key in within if not _is_aside(key) and not key.startswith(published.spare)]
    taken: State = {}
    resized: list[str] = []
    misshapen: list[str] = []
    absent: list[str] = []
    claimed = [key for key in own if not any(fragment in key for fragment in published.lacks)]
    for key, value in own.items():
        given = translated.get(key)
        new = None if given is None else _resized(part, key, given, value.shape)
        if new is not None and new.shape == value.shape:
            taken[key] = new
            if new is not given:
                resized.append(key)
        elif key in claimed and given is not None:
            misshapen.append(f"{key} is {_sizes(given)} there and {_sizes(value)} in the model")
        elif key in claimed:
            absent.append(f"{key} ({_sizes(value)}) is not there")
    return Fit(
        published=published,
        taken=_renormalised(published, taken),
        resized=tuple(resized),
        left=tuple(key for key in own if key not in taken),
        unused=tuple(key for key in unused if key not in strange),
        claimed=len(claimed),
        matched=sum(key in taken for key in claimed),
        example=next(iter(misshapen + absent), ""),
        strange=tuple(strange),
    )


def _sizes(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"


def _is_aside(key: str) -> bool:
    """Say whether a tensor may be there or not: a classifier's, a counter, a table that others compute."""
    return key.startswith(_CLASSIFIERS) or key.endswith(_COMPUTED)


@functools.cache
def _timm_tensors(timm_name: str) -> frozenset[str]:
    """Return the names of all tensors of the network that timm publishes by a name."""
    with torch.device("meta"):
        return frozenset(timm.create_model(timm_name, pretrained=False).state_dict())


def _by_todays_names(state: State) -> State:
    """Return weights under timm's names of today.

    In DenseNets a digit stood by itself, as in `denselayer1.norm.1.weight`. In Swins patches were merged at the end of
    a stage, now at the beginning of the next.
    """
    renamed = {}
    late_merging = "layers.0.downsample.reduction.weight" in state
    for key, value in state.items():
        name = re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d)", r"\1\2", key)
        merging = re.match(r"layers\.(\d+)\.downsample\.", name) if late_merging else None
        if merging:
            name = f"layers.{int(merging[1]) + 1}.downsample.{name[merging.end() :]}"
        renamed[name] = value
    return renamed


def _resized(part: StartPart, key: str, given: Tensor, shape: torch.Size) -> Tensor:
    """Return a position embedding in the shape that the part has; anything else as it is."""
    if given.ndim != len(shape) or given.shape[-1] != shape[-1]:  # another network's
        return given
    if key.endswith(_POSITIONS) and part.grid_hw is not None and given.ndim == 3 and len(given) == 1:
        height, width = part.grid_hw
        others = shape[1] - height * width  # class tokens
        # What is published was made for square images. As many patches in another grid are not the same places.
        if others >= 0 and _is_square(given.shape[1] - others) and (given.shape != shape or height != width):
            resized: Tensor = resample_abs_pos_embed(given, [height, width], num_prefix_tokens=others)
            return resized
    if key.endswith(_WINDOW_POSITIONS) and given.shape != shape and given.ndim == 2 and _is_square(given.shape[0]):
        attention: Any = part.module.get_submodule(key.rpartition(".")[0])
        return _cut_window(given, attention.window_size)
    return given


def _cut_window(table: Tensor, window_hw: tuple[int, int]) -> Tensor:
    """Cut a Swin's table of relative positions down to a smaller window.

    A window shrinks where a stage's map is smaller than it. The way from one patch to another means the same in both,
    so that what remains is the middle, exactly; timm's own interpolation comes near to it.

    Args:
        table: ((2 P - 1) ** 2, heads) for windows of P x P patches.
        window_hw: h and w of the smaller window.

    Returns:
        ((2 h - 1) * (2 w - 1), heads); a window that is larger somewhere leaves the table as it is.
    """
    side = math.isqrt(table.shape[0])
    sides = [2 * length - 1 for length in window_hw]
    if max(sides) > side:
        return table
    (top, rows), (left, columns) = (((side - length) // 2, length) for length in sides)
    return table.view(side, side, -1)[top : top + rows, left : left + columns].flatten(0, 1)


def _is_square(number: int) -> bool:
    return number > 0 and math.isqrt(number) ** 2 == number


def _renormalised(published: Published, state: State) -> State:
    """Adapt patch embeddings made for another normalisation to ImageNet's.

    With x = (p - m) / s for pixels p, weights w made for (p - m') / s' see x s / s' + (m - m') / s'. A patch embedding
    has no padding, so scaled weights and a moved bias are exactly equal. A padded convolution has no equal and stays.

    Args:
        published: names the normalisation that the weights were made for.
        state: the weights.
    """
    if (published.mean, published.std) == (IMAGENET_MEAN, IMAGENET_STD):
        return state
    adapted = dict(state)
    for key, weight in state.items():
        bias_key = key.removesuffix("weight") + "bias"
        if key.endswith(_PATCHES) and bias_key in state:
            mean, std, made_mean, made_std = (
                torch.tensor(values, device=weight.device)
                for values in (IMAGENET_MEAN, IMAGENET_STD, published.mean, published.std)
            )
            weight, bias = weight.float(), state[bias_key].float()
            adapted[key] = weight * (std / made_std)[:, None, None]  # (D, 3, patch, patch)
            adapted[bias_key] = bias + torch.einsum("dchw,c->d", weight, (mean - made_mean) / made_std)
    return adapted
