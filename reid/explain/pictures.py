"""What a picture shows, before anything is drawn: maps over the frames of a clip, or a matrix, and how to read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Values = NDArray[np.float32]
Look = Literal["smooth", "stripes", "strip"]


@dataclass(frozen=True)
class Scale:
    """Which values the colours stand for.

    Args:
        high: the value of the last colour.
        ticks: values and what stands beside them, in rising order.
        low: the value of the first colour.
    """

    high: float
    ticks: tuple[tuple[float, str], ...]
    low: float = 0.0


@dataclass(frozen=True)
class MapRow:
    """One map for each frame of a clip, drawn as one row.

    Args:
        label: what the maps are, in plain words.
        maps: (T, h, w); NaN stands for no value.
        scale: of the colours, for all frames alike.
        look: "smooth" blends the map over the frame without steps, "stripes" with them; "strip" draws it alone, low.
        notes: a short text below each frame's map, or nothing.
        span: which values there are, a short text, or nothing.
    """

    label: str
    maps: Values
    scale: Scale
    look: Look = "smooth"
    notes: tuple[str, ...] = ()
    span: str = ""


@dataclass(frozen=True)
class FramePicture:
    """Rows of maps under the frames that they belong to.

    Args:
        name: the file's name without its ending.
        shows: what it shows, in a few words.
        reading: how to read it, one sentence or two.
        rows: from top to bottom.
    """

    name: str
    shows: str
    reading: str
    rows: tuple[MapRow, ...]


@dataclass(frozen=True)
class SheetPicture:
    """Many small rows of maps side by side; the fields are those of `FramePicture`."""

    name: str
    shows: str
    reading: str
    rows: tuple[MapRow, ...]


@dataclass(frozen=True)
class MatrixPicture:
    """A table of values as colours.

    Args:
        name: the file's name without its ending.
        shows: what it shows, in a few words.
        reading: how to read it, one sentence or two.
        values: (R, C); NaN stands for no value.
        row_labels: R.
        column_labels: C.
        scale: of the colours.
        texts: what to write into the cells, R rows of C, or nothing.
    """

    name: str
    shows: str
    reading: str
    values: Values
    row_labels: tuple[str, ...]
    column_labels: tuple[str, ...]
    scale: Scale
    texts: tuple[tuple[str, ...], ...] = ()


Picture = FramePicture | SheetPicture | MatrixPicture


def values_of(tensor: Tensor) -> Values:
    """Bring a tensor from wherever it is into a picture, shape kept."""
    values: Values = tensor.detach().float().cpu().numpy()
    return values


def attention_row(
    label: str, weights: Values, *, over: Literal["frame", "clip"], look: Look = "smooth", notes: tuple[str, ...] = ()
) -> MapRow:
    """Make a row of weights that add up to 1, measured by what each would be if all were alike.

    The scale reaches at least to twice that even share, so that weights which hardly differ look as if they hardly did.

    Args:
        label: what the weights are.
        weights: (T, h, w).
        over: what they add up to 1 over: each frame's map, or all frames of the clip.
        look: as in `MapRow`.
        notes: as in `MapRow`.
    """
    even = 1 / (weights[0].size if over == "frame" else weights.size)
    high = max(2 * even, float(weights.max()))
    scale = Scale(high, ((0.0, "0"), (even, "even"), (high, f"{high / even:.1f}x even")))
    span = f"{float(weights.min()) / even:.2f}x to {float(weights.max()) / even:.2f}x even"
    return MapRow(label, weights, scale, look, notes, span)


def strength_row(label: str, maps: Values) -> MapRow:
    """Make a row of maps (T, h, w) that have no unit, such as Grad-CAM's, from nothing to their largest value."""
    high = float(maps.max())
    scale = Scale(high, ((0.0, "none"), (high, "most"))) if high > 0 else Scale(1.0, ((0.0, "none"),))
    return MapRow(label, maps, scale)
