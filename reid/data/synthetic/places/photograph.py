"""A photograph of a place: depth and face of every pixel, then its colour in the place's light."""

from __future__ import annotations

import torch
from torch import Tensor

from reid.data.synthetic.light import Light
from reid.data.synthetic.places import noise, shading
from reid.data.synthetic.places.casting import SKY_DEPTH_M, Rays, dot, meet_solids
from reid.data.synthetic.places.finishes import Finish
from reid.data.synthetic.places.lookup import look_up
from reid.data.synthetic.places.paint import Spots, albedo
from reid.data.synthetic.places.scenery import BACK, CEILING, FIRST_BOX, GROUND, LEFT, RIGHT, VERGE, Scenery

_HEADROOM_M = 0.5
_KERNEL = ((-1, -1, 1), (-1, 0, 2), (-1, 1, 1), (0, -1, 2), (0, 0, 4), (0, 1, 2), (1, -1, 1), (1, 0, 2), (1, 1, 1))
_CLOUD_RGB = (0.80, 0.80, 0.82)


def photograph(scenery: Scenery, finishes: Finish, light: Light, rays: Rays) -> tuple[Tensor, Tensor]:
    """Take pictures.

    Args:
        scenery: M places.
        finishes: what covers their faces.
        light: of M images.
        rays: of M views.

    Returns:
        (M, 3, H, W) linear light, and (M, H, W) depth in metres.
    """
    depth_m, face = cast(scenery, rays)
    return smooth_edges(_colour(scenery, finishes, light, rays, depth_m, face), face), depth_m


def cast(scenery: Scenery, rays: Rays) -> tuple[Tensor, Tensor]:
    """Find what each pixel shows.

    Args:
        scenery: M places.
        rays: of M views.

    Returns:
        (M, H, W) depth in metres, and (M, H, W) int64 which face of its place; the sky is the one after the last.
    """
    position_m = rays.view.position_m
    ways = [rays.along_world(axis) for axis in range(3)]
    depth_m = torch.full_like(ways[0], SKY_DEPTH_M)
    face = torch.full(ways[0].shape, len(scenery.finish), dtype=torch.int64, device=depth_m.device)

    def enter(hit_m: Tensor, number: Tensor | int, is_hit: Tensor) -> None:
        is_hit = is_hit & (hit_m > 0) & (hit_m < depth_m)
        depth_m.copy_(torch.where(is_hit, hit_m, depth_m))
        face.copy_(torch.where(is_hit, number, face))

    ground_m = -position_m[:, 2, None, None] / ways[2]
    y_m = position_m[:, 1, None, None] + ground_m * ways[1]
    is_verge = y_m * scenery.verge_side[:, None, None] > scenery.verge_from_m[:, None, None]
    enter(ground_m, torch.where(is_verge, VERGE, GROUND), ways[2] < 0)
    ceiling_m = torch.maximum(scenery.ceiling_m, position_m[:, 2] + _HEADROOM_M)
    enter((ceiling_m - position_m[:, 2])[:, None, None] / ways[2], CEILING, ways[2] > 0)
    for wall, (number, across, along) in enumerate(((BACK, 0, 1), (LEFT, 1, 0), (RIGHT, 1, 0))):
        hit_m = (scenery.walls_m[wall] - position_m[:, across])[:, None, None] / ways[across]
        u_m = position_m[:, along, None, None] + hit_m * ways[along]
        top_m = _top_m(scenery, wall, number, u_m)
        enter(hit_m, number, position_m[:, 2, None, None] + hit_m * ways[2] < top_m)
    meet_solids(rays, scenery.solids, depth_m, face, FIRST_BOX)
    return depth_m, face


def _top_m(scenery: Scenery, wall: int, number: int, u_m: Tensor) -> Tensor:
    """How high a wall reaches at places along it: (M, H, W)."""
    high_m = scenery.highs_m[wall][:, None, None]
    if not bool((scenery.steps_m[wall] > 0).any()):
        return high_m
    house = torch.floor(u_m / scenery.houses_m[wall][:, None, None]).clamp(-1e4, 1e4)
    drawn = noise.on_grid(house, torch.zeros_like(house), scenery.salt[number][:, None, None] + 9)
    return high_m + scenery.steps_m[wall][:, None, None] * (2.0 * drawn - 1.0)


def _colour(scenery: Scenery, finishes: Finish, light: Light, rays: Rays, depth_m: Tensor, face: Tensor) -> Tensor:
    """(M, 3, H, W): what the pixels show."""
    count = len(scenery.finish)
    flat_face = face.reshape(-1)
    image = torch.arange(len(depth_m), device=face.device).repeat_interleave(depth_m[0].numel())
    solid, sky = torch.nonzero(flat_face < count).squeeze(1), torch.nonzero(flat_face == count).squeeze(1)
    entry = look_up(image, solid) * count + look_up(flat_face, solid)
    spots = spots_seen(scenery, rays, depth_m, solid, entry)
    colour = albedo(finishes, look_up(scenery.finish.T.reshape(-1), entry), spots)  # (3, n)
    ambient, lamp = _light_tables(scenery, light)
    shade, share = _shade(scenery, light, rays, depth_m, face)
    falling = look_up(ambient, entry) * look_up(shade.reshape(-1), solid)
    falling = falling + look_up(lamp, entry) * look_up((shade * share).reshape(-1), solid)
    linear = torch.empty(3, len(flat_face), device=face.device)
    linear[:, solid] = colour * falling
    if len(sky):
        linear[:, sky] = _sky(scenery, rays, look_up(image, sky), sky)
    return linear.view(3, *depth_m.shape).transpose(0, 1).contiguous()


