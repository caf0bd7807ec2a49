"""Irregularity of surfaces: random numbers on a grid, and smooth noise, both read from fixed tables.

Only table look-ups, sums and products take part, so a place's noise has the same bytes in every batch.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from reid.data.synthetic.draws import Draws
from reid.data.synthetic.places.lookup import look_up

_TABLE_BITS = 16
_SIDE = 512
_COARSEST_CELLS = 8
_OCTAVES = 6


def on_grid(columns: Tensor, rows: Tensor, salt: Tensor | int) -> Tensor:
    """Draw a number for each cell of an endless grid.

    Args:
        columns: whole numbers as float32, of any shape.
        rows: the same.
        salt: int64; other salts give other numbers.

    Returns:
        float32 in [0, 1), of the same shape.
    """
    cell = columns.to(torch.int64) * 40503 + rows.to(torch.int64) * 27644437 + salt
    cell = (cell ^ (cell >> 7)) * 2654435761
    return look_up(_white(columns.device), (cell >> 11) & (2**_TABLE_BITS - 1))


def smooth(u: Tensor, v: Tensor) -> Tensor:
    """Read smooth noise with detail on many scales.

    Args:
        u: of any shape; the coarsest bumps are about 1 wide, and the pattern repeats every 8.
        v: the same across.

    Returns:
        float32 of the same shape, with mean 0, deviation 1 and a range of about +-3.
    """
    table = _fractal(u.device)
    column, row = u * (_SIDE / _COARSEST_CELLS), v * (_SIDE / _COARSEST_CELLS)
    left, low = torch.floor(column), torch.floor(row)
    right_share, up_share = column - left, row - low
    first_column, first_row = left.to(torch.int64) & (_SIDE - 1), low.to(torch.int64) & (_SIDE - 1)
    second_column = (first_column + 1) & (_SIDE - 1)
    first, second = first_row * _SIDE, ((first_row + 1) & (_SIDE - 1)) * _SIDE
    left_share = 1.0 - right_share
    lower = look_up(table, first + first_column) * left_share + look_up(table, first + second_column) * right_share
    upper = look_up(table, second + first_column) * left_share + look_up(table, second + second_column) * right_share
    return lower * (1.0 - up_share) + upper * up_share


@cache
def _white(device: torch.device) -> Tensor:
    return torch.from_numpy(Draws([1]).uniform("white", size=2**_TABLE_BITS)[0]).to(device)


@cache
def _fractal(device: torch.device) -> Tensor:
    """(512 * 512,): value noise in six octaves, each half as strong as the one before; it tiles."""
    places = np.arange(_SIDE) / _SIDE
    total = np.zeros((_SIDE, _SIDE))
    for octave in range(_OCTAVES):
        cells = _COARSEST_CELLS << octave
        lattice = Draws([2]).child("octave", octave).uniform("value", size=cells * cells).reshape(cells, cells)
        first = np.floor(places * cells).astype(np.int64)
        share = places * cells - first
        share = share * share * (3.0 - 2.0 * share)
        rows = lattice[first] * (1.0 - share)[:, None] + lattice[(first + 1) % cells] * share[:, None]
        total += (rows[:, first] * (1.0 - share) + rows[:, (first + 1) % cells] * share - 0.5) * 0.5**octave
    table = ((total - total.mean()) / total.std()).astype(np.float32)
    return torch.from_numpy(table.reshape(-1)).to(device)
