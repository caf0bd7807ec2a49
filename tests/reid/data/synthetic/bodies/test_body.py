"""Bodies as surfaces."""

from __future__ import annotations

import numpy as np
import torch

from reid.data.synthetic.bodies.body import body_mesh, build_bodies
from reid.data.synthetic.bodies.mesh import Part, Tube, build_mesh, ring_surface, surface_normals
from reid.data.synthetic.bodies.people import People

COUNT = 200
PEOPLE = People.from_seeds(np.arange(COUNT))
MESH = body_mesh()
BODIES = build_bodies(PEOPLE, torch.zeros(COUNT, 2), torch.zeros(COUNT), torch.linspace(0, 6, COUNT), torch.ones(COUNT))


def heights_of(part: Part) -> torch.Tensor:
    vertices = MESH.triangles[MESH.part == int(part)].unique()
    return BODIES.vertices_m[:, vertices, 2]


def test_a_body_is_as_high_as_its_person_and_stands_on_the_ground() -> None:
    top = heights_of(Part.HEAD).amax(dim=1) / PEOPLE.height_m
    assert top.min() > 0.93
    assert top.max() < 1.08
    soles = heights_of(Part.FOOT).amin(dim=1)
    assert soles.abs().max() < 0.05


def test_nothing_is_broken() -> None:
    assert BODIES.vertices_m.isfinite().all()
    always = (MESH.part[:, None] <= int(Part.HEAD)).expand(-1, 3)
    vertices = MESH.triangles[always].unique()
    lengths = BODIES.normals[:, vertices].square().sum(dim=2).sqrt()
    torch.testing.assert_close(lengths, torch.ones_like(lengths), atol=1e-3, rtol=0)


def test_parts_are_above_each_other_as_on_people() -> None:
    order = (Part.FOOT, Part.LEG, Part.TRUNK, Part.NECK, Part.HEAD)
    middles = torch.stack([heights_of(part).mean(dim=1) for part in order])
    assert (middles.diff(dim=0) > 0).all()


def test_what_is_not_worn_has_no_size() -> None:
    worn = {
        Part.DRAPE: PEOPLE.clothes.drape > 0,
        Part.BACKPACK: PEOPLE.bags.backpack > 0,
        Part.HANDBAG: PEOPLE.bags.handbag > 0,
        Part.HAT: PEOPLE.head.hat_style > 0,
        Part.HAIR: PEOPLE.head.hair_style > 0,
    }
    for part, has in worn.items():
        heights = heights_of(part)
        size = heights.amax(dim=1) - heights.amin(dim=1)
        assert 0 < has.sum() < COUNT, part
        assert (size[has] > 0.05).all(), part
        assert (size[~has] < 1e-6).all(), part


def test_a_backpack_is_behind_and_a_handbag_on_its_side() -> None:
    vertices = MESH.triangles[MESH.part == int(Part.BACKPACK)].unique()
    has = PEOPLE.bags.backpack > 0
    assert (BODIES.vertices_m[has][:, vertices, 0].mean(dim=1) < -0.1).all()
    vertices = MESH.triangles[MESH.part == int(Part.HANDBAG)].unique()
    side = BODIES.vertices_m[:, vertices, 1].mean(dim=1)
    assert (side[PEOPLE.bags.handbag == 1] > 0).all()
    assert (side[PEOPLE.bags.handbag == 2] < 0).all()


def test_place_and_yaw_move_the_whole_body() -> None:
    moved = build_bodies(
        PEOPLE,
        torch.tensor([[3.0, -2.0]]).expand(COUNT, 2),
        torch.full((COUNT,), torch.pi / 2),
        torch.linspace(0, 6, COUNT),
        torch.ones(COUNT),
    )
    x, y, z = BODIES.vertices_m.unbind(dim=2)
    torch.testing.assert_close(moved.vertices_m, torch.stack([3 - y, x - 2, z], dim=2), atol=1e-5, rtol=1e-5)


def test_normals_of_a_tube_point_outwards_also_at_its_tips() -> None:
    steps = torch.linspace(0, torch.pi, 9)
    radius = torch.sin(steps)[None, :, None]
    centres = torch.stack([torch.zeros(9), torch.zeros(9), -torch.cos(steps)], dim=1)[None]
    ball = ring_surface(centres, radius * torch.tensor([1.0, 0, 0]), radius * torch.tensor([0.0, 1, 0]), 12)
    outwards = (surface_normals(ball) * ball).sum(dim=3)
    assert outwards.min() > 0.9


def test_triangles_run_counter_clockwise_seen_from_outside() -> None:
    mesh = build_mesh((Tube(Part.ARM, (0.0, 1.0), 6), Tube(Part.LEG, (0.0, 0.5, 1.0), 4, mirrored=True)))
    assert mesh.triangles.shape == (2 * 6 + 2 * 2 * 4, 3)
    assert mesh.triangles.max() == 6 * 2 + 4 * 3 - 1
    angle = torch.arange(6) * (torch.pi / 3)
    ring = torch.stack([torch.cos(angle), torch.sin(angle), torch.zeros(6)], dim=1)
    points = torch.cat([ring, ring + torch.tensor([0.0, 0, 1])])
    a, b, c = points[mesh.triangles[:12]].unbind(dim=1)
    normal = torch.linalg.cross(b - a, c - a)
    assert ((normal * (a + b + c)).sum(dim=1) > 0).all()
    torch.testing.assert_close(mesh.surface[-1], torch.tensor([0.0, 1.0, 1.0]))  # mirrored: the sine of 270 degrees
