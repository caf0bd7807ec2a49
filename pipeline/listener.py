"""How a run tells whoever started it how it goes on; the run itself never prints."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.sources import CameraHealth


class RunListener:
    """Does nothing with what it is told; override what you want to know. All calls come from the run's own thread."""

    def on_warning(self, text: str) -> None:
        """Something that the user should know; one line."""

    def on_choice(self, text: str) -> None:
        """What was chosen by itself, such as the network, and why; one line."""

    def on_cameras(self, camera_ids: Sequence[str], frames_expected: Sequence[int | None]) -> None:
        """Reading begins; a camera whose length is not known has None."""

    def on_frame(self, camera_id: str, frame_index: int, time_s: float, tracklets: int) -> None:
        """A frame was analysed; `tracklets` have ended in this camera so far."""

    def on_camera_end(self, camera_id: str, health: CameraHealth) -> None:
        """A camera gives no more frames."""

    def on_stage(self, name: str) -> None:
        """The frames are done and something else begins, such as `association` or `report`."""

    def on_video_frame(self, camera_id: str, frames_done: int, frames_total: int) -> None:
        """A frame of an annotated video was written."""
