"""Published transformers as MSTAT's start: their tensors under the names that MSTAT's trunk has for them.

Both translations leave out what they do not know, and so return nothing for weights of another kind.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import torch

from reid.start_weights import State

TIMESFORMER_WIDTH = 768
_STEM = ("cls_token", "pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias")
# A part of a published block -> the part of an STA.
_SPATIAL = {
    "norm1": "spatial_norm",
    "attn.qkv": "spatial.qkv",
    "attn.proj": "spatial.proj",
    "norm2": "mlp_norm",
    "mlp.fc1": "mlp.0",
    "mlp.fc2": "mlp.2",
}
_TEMPORAL = {"temporal_norm1": "temporal_norm", "temporal_attn.qkv": "temporal.qkv"}
_BLOCK_TENSOR = re.compile(r"blocks\.(\d+)\.(.+)\.(weight|bias)")


def from_vit(state: State, a_sta_blocks: Collection[int]) -> State:
    """Translate a vision transformer of images.

    Temporal attention begins with the weights of spatial attention and with zeros behind it, so that without
    IAP the network at first does to a clip of equal frames what the image network does to the frame.

    Args:
        state: the weights by timm's names.
        a_sta_blocks: indices of A-STA blocks. Of their temporal branch only the end is set, to zeros.

    Source: zeros behind temporal attention and copies within it are how TimeSformer (Bertasius et al. 2021) starts.
    """
    translated = _common(state)
    for key, value in list(translated.items()):
        found = re.fullmatch(r"blocks\.(\d+)\.spatial(_norm|\.qkv|\.proj)\.(weight|bias)", key)
        if not found:
            continue
        block, part, kind = found.groups()
        a_sta = int(block) in a_sta_blocks
        if part == ".proj":
            last = "to_patches" if a_sta else "temporal"
            translated[f"blocks.{block}.{last}.proj.{kind}"] = torch.zeros_like(value)
        elif not a_sta:
            translated[f"blocks.{block}.temporal{part}.{kind}"] = value.clone()
    return translated


def from_timesformer(state: State, a_sta_blocks: Collection[int]) -> State:
    """Translate a TimeSformer with divided space-time attention.

    The linear layer that it has behind the projection of temporal attention is folded into that projection: two
    linear layers in a row are one. Its time embedding has no place in MSTAT.

    Args:
        state: the weights by the names of its authors' code.
        a_sta_blocks: indices of A-STA blocks, whose temporal branch is not TimeSformer's: it stays as it is.
    """
    state = {key.removeprefix("model."): value for key, value in state.items() if key.startswith("model.")}
    translated = _common(state)
    for key, value in state.items():
        found = _BLOCK_TENSOR.fullmatch(key)
        if not found or int(found[1]) in a_sta_blocks:
            continue
        block, part, kind = found.groups()
        projection = f"blocks.{block}.temporal_attn.proj.{kind}"
        if part in _TEMPORAL:
            translated[f"blocks.{block}.{_TEMPORAL[part]}.{kind}"] = value
        elif part == "temporal_fc" and projection in state:
            folded = state[f"blocks.{block}.temporal_fc.weight"] @ state[projection]
            translated[f"blocks.{block}.temporal.proj.{kind}"] = folded if kind == "weight" else folded + value
    return translated


def _common(state: State) -> State:
    """Return what transformers of images and TimeSformers share: stem, spatial attention, feed-forward, last norm."""
    translated = {key: state[key] for key in _STEM if key in state}
    for key, value in state.items():
        found = _BLOCK_TENSOR.fullmatch(key)
        if found and found[2] in _SPATIAL:
            translated[f"blocks.{found[1]}.{_SPATIAL[found[2]]}.{found[3]}"] = value
        elif key in ("norm.weight", "norm.bias"):
            for stage in ("stage2", "stage3"):
                translated[f"norms.{stage}.{key.removeprefix('norm.')}"] = value
    return translated
