"""Tables whose columns are tensors: one row a person, an image or a camera."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, Self, cast

import torch
from torch import Tensor


class Rows:
    """Base of frozen dataclasses whose fields are tensors with N rows, other such tables, or plain values."""

    def __len__(self) -> int:
        first = getattr(self, fields(self)[0].name)  # type: ignore[arg-type]
        return len(first)

    def to(self, device: torch.device | str) -> Self:
        """Move all tensors to a device."""
        return self._changed(lambda value: value.to(device))

    def select(self, indices: Tensor) -> Self:
        """Pick rows, with repetition: (K,) indices give K rows."""
        return self._changed(
            lambda value: value.index_select(0, indices) if isinstance(value, Tensor) else value.select(indices)
        )

    def picked(self, indices: Tensor) -> Self:
        """Pick rows as `select` does, each column only when it is asked for: for many rows of few of many columns."""
        return cast(Self, _Picked(self, indices))

    def _changed(self, change: Callable[[Any], Any]) -> Self:
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return type(self)(
            **{name: change(value) if isinstance(value, Tensor | Rows) else value for name, value in values.items()}
        )

    @classmethod
    def joined(cls, tables: Sequence[Self]) -> Self:
        """Put the rows of tables below each other; plain values are the first table's."""
        columns = {}
        for field in fields(cls):  # type: ignore[arg-type]
            values = [getattr(table, field.name) for table in tables]
            first = values[0]
            columns[field.name] = torch.cat(values) if isinstance(first, Tensor) else first
            if isinstance(first, Rows):
                columns[field.name] = type(first).joined(values)
        return cls(**columns)


class _Picked:
    """Stands in for a table whose rows are picked column by column."""

    def __init__(self, table: Rows, indices: Tensor) -> None:
        self._table = table
        self._indices = indices

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._table, name)
        picked = value.index_select(0, self._indices) if isinstance(value, Tensor) else value.picked(self._indices)
        self.__dict__[name] = picked
        return picked
