"""From a model and folders of crops to a folder of pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from reid.clips import clip_indices, even_indices
from reid.errors import ConfigError
from reid.explain import clip_pictures, weight_pictures
from reid.explain.drawing import draw
from reid.explain.frame_figures import ShownFrames
from reid.explain.tracklets import CropFolder, read_crop
from reid.models import ReidModel
from reid.output_folder import new_folder
from reid.preprocess import Preprocessing
from reid.version import package_version

FORMAT = "vreid-explain/1"
INDEX = "explain.json"  # by which a folder is known as one of these
_MOST_SHOWN = 8


@dataclass(frozen=True)
class Explained:
    """A model, and what its pictures say of it.

    Args:
        model: in evaluation mode.
        preprocessing: how crops become its input.
        trained: False for weights that no re-identification training has touched.
        weights: where the weights come from.
    """

    model: ReidModel
    preprocessing: Preprocessing
    trained: bool
    weights: str

    @property
    def title(self) -> str:
        """Its name, as titles have it."""
        return self.model.name if self.trained else f"{self.model.name} (untrained)"


@dataclass(frozen=True)
class Written:
    """One file.

    Args:
        file: its path within the folder, with slashes.
        tracklet: the tracklet's name; None for a picture of the weights alone.
        shows: what it shows, in a few words.
    """

    file: str
    tracklet: str | None
    shows: str


def write_album(
    explained: Explained,
    tracklets: Sequence[CropFolder],
    out: Path,
    *,
    num_shown: int | None = None,
    overwrite: bool = False,
    on_tracklet: Callable[[], None] = lambda: None,
) -> list[Written]:
    """Write the pictures of every tracklet, and `explain.json`, which lists them.

    The network sees the clip that it would embed. One tracklet's pictures lie in the folder itself, those of several
    in a folder each.

    Args:
        explained: the model.
        tracklets: at least one.
        out: the folder to make.
        num_shown: how many of the clip's frames to draw, evenly spread; None for all, but at most 8.
        overwrite: replace a folder of pictures that stands there. Nothing else is ever replaced.
        on_tracklet: called after each of them.

    Returns:
        The pictures, in order.

    Raises:
        ConfigError: more frames are to be shown than a clip has, or fewer than one.
        OutputError: something stands there already, or the place cannot be written.
        RunError: writing failed on the way.
    """
    length = explained.model.config.clip_length
    if num_shown is not None and not 1 <= num_shown <= length:
        raise ConfigError(f"frames: expected 1 to {length}, the clip of {explained.model.name}, got {num_shown}")
    shown = tuple(even_indices(length, num_shown or min(length, _MOST_SHOWN))[0].tolist())
    written = []
    with new_folder(out, marker=INDEX, what="a folder of pictures", overwrite=overwrite) as folder:
        for picture in weight_pictures(explained.model):
            draw(picture, explained.title, None).save(folder / f"{picture.name}.png")
            written.append(Written(f"{picture.name}.png", None, picture.shows))
        for tracklet in tracklets:
            place = folder / tracklet.name if len(tracklets) > 1 else folder
            place.mkdir(exist_ok=True)
            clip, frames = _clip(explained, tracklet, shown)
            for picture in clip_pictures(explained.model, clip):
                path = place / f"{picture.name}.png"
                draw(picture, f"{explained.title}, tracklet {tracklet.name}", frames).save(path)
                written.append(Written(path.relative_to(folder).as_posix(), tracklet.name, picture.shows))
            on_tracklet()
        index = {
            "format": FORMAT,
            "vreid_version": package_version(),
            "model": explained.model.name,
            "trained": explained.trained,
            "weights": explained.weights,
            "tracklets": {tracklet.name: str(tracklet.path) for tracklet in tracklets},
            "pictures": [asdict(each) for each in written],
        }
        (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="ascii")
    return written


def _clip(explained: Explained, tracklet: CropFolder, shown: tuple[int, ...]) -> tuple[torch.Tensor, ShownFrames]:
    """Make the clip that the network would embed, (1, T, 3, H, W), and the frames to draw beside its maps."""
    model, preprocessing = explained.model, explained.preprocessing
    images = [tracklet.images[index] for index in clip_indices(len(tracklet.images), model.config.clip_length)[0]]
    frames_rgb = np.stack([preprocessing.resize(read_crop(path)) for path in images])  # (T, H, W, 3)
    device = next(model.parameters()).device
    clip = preprocessing.normalise(torch.from_numpy(frames_rgb).to(device)).unsqueeze(0)
    return clip, ShownFrames(frames_rgb, tuple(path.name for path in images), shown)
