"""What a data set is: tracklets of people to train with, to search with and to search in.

A tracklet's pictures have names, and a source turns names into pictures. So records hold no pixels, and stay the same
where the same pictures come from elsewhere: loose files, one packed file, or a renderer that draws them when asked.

`person_id` tells three kinds of tracklets apart, as in MARS and Market-1501:

- 1 and above: a person.
- 0, a distractor: in the gallery, but nobody that is searched for. To find it is a mistake.
- -1, junk: in the gallery, but too badly framed to judge. To find it is neither right nor wrong; scoring leaves it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from reid.preprocess import Crop

DISTRACTOR_ID = 0
JUNK_ID = -1


@dataclass(frozen=True, slots=True)
class TrackletRecord:
    """One person's stay in one camera.

    Attributes:
        person_id: >= 1, or `DISTRACTOR_ID`, or `JUNK_ID`.
        camera_id: >= 1. The same number is the same camera in the whole data set.
        frames: names of its pictures for the data set's source, in order of time; at least one.

    Raises:
        ValueError: an id is out of range, or there are no pictures.
    """

    person_id: int
    camera_id: int
    frames: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.person_id < JUNK_ID:
            raise ValueError(f"a tracklet's person is -1, 0, or above, not {self.person_id}")
        if self.camera_id < 1:
            raise ValueError(f"cameras are counted from 1, not {self.camera_id}")
        if not self.frames:
            raise ValueError(f"a tracklet of person {self.person_id} has no pictures")


class CropSource(Protocol):
    """Where pictures come from."""

    def read(self, frames: Sequence[str]) -> list[Crop]:
        """Get pictures, many at a time where that is faster.

        Args:
            frames: names, of any tracklets and in any order.

        Returns:
            For each name its picture, (height, width, 3) uint8, RGB. The same whatever it was asked for with.

        Raises:
            ImageError: a picture is missing or cannot be decoded.
        """
        ...


@runtime_checkable
class StampedSource(CropSource, Protocol):
    """Pictures that can change under their names, such as files, and show it."""

    def stamp(self, frames: Sequence[str]) -> list[list[object]]:
        """Return for each name what is another thing once the picture has changed; ready for JSON."""
        ...


@dataclass(frozen=True)
class DataSet:
    """One split of a data set.

    People of `train` and `test` are different people. Everything that a test needs stands in `test` once, so that it is
    embedded once; `query` and `gallery` point into it. Where queries are part of the gallery, as in MARS, their rows
    stand in both; where they are not, as in iLIDS-VID, in `query` alone. A query must not find its own person
    in its own camera: scoring leaves those rows of the gallery out, and with them the query itself.

    Attributes:
        name: as it is called on the command line.
        train: tracklets of people, in the data set's order.
        test: every tracklet of the query and the gallery, in the data set's order.
        query: rows of `test` that are searched with; people only.
        gallery: rows of `test` that are searched in, distractors and junk among them.
        source: where the pictures come from.

    Raises:
        ValueError: a row does not exist, stands twice, or holds what it must not.
    """

    name: str
    train: tuple[TrackletRecord, ...]
    test: tuple[TrackletRecord, ...]
    query: tuple[int, ...]
    gallery: tuple[int, ...]
    source: CropSource

    def __post_init__(self) -> None:
        for what, rows in (("query", self.query), ("gallery", self.gallery)):
            if len(set(rows)) < len(rows):
                raise ValueError(f"{self.name}: {what} has a row twice")
            if rows and not (min(rows) >= 0 and max(rows) < len(self.test)):
                raise ValueError(f"{self.name}: {what} points beyond the {len(self.test)} tracklets of the test set")
        if any(tracklet.person_id < 1 for tracklet in (*self.train, *self.queries)):
            raise ValueError(f"{self.name}: distractors and junk belong into the gallery only")

    @property
    def queries(self) -> tuple[TrackletRecord, ...]:
        """The tracklets that are searched with."""
        return tuple(self.test[row] for row in self.query)

    def read(self, tracklets: Sequence[TrackletRecord]) -> list[list[Crop]]:
        """Get all pictures of some tracklets.

        One call for many tracklets is faster than many calls where pictures are rendered; all are held at once.

        Args:
            tracklets: N of them.

        Returns:
            N lists, each of a tracklet's pictures in order: what `Embedder.embed` takes.
        """
        crops = iter(self.source.read([frame for tracklet in tracklets for frame in tracklet.frames]))
        return [[next(crops) for _ in tracklet.frames] for tracklet in tracklets]


@dataclass(frozen=True)
class Counts:
    """How much there is of something.

    Attributes:
        people: different ids of people; distractors and junk are no people.
        tracklets: all of them.
        images: all of them.
    """

    people: int
    tracklets: int
    images: int

    @staticmethod
    def of(tracklets: Sequence[TrackletRecord]) -> Counts:
        """Count."""
        people = {tracklet.person_id for tracklet in tracklets} - {DISTRACTOR_ID, JUNK_ID}
        return Counts(len(people), len(tracklets), sum(len(tracklet.frames) for tracklet in tracklets))
