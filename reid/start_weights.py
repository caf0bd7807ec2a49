"""Start weights: what a model's image backbones know before training.

They come from a file or folder, from the local cache of the model hub, or from the hub itself where it answers within
seconds; the download may then take as long as it needs. Where none can be had, the model keeps its seeded random
weights and the report says so.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlparse

import torch
from timm.layers import resample_abs_pos_embed
from torch import Tensor, nn

from reid.errors import WeightsError
from reid.foreign_weights import load_foreign_state_dict
from reid.network import can_connect
from reid.preprocess import IMAGENET_MEAN, IMAGENET_STD

IMAGENET = "imagenet"
ONLINE_TIMEOUT_S = 2.0
_FIRST_ANSWER_TIMEOUT_S = 4.0  # from looking whether it is there; the client has requests of its own to make
_HUB_FILE = "model.safetensors"
_LOG = logging.getLogger(__name__)

State = dict[str, Tensor]  # name -> tensor


def _as_published(state: State) -> State:
    return state


@dataclass(frozen=True, kw_only=True)
class Published:
    """One set of published weights that can start a part.

    Args:
        name: what its file's name begins with, such as "resnet50_ibn_a".
        hub: the model hub's repository that holds it as `model.safetensors`; None where only a local file can bring it.
        publisher: who publishes it, for the message that tells where to get it.
        translate: from names (and values) as published to the part's own.
        mean: the mean of RGB, in [0, 1], that the weights were made for.
        std: the deviation that goes with it.
        lacks: fragments of names of the part's tensors that this publication does not hold.
    """

    name: str
    hub: str | None = None
    publisher: str = ""
    translate: Callable[[State], State] = _as_published
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    lacks: tuple[str, ...] = ()


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


def timm_part(module: nn.Module, timm_name: str) -> StartPart:
    """Say how a network of timm starts: from timm's own weights.

    Args:
        module: the network, as timm built it; it may lack a classifier or its last blocks.
        timm_name: the name it was built by.
    """
    made_for = getattr(module, "pretrained_cfg", {})
    published = Published(
        name=timm_name,
        hub=made_for.get("hf_hub_id"),
        publisher="timm",
        mean=made_for.get("mean", IMAGENET_MEAN),
        std=made_for.get("std", IMAGENET_STD),
    )
    has_positions = getattr(module, "pos_embed", None) is not None
    return StartPart(module, (published,), tuple(cast(Any, module).patch_embed.grid_size) if has_positions else None)


@dataclass(frozen=True)
class StartReport:
    """Where a model's weights come from.

    Args:
        source: "random", "imagenet", or the file or folder that was read.
        matched: tensors taken over, resized ones included.
        resized: tensors taken over after resizing: position embeddings.
        missing: names of the backbones' tensors that stayed random; empty for source "random".
        notes: one line for each part that was not found, and why.
    """

    source: str
    matched: int = 0
    resized: int = 0
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def apply_start_weights(parts: dict[str, StartPart], source: str | Path | None) -> StartReport:
    """Load start weights into a model's backbones, in place.

    Weights that were made for images normalised otherwise are adapted to ImageNet's mean and deviation where a patch
    embedding makes that exact.

    Args:
        parts: name -> backbone.
        source: None leaves everything as it is; "imagenet" asks for timm's weights in the hub's cache or, where it
            answers, on the hub; a folder is searched for a file whose name begins with the backbone's timm name; a
            file goes to whichever backbone it fits.

    Raises:
        WeightsError: a given file or folder is missing or unreadable, or fits no backbone.
    """
    if source is None:
        return StartReport("random")
    matched, resized, missing, notes = 0, 0, [], []
    hub = _Hub()
    for name, part in parts.items():
        reason = ""
        try:
            state = hub.state(part) if source == IMAGENET else _local_state(part, Path(source))
        except _NotOnHubError as error:
            state, reason = {}, f" ({error})"
        taken = _fit(part, state)
        if not taken:
            notes.append(f"{name} ({part.published[0].name}): no weights found{reason}, kept random")
            continue
        resized += sum(state[key].shape != value.shape for key, value in taken.items())
        matched += len(taken)
        missing += [f"{name}.{key}" for key in _wanted(part.module) if key not in taken]
        part.module.load_state_dict(_renormalised(part.published[0], taken), strict=False)
    if matched:
        return StartReport(str(source), matched, resized, tuple(missing), tuple(notes))
    if source == IMAGENET:
        return StartReport("random", notes=tuple(notes))
    raise WeightsError(
        f"start weights: nothing in {source} fits {', '.join(p.published[0].name for p in parts.values())}"
    )


def hub_is_online(timeout_s: float = ONLINE_TIMEOUT_S) -> bool:
    """Say whether the model hub's host, or the proxy in front of it, takes a connection.

    Args:
        timeout_s: the longest this may take, looking up the name included.
    """
    from huggingface_hub import constants

    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}:
        return False
    endpoint = urlparse(constants.ENDPOINT)
    host, proxies = endpoint.hostname or "", urllib.request.getproxies()
    proxy = None if urllib.request.proxy_bypass(host) else proxies.get(endpoint.scheme) or proxies.get("all")
    asked = urlparse(proxy) if proxy else endpoint
    if not asked.hostname:
        return False
    return can_connect(asked.hostname, asked.port or (80 if asked.scheme == "http" else 443), timeout_s)


class _NotOnHubError(WeightsError):
    """Published weights cannot be had; the text says why, in few words."""


class _Hub:
    """The model hub, as long as it answers: after the first request that fails no other is made."""

    def __init__(self) -> None:
        self._gone: str | None = None

    def state(self, part: StartPart) -> dict[str, Tensor]:
        """Return timm's published weights from the hub's cache or, if it answers, from the hub.

        Raises:
            _NotOnHubError: there are none, or the hub is not to be had.
        """
        from huggingface_hub import try_to_load_from_cache

        repository = part.published[0].hub
        if not repository:
            raise _NotOnHubError("none are published")
        # Not by hf_hub_download(local_files_only=True): to name its user agent, that makes a request even so.
        path = try_to_load_from_cache(repository, _HUB_FILE)
        return load_foreign_state_dict(path if isinstance(path, str) else self._download(repository))

    def _download(self, repository: str) -> str:
        from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
        from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError

        began_s = time.monotonic()
        if self._gone is None and not hub_is_online():
            self._gone = "not in the cache, and the hub cannot be reached"
        if self._gone is not None:
            raise _NotOnHubError(self._gone)
        url = hf_hub_url(repository, _HUB_FILE)
        try:
            # The client's download repeats a failed first request for minutes. A look at the file's headers, not
            # repeated, shows beforehand whether the hub works; from then on the client may take its time.
            left_s = _FIRST_ANSWER_TIMEOUT_S - (time.monotonic() - began_s)
            _within(lambda: get_hf_file_metadata(url, timeout=ONLINE_TIMEOUT_S), left_s)
        except (EntryNotFoundError, RepositoryNotFoundError):
            raise _NotOnHubError("the hub has none") from None
        except Exception as error:  # the client lets its HTTP library's errors through, and changes that library
            raise self._given_up(repository, error) from None
        try:
            return hf_hub_download(repository, _HUB_FILE, etag_timeout=ONLINE_TIMEOUT_S)
        except Exception as error:
            raise self._given_up(repository, error) from None

    def _given_up(self, repository: str, error: Exception) -> _NotOnHubError:
        reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        _LOG.warning("start weights: %s did not arrive from the hub: %s", repository, reason)
        _LOG.debug("start weights: where it failed", exc_info=error)
        self._gone = "not in the cache, and the hub failed"
        return _NotOnHubError(self._gone)


def _within(request: Callable[[], object], timeout_s: float) -> None:
    """Make a request that must be answered in time; one that is not is left behind in its thread.

    An HTTP client's own time-out holds for each read, so an answer that trickles in would escape it.

    Args:
        request: raises if it fails.
        timeout_s: the longest this may take.

    Raises:
        TimeoutError: there is no answer yet.
    """
    outcome: list[Exception | None] = []

    def run() -> None:
        try:
            request()
            outcome.append(None)
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if not outcome:
        raise TimeoutError(f"no answer within {timeout_s:.1f} s")
    if outcome[0] is not None:
        raise outcome[0]


def _local_state(part: StartPart, source: Path) -> dict[str, Tensor]:
    """Return the weights in a file, or in the file of a folder that bears the backbone's name, or nothing."""
    if source.is_dir():
        files = sorted(
            path for path in source.iterdir() if path.is_file() and path.name.startswith(part.published[0].name)
        )
        return load_foreign_state_dict(files[0]) if files else {}
    return load_foreign_state_dict(source)


