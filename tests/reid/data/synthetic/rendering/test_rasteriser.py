"""The depth buffer, against a loop over triangles and pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reid.data.synthetic.rendering.rasteriser import NEAREST_M, corner_shares, find_fragments, rasterise

SIZE_HW = (11, 17)


def random_triangles(seed: int, count: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    corners = rng.uniform(-4, 21, (count, 3, 3)).astype(np.float32)
    corners[..., 2] = rng.uniform(1.0, 9.0, (count, 3))
    return torch.from_numpy(corners), torch.from_numpy(rng.integers(0, 3, count))


def naive(corners: torch.Tensor, image: torch.Tensor, nearer_than: torch.Tensor) -> np.ndarray:
    """The nearest triangle of each pixel, -1 for none: (M, H, W)."""
    nearest = nearer_than.double().numpy().copy()
    seen = np.full(nearest.shape, -1)
    for number, (triangle, of) in enumerate(zip(corners.double().numpy(), image.tolist(), strict=True)):
        (ax, ay, az), (bx, by, bz), (cx, cy, cz) = triangle
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if area >= 0 or min(az, bz, cz) <= NEAREST_M:
            continue
        for row in range(SIZE_HW[0]):
            for column in range(SIZE_HW[1]):
                x, y = column + 0.5, row + 0.5
                a = ((bx - x) * (cy - y) - (cx - x) * (by - y)) / area
                b = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) / area
                if min(a, b, 1 - a - b) < 0:
                    continue
                depth = 1 / (a / az + b / bz + (1 - a - b) / cz)
                if depth < nearest[of, row, column]:
                    nearest[of, row, column], seen[of, row, column] = depth, number
    return seen


@pytest.mark.parametrize("seed", range(5))
def test_every_pixel_shows_the_triangle_that_a_loop_finds(seed: int) -> None:
    corners, image = random_triangles(seed)
    backdrop = torch.full((3, *SIZE_HW), 6.0)
    hits = rasterise(corners, image, SIZE_HW, backdrop)
    seen = torch.full((3 * SIZE_HW[0] * SIZE_HW[1],), -1)
    seen[hits.pixel] = hits.triangle
    expected = naive(corners, image, backdrop).reshape(-1)
    assert (expected >= 0).sum() > 50
    assert (seen.numpy() == expected).mean() > 0.995  # pixels on an edge may fall to either side


def test_shares_place_a_pixel_in_space() -> None:
    # A floor seen at a slant: what is interpolated must be the point in space, not the one on the screen.
    corners = torch.tensor([[[0.0, 0.0, 2.0], [0.0, 20.0, 2.0], [20.0, 0.0, 8.0]]])
    shares, inverse_depth = corner_shares(corners, torch.tensor([5]), (1, 17))
    x, y = 5.5 / 20, 0.5 / 20
    expected = 1 / ((1 - x - y) / 2 + y / 2 + x / 8)
    assert 1 / inverse_depth.item() == pytest.approx(expected, rel=1e-5)
    assert shares.sum().item() == pytest.approx(1.0)
    assert (shares[0] * corners[0, :, 2]).sum().item() == pytest.approx(expected, rel=1e-5)


def test_a_triangle_behind_the_backdrop_is_hidden() -> None:
    corners = torch.tensor([[[0.0, 0.0, 5.0], [0.0, 10.0, 5.0], [10.0, 0.0, 5.0]]])
    image = torch.zeros(1, dtype=torch.int64)
    assert len(rasterise(corners, image, (10, 10), torch.full((1, 10, 10), 4.9)).pixel) == 0
    assert len(rasterise(corners, image, (10, 10), torch.full((1, 10, 10), torch.inf)).pixel) == 55


def test_triangles_turned_away_too_near_or_without_area_are_left_out() -> None:
    front = torch.tensor([[0.0, 0.0, 5.0], [0.0, 10.0, 5.0], [10.0, 0.0, 5.0]])
    near = front.clone()
    near[1, 2] = 0.1
    flat = torch.tensor([[0.0, 0.0, 5.0], [5.0, 5.0, 5.0], [10.0, 10.0, 5.0]])
    outside = front + torch.tensor([20.0, 0.0, 0.0])
    corners = torch.stack([front.flip(0), near, flat, outside])
    assert len(find_fragments(corners, torch.zeros(4, dtype=torch.int64), (10, 10)).pixel) == 0


def test_neighbouring_triangles_share_an_edge_without_a_gap() -> None:
    rng = np.random.default_rng(0)
    middle = torch.tensor([8.3, 5.4, 3.0])
    angles = torch.from_numpy(np.sort(rng.uniform(0, 2 * np.pi, 12))).float()
    rim = torch.stack([8 + 30 * torch.cos(angles), 5 + 30 * torch.sin(angles), torch.full((12,), 3.0)], dim=1)
    corners = torch.stack([middle.expand(12, 3), rim.roll(-1, 0), rim], dim=1)
    hits = rasterise(corners, torch.zeros(12, dtype=torch.int64), SIZE_HW, torch.full((1, *SIZE_HW), 9.0))
    assert len(hits.pixel) == SIZE_HW[0] * SIZE_HW[1]
