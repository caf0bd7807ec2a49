"""A scene: cameras in places of their own and people who walk past them, as pictures with the truth about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reid.data.synthetic.bodies.people import People
from reid.data.synthetic.cameras.develop import develop_frames
from reid.data.synthetic.cameras.looks import Looks
from reid.data.synthetic.dice import Dice
from reid.data.synthetic.draws import Draws
from reid.data.synthetic.places.backdrop import Places
from reid.data.synthetic.rendering.renderer import Instances, Renderer
from reid.data.synthetic.scenes.choreography import Recording, Stay, choreograph
from reid.data.synthetic.scenes.sight import look
from reid.data.synthetic.scenes.standpoint import Standpoint, take_standpoint
from reid.data.synthetic.scenes.walk import Walker
from reid.data.synthetic.view import View
from reid.errors import ConfigError

_BATCH_PX = 2 * 540 * 960
_COUNTED_HEIGHT_PX = 180
_LATER_SHARES = (0.06, 0.2)  # by what share of the recordings' length, but at most of this long, cameras start later
_LATER_OF_S = 60.0
_CLOCK_ERROR_S = 5.0
_TRANSIT_SHARE = 0.1
_TRANSIT_S = (1.5, 8.0)  # what the shortest time out of sight lies between
_TRANSIT_SPREAD = 2.5  # the longest, of the shortest

MIN_SIZE_HW, MAX_SIZE_HW = (120, 160), (2160, 3840)
_NARROWEST, _WIDEST = 0.5, 2.4  # width over height


@dataclass(frozen=True)
class SceneOptions:
    """What a scene is to hold.

    Attributes:
        cameras, people: how many.
        seconds: length of every recording.
        fps: frames a second.
        size_hw: of the frames.
        seed: everything else follows from it.
        twins: share of the people who look exactly like one other, body and clothes.

    Raises:
        ConfigError: a number is out of range.
    """

    cameras: int = 2
    people: int = 12
    seconds: float = 30.0
    fps: float = 10.0
    size_hw: tuple[int, int] = (540, 960)
    seed: int = 0
    twins: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.twins <= 1:
            raise ConfigError(f"twins: expected a share from 0 to 1, got {self.twins}")
        for what, low, high in (
            ("cameras", 1, 32), ("people", 1, 1000), ("seconds", 1, 86_400), ("fps", 1, 60), ("seed", 0, 2**63 - 1),
        ):  # fmt: skip
            if not low <= getattr(self, what) <= high:
                raise ConfigError(f"{what}: expected {low:,} to {high:,}, got {getattr(self, what):,}")
        height_px, width_px = self.size_hw
        (low_height, low_width), (high_height, high_width) = MIN_SIZE_HW, MAX_SIZE_HW
        fits = low_width <= width_px <= high_width and low_height <= height_px <= high_height
        if not fits or width_px % 2 or height_px % 2 or not _NARROWEST <= width_px / height_px <= _WIDEST:
            raise ConfigError(
                f"size: expected even numbers from {low_width}x{low_height} to {high_width}x{high_height}, and a width "
                f"of {_NARROWEST} to {_WIDEST} heights, got {width_px}x{height_px}"
            )

    @property
    def frames(self) -> int:
        """Frames of every camera."""
        return max(1, round(self.seconds * self.fps))


@dataclass(frozen=True)
class SceneCamera:
    """One camera of a scene.

    Attributes:
        name: unique in the scene.
        standpoint: where it hangs and what it sees.
        start_s: when its first frame is taken, on the true clock.
        clock_ahead_s: by how much its own clock is ahead of the true one.
        look: the camera's, one row.
    """

    name: str
    standpoint: Standpoint
    start_s: float
    clock_ahead_s: float
    look: Looks


@dataclass(frozen=True)
class Picture:
    """One frame of one camera, and who is seen in it.

    Attributes:
        frame_index: from 0.
        rgb: (H, W, 3) uint8.
        stay: (n,) int64, rows of the scene's stays.
        boxes_xyxy: (n, 4), around what is seen, clipped to the frame.
        visibility: (n,), share of the whole body's pixels that is seen, above 0.
    """

    frame_index: int
    rgb: np.ndarray
    stay: np.ndarray
    boxes_xyxy: np.ndarray
    visibility: np.ndarray


class Scene:
    """Everything that happens, and the pictures of it.

    Args:
        options: what it is to hold.
        device: where pictures are made.

    Attributes:
        options: as given.
        cameras: in the order in which people walk from one to its neighbour.
        person_seeds: (N,), one a person; twins have the same.
        transit_s: shortest and longest time that people are out of sight.
        stays: all walks; the camera and the person of each counted from 0.
    """

    def __init__(self, options: SceneOptions, device: torch.device | str = "cpu") -> None:
        self.options = options
        draws = Draws([options.seed]).child("scene")
        self.cameras = tuple(
            _camera(draws.child("camera", number), number, options) for number in range(options.cameras)
        )
        everyone = Draws(np.full(options.people, options.seed)).child("scene")
        self.person_seeds: np.ndarray = everyone.child("person", _looks(options)).seeds
        shortest_s = float(np.clip(_TRANSIT_SHARE * options.seconds, *_TRANSIT_S))
        self.transit_s = (shortest_s, _TRANSIT_SPREAD * shortest_s)
        people = People.from_seeds(self.person_seeds)
        gaits = zip(people.walking_speed_m_s.tolist(), people.stride_m.tolist(), strict=True)
        lasting_s = options.frames / options.fps
        recordings = [
            Recording(camera.standpoint.ground, camera.start_s, camera.start_s + lasting_s) for camera in self.cameras
        ]
        walkers = [Walker(speed_m_s, stride_m) for speed_m_s, stride_m in gaits]
        dice = Dice(draws.child("choreography"))
        self.stays: tuple[Stay, ...] = tuple(choreograph(dice, walkers, recordings, self.transit_s))
        self._device = torch.device(device)
        self._renderer = Renderer(people, self._device)
        self._noise = draws.child("noise")

    def pictures(self, camera: int) -> Iterator[Picture]:
        """Make the frames of one camera, in order.

        Args:
            camera: from 0.
        """
        of = self.cameras[camera]
        place = torch.zeros(1, dtype=torch.int64, device=self._device)
        places = Places.from_seeds([of.standpoint.place]).to(self._device)
        view = of.standpoint.view.to(self._device)
        empty = places.look_at(view, place)
        noise = self._noise.child("camera", camera)
        step = max(1, _BATCH_PX // (view.size_hw[0] * view.size_hw[1]))
        for first in range(0, self.options.frames, step):
            frames = np.arange(first, min(first + step, self.options.frames))
            images = place.expand(len(frames))
            stays, instances = self._present(camera, of.start_s + frames / self.options.fps)
            views = view.select(images)
            rendered = self._renderer.render(
                views,
                places.light().select(images),
                instances,
                empty.linear.expand(len(frames), -1, -1, -1),
                empty.depth_m.expand(len(frames), -1, -1),
            )
            seeds = Draws(np.repeat(noise.seeds, len(frames))).child("frame", frames)
            finished = develop_frames(rendered.linear, of.look, np.zeros(len(frames), dtype=np.int64), seeds)
            rgb = finished.permute(0, 2, 3, 1).contiguous().cpu().numpy()  # (K, H, W, 3)
            sight = look(rendered.instance, self._whole_px(views, instances))
            image = instances.image.cpu().numpy()
            for row, index in enumerate(frames):
                seen = (image == row) & (sight.pixels > 0)
                yield Picture(int(index), rgb[row], stays[seen], sight.boxes_xyxy[seen], sight.visibility[seen])

    def _whole_px(self, view: View, instances: Instances) -> Tensor:
        """(M,) pixels that everyone would cover, counted on smaller pictures: fine enough for a share."""
        if len(instances) == 0:
            return torch.zeros(0, device=self._device)
        height_px, width_px = view.size_hw
        divisor = max(1, height_px // _COUNTED_HEIGHT_PX)
        size_hw = (height_px // divisor, width_px // divisor)
        frame = torch.tensor([[0.0, 0.0, width_px, height_px]], device=self._device).expand(len(view), 4)
        counted = self._renderer.full_pixels(view.window(frame, size_hw), instances)
        return counted * (height_px * width_px / (size_hw[0] * size_hw[1]))

    def _present(self, camera: int, times_s: np.ndarray) -> tuple[np.ndarray, Instances]:
        """Find who is near the camera at K times: rows of stays, (M,), and their instances."""
        near = [
            (row, np.flatnonzero((stay.walk.start_s <= times_s) & (times_s <= stay.walk.end_s)))
            for row, stay in enumerate(self.stays)
            if stay.camera == camera
        ]
        moments = [self.stays[row].walk.at(times_s[during]) for row, during in near]

        def joined(parts: list[np.ndarray], kind: torch.dtype, shape: tuple[int, ...] = ()) -> Tensor:
            return torch.from_numpy(np.concatenate([np.zeros((0, *shape)), *parts])).to(self._device, kind)

        return np.concatenate([np.zeros(0, np.int64), *[np.full(len(during), row) for row, during in near]]), Instances(
            image=joined([during for _, during in near], torch.int64),
            person=joined([np.full(len(during), self.stays[row].person) for row, during in near], torch.int64),
            place_m=joined([moment.place_m for moment in moments], torch.float32, (2,)),
            yaw_rad=joined([moment.yaw_rad for moment in moments], torch.float32),
            phase_rad=joined([moment.phase_rad for moment in moments], torch.float32),
            stride=joined([moment.stride for moment in moments], torch.float32),
        )


def _looks(options: SceneOptions) -> np.ndarray:
    """(N,) numbers, one a person: those of twins are the same."""
    looks = np.arange(options.people)
    pairs = round(options.people * options.twins / 2)
    looks[1 : 2 * pairs : 2] = looks[0 : 2 * pairs : 2]
    return looks


def _camera(draws: Draws, number: int, options: SceneOptions) -> SceneCamera:
    """Hang up one camera; the clock of the first is the true one, and nothing begins before it."""
    dice = Dice(draws)
    longest_s = min(options.seconds, _LATER_OF_S)
    later_s = round(dice.between("later", *_LATER_SHARES) * longest_s, 1) if number else 0.0
    ahead_s = (
        round(dice.between("clock", 1.0, _CLOCK_ERROR_S) * dice.pick("fast or slow", (-1, 1)), 1) if number else 0.0
    )
    standpoint = take_standpoint(draws.child("standpoint"), options.size_hw)
    return SceneCamera(f"cam{number + 1}", standpoint, later_s, ahead_s, Looks.from_seeds(draws.child("look").seeds))
