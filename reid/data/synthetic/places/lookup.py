"""Reading tables at many places at once."""

from __future__ import annotations

from torch import Tensor


def look_up(table: Tensor, index: Tensor) -> Tensor:
    """Read entries of a table.

    `table[index]` says the same, but takes torch ten times as long on a CPU.

    Args:
        table: (..., R).
        index: int64 of any shape S, in [0, R).

    Returns:
        (..., *S), contiguous.
    """
    return table.index_select(-1, index.reshape(-1)).view(*table.shape[:-1], *index.shape)
