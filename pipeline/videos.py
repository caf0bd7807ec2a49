"""Annotated videos: a second pass over each recording, once everyone has a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import takewhile
from pathlib import Path

from pipeline.camera import Camera
from pipeline.drawing import labels_and_colours, write_annotated_video
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
    """Write one camera's recording again with boxes, as far as it was analysed.

    Args:
        out_path: the MP4 to write.
        camera: a camera whose source can be read again.
        rows: its tracklets, with identities.
        every: only every N-th frame was analysed; only those are written.
        progress: called with the number of frames written so far.
    """
    labels, colours = labels_and_colours(rows)
    mot_ids = {row.track_id: row.mot_id for row in rows}
    source = open_source(camera.input.spec, every=every)
    try:
        write_annotated_video(
            out_path,
            takewhile(lambda frame: frame.index <= camera.last_frame_index, source.frames()),
            camera.boxes.read(mot_ids),
            labels,
            colours,
            fps=None if source.fps is None else source.fps / every,
            progress=progress,
        )
    finally:
        source.close()
