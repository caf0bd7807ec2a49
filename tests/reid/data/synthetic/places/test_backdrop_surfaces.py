"""What surfaces are covered with, and the noise on them."""

from __future__ import annotations

import pytest
import torch

from reid.data.synthetic.places import noise
from reid.data.synthetic.places.finishes import Cells, Finish, Inset, Table
from reid.data.synthetic.places.lookup import look_up
from reid.data.synthetic.places.paint import Spots, albedo

GREY, BLACK, WHITE, RED = (0.4, 0.4, 0.4), (0.0, 0.0, 0.0), (0.9, 0.9, 0.9), (0.6, 0.0, 0.0)


def spots(u_m: list[float], v_m: list[float], pixel_m: float = 1e-4) -> Spots:
    count = len(u_m)
    wide = torch.full((count,), pixel_m)
    return Spots(torch.tensor(u_m), torch.tensor(v_m), wide, wide, torch.full((count,), 77))


def field(pixel_m: float, size_m: float = 6.0) -> Spots:
    """Pixels side by side over a square."""
    count = round(size_m / pixel_m)
    steps = (torch.arange(count) + 0.5) * pixel_m
    u, v = torch.meshgrid(steps, steps, indexing="ij")
    wide = torch.full((count * count,), pixel_m)
    return Spots(u.flatten(), v.flatten(), wide, wide, torch.full((count * count,), 5))


def colours(finish: Finish, at: Spots) -> torch.Tensor:
    return albedo(finish, torch.zeros(len(at.u_m), dtype=torch.int64), at)


def test_tiles_have_joints_at_their_edges() -> None:
    finish = Finish.of(Cells.of(GREY, (0.5, 0.3), joint_rgb=BLACK, joint_m=0.02))
    seen = colours(finish, spots([0.25, 0.005, 0.25, 0.495, 0.5], [0.15, 0.15, 0.299, 0.15, 0.45]))
    torch.testing.assert_close(seen[0], torch.tensor([0.4, 0.0, 0.0, 0.0, 0.0]))


def test_rows_are_shifted_by_their_bond() -> None:
    finish = Finish.of(Cells.of(GREY, (0.4, 0.1), joint_rgb=BLACK, joint_m=0.02, bond=0.5))
    seen = colours(finish, spots([0.0, 0.2, 0.0, 0.2], [0.05, 0.05, 0.15, 0.15]))
    torch.testing.assert_close(seen[0], torch.tensor([0.0, 0.4, 0.4, 0.0]))


@pytest.mark.parametrize("pixel_m", [0.02, 0.1, 0.3, 0.75])
def test_a_pattern_keeps_its_mean_however_far_away_it_is(pixel_m: float) -> None:
    cells = Cells.of(GREY, (0.25, 0.25), other_rgb=WHITE, other_share=0.3, joint_rgb=BLACK, joint_m=0.02, variety=0.3)
    fine, coarse = colours(Finish.of(cells), field(0.01)), colours(Finish.of(cells), field(pixel_m))
    assert abs(fine.mean() - coarse.mean()) < 0.03


def test_a_pattern_finer_than_its_pixels_is_plain() -> None:
    cells = Cells.of(GREY, (0.1, 0.1), other_rgb=WHITE, other_share=0.5, joint_rgb=BLACK, joint_m=0.01, variety=0.5)
    seen = colours(Finish.of(cells, grain=0.5), field(0.5))
    assert seen[0].std() < 0.01
    assert colours(Finish.of(cells, grain=0.5), field(0.02, 2.0))[0].std() > 0.1


def test_an_inset_is_in_the_middle_of_its_pitch_with_a_frame_around() -> None:
    door = Inset.of((1.0, 2.0), (4.0, 100.0), Cells.of(RED), frame_m=0.1, frame_rgb=WHITE)
    at = spots([2.0, 1.55, 1.4, 6.0, 2.0, 2.0], [1.0, 1.0, 1.0, 1.0, 1.95, 2.1], pixel_m=0.01)
    seen = colours(Finish.of(Cells.of(GREY), door), at)
    torch.testing.assert_close(seen[0], torch.tensor([0.6, 0.9, 0.4, 0.6, 0.9, 0.4]), atol=1e-4, rtol=0)
    torch.testing.assert_close(seen[1], torch.tensor([0.0, 0.9, 0.4, 0.0, 0.9, 0.4]), atol=1e-4, rtol=0)


def test_insets_stand_in_as_many_storeys_as_they_have() -> None:
    windows = Inset.of((1.0, 1.0), (2.0, 3.0), Cells.of(RED), low_m=4.0, storeys=2.0)
    seen = colours(Finish.of(Cells.of(GREY), windows), spots([1.0] * 5, [1.5, 4.5, 5.5, 7.5, 10.5]))
    torch.testing.assert_close(seen[1], torch.tensor([0.4, 0.0, 0.4, 0.0, 0.4]))