def _wanted(module: nn.Module) -> list[str]:
    """Return the names of the tensors that weights should bring: all but batch normalisation's step counters."""
    return [key for key in module.state_dict() if not key.endswith("num_batches_tracked")]


def _fit(part: StartPart, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a state dict that a backbone can take, position embeddings resized."""
    own = part.module.state_dict()
    state = part.published[0].translate(state)
    taken = {}
    for key in _wanted(part.module):
        given = state.get(key)
        if given is not None and key == "pos_embed" and given.shape != own[key].shape and part.grid_hw is not None:
            given = resample_abs_pos_embed(given, list(part.grid_hw), num_prefix_tokens=1)
        if given is not None and given.shape == own[key].shape:
            taken[key] = given
    return taken


def _renormalised(published: Published, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Adapt a patch embedding made for another normalisation to ImageNet's.

    With x = (p - m) / s for pixels p, weights w made for (p - m') / s' see x s / s' + (m - m') / s'. A patch embedding
    has no padding, so scaled weights and a moved bias are exactly equal.

    Args:
        published: names the normalisation that the weights were made for.
        state: the weights.
    """
    weight, bias = state.get("patch_embed.proj.weight"), state.get("patch_embed.proj.bias")
    if weight is None or bias is None:
        return state
    mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    made_mean, made_std = torch.tensor(published.mean), torch.tensor(published.std)
    scale, shift = std / made_std, (mean - made_mean) / made_std
    return {
        **state,
        "patch_embed.proj.weight": weight * scale[:, None, None],  # (D, 3, patch, patch)
        "patch_embed.proj.bias": bias + torch.einsum("dchw,c->d", weight, shift),
    }
