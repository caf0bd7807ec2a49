"""Annotated videos: a second pass over each camera, once everyone has a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from pipeline.camera import Camera, usable_fps
from pipeline.drawing import TimedFrame, labels_and_colours, write_annotated_video
from pipeline.run_directory import TrackletRow
from pipeline.sources import Prefetcher, open_source
from reid.errors import SourceError


def write_video(
    out_path: Path,
    camera: Camera,
    rows: Iterable[TrackletRow],
    *,
    every: int,
    stall_timeout_s: float,
    stopped: Callable[[], bool],
    progress: Callable[[int], None],
) -> bool:
    """Write what one camera showed again with boxes, as far as it was analysed.

    Args:
        out_path: the MP4 to write.
        camera: a camera with a recording, or whose source can be read again.
        rows: its tracklets, with identities.
        every: only every N-th frame was analysed; only those are written.
        stall_timeout_s: a source that gives nothing for so long is given up.
        stopped: asked before every frame; a video that is stopped is removed.
        progress: called with the number of frames written so far.

    Returns:
        Whether the video is whole; otherwise there is none.

    Raises:
        SourceError: the source does not open again.
        OutputError: the video cannot be written.
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
            if source.live:
                raise SourceError(f"{camera.input.spec.shown} is no recording any more")
            reader = cleanup.enter_context(Prefetcher(source, stall_timeout_s=stall_timeout_s))
            frames = _frames_until(reader, camera.last_frame_index, stopped)
        written = write_annotated_video(
            out_path,
            _unless(stopped, frames),
            camera.boxes.read(mot_ids),
            labels,
            colours,
            fps=usable_fps(camera.source.fps) / every,
            progress=progress,
        )
    if written < camera.frames:
        out_path.unlink(missing_ok=True)
        return False
    return True


def _frames_until(reader: Prefetcher, last_index: int, stopped: Callable[[], bool]) -> Iterator[TimedFrame]:
    """Yield the frames up to one index, and read none beyond it."""
    while not reader.finished and not stopped():
        frame = reader.next(timeout_s=0.2)
        if frame is not None and frame.index <= last_index:
            yield frame
        if frame is not None and frame.index >= last_index:
            return


def _unless(stopped: Callable[[], bool], frames: Iterator[TimedFrame]) -> Iterator[TimedFrame]:
    for frame in frames:
        if stopped():
            return
        yield frame