def test_a_later_inset_lies_on_top_and_a_round_one_has_no_corners() -> None:
    below, above = Inset.of((2.0, 2.0), (4.0, 4.0), Cells.of(RED)), Inset.of((1.0, 1.0), (4.0, 4.0), Cells.of(WHITE))
    at = spots([2.0, 1.2, 1.55], [0.5, 0.5, 0.05])
    torch.testing.assert_close(colours(Finish.of(Cells.of(GREY), below, above), at)[1], torch.tensor([0.9, 0.0, 0.9]))
    disc = Inset.of((1.0, 1.0), (4.0, 4.0), Cells.of(WHITE), is_round=True)
    torch.testing.assert_close(colours(Finish.of(Cells.of(GREY), disc), at)[1], torch.tensor([0.9, 0.4, 0.4]))


def test_half_a_pixel_on_an_inset_is_half_its_colour() -> None:
    line = Inset.of((2.0, 2.0), (4.0, 4.0), Cells.of(WHITE))
    seen = colours(Finish.of(Cells.of(BLACK), line), spots([1.0], [1.0], pixel_m=0.1))
    torch.testing.assert_close(seen[:, 0], torch.full((3,), 0.45), atol=1e-3, rtol=0)


def test_a_share_of_insets_is_left_out() -> None:
    some = Inset.of((1.0, 1.0), (1.0, 1.0), Cells.of(WHITE), low_m=0.0, storeys=60.0, share=0.3)
    seen = colours(Finish.of(Cells.of(BLACK), some), field(1.0, 60.0))
    assert 0.26 < (seen[0] > 0.5).float().mean() < 0.34


def test_a_plinth_is_at_the_foot() -> None:
    seen = colours(Finish.of(Cells.of(GREY), plinth_rgb=RED, plinth_m=0.2), spots([1.0, 1.0], [0.1, 0.3]))
    torch.testing.assert_close(seen[1], torch.tensor([0.0, 0.4]))


def test_houses_have_their_own_shades() -> None:
    finish = Finish.of(Cells.of(GREY)).with_houses(5.0)
    seen = colours(finish, spots([1.0, 4.0, 6.0, 11.0], [1.0] * 4))[0]
    assert seen[0] == seen[1]
    assert len(seen.unique()) == 3


def test_wear_leaves_the_mean_and_cracks_darken() -> None:
    plain = colours(Finish.of(Cells.of(GREY), grain=0.3, stain=0.2), field(0.05, 20.0))[0]
    assert abs(plain.mean() - 0.4) < 0.02
    assert plain.std() > 0.03
    cracked = colours(Finish.of(Cells.of(GREY), cracks=0.8), field(0.05, 20.0))[0]
    assert cracked.min() < 0.3
    assert (cracked == 0.4).float().mean() > 0.5


def test_finishes_in_a_table_are_the_ones_put_in() -> None:
    rows = [Finish.of(Cells.of(GREY)), Finish.of(Cells.of(RED)), Finish.of(Cells.of(WHITE))]
    seen = albedo(Table.joined(rows), torch.tensor([2, 0, 1]), spots([1.0] * 3, [1.0] * 3))
    torch.testing.assert_close(seen[0], torch.tensor([0.9, 0.4, 0.6]))
    torch.testing.assert_close(seen[1], torch.tensor([0.9, 0.4, 0.0]))


def test_a_surface_is_the_same_spot_by_spot() -> None:
    window = Inset.of(
        (0.6, 0.6), (1.0, 1.0), Cells.of(RED, (0.1, 0.1), motley=0.5), storeys=9.0, share=0.7, frame_m=0.1
    )
    finish = Finish.of(
        Cells.of(GREY, (0.3, 0.2), joint_rgb=BLACK, joint_m=0.01, variety=0.2), window, grain=0.3, stain=0.2, cracks=0.5
    )
    at = field(0.13, 5.0)
    together = colours(finish, at)
    for index in range(0, len(at.u_m), 97):
        assert torch.equal(colours(finish, at.take(torch.tensor([index])))[:, 0], together[:, index])


def test_numbers_on_a_grid_are_even_and_hang_on_cell_and_salt() -> None:
    columns, rows = torch.meshgrid(torch.arange(-100.0, 100.0), torch.arange(-100.0, 100.0), indexing="ij")
    drawn = noise.on_grid(columns, rows, 3)
    assert abs(drawn.mean() - 0.5) < 0.01
    assert abs(drawn.var() - 1 / 12) < 0.005
    for other in (noise.on_grid(columns, rows, 4), drawn.roll(1, 0), drawn.roll(1, 1), drawn.T):
        assert abs(torch.corrcoef(torch.stack([drawn.flatten(), other.flatten()]))[0, 1]) < 0.03
    assert torch.equal(drawn, noise.on_grid(columns, rows, torch.tensor(3)))


def test_smooth_noise_is_smooth_normal_and_repeats() -> None:
    u = torch.arange(0.0, 8.0, 1 / 128)
    v = torch.full_like(u, 0.3)
    drawn = noise.smooth(u, v)
    assert (drawn[1:] - drawn[:-1]).abs().max() < 0.6
    torch.testing.assert_close(noise.smooth(u - 8, v + 16), drawn, atol=1e-3, rtol=0)
    everywhere = noise.smooth(*(torch.arange(40000.0) * step for step in (0.0317, 0.0713)))
    assert abs(everywhere.mean()) < 0.1
    assert abs(everywhere.std() - 1) < 0.1


def test_looking_up_is_indexing() -> None:
    table, index = torch.arange(12.0).view(3, 4), torch.tensor([[3, 0], [1, 1]])
    assert torch.equal(look_up(table, index), table[:, index])
