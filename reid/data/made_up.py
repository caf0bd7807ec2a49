"""The data set `synthetic` where no folder of it is given: made-up people, rendered once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import Field

from reid.config import Settings
from reid.data.records import Counts
from reid.data.synthetic.kept import keep_tracklets, kept_tracklets
from reid.data.synthetic.tracklets import SyntheticTracklets

SYNTHETIC = "synthetic"

Count = Annotated[int, Field(ge=1)]
Side = Annotated[int, Field(ge=16, le=1024)]  # pixels


class SyntheticSettings(Settings):
    """The made-up people that training and benchmark use, as `vreid synth tracklets` makes them."""

    people: Count = 1000
    cameras: Count = 6
    tracklets: tuple[int, int] = (1, 2)
    frames: tuple[int, int] = (4, 8)
    size_hw: tuple[Side, Side] = (128, 64)
    seed: int = 0
    test_people: Count | None = None
    people_per_site: Count | None = None

    @property
    def protocol(self) -> SyntheticTracklets:
        """What the data set holds."""
        return SyntheticTracklets(**self.model_dump(exclude={"size_hw"}))


def made_up_people(
    settings: SyntheticSettings, *, device: str = "cpu", on_rendered: Callable[[int, int], None] = lambda *_: None
) -> Path:
    """Return the folder of made-up people, rendered if it is not there yet.

    Args:
        settings: who and how many.
        device: what to render on.
        on_rendered: told of so many more of so many images.

    Raises:
        InputError: they cannot be kept.
        RunError: writing failed on the way; nothing is left.
    """
    kept = kept_tracklets(settings.protocol, settings.size_hw)
    if kept is not None:
        return kept
    records = settings.protocol.data_set()
    images = Counts.of(records.train + records.test).images
    return keep_tracklets(
        settings.protocol, settings.size_hw, device=device, on_images=lambda more: on_rendered(more, images)
    )
