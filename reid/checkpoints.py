"""Checkpoints: one `.safetensors` file with the weights and, as JSON in its header, all that using them needs.

A checkpoint is never a pickle: opening one runs no code from it. Weights that others made are read by
`reid.foreign_weights`.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from pydantic import ConfigDict, TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from reid.calibration import Calibration
from reid.errors import ConfigError, OutputError, WeightsError
from reid.models import ReidModel, build_model
from reid.output_file import whole_file
from reid.preprocess import Preprocessing
from reid.version import package_version

FORMAT = 1
SUFFIX = ".safetensors"
_METADATA_KEY = "vreid"
_PICKLE_SUFFIXES = {".pth", ".pt", ".bin", ".ckpt", ".pkl", ".tar"}


@dataclass(frozen=True)
class Provenance:
    """Where weights come from.

    Args:
        trained: False for random or start weights that no re-identification training has touched.
        seed: the seed of the weights and of the training.
        dataset: what they were trained on; None if untrained.
        epochs: how long; None if untrained.
        split: which of the data set's ten splits, counted from 0; None where it has one, or if untrained.
        start_weights: what the backbones started from, as in `reid.start_weights.StartReport.source`.
        package_version: the vreid that made them.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    trained: bool
    seed: int
    dataset: str | None = None
    epochs: int | None = None
    split: int | None = None
    start_weights: str = "random"
    package_version: str = dataclasses.field(default_factory=package_version)


@dataclass(frozen=True)
class Metadata:
    """What stands in a checkpoint's header.

    Args:
        format: version of this layout.
        model: the registry's name of the model.
        config: the model's full configuration, so that later changes to a preset leave old files readable.
        preprocessing: how crops become its input.
        run_variant: the feature variant that `vreid run` uses.
        embedding_width: D of that variant.
        clip_length: T of the clips it was trained with.
        provenance: where the weights come from.
        calibration: the curve that match thresholds are set by; None where it was not measured.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    format: int
    model: str
    config: dict[str, Any]
    preprocessing: Preprocessing
    run_variant: str
    embedding_width: int
    clip_length: int
    provenance: Provenance
    calibration: Calibration | None = None


class Facts(NamedTuple):
    """What a checkpoint's header says: its metadata, and how many numbers its weights have."""

    metadata: Metadata
    parameters: int

    @property
    def ready(self) -> bool:
        """Whether a run can take it as it is: it is trained, and knows what its similarities mean."""
        return self.metadata.provenance.trained and self.metadata.calibration is not None


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as read: its metadata and the model with its weights, in evaluation mode on the CPU."""

    metadata: Metadata
    model: ReidModel


def save_checkpoint(
    path: str | Path,
    model: ReidModel,
    provenance: Provenance,
    *,
    preprocessing: Preprocessing | None = None,
    run_variant: str | None = None,
    calibration: Calibration | None = None,
    half: bool = False,
) -> None:
    """Write a checkpoint; a file that is already there is replaced only once the new one is whole.

    Classifiers are left out: they name the people of one training set and embedding does not use them.

    Args:
        path: where to; its folder must exist.
        model: on any device, in any mode.
        provenance: where the weights come from.
        preprocessing: how crops become the model's input; None for the model's size and ImageNet's normalisation.
        run_variant: the feature variant for `vreid run`; None for the one of the model's configuration.
        calibration: the measured curve, where there is one.
        half: keep the weights in half precision, in half the space; they are computed with in full precision again.

    Raises:
        ConfigError: the model has no such variant.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    variant = run_variant or model.config.run_variant
    if variant not in model.variant_widths:
        raise ConfigError(f"run_variant: {variant!r} is none of {', '.join(model.variant_widths)}")
    metadata = Metadata(
        format=FORMAT,
        model=model.name,
        config=model.config.to_dict(),
        preprocessing=preprocessing or Preprocessing(model.config.image_size_hw),
        run_variant=variant,
        embedding_width=model.variant_widths[variant],
        clip_length=model.config.clip_length,
        provenance=provenance,
        calibration=calibration,
    )
    tensors = {key: value.detach().cpu().contiguous() for key, value in model.embedding_state().items()}
    if half:
        tensors = {key: _halved(value) for key, value in tensors.items()}
    _write(path, tensors, metadata)


def replace_calibration(path: str | Path, calibration: Calibration, out: str | Path) -> None:
    """Write a checkpoint anew with another calibration; the weights stay what they are to the last bit.

    Args:
        path: a file that `save_checkpoint` wrote.
        calibration: the measured curve.
        out: where to; a file that is already there is replaced only once the new one is whole.

    Raises:
        WeightsError: as `load_checkpoint`.
        OutputError: the file cannot be written.
    """
    with _opened(Path(path)) as (file, metadata):
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (the file is no mapping)
    _write(Path(out), tensors, dataclasses.replace(metadata, calibration=calibration))


