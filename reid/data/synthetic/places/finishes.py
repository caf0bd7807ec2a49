"""What surfaces are covered with: a pattern of cells, rectangles set into it, and wear. Tables, one column a finish."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

Rgb = tuple[float, float, float]
_T = TypeVar("_T", bound="Table")

INSETS = 3
_ENDLESS_M = 1e4


class Table:
    """A frozen dataclass of tensors, or of such tables, whose last dimension counts R entries."""

    def changed(self: _T, change: Callable[[Tensor], Tensor]) -> _T:
        """Apply a function to every tensor."""
        return replace(self, **{name: _changed(value, change) for name, value in _values(self).items()})  # type: ignore[type-var]

    def take(self: _T, entries: Tensor) -> _T:
        """Pick entries, with repetition: (K,) int64 give a table of K."""
        return self.changed(lambda tensor: tensor.index_select(-1, entries))

    @staticmethod
    def joined(tables: Sequence[_T]) -> _T:
        """Put tables of one kind behind each other."""
        columns = [_values(table) for table in tables]
        return replace(tables[0], **{name: _joined([column[name] for column in columns]) for name in columns[0]})  # type: ignore[type-var]


@dataclass(frozen=True)
class Cells(Table):
    """A surface of equal cells with joints between: bricks, tiles, planks, panes. One huge cell is a plain surface.

    All colours are linear.

    Attributes:
        rgb: (3, R), of the cells.
        other_rgb: (3, R), of some of them.
        other_share: (R,), in [0, 1], how many.
        joint_rgb: (3, R).
        joint_m: (R,), how wide a joint is; 0 = none.
        size_u_m: (R,), from joint to joint along u.
        size_v_m: (R,), and along v.
        bond: (R,), how far each row is shifted against the one below, in cells.
        variety: (R,), how far a cell's brightness strays, as a share of it.
        motley: (R,), in [0, 1], how far a cell's colour strays: 1 = any colour.
    """

    rgb: Tensor
    other_rgb: Tensor
    other_share: Tensor
    joint_rgb: Tensor
    joint_m: Tensor
    size_u_m: Tensor
    size_v_m: Tensor
    bond: Tensor
    variety: Tensor
    motley: Tensor

    @staticmethod
    def of(
        rgb: Rgb,
        size_m: tuple[float, float] = (_ENDLESS_M, _ENDLESS_M),
        *,
        other_rgb: Rgb = (0.0, 0.0, 0.0),
        other_share: float = 0.0,
        joint_rgb: Rgb = (0.0, 0.0, 0.0),
        joint_m: float = 0.0,
        bond: float = 0.0,
        variety: float = 0.0,
        motley: float = 0.0,
    ) -> Cells:
        """Make a table of one pattern from numbers."""
        scalars = (other_share, joint_m, size_m[0], size_m[1], bond, variety, motley)
        share, joint, size_u, size_v, shift, spread, colourful = (torch.tensor([value]) for value in scalars)
        return Cells(
            _colour(rgb), _colour(other_rgb), share, _colour(joint_rgb), joint, size_u, size_v, shift, spread, colourful
        )


@dataclass(frozen=True)
class Inset(Table):
    """Equal rectangles on a surface, in rows: doors, windows, posters, lamps in a ceiling, lines on a road.

    Attributes:
        width_m: (R,), along u; 0 = there are none.
        height_m: (R,), along v.
        pitch_u_m: (R,), from one to the next along u; each is in the middle of its pitch.
        pitch_v_m: (R,), from one row to the next.
        low_m: (R,), v at the foot of the first row.
        storeys: (R,), number of rows.
        share: (R,), in [0, 1], how many of the places are taken.
        roundness: (R,), 1 = ellipses, 0 = rectangles.
        frame_m: (R,), width of the frame inside the rectangle.
        frame_rgb: (3, R), linear.
        shine: (R,), how much light a pane mirrors on top of its own colour.
        inside: the pattern within the frame, counted from the rectangle's own corner.
    """

    width_m: Tensor
    height_m: Tensor
    pitch_u_m: Tensor
    pitch_v_m: Tensor
    low_m: Tensor
    storeys: Tensor
    share: Tensor
    roundness: Tensor
    frame_m: Tensor
    frame_rgb: Tensor
    shine: Tensor
    inside: Cells

    @staticmethod
    def of(
        size_m: tuple[float, float],
        pitch_m: tuple[float, float],
        inside: Cells,
        *,
        low_m: float = 0.0,
        storeys: float = 1.0,
        share: float = 1.0,
        is_round: bool = False,
        frame_m: float = 0.0,
        frame_rgb: Rgb = (0.0, 0.0, 0.0),
        shine: float = 0.0,
    ) -> Inset:
        """Make a table of one inset from numbers."""
        scalars = (*size_m, *pitch_m, low_m, storeys, share, float(is_round), frame_m)
        wide, high, pitch_u, pitch_v, low, rows, taken, roundness, frame = (torch.tensor([value]) for value in scalars)
        return Inset(
            wide,
            high,
            pitch_u,
            pitch_v,
            low,
            rows,
            taken,
            roundness,
            frame,
            _colour(frame_rgb),
            torch.tensor([shine]),
            inside,
        )


@dataclass(frozen=True)
class Finish(Table):
    """All there is to see on a surface.

    Attributes:
        body: what the surface is made of.
        plinth_rgb: (3, R), linear, of the strip at its foot: a skirting board, a painted base.
        plinth_m: (R,), how high that is; 0 = none.
        house_m: (R,), each stretch of this length along u has its own shade, as houses in a street have.
        grain: (R,), how far the brightness strays from one grain to the next, as a share of it.
        grain_m: (R,), the size of a grain.
        stain: (R,), how far it strays over metres.
        cracks: (R,), in [0, 1], how dark cracks are.
        insets: what is set into it, the last on top.
    """

    body: Cells
    plinth_rgb: Tensor
    plinth_m: Tensor
    house_m: Tensor
    grain: Tensor
    grain_m: Tensor
    stain: Tensor
    cracks: Tensor
    inset_0: Inset
    inset_1: Inset
    inset_2: Inset

    @staticmethod
    def of(
        body: Cells,
        *insets: Inset,
        plinth_rgb: Rgb = (0.0, 0.0, 0.0),
        plinth_m: float = 0.0,
        house_m: float = _ENDLESS_M,
        grain: float = 0.0,
        grain_m: float = 0.01,
        stain: float = 0.0,
        cracks: float = 0.0,
    ) -> Finish:
        """Make a table of one finish from numbers and at most three insets."""
        scalars = (plinth_m, house_m, grain, grain_m, stain, cracks)
        plinth, house, strength, size, spots, lines = (torch.tensor([value]) for value in scalars)
        none = _NO_INSET
        finish = Finish(body, _colour(plinth_rgb), plinth, house, strength, size, spots, lines, none, none, none)
        return finish.with_insets(*insets)

    @property
    def insets(self) -> tuple[Inset, Inset, Inset]:
        """The three layers of insets, from the lowest up."""
        return self.inset_0, self.inset_1, self.inset_2

    def with_insets(self, *insets: Inset) -> Finish:
        """Set other insets, at most three, into the same surface."""
        layers = [*insets, *[_NO_INSET] * (INSETS - len(insets))]
        return replace(self, inset_0=layers[0], inset_1=layers[1], inset_2=layers[2])

    def with_houses(self, house_m: float) -> Finish:
        """Give each stretch of this length its own shade."""
        return replace(self, house_m=torch.tensor([house_m]))


def _values(table: Any) -> dict[str, Any]:
    return {field.name: getattr(table, field.name) for field in fields(table)}


def _changed(value: Tensor | Table, change: Callable[[Tensor], Tensor]) -> Tensor | Table:
    return value.changed(change) if isinstance(value, Table) else change(value)


def _joined(values: list[Any]) -> Tensor | Table:
    return Table.joined(values) if isinstance(values[0], Table) else torch.cat(values, dim=-1)


def _colour(rgb: Rgb) -> Tensor:
    return torch.tensor(rgb, dtype=torch.float32)[:, None]


_NO_INSET = Inset.of((0.0, 0.0), (_ENDLESS_M, _ENDLESS_M), Cells.of((0.0, 0.0, 0.0)))
