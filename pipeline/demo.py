"""A scene of made-up people to try vreid on: made once, kept, and scored."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from pipeline import mot, synthetic_scene, video_writer
from pipeline.evaluation import Evaluation, evaluate
from pipeline.evaluation_inputs import read_result, read_truth_folder
from pipeline.synthetic_scene import SceneFolder, write_scene
from reid.data.synthetic.kept import world_digest
from reid.data.synthetic.scenes.scene import SceneOptions
from reid.errors import InputError, OutputError


def demo_options(seed: int = 0) -> SceneOptions:
    """Two cameras, twelve people, twenty seconds."""
    return SceneOptions(cameras=2, people=12, seconds=20.0, fps=10.0, size_hw=(540, 960), seed=seed)


def scenes_folder() -> Path:
    """Where scenes are kept: `VREID_SCENES`, else `~/.cache/vreid/scenes`."""
    return Path(os.environ.get("VREID_SCENES") or Path.home() / ".cache" / "vreid" / "scenes")


def kept_scene(options: SceneOptions) -> SceneFolder | None:
    """Find a scene of these options that this version of vreid made; None if there is none, or not all of it."""
    path = _place(options)
    try:
        scene = SceneFolder(path)
        parts = [
            scene.site,
            *(path / camera[part] for camera in scene.index["cameras"].values() for part in ("video", "truth")),
        ]
    except (AttributeError, InputError, KeyError, OSError, TypeError, ValueError):
        return None
    return scene if all(part.is_file() and part.stat().st_size for part in parts) else None


def keep_scene(options: SceneOptions, on_frame: Callable[[], None] = lambda: None) -> SceneFolder:
    """Make a scene and keep it, in place of one that is not whole.

    Args:
        options: what it is to hold.
        on_frame: called after every frame of any camera, from several threads.

    Raises:
        OutputError: it cannot be kept there.
        RunError: writing failed on the way; nothing is left.
    """
    try:
        return write_scene(options, _place(options), overwrite=True, on_frame=on_frame)
    except OutputError as error:
        raise OutputError(
            f"scenes cannot be kept in {scenes_folder()}; name another folder in the environment variable VREID_SCENES "
            f"({str(error).removeprefix('--out ')})"
        ) from error


def score_run(run: Path, scene: SceneFolder) -> Evaluation:
    """Score a run on a scene against the scene's truth.

    Raises:
        InputError: the run is of something else.
    """
    result = read_result(run)
    return evaluate(result.boxes, read_truth_folder(scene.path), result.analysed)


def _place(options: SceneOptions) -> Path:
    """A folder whose name changes with the options and with whatever makes the pictures and the truth."""
    makers = [Path(str(module.__file__)) for module in (synthetic_scene, video_writer, mot)]
    return scenes_folder() / world_digest(options, makers)