def _write(path: Path, tensors: dict[str, Tensor], metadata: Metadata) -> None:
    header = {_METADATA_KEY: json.dumps(dataclasses.asdict(metadata))}
    try:
        with whole_file(path) as building:
            save_file(tensors, building, metadata=header)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"checkpoint: cannot write {path}: {error}") from error


def _halved(value: Tensor) -> Tensor:
    """Return floating-point numbers in half precision, unless they do not fit into it."""
    half = value.half() if value.is_floating_point() else value
    return half if bool(half.isfinite().all()) else value


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint and build its model.

    Args:
        path: a file that `save_checkpoint` wrote.

    Raises:
        WeightsError: the file is missing, damaged, not a vreid checkpoint, or its weights do not fit its model.
    """
    path = Path(path)
    with _opened(path) as (file, metadata):
        state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (the file is no mapping)
    return Checkpoint(metadata, _build(metadata, state, path))


def read_facts(path: str | Path) -> Facts:
    """Read what a checkpoint's header says, without its weights.

    Args:
        path: a file that `save_checkpoint` wrote.

    Raises:
        WeightsError: the file is missing, damaged or not a vreid checkpoint.
    """
    with _opened(Path(path)) as (file, metadata):
        sizes = [math.prod(file.get_slice(key).get_shape()) for key in file.keys()]  # noqa: SIM118
    return Facts(metadata, sum(sizes))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Metadata]]:
    """Open a checkpoint's file and read its header.

    Raises:
        WeightsError: the file is missing, damaged or not a vreid checkpoint.
    """
    try:
        if not path.is_file():
            raise WeightsError(f"checkpoint: no such file: {path}")
        with safe_open(path, framework="pt", device="cpu") as file:
            text = (file.metadata() or {}).get(_METADATA_KEY)
            if text is None:
                raise WeightsError(f"checkpoint: {path} holds weights, but not of vreid: its header says nothing of it")
            yield file, _parse(text, path)
    except SafetensorError as error:
        raise WeightsError(_not_a_checkpoint(path)) from error
    except OSError as error:
        raise WeightsError(f"checkpoint: {path} cannot be read: {error.strerror or error}") from error


def is_checkpoint(path: str | Path) -> bool:
    """Say whether a file is a checkpoint of vreid, whatever its version."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return _METADATA_KEY in (file.metadata() or {})
    except (OSError, SafetensorError):
        return False


def _parse(text: str, path: Path) -> Metadata:
    """Turn a header's JSON into metadata."""
    try:
        written_as = json.loads(text)["format"]
        if written_as != FORMAT:
            raise WeightsError(f"checkpoint: {path} has format {written_as}, this vreid reads format {FORMAT}")
        return TypeAdapter(Metadata).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise WeightsError(f"checkpoint: {path}: damaged metadata: {where}: {first['msg']}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"checkpoint: {path}: damaged metadata: {error}") from error


def _build(metadata: Metadata, state: dict[str, Tensor], path: Path) -> ReidModel:
    """Build the model that metadata describe and give it its weights."""
    try:
        model = build_model(metadata.model, overrides=metadata.config)
    except ConfigError as error:
        raise WeightsError(f"checkpoint: {path}: {error}") from error
    except Exception as error:  # a configuration that no preset has comes from a damaged header
        reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        raise WeightsError(f"checkpoint: {path}: its configuration builds no {metadata.model}: {reason}") from error
    own = model.embedding_state()
    for problem, keys in (("lacks", own.keys() - state.keys()), ("has an unknown", state.keys() - own.keys())):
        if keys:
            raise WeightsError(f"checkpoint: {path} does not fit {metadata.model}: it {problem} {min(keys)!r}")
    for key, value in state.items():
        if value.shape != own[key].shape:
            shapes = f"{tuple(value.shape)} instead of {tuple(own[key].shape)}"
            raise WeightsError(f"checkpoint: {path} does not fit {metadata.model}: {key!r} is {shapes}")
    facts = (model.variant_widths.get(metadata.run_variant), model.config.clip_length, model.config.image_size_hw)
    if facts != (metadata.embedding_width, metadata.clip_length, metadata.preprocessing.size_hw):
        raise WeightsError(f"checkpoint: {path}: width, clip length or image size contradict the model's configuration")
    model.load_state_dict(state)
    return model.eval()


def _not_a_checkpoint(path: Path) -> str:
    """Say what a file is that cannot be read as safetensors."""
    if path.suffix.lower() in _PICKLE_SUFFIXES:
        return (
            f"checkpoint: {path} is a {path.suffix} file of PyTorch; vreid opens its own .safetensors checkpoints "
            "here, and takes other people's weights as start weights for training"
        )
    return f"checkpoint: {path} is cut off, damaged, or not a .safetensors file"
