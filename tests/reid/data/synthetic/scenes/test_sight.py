"""What is seen of people: worked out by hand, and against a loop over random pictures."""

from __future__ import annotations

import numpy as np
import torch

from reid.data.synthetic.scenes.sight import look


def test_a_picture_worked_out_by_hand() -> None:
    instance = torch.tensor(
        [
            [[-1, 0, 0, -1, -1], [-1, 0, 2, 2, -1], [-1, 0, -1, 2, -1]],
            [[-1, -1, -1, -1, -1], [-1, -1, -1, -1, -1], [3, -1, -1, -1, -1]],
        ]
    )
    sight = look(instance, torch.tensor([8, 5, 3, 2]))
    assert sight.boxes_xyxy.tolist() == [[1, 0, 3, 3], [0, 0, 0, 0], [2, 1, 4, 3], [0, 2, 1, 3]]
    assert sight.pixels.tolist() == [4, 0, 3, 1]
    np.testing.assert_allclose(sight.visibility, [0.5, 0.0, 1.0, 0.5])


def test_nobody() -> None:
    for full in (torch.zeros(0, dtype=torch.int64), torch.tensor([7, 0])):
        sight = look(torch.full((2, 4, 6), -1), full)
        assert sight.boxes_xyxy.shape == (len(full), 4)
        assert not sight.boxes_xyxy.any() and not sight.pixels.any() and not sight.visibility.any()


def test_rounding_never_shows_more_than_everything() -> None:
    assert look(torch.zeros(1, 2, 3, dtype=torch.int64), torch.tensor([5])).visibility.tolist() == [1.0]


def test_equals_a_loop() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        per_picture = generator.integers(0, 5, 3)
        firsts = np.concatenate([[0], np.cumsum(per_picture)])
        instance = np.full((3, 7, 11), -1)
        for picture in range(3):
            choices = [-1, *range(firsts[picture], firsts[picture + 1])]
            instance[picture] = generator.choice(choices, (7, 11))
        full = generator.integers(77, 120, firsts[-1])
        sight = look(torch.from_numpy(instance), torch.from_numpy(full))
        for one in range(firsts[-1]):
            picture = int(np.searchsorted(firsts, one, side="right")) - 1
            rows, columns = np.nonzero(instance[picture] == one)
            assert sight.pixels[one] == len(rows)
            assert sight.visibility[one] == np.float32(len(rows)) / np.float32(full[one])
            expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] if len(rows) else [0] * 4
            assert sight.boxes_xyxy[one].tolist() == expected
