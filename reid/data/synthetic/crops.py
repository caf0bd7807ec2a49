"""Pictures of single people as a detector cuts them out: from seeds to finished crops."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reid.data.synthetic.bodies.body import COARSE, FINE
from reid.data.synthetic.bodies.people import People
from reid.data.synthetic.cameras.detector_boxes import detector_boxes
from reid.data.synthetic.cameras.develop import develop
from reid.data.synthetic.cameras.looks import Looks
from reid.data.synthetic.cameras.occluders import occlude
from reid.data.synthetic.draws import Draws
from reid.data.synthetic.light import Light
from reid.data.synthetic.places.backdrop import Backdrop, Places, cut
from reid.data.synthetic.rendering.renderer import Instances, Renderer
from reid.data.synthetic.strolls import beside, stroll
from reid.data.synthetic.view import View

_KEPT_CAMERAS = 64
_FRAMES_PER_CROP_HEIGHT = 2.4  # how much higher than a crop the camera's whole picture is
_PERSON_SHARE = 0.4  # of a camera's picture, how high a person stands at the point aimed at
_COARSE_UP_TO_PX = 160
_MAX_HIDDEN = 0.5  # share of a body that furniture may hide; whoever has walked behind more is seen before it
_NOTHING_BEFORE_M = 1e4


@dataclass(frozen=True)
class Conditions:
    """How hard the pictures are.

    Attributes:
        partial: share of boxes around a part of the body only.
        occluded: share of crops with an object between camera and person.
        company: share of tracklets with a second person in the picture.
        look: how far cameras are from a neutral one; 0 is neutral, 1 is usual.
    """

    partial: float = 0.2
    occluded: float = 0.2
    company: float = 0.3
    look: float = 1.0


@dataclass(frozen=True)
class CropSpecs:
    """M crops.

    Attributes:
        person_seed: (M,) uint64, the identities.
        camera_seed: (M,) uint64; equal seeds are one camera.
        tracklet_seed: (M,) uint64: where the person walks, what is in the way. Equal for crops of one tracklet.
        frame: (M,) int64, within the tracklet, >= 0.
    """

    person_seed: np.ndarray
    camera_seed: np.ndarray
    tracklet_seed: np.ndarray
    frame: np.ndarray

    def __len__(self) -> int:
        return len(self.person_seed)


@dataclass(frozen=True)
class _Camera:
    """One camera with its whole picture of the empty place."""

    view: View
    light: Light
    backdrop: Backdrop


class CropRenderer:
    """Draws crops.

    A crop depends on its spec, the size and the conditions alone, whatever it is drawn with. Empty places are kept from
    call to call, so threads need a renderer each.

    Args:
        size_hw: height and width of the crops.
        device: what to compute on.
        conditions: how hard the pictures are.
    """

    def __init__(
        self,
        size_hw: tuple[int, int] = (128, 64),
        *,
        device: torch.device | str = "cpu",
        conditions: Conditions | None = None,
    ) -> None:
        self._size_hw = size_hw
        self._device = device
        self._conditions = conditions or Conditions()
        self._cameras: OrderedDict[int, _Camera] = OrderedDict()
        self._joined: tuple[bytes, tuple[View, Light, Backdrop]] | None = None

    def render(self, specs: CropSpecs) -> Tensor:
        """Draw.

        Args:
            specs: M crops.

        Returns:
            (M, 3, H, W) uint8, RGB, on the renderer's device.
        """
        seeds, camera = np.unique(specs.camera_seed, return_inverse=True)
        whole, light, backdrop = self.look(seeds)
        on_device = torch.from_numpy(camera).to(self._device)
        tracklet = Draws(specs.tracklet_seed)
        frame = tracklet.child("frame", specs.frame)
        people, instances = self._cast(specs, tracklet, whole, camera)
        renderer = Renderer(people, self._device, COARSE if self._size_hw[0] <= _COARSE_UP_TO_PX else FINE)
        views = whole.select(on_device)
        count = len(specs)
        bodies = renderer.stand(instances)
        true_boxes = renderer.boxes_xyxy(views, instances, bodies)[:count]
        boxes_xyxy = detector_boxes(
            _widened(true_boxes.cpu().numpy(), Draws(specs.camera_seed)),
            tracklet,
            frame,
            specs.frame,
            self._conditions.partial,
        )
        boxes = torch.from_numpy(boxes_xyxy).to(self._device, torch.float32)
        behind = cut(backdrop, on_device, boxes, self._size_hw)
        hidden = _share_hidden(views, backdrop, on_device, instances, count, people)
        depth_m = torch.where((hidden > _MAX_HIDDEN)[:, None, None], _NOTHING_BEFORE_M, behind.depth_m)
        rendered = renderer.render(
            views.window(boxes, self._size_hw), light.select(on_device), instances, behind.linear, depth_m, bodies
        )
        linear = occlude(rendered.linear, tracklet, specs.frame, self._conditions.occluded)
        looks = Looks.from_seeds(seeds, self._conditions.look)
        typical_px = _PERSON_SHARE * whole.size_hw[0]
        height_px = looks.person_px[camera] * (boxes_xyxy[:, 3] - boxes_xyxy[:, 1]) / typical_px
        return develop(linear, looks, camera, frame, tracklet, height_px)

    def look(self, seeds: np.ndarray) -> tuple[View, Light, Backdrop]:
        """Views, lights and whole pictures of cameras, C each; those of the last call are at hand."""
        if self._joined is not None and self._joined[0] == seeds.tobytes():
            return self._joined[1]
        cameras = []
        for seed in seeds.tolist():
            if seed not in self._cameras:
                self._cameras[seed] = _open_camera(seed, self._size_hw, self._device)
            self._cameras.move_to_end(seed)
            cameras.append(self._cameras[seed])
        while len(self._cameras) > _KEPT_CAMERAS:
            self._cameras.popitem(last=False)
        joined = (
            View.joined([camera.view for camera in cameras]),
            Light.joined([camera.light for camera in cameras]),
            Backdrop.joined([camera.backdrop for camera in cameras]),
        )
        self._joined = (seeds.tobytes(), joined)
        return joined

    def _cast(self, specs: CropSpecs, tracklet: Draws, whole: View, camera: np.ndarray) -> tuple[People, Instances]:
        """The people of M crops, one a crop and then those who keep them company, and where they are."""
        everyone = np.concatenate([specs.person_seed, tracklet.child("company").seeds])
        unique, person = np.unique(everyone, return_inverse=True)
        people = People.from_seeds(unique)
        main, other = np.split(person, 2)
        place_m, yaw_rad, phase_rad, stride = stroll(tracklet, specs.frame, whole, camera, people, main)
        accompanied = tracklet.chance("accompanied", self._conditions.company).nonzero()[0]
        place_beside_m, yaw_beside_rad = beside(tracklet, specs.frame, whole, camera, place_m, yaw_rad)
        second_phase = phase_rad + tracklet.uniform("company/phase", 0, 6.28)
        arrays = (
            np.concatenate([np.arange(len(specs)), accompanied]),
            np.concatenate([main, other[accompanied]]),
            np.concatenate([place_m, place_beside_m[accompanied]]),
            np.concatenate([yaw_rad, yaw_beside_rad[accompanied]]),
            np.concatenate([phase_rad, second_phase[accompanied]]),
            np.concatenate([stride, np.ones(len(accompanied))]),
        )
        image, who, *rest = (torch.from_numpy(np.ascontiguousarray(array)).to(self._device) for array in arrays)
        return people, Instances(image, who, *(tensor.to(torch.float32) for tensor in rest))


def _widened(boxes_xyxy: np.ndarray, camera: Draws) -> np.ndarray:
    """Make boxes (M, 4) at least as wide as the camera's detector does: some never give narrow ones."""
    width, height = boxes_xyxy[:, 2] - boxes_xyxy[:, 0], boxes_xyxy[:, 3] - boxes_xyxy[:, 1]
    missing = np.maximum(camera.uniform("narrowest", 0.2, 0.5) * height - width, 0.0) / 2
    zero = np.zeros_like(missing)
    widened: np.ndarray = boxes_xyxy + np.stack([-missing, zero, missing, zero], axis=1)
    return widened


