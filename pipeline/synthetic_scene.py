"""Made-up scenes on disk: a video a camera, the truth about it, and a site's file for `vreid run`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import yaml

from pipeline.mot import TruthBox, write_truth
from pipeline.video_writer import VideoWriter
from reid.data.synthetic.scenes.scene import Scene, SceneCamera, SceneOptions
from reid.errors import InputError, OutputError, RunError
from reid.output_folder import new_folder
from reid.version import package_version

FORMAT = "vreid-scene/1"
INDEX = "scene.json"  # by which a folder is known as a scene
SITE = "site.yaml"

# The true clock begins here; without a time zone, so that it is this hour on every machine.
_START = datetime(2024, 5, 1, 9, 0, 0)
# By so much a detector may notice people late or lose them early, on top of the longest way.
_MISSED_S = 5.0
# What a camera's look loses by compression, as the encoder counts it.
_BEST_CRF, _CRF_OF_LOSS = 20, 0.2
_SITE_HEADER = """\
# A made-up site: vreid run --config site.yaml
# A camera's own clock said `start` at its first frame; `offset_s` sets right by how much it was off.
"""


@dataclass(frozen=True)
class SeenStay:
    """From when to when, on the true clock, a person was seen by a camera; the end is exclusive."""

    person: int
    camera: str
    start_s: float
    end_s: float


class SceneFolder:
    """A finished scene, read from disk as its parts are asked for.

    Args:
        path: the folder that `write_scene` wrote.

    Raises:
        InputError: the folder is not a scene.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not (path / INDEX).is_file():
            raise InputError(f"{path} is not a scene of vreid: it holds no {INDEX}")

    @cached_property
    def index(self) -> dict[str, Any]:
        """The content of `scene.json`."""
        index: dict[str, Any] = json.loads((self.path / INDEX).read_text(encoding="utf-8"))
        return index

    @property
    def site(self) -> Path:
        """The settings for `vreid run`."""
        return self.path / SITE

    @property
    def frames(self) -> dict[str, int]:
        """Camera -> how many frames it has."""
        return {name: camera["frames"] for name, camera in self.index["cameras"].items()}

    @property
    def stays(self) -> list[SeenStay]:
        """Who was seen where, by person and time."""
        return [SeenStay(**stay) for stay in self.index["stays"]]


@dataclass(frozen=True)
class _Filmed:
    """What became of one camera: for each row of the scene's stays that is seen, its first and last frame."""

    first_frame: dict[int, int]
    last_frame: dict[int, int]


def write_scene(
    options: SceneOptions,
    out: Path,
    *,
    overwrite: bool = False,
    device: str = "cpu",
    on_frame: Callable[[], None] = lambda: None,
) -> SceneFolder:
    """Make a scene up and write it; every file is described in docs/formats.md.

    Args:
        options: what it is to hold.
        out: the folder to make.
        overwrite: replace a scene that stands there. Nothing else is ever replaced.
        device: where pictures are made.
        on_frame: called after every frame of any camera, from several threads.

    Returns:
        The finished scene.

    Raises:
        OutputError: something stands there already, or the place cannot be written.
        RunError: writing failed on the way; nothing is left.
    """
    with new_folder(out, marker=INDEX, what="a scene", overwrite=overwrite) as folder:
        scene = Scene(options, device)
        for name in ("videos", "truth"):
            (folder / name).mkdir()
        with _one_torch_thread(), ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            stop = False

            def film(number: int) -> _Filmed:
                return _film(scene, number, folder, on_frame, lambda: stop)

            try:
                filmed = list(pool.map(film, range(options.cameras)))
            except (OutputError, MemoryError, torch.OutOfMemoryError) as error:
                reason = str(error) or "out of memory"
                raise RunError(f"the scene could not be finished: {reason}; nothing was kept") from error
            finally:
                stop = True
        (folder / SITE).write_text(_SITE_HEADER + _site_text(scene), encoding="utf-8")
        (folder / INDEX).write_text(json.dumps(_index(scene, filmed), indent=2) + "\n", encoding="ascii")
    return SceneFolder(out)


