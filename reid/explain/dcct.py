"""DCCT's pictures: figures 7 and 8 of its paper, and the gates of HTA.

Source: Liu et al. 2023 (DCCT), section IV-E.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reid.explain.grad_cam import grad_cam_picture, grad_cam_row, last_maps
from reid.explain.pictures import FramePicture, MapRow, Picture, Scale, attention_row, values_of
from reid.explain.recorded import Call, record
from reid.models.cca import AttentionHead, SpatialAttentionPooling
from reid.models.dcct import DCCT
from reid.models.hta import GatedAttention, HierarchicalTemporalAggregation

_BRANCHES = {"cnn": "CNN", "transformer": "Transformer"}
_STRIP_COLUMNS = 32
_GATE_SCALE = Scale(1.0, ((0.0, "0 clip"), (0.5, "half"), (1.0, "1 frame")))


def dcct_pictures(model: DCCT, clip: Tensor) -> list[Picture]:
    """Make Grad-CAM of both branches, the attention maps of CCA or of SAP, and the gates of HTA.

    Args:
        model: in evaluation mode.
        clip: (1, T, 3, H, W) float, normalised.
    """
    places = {"cnn": last_maps(model.cnn), "transformer": last_maps(model.transformer)}
    modules: dict[str, nn.Module] = {f"{branch} map": place.module for branch, place in places.items()}
    modules |= {"cnn": model.cnn, "transformer": model.transformer}
    if model.cca is not None:
        modules["cca"] = model.cca
    if model.sap is not None:
        modules |= {"sap cnn": model.sap[0], "sap transformer": model.sap[1]}
    gates = _gates(model)
    calls = record(model, clip, modules | gates).calls

    rows = []
    for branch, place in places.items():
        vectors = model.necks[f"base_{branch}"](calls[branch].output.vector)  # (T, C)
        label = f"{_BRANCHES[branch]} branch, {getattr(model, branch).name}: its own feature"
        rows.append(grad_cam_row(label, vectors.mean(dim=0), calls[f"{branch} map"], place))
    pictures: list[Picture] = [grad_cam_picture(*rows)]
    if model.cca is not None:
        pictures.append(_cca_picture(model, calls["cca"]))
    if model.sap is not None:
        pictures.append(_sap_picture(model, calls))
    if gates:
        pictures.append(_gate_picture({label: calls[label] for label in gates}))
    return pictures


@torch.no_grad()
def _cca_picture(model: DCCT, call: Call) -> FramePicture:
    """Draw A_1^s, A_1^c, A_2^s and A_2^c of equations 1 and 2, as far as the model has them."""
    assert model.cca is not None
    cnn_map, cnn_vector, transformer_map, transformer_vector = call.inputs
    heads = (
        ("A1 s: the CNN's map, asked by the CNN", model.cca.self_cnn, cnn_vector, cnn_map),
        ("A1 c: the CNN's map, asked by the Transformer", model.cca.cross_cnn, transformer_vector, cnn_map),
        (
            "A2 s: the Transformer's map, asked by the Transformer",
            model.cca.self_transformer,
            transformer_vector,
            transformer_map,
        ),
        ("A2 c: the Transformer's map, asked by the CNN", model.cca.cross_transformer, cnn_vector, transformer_map),
    )
    rows = tuple(_head_row(label, head, query, maps) for label, head, query, maps in heads if head is not None)
    reading = (
        "Red: where a branch looks in a frame; s, asked by its own global vector, c, by the other branch's. "
        "The weights of a map add up to 1; even is what each would be if all were alike."
    )
    return FramePicture("cca-attention", "self- and cross-attention of CCA", reading, rows)


def _head_row(label: str, head: AttentionHead, query: Tensor, maps: Tensor) -> MapRow:
    weights = values_of(head.attention(query, maps.flatten(2)).view(-1, *maps.shape[2:]))  # (T, h, w)
    return attention_row(label, weights, over="frame")


@torch.no_grad()
def _sap_picture(model: DCCT, calls: dict[str, Call]) -> FramePicture:
    assert model.sap is not None
    rows = []
    for branch, pooling in zip(_BRANCHES, model.sap, strict=True):
        assert isinstance(pooling, SpatialAttentionPooling)
        (feature_map,) = calls[f"sap {branch}"].inputs
        weights = values_of(pooling.attention(feature_map).view(-1, *feature_map.shape[2:]))
        label = f"{_BRANCHES[branch]} branch: weights of its map"
        rows.append(attention_row(label, weights, over="frame"))
    reading = (
        "Red: the places that count most in spatial attention pooling. The weights of a map add up to 1; even is "
        "what each would be if all were alike."
    )
    return FramePicture("sap-weights", "weights of spatial attention pooling", reading, tuple(rows))


def _gates(model: DCCT) -> dict[str, nn.Module]:
    """Name the layers that make HTA's gates, before their sigmoid."""
    if not isinstance(model.hta, HierarchicalTemporalAggregation):
        return {}
    return {
        f"gate {layer} of the {_BRANCHES[branch]} branch": gate
        for layer, gated in enumerate(model.hta.gated, start=1)
        if isinstance(gated, GatedAttention)
        for branch, gate in zip(_BRANCHES, gated.gates, strict=True)
    }


def _gate_picture(calls: dict[str, Call]) -> FramePicture:
    rows = []
    for label, call in calls.items():
        gate = call.output.detach().sigmoid()  # (T, d)
        padded = F.pad(gate, (0, -gate.shape[1] % _STRIP_COLUMNS), value=math.nan)
        strips = values_of(padded.view(len(padded), -1, _STRIP_COLUMNS))
        notes = tuple(f"mean {mean:.2f}" for mean in gate.mean(dim=1).tolist())
        rows.append(MapRow(label, strips, _GATE_SCALE, "strip", notes))
    reading = (
        "How HTA's gated attention (GA) mixes each frame with the clip: one small field for each channel; 1 keeps what "
        "the frame says, 0 takes what the whole clip says."
    )
    return FramePicture("hta-gates", "gates of HTA, frame or clip", reading, tuple(rows))
