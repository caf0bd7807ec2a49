"""A recipe: all that decides what a training does, but for the data set, the machine and the place of results."""

from __future__ import annotations

import difflib
import importlib.resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, model_validator

from reid.config import Settings, builtin_text, parse_settings, read_yaml
from reid.criterion import LossSettings
from reid.data.augmentation import Augmentation
from reid.data.made_up import SYNTHETIC, SyntheticSettings
from reid.data.sampler import BatchSettings
from reid.errors import ConfigError
from reid.training.schedules import ScheduleSettings

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]

_FOLDER = "train"
_SMALL = ("-compact", "-micro")
# The set whose recipe serves for a set that has none: the largest one.
_FALLBACK = "mars"
_FEWEST = 2  # people held out, clips in a batch
# Of these a file that extends another says all or nothing: what a paper weighs is one choice, and another model has
# other settings.
_WHOLE = ("weights", "model_settings")


class OptimiserSettings(Settings):
    """What follows the gradients.

    Attributes:
        name: "sgd", "adam" (weight decay added to the gradient, as the papers mean it) or "adamw" (decoupled).
        lr: the full learning rate.
        lr_factors: a part of the model, by the name of its attribute, and what its learning rate is multiplied by.
        weight_decay: of every parameter, biases and normalisations too unless `decay_all` is false.
        momentum: of SGD.
        nesterov: of SGD.
        betas: of Adam.
        decay_all: false spares biases and the parameters of normalisations.
    """

    name: Literal["sgd", "adam", "adamw"]
    lr: float = Field(gt=0)
    lr_factors: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    weight_decay: float = Field(default=0.0, ge=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = False
    betas: tuple[Share, Share] = (0.9, 0.999)
    decay_all: bool = True

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.name == "sgd" and self.nesterov and not self.momentum:
            raise ValueError("nesterov looks ahead along the momentum: it needs one above 0")
        return self


class Recipe(Settings):
    """How to train a model.

    Attributes:
        model: a name in `reid.models.PRESETS`.
        model_settings: fields of its configuration to replace.
        start_weights: null for random ones, "imagenet", or a file or folder, as in `reid.start_weights`.
        seed: decides random weights, batches, clips and augmentation.
        epochs: how many; `batch.epoch` says what one is.
        split: which of the ten splits of iLIDS-VID and PRID-2011, from 0.
        held_out_people: people of the training set that are not trained on, but choose the best checkpoint and
            calibrate the match threshold; below 1 a share of them. 0 trains on everybody, keeps the last checkpoint
            only and calibrates nothing.
        batch: people and tracklets of a batch.
        single_frames: share of the epochs, from the first on and rounded up, in which the frame at one random place
            stands for each clip: the network sees many people for the price of few clips.
        accumulate: batches whose gradients are averaged for one step of the optimiser.
        augmentation: of training clips.
        losses: terms, weights and their settings.
        optimiser: what follows the gradients.
        schedule: of the learning rate.
        precision: of the forward and backward pass; "auto" is bfloat16 on a GPU that has it, else float32.
        clip_norm: longest gradient, L2 over all of the model's parameters; null for any.
        ema: share of the old value that the average of the weights keeps in each step; the average is what is judged
            and kept, with averaged statistics of normalisations. null: the weights themselves.
        half: keep checkpoints in half precision, in half the space.
        evaluate_every: epochs between two looks at the held-out people.
        save_minutes: longest time without a saved state in a long epoch.
        workers: processes that read pictures; null for one less than the cores, at most 8.
        expected_map: mAP on the made-up people of this recipe's `synthetic`, stated before it was trained; the
            result is printed beside it.
        synthetic: of the set `synthetic`, where no folder is given.
    """

    model: str
    model_settings: dict[str, Any] = Field(default_factory=dict)
    start_weights: str | None = None
    seed: int = Field(default=0, ge=0, lt=2**31)
    epochs: Count
    split: int = Field(default=0, ge=0)
    held_out_people: int | float = Field(default=0, ge=0)
    batch: BatchSettings
    single_frames: Share = 0.0
    accumulate: Count = 1
    augmentation: Augmentation = Augmentation()
    losses: LossSettings
    optimiser: OptimiserSettings
    schedule: ScheduleSettings = ScheduleSettings()
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    clip_norm: float | None = Field(default=None, gt=0)
    ema: float | None = Field(default=None, gt=0, lt=1)
    half: bool = False
    evaluate_every: Count = 10
    save_minutes: float = Field(default=10.0, gt=0)
    workers: int | None = Field(default=None, ge=0)
    expected_map: float | None = Field(default=None, ge=0, le=1)
    synthetic: SyntheticSettings = SyntheticSettings()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.held_out_people == 1:
            raise ValueError("held_out_people: one person can be told from nobody; 0, a share below 1, or 2 and more")
        if self.held_out_people > 1 and self.held_out_people != int(self.held_out_people):
            raise ValueError(f"held_out_people: {self.held_out_people} is neither a number of people nor a share")
        if self.batch.people * self.batch.tracklets < _FEWEST:
            raise ValueError("batch: normalisations take two clips at least: more people or tracklets")
        return self

    def held_out_of(self, people: int) -> int:
        """Return how many of so many people are held out."""
        if not 0 < self.held_out_people < 1:
            return int(self.held_out_people)
        return max(_FEWEST, round(self.held_out_people * people))


def recipe_names() -> list[str]:
    """Return the recipes that ship with vreid."""
    folder = importlib.resources.files("configs") / _FOLDER
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def find_recipe(data_set: str, model: str) -> str:
    """Choose the recipe that ships for a model on a data set.

    That of the model itself comes first; then, for a small model, its recipe for made-up people; then that of the model
    it is a form of (`dcct` for `dcct-512`); then the same for the largest set.

    Args:
        data_set: its name.
        model: a name in `reid.models.PRESETS`.

    Raises:
        ConfigError: there is none.
    """
    parts = model.split("-")
    forms = ["_".join(parts[:length]) for length in range(len(parts), 0, -1)]
    candidates = [f"{forms[0]}_{data_set}"]
    if model.endswith(_SMALL):
        candidates.append(f"{forms[0]}_synthetic")
    candidates += [f"{form}_{name}" for name in (data_set, _FALLBACK) for form in forms]
    shipped = recipe_names()
    for candidate in candidates:
        if candidate in shipped:
            return candidate
    raise ConfigError(
        f"there is no recipe for {model} on {data_set}; give one with --config. Known: {', '.join(shipped)}"
    )


def load_recipe(
    data_set: str, model: str, *, config: str | None = None, values: dict[str, Any] | None = None
) -> Recipe:
    """Put a recipe together.

    Args:
        data_set: the data set's name.
        model: a name in `reid.models.PRESETS`, for which to train.
        config: a recipe that ships, by name, or a YAML file, whose keys are laid over those of the recipe that it
            `extends`, or else of the one that ships for the model and the data set.
        values: dotted key, such as `optimiser.lr`, to value: laid over all that.

    Raises:
        ConfigError: a file, key or value is not understood; the message names it.
    """
    changed = {key.partition(".")[0] for key in values or {}}
    if config is not None and Path(config).suffix in (".yaml", ".yml"):
        content = read_yaml(Path(config))
        changed |= content.keys()
        base = _shipped(str(content.pop("extends", None) or find_recipe(data_set, model)))
        content = _over(base, content)
        where = config
    else:
        where = config or find_recipe(data_set, model)
        content = _shipped(where)
    content["model"] = model
    if "expected_map" not in changed and (data_set != SYNTHETIC or SYNTHETIC in changed):
        content["expected_map"] = None  # it was stated for other people
    for key, value in (values or {}).items():
        _put(content, key, value)
    return parse_settings(content, Recipe, where=where)


def recipe_model(config: str) -> str | None:
    """Return which model a configuration is for; None if it does not say.

    Raises:
        ConfigError: it cannot be read.
    """
    content = read_yaml(Path(config)) if Path(config).suffix in (".yaml", ".yml") else _shipped(config)
    base = content.get("extends")
    model = content.get("model")
    return str(model) if model else recipe_model(str(base)) if base else None


def recipe_text(recipe: Recipe) -> str:
    """Write a recipe as YAML, every key with its value; `load_recipe` reads it again."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _shipped(name: str) -> dict[str, Any]:
    """Read a recipe that ships, with what it extends."""
    names = recipe_names()
    if name not in names:
        nearest = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else "."
        raise ConfigError(f"recipe: {name!r} is unknown{hint} Files end in .yaml. Known: {', '.join(names)}")
    content: dict[str, Any] = yaml.safe_load(builtin_text(f"{_FOLDER}/{name}.yaml"))
    base = content.pop("extends", None)
    return content if base is None else _over(_shipped(str(base)), content)


def _over(base: dict[str, Any], top: dict[str, Any]) -> dict[str, Any]:
    """Lay keys over others, groups key by key."""
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict) and key not in _WHOLE:
            value = _over(below, value)
        merged[key] = value
    return merged


def _put(content: dict[str, Any], key: str, value: Any) -> None:
    *groups, name = key.split(".")
    for group in groups:
        inner = content.get(group)
        content[group] = dict(inner) if isinstance(inner, dict) else {}
        content = content[group]
    content[name] = value
