"""Annotated videos: a second pass over each camera, once everyone has a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import takewhile
from pathlib import Path

from pipeline.camera import Camera
from pipeline.drawing import TimedFrame, labels_and_colours, write_annotated_video
from pipeline.run_directory import TrackletRow
from pipeline.sources import open_source


def write_video(
    out_path: Path,
    camera: Camera,
    rows: Iterable[TrackletRow],
    *,
    every: int,
    progress: Callable[[int], None],
) -> None:
    """Write what one camera showed again with boxes, as far as it was analysed.

    Args:
        out_path: the MP4 to write.
        camera: a camera with a recording, or whose source can be read again.
        rows: its tracklets, with identities.
        every: only every N-th frame was analysed; only those are written.
        progress: called with the number of frames written so far.
    """
    labels, colours = labels_and_colours(rows)
    mot_ids = {row.track_id: row.mot_id for row in rows}
    with ExitStack() as cleanup:
        frames: Iterator[TimedFrame]
        if camera.recording is not None:
            frames = camera.recording.frames()
        else:
            source = open_source(camera.input.spec, every=every, image_fps=camera.input.settings.fps)
            cleanup.callback(source.close)
            frames = takewhile(lambda frame: frame.index <= camera.last_frame_index, source.frames())
        write_annotated_video(
            out_path,
            frames,
            camera.boxes.read(mot_ids),
            labels,
            colours,
            fps=None if camera.source.fps is None else camera.source.fps / every,
            progress=progress,
        )
