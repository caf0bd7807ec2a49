"""Rooms for batches: used again when nobody sees them any more, and not before."""

from __future__ import annotations

import numpy as np
import torch

from reid.data.shared_rooms import SharedRooms

SHAPE = (4, 2, 3)


def filled(rooms: SharedRooms, value: int, length: int = 4) -> tuple[int, torch.Tensor]:
    """Order, fill and hand out a batch."""
    room = rooms.take()
    rooms[room][:length] = value
    return room, rooms.hand_out(room, length)


def test_what_was_put_in_is_handed_out() -> None:
    rooms = SharedRooms(1, SHAPE)
    _, batch = filled(rooms, 7, length=3)
    assert (batch.shape, batch.dtype) == ((3, 2, 3), torch.uint8)
    assert (batch == 7).all()


def test_rooms_that_are_on_their_way_are_different() -> None:
    rooms = SharedRooms(4, SHAPE)
    assert len({rooms.take() for _ in range(4)}) == 4


def test_a_loop_uses_rooms_again_without_copying() -> None:
    rooms = SharedRooms(1, SHAPE)
    used = set()
    batch = None
    for number in range(20):
        room, batch = filled(rooms, number)
        assert np.shares_memory(batch.numpy(), rooms[room])
        used.add(room)
    assert batch is not None and len(used) <= 3


def test_whatever_is_kept_stays_as_it_is() -> None:
    rooms = SharedRooms(2, SHAPE)
    kept = [filled(rooms, number)[1] for number in range(30)]
    assert [int(batch.unique()) for batch in kept] == list(range(30))


def test_a_view_keeps_its_room() -> None:
    rooms = SharedRooms(1, SHAPE)
    for view_of in (lambda batch: batch[1:, 0], lambda batch: batch.numpy()[1], lambda batch: batch.flatten().detach()):
        view = view_of(filled(rooms, 200)[1])
        for number in range(10):
            filled(rooms, number)
        assert (np.asarray(view) == 200).all()


def test_what_was_ordered_in_vain_is_free_again() -> None:
    rooms = SharedRooms(2, SHAPE)
    for _ in range(5):
        first, second = rooms.take(), rooms.take()
        assert first != second
        rooms.forget_orders()
    assert len([filled(rooms, 1) for _ in range(9)]) == 9
