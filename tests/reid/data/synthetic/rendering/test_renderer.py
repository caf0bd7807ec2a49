"""People in pictures."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from reid.data.synthetic.bodies.body import COARSE
from reid.data.synthetic.bodies.people import People
from reid.data.synthetic.light import Light
from reid.data.synthetic.rendering.renderer import Instances, Rendered, Renderer
from reid.data.synthetic.view import View

SIZE_HW = (96, 120)
FAR_M = 50.0
PEOPLE = People.from_seeds(np.arange(30))


def view(count: int = 1) -> View:
    """A camera 5 m before the origin, 2 m high."""
    return View(
        torch.tensor([[-5.0, 0.0, 2.0]]).expand(count, 3),
        torch.zeros(count),
        torch.full((count,), 0.2),
        torch.full((count, 2), 190.0),
        torch.tensor([[60.0, 48.0]]).expand(count, 2),
        SIZE_HW,
    )


def light(count: int = 1) -> Light:
    return Light(
        torch.tensor([[-0.36, 0.48, 0.8]]).expand(count, 3),
        torch.full((count, 3), 0.7),
        torch.full((count, 3), 0.5),
        torch.full((count, 3), 0.2),
    )


def instances(*rows: tuple[int, int, float, float]) -> Instances:
    """Rows of image, person, x and y; everyone faces the camera and stands."""
    image, person, x, y = zip(*rows, strict=True)
    zero = torch.zeros(len(rows))
    return Instances(
        torch.tensor(image), torch.tensor(person), torch.tensor([x, y]).T.float(), zero + torch.pi, zero, zero
    )


def ground_depth_m(count: int = 1) -> torch.Tensor:
    rays = view(count).rays()
    return torch.where(rays[..., 2] < -1e-3, -2.0 / rays[..., 2].clamp(max=-1e-3), FAR_M).clamp(max=FAR_M)


def render(who: Instances, count: int = 1, depth_m: torch.Tensor | None = None, people: People = PEOPLE) -> Rendered:
    backdrop = torch.full((count, 3, *SIZE_HW), 0.3)
    return Renderer(people).render(
        view(count), light(count), who, backdrop, ground_depth_m(count) if depth_m is None else depth_m
    )


def test_the_nearer_person_hides_the_farther() -> None:
    both = render(instances((0, 3, 0.0, 0.0), (0, 4, 1.0, 0.0)))
    alone = render(instances((0, 4, 1.0, 0.0)))
    seen = [(both.instance == row).sum().item() for row in (0, 1)]
    assert seen[0] > 500
    assert seen[1] < 0.5 * (alone.instance == 0).sum().item()
    assert (both.depth_m[both.instance == 0] < 5.3).all()
    assert (both.instance[0, 0] == -1).all()


def test_what_stands_before_people_hides_them() -> None:
    person = instances((0, 3, 0.0, 0.0))
    wall = ground_depth_m()
    wall[:, :, :60] = 3.0
    hidden = render(person, depth_m=wall)
    assert (hidden.instance[:, :, :60] == -1).all()
    assert (hidden.instance[:, :, 60:] == 0).any()
    torch.testing.assert_close(hidden.depth_m[:, :, :60], wall[:, :, :60])


def test_each_image_gets_its_own_people() -> None:
    two = render(instances((1, 3, 0.0, 0.0), (0, 4, 0.0, 0.5)), count=2)
    assert set(two.instance[0].unique().tolist()) == {-1, 1}
    assert set(two.instance[1].unique().tolist()) == {-1, 0}


def test_boxes_are_around_what_is_seen() -> None:
    rows = [(0, person, 0.0, 0.0) for person in range(12)]
    for row in rows:
        drawn = render(instances(row))
        _, down, across = (drawn.instance == 0).nonzero().unbind(dim=1)
        seen = torch.stack([across.min(), down.min(), across.max() + 1, down.max() + 1]).float()
        torch.testing.assert_close(drawn.full_boxes_xyxy[0], seen, atol=1.6, rtol=0)
        torch.testing.assert_close(Renderer(PEOPLE).boxes_xyxy(view(), instances(row)), drawn.full_boxes_xyxy)


def test_full_pixels_count_what_would_be_seen() -> None:
    renderer = Renderer(PEOPLE)
    inside = render(instances((0, 3, 0.0, 0.0)))
    full = renderer.full_pixels(view(), instances((0, 3, 0.0, 0.0)))
    assert full.item() == (inside.instance == 0).sum().item()
    # Half out of the picture, and behind somebody else: still as many as nearby in full view.
    cut_off = instances((0, 3, 0.0, 1.55), (0, 5, -0.6, 1.4))
    whole = renderer.full_pixels(view(), cut_off)[0].item()
    assert (render(cut_off).instance == 0).sum().item() < 0.7 * whole
    assert abs(whole / full.item() - 1) < 0.2


def test_a_picture_is_the_same_alone_and_in_a_batch() -> None:
    rows = [(image, image, 0.3 * image - 1, 0.2) for image in range(7)]
    together = render(instances(*rows, (2, 20, -0.5, 0.4)), count=7)
    for image in (0, 6):
        alone = render(instances((0, *rows[image][1:])))
        assert torch.equal(alone.linear[0], together.linear[image])
        assert torch.equal(alone.depth_m[0], together.depth_m[image])


def test_a_picture_is_the_same_in_another_process() -> None:
    code = (
        "import hashlib; from tests.reid.data.synthetic.rendering.test_renderer import *; "
        "print(hashlib.sha256(render(instances((0, 3, 0.0, 0.0))).linear.numpy().tobytes()).hexdigest())"
    )
    digests = {subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout for _ in range(2)}
    assert len(digests) == 1


def test_nobody_leaves_the_backdrop_as_it_is() -> None:
    nobody = Instances(*(torch.empty(0, dtype=torch.int64) for _ in range(2)), torch.empty(0, 2), *torch.empty(3, 0))
    drawn = render(nobody)
    assert (drawn.instance == -1).all()
    assert torch.equal(drawn.linear, torch.full((1, 3, *SIZE_HW), 0.3))


def test_people_stand_in_their_shadow_and_darken_only_the_ground() -> None:
    person = instances((0, 3, 0.0, 0.0))
    drawn = render(person)
    ground = drawn.instance == -1
    changed = (drawn.linear[:, 0] < 0.299) & ground
    assert 100 < changed.sum() < 0.3 * ground.sum()
    rays, depth_m = view().rays(), ground_depth_m()
    places = view().position_m + rays[0][changed[0]] * depth_m[0][changed[0]][:, None]
    assert places[:, :2].square().sum(dim=1).sqrt().max() < 4.5
    # A pillar in front of the shadow is not darkened.
    pillar = ground_depth_m()
    pillar[:, :, 66:72] = 3.0
    assert (render(person, depth_m=pillar).linear[:, :, :, 66:72] == 0.3).all()


def test_light_changes_with_the_side_that_faces_the_lamp() -> None:
    white = People.from_seeds(np.arange(400))
    row = int((white.clothes.upper.amin(dim=1) * (white.clothes.pattern == 0)).argmax())
    drawn = render(instances((0, row, 0.0, 0.0)), people=white)
    columns = torch.arange(120).expand(1, 96, 120)
    trunk = (drawn.instance == 0) & (torch.arange(96)[None, :, None] > 25) & (torch.arange(96)[None, :, None] < 45)
    middle = columns[trunk].float().mean()
    # The lamp is at the camera's left.
    left = drawn.linear[:, 1][trunk & (columns < middle)].mean()
    right = drawn.linear[:, 1][trunk & (columns > middle)].mean()
    assert left > 1.1 * right


def test_coarse_bodies_look_like_fine_ones() -> None:
    who = instances((0, 3, 0.0, 0.0))
    backdrop = torch.full((1, 3, *SIZE_HW), 0.3)
    coarse = Renderer(PEOPLE, segments=COARSE).render(view(), light(), who, backdrop, ground_depth_m())
    fine = render(who)
    both = (coarse.instance == 0) & (fine.instance == 0)
    either = (coarse.instance == 0) | (fine.instance == 0)
    assert both.sum() > 0.93 * either.sum()
    assert (coarse.linear - fine.linear).abs().mean() < 0.01


def test_everyone_can_be_drawn_from_every_side() -> None:
    count = len(PEOPLE)
    who = Instances(
        torch.arange(count),
        torch.arange(count),
        torch.zeros(count, 2),
        torch.linspace(0, 6.28, count),
        torch.linspace(0, 30, count),
        torch.ones(count),
    )
    drawn = render(who, count=count)
    assert drawn.linear.isfinite().all()
    assert drawn.linear.min() >= 0
    assert (drawn.instance >= 0).flatten(1).sum(dim=1).min() > 250


def test_threads_may_share_a_renderer() -> None:
    renderer = Renderer(PEOPLE)
    some = [instances((0, 3, 0.0, 0.0)), instances((0, 4, 0.5, 0.2), (0, 5, 1.0, -0.5))]
    expected = [renderer.boxes_xyxy(view(), who) for who in some]
    with ThreadPoolExecutor(4) as threads:
        boxes = list(threads.map(lambda number: renderer.boxes_xyxy(view(), some[number % 2]), range(200)))
    assert all(torch.equal(found, expected[number % 2]) for number, found in enumerate(boxes))