def _share_hidden(
    views: View, backdrop: Backdrop, camera: Tensor, instances: Instances, count: int, people: People
) -> Tensor:
    """How much of each of the first `count` people is behind furniture, (M,), judged by points along the body."""
    heights = torch.linspace(0.06, 0.96, 8, device=camera.device)
    high_m = people.height_m.to(camera.device)[instances.person[:count], None] * heights  # (M, 8)
    ground_m = instances.place_m[:count, None].expand(-1, len(heights), -1)
    seen = views.project(torch.cat([ground_m, high_m[..., None]], dim=2))
    height_px, width_px = backdrop.depth_m.shape[1:]
    row = seen[..., 1].long().clamp(0, height_px - 1)
    column = seen[..., 0].long().clamp(0, width_px - 1)
    return (backdrop.depth_m[camera[:, None], row, column] < seen[..., 2]).float().mean(dim=1)


def _open_camera(seed: int, size_hw: tuple[int, int], device: torch.device | str) -> _Camera:
    """Set a camera up: where it stands follows from its seed."""
    draws = Draws(np.array([seed], dtype=np.uint64))
    height_m, aim_m = draws.uniform("height", 1.7, 5.5), draws.uniform("aim", 4.5, 9.0)
    pitch_rad = np.clip(np.arctan2(height_m - 0.9, aim_m), 0.0, np.pi / 4)
    height_px = round(_FRAMES_PER_CROP_HEIGHT * size_hw[0])
    width_px = round(height_px * 16 / 9)
    focal_px = _PERSON_SHARE * height_px * np.hypot(aim_m, height_m - 0.9) / 1.7
    zero = np.zeros_like(height_m)
    view = View(
        position_m=_tensor(np.stack([zero, zero, height_m], axis=1)),
        yaw_rad=_tensor(draws.uniform("yaw", -0.3, 0.3)),
        pitch_rad=_tensor(pitch_rad),
        focal_px=_tensor(np.stack([focal_px, focal_px], axis=1)),
        centre_px=torch.tensor([[width_px / 2, height_px / 2]]),
        size_hw=(height_px, width_px),
    ).to(device)
    places = Places.from_seeds(np.array([seed], dtype=np.uint64)).to(device)
    return _Camera(view, places.light(), places.look_at(view, torch.zeros(1, dtype=torch.int64, device=device)))


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
