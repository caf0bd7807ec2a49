"""The embedding path: the only code that turns crops into vectors, when running and when benchmarking.

A tracklet becomes one or more clips (`reid.clips`), each crop the model's input (`reid.preprocess`), and one forward
yields every feature variant. Each variant is taken after its BNNeck and L2-normalised; a concatenation is made of
normalised variants and normalised again; a tracklet with several clips, or with mirror images, gets their normalised
vectors' mean, normalised.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from reid.calibration import Calibration
from reid.checkpoints import Provenance, load_checkpoint
from reid.clips import check_policy, clip_indices
from reid.device import usable_device, with_channels_last
from reid.errors import ConfigError, WeightsError
from reid.models import ModelConfig, ReidModel, build_model
from reid.preprocess import Crop, Preprocessing

Vectors = NDArray[np.float32]
Tracklet = Sequence[Crop]


class _Clip(NamedTuple):
    """One clip: which tracklet it is of, and its resized frames (T, H, W, 3) uint8."""

    tracklet: int
    frames: NDArray[np.uint8]


class Embedder:
    """A model with everything it takes to turn tracklets into vectors.

    Args:
        model: the network; it is moved to the device and put into evaluation mode.
        preprocessing: how crops become its input.
        provenance: where its weights come from.
        run_variant: the feature variant that `embed` yields unless told otherwise; None for the configuration's.
        calibration: the curve that match thresholds are set by.
        device: "cpu", "cuda" or "cuda:1".
        half: compute in half precision; on CUDA only.
        batch_size: clips in one forward, >= 1; it changes speed and memory, not vectors.
        policy: which clips stand for a tracklet, as in `reid.clips`.
        flip: embed each clip's mirror image too; the vector is the mean of both, normalised.

    Raises:
        ConfigError: the device is not there, half is asked for without CUDA, or a name is unknown.
    """

    def __init__(
        self,
        model: ReidModel,
        preprocessing: Preprocessing,
        provenance: Provenance,
        *,
        run_variant: str | None = None,
        calibration: Calibration | None = None,
        device: str = "cpu",
        half: bool = False,
        batch_size: int = 4,
        policy: str = "even",
        flip: bool = False,
    ) -> None:
        self._device = usable_device(device)
        if half and self._device.type != "cuda":
            raise ConfigError(f"half: half precision needs a CUDA device, not {device}")
        if batch_size < 1:
            raise ConfigError(f"batch_size: must be at least 1, not {batch_size}")
        check_policy(policy)
        self._model = with_channels_last(model.to(self._device)).eval()
        self._preprocessing = preprocessing
        self._provenance = provenance
        self._calibration = calibration
        self._half = half
        self._batch_size = batch_size
        self._policy = policy
        self._flip = flip
        self._variant = run_variant or model.config.run_variant
        self._check_variant(self._variant)
        self._fingerprint: str | None = None

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path,
        device: str = "cpu",
        half: bool = False,
        run_variant: str | None = None,
        **options: Any,
    ) -> Embedder:
        """Open a checkpoint.

        Args:
            path: a file that `reid.checkpoints.save_checkpoint` wrote.
            device: "cpu", "cuda" or "cuda:1".
            half: compute in half precision; on CUDA only.
            run_variant: the feature variant that `embed` yields; None for the checkpoint's.
            options: `batch_size`, `policy` and `flip`, as for the class.

        Raises:
            WeightsError: the file is missing, damaged or no checkpoint of vreid.
            ConfigError: as for the class.
        """
        checkpoint = load_checkpoint(path)
        metadata = checkpoint.metadata
        return cls(
            checkpoint.model,
            metadata.preprocessing,
            metadata.provenance,
            run_variant=run_variant or metadata.run_variant,
            calibration=metadata.calibration,
            device=device,
            half=half,
            **options,
        )

    @classmethod
    def untrained(
        cls,
        preset: str = "dcct-compact",
        device: str = "cpu",
        seed: int = 0,
        **options: Any,
    ) -> Embedder:
        """Build a model that has seen no person: the same vectors for the same seed, and poor ones.

        Args:
            preset: a name in `reid.models.PRESETS`.
            device: "cpu", "cuda" or "cuda:1".
            seed: decides the random weights; the global random state is left alone.
            options: `half`, `run_variant`, `batch_size`, `policy` and `flip`, as for the class.

        Raises:
            ConfigError: the preset is unknown, or as for the class.
        """
        model = build_model(preset, seed=seed)
        provenance = Provenance(trained=False, seed=seed)
        return cls(model, Preprocessing(model.config.image_size_hw), provenance, device=device, **options)

    @property
    def policy(self) -> str:
        """Which clips stand for a tracklet, as in `reid.clips`."""
        return self._policy

    @property
    def variant(self) -> str:
        """The feature variant that `embed` yields by default."""
        return self._variant

    @property
    def flip(self) -> bool:
        """Whether mirror images are embedded too."""
        return self._flip

    @property
    def dim(self) -> int:
        """D of the default variant."""
        return self._model.variant_widths[self._variant]

    @property
    def variant_widths(self) -> dict[str, int]:
        """D of every variant that the model offers."""
        return dict(self._model.variant_widths)

    @property
    def config(self) -> ModelConfig:
        """The model's numbers."""
        return self._model.config

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return self._device

    @property
    def batch_size(self) -> int:
        """Clips in one forward."""
        return self._batch_size

    @property
    def model_name(self) -> str:
        """The registry's name of the model."""
        return self._model.name

    @property
    def trained(self) -> bool:
        """False for weights that no re-identification training has touched."""
        return self._provenance.trained

    @property
    def calibration(self) -> Calibration | None:
        """The curve that match thresholds are set by; None where it was not measured."""
        return self._calibration

    @property
    def clip_length(self) -> int:
        """T, frames in a clip."""
        return self._model.config.clip_length

    @property
    def image_size_hw(self) -> tuple[int, int]:
        """Height and width in pixels that crops are resized to."""
        return self._preprocessing.size_hw

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the weights, the configuration and the preprocessing: equal vectors need equal fingerprints."""
        if self._fingerprint is None:
            digest = hashlib.sha256(json.dumps(self._model.config.to_dict(), sort_keys=True).encode())
            digest.update(repr(self._preprocessing).encode())
            for key, value in sorted(self._model.embedding_state().items()):
                digest.update(key.encode())
                digest.update(value.cpu().contiguous().numpy().tobytes())
            self._fingerprint = digest.hexdigest()
        return self._fingerprint

    def describe(self) -> dict[str, Any]:
        """Return what a run's record should say of its embeddings, ready for JSON."""
        provenance = self._provenance
        return {
            "model": self.model_name,
            "variant": self.variant,
            "dim": self.dim,
            "clip_length": self.clip_length,
            "image_size_hw": list(self.image_size_hw),
            "policy": self._policy,
            "flip": self._flip,
            "device": str(self._device),
            "half": self._half,
            "trained": provenance.trained,
            "dataset": provenance.dataset,
            "epochs": provenance.epochs,
            "split": provenance.split,
            "seed": provenance.seed,
            "start_weights": provenance.start_weights,
            "package_version": provenance.package_version,
            "calibrated": self._calibration is not None,
            "fingerprint": self.fingerprint,
        }

    def embed(self, tracklets: Sequence[Tracklet], variant: str | None = None, policy: str | None = None) -> Vectors:
        """Turn tracklets into vectors of one feature variant.

        Args:
            tracklets: N tracklets, each a sequence of crops (height, width, 3) RGB uint8 of any sizes. Only the crops
                that the policy picks are looked at, each once, so that a sequence may read them when asked.
            variant: a name in `variant_widths`; None for the default variant.
            policy: which clips stand for a tracklet, as in `reid.clips`; None for the embedder's own.

        Returns:
            (N, D) float32, each row of L2 norm 1 and the same whichever tracklets it is embedded with.

        Raises:
            ConfigError: the model has no such variant, or there is no such policy.
            ValueError: a tracklet has no crop, or a picked crop has another shape or type; the message says which.
            WeightsError: the weights yield something that is not finite.
        """
        name = variant or self._variant
        self._check_variant(name)
        return self._embed(tracklets, (name,), policy or self._policy)[name]

    def embed_variants(self, tracklets: Sequence[Tracklet]) -> dict[str, Vectors]:
        """Turn tracklets into the vectors of every feature variant, with one pass through the network.

        Args:
            tracklets: as for `embed`.

        Returns:
            name -> (N, D_v) float32, L2-normalised.

        Raises:
            ValueError: as for `embed`.
            WeightsError: as for `embed`.
        """
        return self._embed(tracklets, tuple(self._model.variant_widths), self._policy)

    def _embed(self, tracklets: Sequence[Tracklet], names: tuple[str, ...], policy: str) -> dict[str, Vectors]:
        for index, tracklet in enumerate(tracklets):
            if len(tracklet) == 0:
                raise ValueError(f"tracklet {index}: it has no crops")
        sums = {name: torch.zeros(len(tracklets), self._model.variant_widths[name]) for name in names}
        clips = self._clips(tracklets, policy)
        while batch := list(islice(clips, self._batch_size)):
            rows = torch.tensor([clip.tracklet for clip in batch])
            frames = np.stack([clip.frames for clip in batch])
            for seen in (frames, frames[:, :, :, ::-1]) if self._flip else (frames,):
                variants = self._forward(np.ascontiguousarray(seen), names)
                for name, total in sums.items():
                    total.index_add_(0, rows, F.normalize(variants[name].float(), dim=1).cpu())
        vectors = {name: F.normalize(total, dim=1).numpy() for name, total in sums.items()}
        if not all(np.isfinite(values).all() for values in vectors.values()):
            raise WeightsError(f"model {self.model_name}: its weights yield vectors that are not finite")
        return vectors

    def _clips(self, tracklets: Sequence[Tracklet], policy: str) -> Iterator[_Clip]:
        """Yield every tracklet's clips; a crop that stands in several places is resized once."""
        for tracklet_index, tracklet in enumerate(tracklets):
            indices = clip_indices(len(tracklet), self.clip_length, policy)
            resized = {}
            for index in np.unique(indices).tolist():
                try:
                    resized[index] = self._preprocessing.resize(tracklet[index])
                except ValueError as error:
                    raise ValueError(f"tracklet {tracklet_index}, crop {index}: {error}") from error
            for clip in indices.tolist():
                yield _Clip(tracklet_index, np.stack([resized[index] for index in clip]))

    @torch.inference_mode()
    def _forward(self, frames_rgb: NDArray[np.uint8], names: tuple[str, ...]) -> dict[str, Tensor]:
        """Turn clips (B, T, H, W, 3) uint8 into the named variants, name -> (B, D_v), on the device."""
        clips = self._preprocessing.normalise(torch.from_numpy(frames_rgb).to(self._device))
        with torch.autocast(self._device.type, enabled=self._half):
            variants: dict[str, Tensor] = self._model(clips, wanted=names).variants
        return variants

    def _check_variant(self, name: str) -> None:
        if name not in self._model.variant_widths:
            known = ", ".join(self._model.variant_widths)
            raise ConfigError(f"variant: {self.model_name} has no {name!r}, it has {known}")
