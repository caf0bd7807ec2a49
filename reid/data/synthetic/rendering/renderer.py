"""From people in the world to pictures of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from reid.data.synthetic.bodies.body import FINE, Bodies, Segments, body_mesh, build_bodies
from reid.data.synthetic.bodies.cloth import paint_surfaces
from reid.data.synthetic.bodies.mesh import Mesh, unit
from reid.data.synthetic.bodies.people import People
from reid.data.synthetic.light import Light
from reid.data.synthetic.rendering.rasteriser import Hits, find_fragments, rasterise
from reid.data.synthetic.rendering.shadows import cast_shadows
from reid.data.synthetic.rows import Rows
from reid.data.synthetic.view import View


@dataclass(frozen=True)
class Instances(Rows):
    """M appearances of people in K images.

    Attributes:
        image: (M,) int64, which image.
        person: (M,) int64, row of the people.
        place_m: (M, 2), on the ground.
        yaw_rad: (M,), where the person faces.
        phase_rad: (M,), moment of the gait; 2 pi is one full cycle of two steps.
        stride: (M,), 0 standing still to 1 the person's own walk.
    """

    image: Tensor
    person: Tensor
    place_m: Tensor
    yaw_rad: Tensor
    phase_rad: Tensor
    stride: Tensor


@dataclass(frozen=True)
class Rendered:
    """K images.

    Attributes:
        linear: (K, 3, H, W).
        depth_m: (K, H, W).
        instance: (K, H, W) int64, row of the instances seen there, -1 where it is the backdrop.
        full_boxes_xyxy: (M, 4), pixels, around all of each person, seen or not; may reach beyond the image.
    """

    linear: Tensor
    depth_m: Tensor
    instance: Tensor
    full_boxes_xyxy: Tensor


class Renderer:
    """Draws people in front of backdrops.

    Args:
        people: whom instances name by row.
        device: where all tensors given are.
        segments: how finely bodies are modelled.
    """

    def __init__(self, people: People, device: torch.device | str = "cpu", segments: Segments = FINE) -> None:
        self._people = people.to(device)
        self._segments = segments
        self._mesh: Mesh = body_mesh(segments).to(device)

    def stand(self, instances: Instances) -> Bodies:
        """Build the bodies of M people, for those who need them more than once."""
        rows = self._people.select(instances.person)
        return build_bodies(
            rows, instances.place_m, instances.yaw_rad, instances.phase_rad, instances.stride, self._segments
        )

    def render(
        self,
        view: View,
        light: Light,
        instances: Instances,
        backdrop_linear: Tensor,
        backdrop_depth_m: Tensor,
        bodies: Bodies | None = None,
    ) -> Rendered:
        """Draw.

        Args:
            view: K views.
            light: K lights.
            instances: M people in them.
            backdrop_linear: (K, 3, H, W), what is behind.
            backdrop_depth_m: (K, H, W), how far away that is; people behind it are hidden.
            bodies: those of the instances, where they were built before.

        Returns:
            The pictures. Each is the same whatever else is drawn with it.
        """
        bodies = bodies or self.stand(instances)
        corners, on_screen = self._project(view, instances.image, bodies)
        image = instances.image.repeat_interleave(len(self._mesh.triangles))
        hits = rasterise(corners, image, view.size_hw, backdrop_depth_m)
        linear = cast_shadows(backdrop_linear, backdrop_depth_m, view, light, instances, self._people)
        linear = linear.permute(0, 2, 3, 1).reshape(-1, 3).clone()  # (K * H * W, 3)
        depth_m = backdrop_depth_m.reshape(-1).clone()
        seen = torch.full_like(depth_m, -1, dtype=torch.int64)
        who = torch.div(hits.triangle, len(self._mesh.triangles), rounding_mode="floor")
        linear.index_copy_(0, hits.pixel, self._shade(hits, who, bodies, light, instances))
        depth_m.index_copy_(0, hits.pixel, 1.0 / hits.inverse_depth)
        seen.index_copy_(0, hits.pixel, who)
        shape = (len(view), *view.size_hw)
        boxes = torch.cat([on_screen[:, :, :2].amin(dim=1), on_screen[:, :, :2].amax(dim=1)], dim=1)
        return Rendered(linear.view(*shape, 3).permute(0, 3, 1, 2), depth_m.view(shape), seen.view(shape), boxes)

    def boxes_xyxy(self, view: View, instances: Instances, bodies: Bodies | None = None) -> Tensor:
        """Find where people would be seen if nothing hid them, without drawing.

        Args:
            view: K views.
            instances: M people in them.
            bodies: those of the instances, where they were built before.

        Returns:
            (M, 4), pixels.
        """
        _, on_screen = self._project(view, instances.image, bodies or self.stand(instances))
        return torch.cat([on_screen[:, :, :2].amin(dim=1), on_screen[:, :, :2].amax(dim=1)], dim=1)

    def full_pixels(self, view: View, instances: Instances) -> Tensor:
        """Count the pixels that people would cover if nothing hid them and no image ended.

        Args:
            view: K views.
            instances: M people in them; one so near that he is over twice as large as the image counts as twice.

        Returns:
            (M,) int64.
        """
        corners, on_screen = self._project(view, instances.image, self.stand(instances))
        first = torch.floor(on_screen[:, :, :2].amin(dim=1))  # (M, 2)
        sizes = torch.ceil(on_screen[:, :, :2].amax(dim=1)) - first
        width_px, height_px = (int(size) for size in sizes.amax(dim=0).clamp(1, 2 * max(view.size_hw)).tolist())
        moved = torch.cat([first, torch.zeros_like(first[:, :1])], dim=1)
        of = torch.arange(len(instances), device=first.device).repeat_interleave(len(self._mesh.triangles))
        fragments = find_fragments(corners - moved.index_select(0, of)[:, None], of, (height_px, width_px))
        covered = torch.zeros(len(instances) * height_px * width_px, dtype=torch.bool, device=first.device)
        covered.index_fill_(0, fragments.pixel, True)
        return covered.view(len(instances), -1).sum(dim=1)

    def _project(self, view: View, image: Tensor, bodies: Bodies) -> tuple[Tensor, Tensor]:
        """Corners (M * F, 3, 3) of triangles and vertices (M, V, 3) on the screen."""
        on_screen = view.select(image).project(bodies.vertices_m)
        corners = on_screen.index_select(1, self._mesh.triangles.flatten())
        return corners.view(-1, 3, 3), on_screen

    def _shade(self, hits: Hits, who: Tensor, bodies: Bodies, light: Light, instances: Instances) -> Tensor:
        """(P, 3) linear light from the surfaces hit."""
        row = hits.triangle - who * len(self._mesh.triangles)
        vertices = self._mesh.triangles.index_select(0, row)  # (P, 3)
        weights = hits.weights[:, :, None]
        normals = bodies.normals.flatten(0, 1)
        first = who * bodies.normals.shape[1]
        normal = torch.zeros_like(hits.weights)
        surface = torch.zeros_like(hits.weights)
        for corner in range(3):
            vertex = vertices[:, corner]
            normal += normals.index_select(0, first + vertex) * weights[:, corner]
            surface += self._mesh.surface.index_select(0, vertex) * weights[:, corner]
        colour = paint_surfaces(
            self._people, instances.person.index_select(0, who), self._mesh.part.index_select(0, row), surface
        )
        return colour * light.falling_on(unit(normal), instances.image.index_select(0, who))