@contextmanager
def _one_torch_thread() -> Iterator[None]:
    """Let each camera's thread work by itself: many small steps gain nothing from being split further."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _film(
    scene: Scene, number: int, folder: Path, on_frame: Callable[[], None], stopped: Callable[[], bool]
) -> _Filmed:
    """Write one camera's video and truth."""
    torch.set_num_threads(1)
    name, options = scene.cameras[number].name, scene.options
    crf = round(_BEST_CRF + _CRF_OF_LOSS * float(scene.cameras[number].look.loss[0]))
    boxes: list[TruthBox] = []
    filmed = _Filmed({}, {})
    video = folder / "videos" / f"{name}.mp4"
    with closing(VideoWriter(video, options.size_hw, options.fps, crf=crf, is_repeatable=True)) as writer:
        for picture in scene.pictures(number):
            if stopped():
                break
            index = picture.frame_index
            writer.write(picture.rgb, index / options.fps)
            for stay, box, visibility in zip(
                picture.stay.tolist(), picture.boxes_xyxy.tolist(), picture.visibility.tolist(), strict=True
            ):
                boxes.append(TruthBox(index, scene.stays[stay].person + 1, tuple(box), visibility))
                filmed.first_frame.setdefault(stay, index)
                filmed.last_frame[stay] = index
            on_frame()
    write_truth(folder / "truth" / f"{name}.txt", boxes)
    return filmed


def _site_text(scene: Scene) -> str:
    """YAML for `vreid run`: cameras, what their clocks say, how long ways take."""
    cameras = [
        {
            "name": camera.name,
            "source": f"videos/{camera.name}.mp4",
            "start": _START + timedelta(seconds=camera.start_s + camera.clock_ahead_s),
            "offset_s": 0.0 - camera.clock_ahead_s,
        }
        for camera in scene.cameras
    ]
    site: dict[str, Any] = {"cameras": cameras}
    if len(cameras) > 1:
        site["topology"] = {
            "all_non_overlapping": True,
            "transit": [_transit(scene, *pair) for pair in pairwise(scene.cameras)],
        }
    text: str = yaml.safe_dump(site, sort_keys=False)
    return text


def _transit(scene: Scene, one: SceneCamera, other: SceneCamera) -> dict[str, Any]:
    shortest_s, longest_s = scene.transit_s
    return {
        "cameras": [one.name, other.name],
        "min_s": round(shortest_s, 3),
        "max_s": round(longest_s + _MISSED_S, 3),
    }


def _index(scene: Scene, filmed: list[_Filmed]) -> dict[str, Any]:
    """What the scene is made of, and who was seen where and when."""
    options = scene.options
    height_px, width_px = options.size_hw
    stays = [
        SeenStay(
            person=scene.stays[row].person + 1,
            camera=camera.name,
            start_s=round(camera.start_s + of_camera.first_frame[row] / options.fps, 6),
            end_s=round(camera.start_s + (of_camera.last_frame[row] + 1) / options.fps, 6),
        )
        for camera, of_camera in zip(scene.cameras, filmed, strict=True)
        for row in of_camera.first_frame
    ]
    return {
        "format": FORMAT,
        "vreid_version": package_version(),
        "seed": options.seed,
        "twins": options.twins,
        "seconds": options.seconds,
        "true_start": _START.isoformat(),
        "transit_s": [round(bound, 3) for bound in scene.transit_s],
        "cameras": {
            camera.name: {
                "video": f"videos/{camera.name}.mp4",
                "truth": f"truth/{camera.name}.txt",
                "frames": options.frames,
                "fps": options.fps,
                "width_px": width_px,
                "height_px": height_px,
                "start_s": camera.start_s,
                "clock_ahead_s": camera.clock_ahead_s,
            }
            for camera in scene.cameras
        },
        "people": {str(number): int(seed) for number, seed in enumerate(scene.person_seeds, start=1)},
        "stays": [asdict(stay) for stay in sorted(stays, key=lambda stay: (stay.person, stay.start_s))],
    }
