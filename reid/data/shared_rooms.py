"""Memory in which workers leave batches for the main process."""

from __future__ import annotations

import multiprocessing
import weakref
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_KEPT = 2  # a loop over batches holds the last one until it has the next


class SharedRooms:
    """Rooms for batches, in memory that all processes see and that is used over and over.

    Fresh memory for each batch would cost more than what is put into it. A room is taken when a batch is ordered; a
    worker fills it; it is handed out as a tensor, and free again when nothing holds on to that tensor or a view of it.
    A caller who keeps more than two batches gets copies, so that there is always a room. Only the main process takes
    and hands out.

    Args:
        on_their_way: batches that may be ordered and not handed out yet, at the same time.
        shape: of a batch.
    """

    def __init__(self, on_their_way: int, shape: tuple[int, ...]) -> None:
        self._shape = (on_their_way + _KEPT, *shape)
        self._memory = multiprocessing.RawArray("B", int(np.prod(self._shape)))
        self._ordered: set[int] = set()
        self._handed_out: dict[int, weakref.ref[NDArray[np.uint8]]] = {}

    def __getitem__(self, room: int) -> NDArray[np.uint8]:
        """The room itself, for a worker to fill."""
        rooms = np.frombuffer(self._memory, np.uint8).reshape(self._shape)
        return cast(NDArray[np.uint8], rooms[room])

    def take(self) -> int:
        """Choose a free room for a batch that is ordered now."""
        room = next(room for room in range(self._shape[0]) if room not in self._ordered | self._kept())
        self._ordered.add(room)
        return room

    def hand_out(self, room: int, length: int) -> Tensor:
        """Give what a worker put into a room.

        Args:
            room: which one.
            length: of the batch: how much of the room it takes.

        Returns:
            uint8, the room's shape but for the length.
        """
        self._ordered.remove(room)
        content = self[room][:length]
        if len(self._kept()) == _KEPT:
            return torch.from_numpy(content).clone()
        # torch keeps this very array as long as anything sees its memory.
        self._handed_out[room] = weakref.ref(content)
        return torch.from_numpy(content)

    def forget_orders(self) -> None:
        """Free the rooms of batches that were ordered and will not come; workers have to be done with them."""
        self._ordered.clear()

    def _kept(self) -> set[int]:
        return {room for room, content in self._handed_out.items() if content() is not None}