def spots_seen(scenery: Scenery, rays: Rays, depth_m: Tensor, pixel: Tensor, entry: Tensor) -> Spots:
    """Say where pixels meet their faces, and how much of these each covers.

    Args:
        scenery: M places.
        rays: of M views.
        depth_m: (M, H, W).
        pixel: (n,) int64, which pixels, counted through all images.
        entry: (n,) int64, their faces, counted through all places.

    Returns:
        n spots.
    """
    position_m = rays.view.position_m[:, None]  # (M, 1, 3)
    normal, along_u, along_v, corner_m = (
        table.permute(2, 0, 1) for table in (scenery.normal, scenery.along_u, scenery.along_v, scenery.corner_m)
    )  # (M, K, 3)
    ways = [way[:, None] for way in (rays.right, rays.down, rays.forward)]
    depth = look_up(depth_m.reshape(-1), pixel)
    column = look_up(rays.columns[:, None, :].expand_as(depth_m).reshape(-1), pixel)
    row = look_up(rays.rows[:, :, None].expand_as(depth_m).reshape(-1), pixel)
    distance_m = dot(corner_m - position_m, normal)
    distance_m = torch.where(distance_m.abs() < 1e-4, torch.full_like(distance_m, 1e-4), distance_m)
    slant = depth * look_up((1.0 / distance_m).reshape(-1), entry)  # one over the ray's part along the normal
    right_n, down_n = (look_up(dot(way, normal).reshape(-1), entry) * slant for way in ways[:2])
    places, widths = [], []
    for axis in (along_u, along_v):
        right, down, forward = (look_up(dot(way, axis).reshape(-1), entry) for way in ways)
        way = right * column + down * row + forward
        places.append(look_up(dot(position_m - corner_m, axis).reshape(-1), entry) + depth * way)
        widths.append(depth * ((right - way * right_n).abs() + (down - way * down_n).abs()))
    salt = look_up(scenery.salt.T.reshape(-1), entry)
    return Spots(places[0], places[1], widths[0].clamp_min(1e-5), widths[1].clamp_min(1e-5), salt)


def _light_tables(scenery: Scenery, light: Light) -> tuple[Tensor, Tensor]:
    """Light on each face without the lamp, and what the lamp adds: (3, M K) each."""
    normals = scenery.normal.permute(2, 0, 1)  # (M, K, 3)
    image = torch.arange(len(normals), device=normals.device).repeat_interleave(normals.shape[1])
    flat = normals.reshape(-1, 3)
    ambient = light.falling_on(flat, image, 0.0)
    return ambient.T.contiguous(), (light.falling_on(flat, image, 1.0) - ambient).T.contiguous()


def _shade(scenery: Scenery, light: Light, rays: Rays, depth_m: Tensor, face: Tensor) -> tuple[Tensor, Tensor]:
    """What is left of all light in corners, and of the lamp's behind things: (M, H, W) each, in [0, 1]."""
    position_m = rays.view.position_m
    x_m, y_m, z_m = (position_m[:, axis, None, None] + depth_m * rays.along_world(axis) for axis in range(3))
    points = x_m, y_m, z_m
    is_ground = face <= VERGE
    is_box = face >= FIRST_BOX
    is_upright = torch.where(is_box, (face - FIRST_BOX) % 6 < 4, ~is_ground & (face != CEILING))
    shade = shading.corners(points, scenery.walls_m, is_ground, is_upright)
    shade = shade * shading.contact(rays, scenery.solids, points, is_ground)
    return shade, shading.lamp_share(rays, scenery.solids, points, light.towards, scenery.has_shadows)


def _sky(scenery: Scenery, rays: Rays, image: Tensor, pixel: Tensor) -> Tensor:
    """The sky in some pixels: (3, n)."""
    x, y, z = (look_up(rays.along_world(axis).reshape(-1), pixel) for axis in range(3))
    height = (z / torch.sqrt(x * x + y * y + z * z)).clamp_min(0.0)
    rise = (2.0 * height).clamp_max(1.0)
    rise = rise * (2.0 - rise)
    low, high = look_up(scenery.low_sky_rgb, image), look_up(scenery.high_sky_rgb, image)
    colour = low + (high - low) * rise
    away = 1.0 / (z.clamp_min(0.0) + 0.12)
    shift = (look_up(scenery.salt[GROUND], image) & 255).to(torch.float32)
    cover = (0.5 * noise.smooth(0.35 * x * away + shift, 0.35 * y * away) + 0.3).clamp(0.0, 1.0)
    white = 0.5 * (low + torch.tensor(_CLOUD_RGB, device=low.device)[:, None])
    return colour + (white - colour) * (cover * look_up(scenery.clouds, image))


def smooth_edges(linear: Tensor, face: Tensor) -> Tensor:
    """Blend pixels with their neighbours where one face ends and another begins.

    Args:
        linear: (M, 3, H, W).
        face: (M, H, W) int64.

    Returns:
        (M, 3, H, W).
    """
    is_edge = torch.zeros_like(face, dtype=torch.bool)
    across, along = face[:, :, 1:] != face[:, :, :-1], face[:, 1:] != face[:, :-1]
    is_edge[:, :, 1:] |= across
    is_edge[:, :, :-1] |= across
    is_edge[:, 1:] |= along
    is_edge[:, :-1] |= along
    image, row, column = torch.nonzero(is_edge, as_tuple=True)
    height_px, width_px = face.shape[1:]
    total = torch.zeros(len(image), 3, device=linear.device)
    for down, right, weight in _KERNEL:
        rows, columns = (row + down).clamp(0, height_px - 1), (column + right).clamp(0, width_px - 1)
        total = total + linear[image, :, rows, columns] * (weight / 16.0)
    smooth = linear.clone()
    smooth[image, :, row, column] = total
    return smooth
