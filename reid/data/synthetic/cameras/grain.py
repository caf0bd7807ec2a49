"""A camera's noise, read from one table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from reid.data.synthetic.draws import Draws

TABLE_LENGTH = 1 << 18
# Near the table's length over the golden ratio: the rows of an image start evenly spread, so that none repeats another.
_ROW_STEP = 162_017


def grain(offsets: np.ndarray, size_hw: Sequence[int], device: torch.device) -> Tensor:
    """Read normal noise of mean 0 and deviation 1.

    Args:
        offsets: (M,) int64 in [0, TABLE_LENGTH): where in the table an image's noise starts.
        size_hw: H and W of the images.
        device: where the noise is wanted.

    Returns:
        (M, H, W); the same for the same offset, whatever is read beside it.
    """
    height_px, width_px = size_hw
    table = _table(device, width_px)  # (starts, W)
    starts = (offsets[:, None] + np.arange(height_px) * _ROW_STEP) % TABLE_LENGTH  # (M, H)
    rows = torch.from_numpy(starts.reshape(-1)).to(device)
    return torch.index_select(table, 0, rows).view(len(offsets), height_px, width_px)


@lru_cache(maxsize=32)
def _table(device: torch.device, width_px: int) -> Tensor:
    """(2**18, W): row i holds the numbers from i on; a view, not a copy."""
    numbers = np.resize(_numbers(), TABLE_LENGTH + width_px)
    return torch.from_numpy(numbers).to(device).as_strided((TABLE_LENGTH, width_px), (1, 1))


@lru_cache(maxsize=1)
def _numbers() -> np.ndarray:
    numbers: np.ndarray = Draws([0]).normal("grain", size=TABLE_LENGTH)[0]
    return numbers
