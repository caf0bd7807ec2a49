"""What the papers say their models cost, beside what ours cost, counted alike.

Source: DCCT Table V, STCA section 4.10, DenseIL Tables 1c and 1e. MSTAT's paper gives no such figures. The papers call
multiply-accumulates FLOPs; under which conditions their figures come out, each figure says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import torch

from reid.models import ReidModel, build_model
from reid.models.macs import count_macs, count_parameters, macs_within


@dataclass(frozen=True, kw_only=True)
class PaperFigure:
    """One printed number, and how to count it.

    Args:
        preset: our model.
        row: table or section, and row.
        quantity: what was counted.
        paper: the number as printed.
        unit: what one of it stands for.
        unit_name: the unit as people write it.
        parts: modules that it counts together; empty for the whole model.
        clip_length: T of the one clip that MACs are counted for.
        num_classes: K of the classifiers that it counts too.
        overrides: fields of the preset's configuration to replace.
    """

    preset: str
    row: str
    quantity: Literal["parameters", "MACs"]
    paper: float
    unit: float
    unit_name: str
    parts: tuple[str, ...] = ()
    clip_length: int = 8
    num_classes: int = 0
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ours(self) -> float:
        """Our number, in the paper's unit. It takes about a second: the model is built, without weights."""
        model = _on_meta(self.preset, self.num_classes, tuple(self.overrides.items()))
        if self.quantity == "parameters":
            modules = [model.get_submodule(part) for part in self.parts] or [model]
            return sum(map(count_parameters, modules)) / self.unit
        shape = (1, self.clip_length, 3, *model.config.image_size_hw)
        counts = count_macs(model, torch.zeros(shape, device="meta"))
        counted = [macs_within(counts, part) for part in self.parts] or list(counts.values())
        return sum(counted) / self.unit


@lru_cache(maxsize=2)
def _on_meta(preset: str, num_classes: int, overrides: tuple[tuple[str, Any], ...]) -> ReidModel:
    with torch.device("meta"):
        return build_model(preset, num_classes=num_classes, overrides=dict(overrides)).eval()


def _table_v(row: str, parameters: float, macs: float, *parts: str) -> tuple[PaperFigure, PaperFigure]:
    """Make a row of DCCT's Table V: parameters in 2^20, MACs of an 8-frame clip in 10^10, without classifiers."""
    return (
        PaperFigure(
            preset="dcct",
            row=f"Table V, {row}",
            quantity="parameters",
            paper=parameters,
            unit=2**20,
            unit_name="2^20",
            parts=parts,
        ),
        PaperFigure(
            preset="dcct",
            row=f"Table V, {row}",
            quantity="MACs",
            paper=macs,
            unit=1e10,
            unit_name="10^10",
            parts=parts,
        ),
    )


def _table_1(row: str, macs: float, **overrides: int) -> PaperFigure:
    """Make a row of DenseIL's Tables 1c and 1e: MACs of a 4-frame clip in 10^9."""
    return PaperFigure(
        preset="denseil",
        row=f"Table 1, {row}",
        quantity="MACs",
        paper=macs,
        unit=1e9,
        unit_name="10^9",
        clip_length=4,
        overrides=overrides,
    )


PAPER_FIGURES: tuple[PaperFigure, ...] = (
    *_table_v("ResNet-50", 22.42, 3.26, "cnn"),
    *_table_v("ViT-Base", 81.64, 8.83, "transformer"),
    *_table_v("Coupled", 104.07, 12.09, "cnn", "transformer"),
    *_table_v("+ CCA", 125.54, 13.07, "cnn", "transformer", "cca"),
    *_table_v("+ HTA", 222.61, 13.15, "cnn", "transformer", "cca", "hta"),
    PaperFigure(
        preset="stca",
        row="section 4.10, whole model with MARS's 625 classes",
        quantity="parameters",
        paper=41.87,
        unit=1e6,
        unit_name="10^6",
        num_classes=625,
    ),
    PaperFigure(
        preset="stca",
        row="section 4.10, cross-attention network",
        quantity="parameters",
        paper=0.002514,
        unit=1e6,
        unit_name="10^6",
        parts=("streams.cross_attention",),
    ),
    PaperFigure(
        preset="stca",
        row="section 4.10, one frame of 384x128",
        quantity="MACs",
        paper=12.97,
        unit=1e9,
        unit_name="10^9",
        clip_length=1,
    ),
    _table_1("baseline", 16.39, blocks=0),
    _table_1("R = 1", 17.43, blocks=1),
    _table_1("R = 2", 18.31, blocks=2),
    _table_1("R = 3", 19.18, blocks=3),
    _table_1("R = 4, d = 2048", 20.06),
    _table_1("d = 256", 16.52, width=256),
    _table_1("d = 512", 16.75, width=512),
    _table_1("d = 1024", 17.48, width=1024),
)
