"""A data set of made-up people in MARS's protocol: who is seen by which camera, how often and for how long.

Every image's name says whose it is, and so is all that is needed to draw it. The records are therefore the same whether
pictures are rendered when they are asked for or were written to disk, and so are the pictures, but for the JPEG.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from reid.data.mars_layout import FrameName
from reid.data.records import DISTRACTOR_ID, JUNK_ID, DataSet, TrackletRecord
from reid.data.synthetic.crops import CropRenderer, CropSpecs
from reid.data.synthetic.draws import Draws
from reid.errors import ConfigError
from reid.preprocess import Crop

SIZE_HW = (256, 128)  # MARS's

# How many of MARS's people are seen by 2, 3, ... 6 of its cameras, and how such numbers go on with further cameras.
_PEOPLE_BY_CAMERAS = (434, 386, 269, 109, 47)
_FURTHER_CAMERA = 0.4
# MARS's test set has 3,248 distractors and 870 pieces of junk to 8,062 tracklets of people.
_DISTRACTOR_SHARE = 3_248 / 8_062
_JUNK_SHARE = 870 / 8_062
_PIXELS_AT_ONCE = 2**20  # about 1 GB of memory while they are rendered; more of them are no faster on a processor
_MOST_OF_ONE_ID = 9_999  # that MARS's image names have room for
_MOST_IMAGES = 50_000_000  # that there could be: some gigabytes of names alone


@dataclass(frozen=True)
class SyntheticTracklets:
    """How big a made-up data set is, and the seed that everything in it comes from.

    Half of the people (rounded down) are for training, the others for the test, unless `test_people` says how many.
    Each is seen by two cameras or more. As in MARS, the test set has one query for every person and camera, any one of
    the tracklets there, and all its tracklets are its gallery: queries, distractors and junk too. A distractor is
    somebody who is seen once. Junk is a quarter of a picture of somebody, enlarged. A person looks the same in a bigger
    data set of the same seed.

    Attributes:
        people: >= 2.
        cameras: >= 2, of a site.
        tracklets: fewest and most of a person in a camera, >= 1.
        frames: fewest and most of a tracklet, >= 1.
        seed: 0 to 2^63 - 1.
        test_people: those with the highest ids are for the test, >= 1 and < people; None for half of all.
        people_per_site: so many people of successive ids walk at one site, which has cameras of its own, >= 1: camera 2
            of one site is another than camera 2 of the next. None for one site. Distractors and junk are spread over
            the sites from the first on.

    Raises:
        ConfigError: a number is out of range, or there would be too many images.
    """

    people: int = 100
    cameras: int = 6
    tracklets: tuple[int, int] = (1, 4)
    frames: tuple[int, int] = (10, 60)
    seed: int = 0
    test_people: int | None = None
    people_per_site: int | None = None

    def __post_init__(self) -> None:
        for what, least in (("people", 2), ("cameras", 2)):
            if getattr(self, what) < least:
                raise ConfigError(f"{what}: at least {least}, not {getattr(self, what)}")
        if not 0 <= self.seed < 2**63:
            raise ConfigError(f"seed: from 0 to 2^63 - 1, not {self.seed}")
        if self.test_people is not None and not 1 <= self.test_people < self.people:
            raise ConfigError(
                f"test_people: from 1 to {self.people - 1}, so that some are left, not {self.test_people}"
            )
        if self.people_per_site is not None and self.people_per_site < 1:
            raise ConfigError(f"people_per_site: at least 1, not {self.people_per_site}")
        for what in ("tracklets", "frames"):
            fewest, most = getattr(self, what)
            if not 1 <= fewest <= most:
                raise ConfigError(f"{what}: the fewest and the most, at least 1, not {fewest} to {most}")
        images = self.people * self.cameras * self.tracklets[1] * self.frames[1]
        if images > _MOST_IMAGES:
            raise ConfigError(
                f"people, cameras, tracklets and frames: up to {_MOST_IMAGES:,} images together, not {images:,}"
            )

    def data_set(self, *, size_hw: tuple[int, int] = SIZE_HW, device: str = "cpu") -> DataSet:
        """Make the data set `synthetic`, whose pictures are rendered when they are read.

        Args:
            size_hw: height and width of the pictures.
            device: what to render on.
        """
        num_train = self.people // 2 if self.test_people is None else self.people - self.test_people
        train, _ = self._people("train", np.arange(1, num_train + 1))
        people, query = self._people("test", np.arange(num_train + 1, self.people + 1))
        junk = self._nobodies(JUNK_ID, _JUNK_SHARE, len(people))
        distractors = self._nobodies(DISTRACTOR_ID, _DISTRACTOR_SHARE, len(people))
        test = (*junk, *distractors, *people)
        return DataSet(
            name="synthetic",
            train=tuple(train),
            test=test,
            query=tuple(len(test) - len(people) + row for row in query),
            gallery=tuple(range(len(test))),
            source=RenderedCrops(self.seed, self.people_per_site, size_hw=size_hw, device=device),
        )

    def _people(self, part: str, people: NDArray[np.int64]) -> tuple[list[TrackletRecord], list[int]]:
        """Draw the tracklets of people, by person and camera, and one row of them for each person and camera."""
        draws = _person_draws(self.seed, people, people)
        further = [_PEOPLE_BY_CAMERAS[-1] * _FURTHER_CAMERA**step for step in range(1, self.cameras)]
        weights = (*_PEOPLE_BY_CAMERAS, *further)[: self.cameras - 1]
        num_cameras = 2 + draws.choice("tracklets/cameras", weights)
        rank = draws.uniform("tracklets/which cameras", size=self.cameras).argsort(axis=1).argsort(axis=1)
        person, camera = np.nonzero(rank < num_cameras[:, None])  # (V,) visits each, by person and then by camera
        visits = Draws(draws.seeds[person]).child("tracklets/visit", camera)
        counts = visits.integers("count", self.tracklets[0], self.tracklets[1] + 1)  # (V,)
        chosen = np.minimum((visits.uniform("query") * counts).astype(np.int64), counts - 1)
        owner = np.repeat(person, counts)  # (N,) tracklets
        number = np.arange(len(owner)) - np.searchsorted(owner, owner) + 1  # counted through each person's own
        records = self._records(part, people[owner], np.repeat(camera, counts) + 1, number)
        return records, (np.cumsum(counts) - counts + chosen).tolist()

    def _nobodies(self, person_id: int, share: float, num_tracklets: int) -> list[TrackletRecord]:
        """Draw distractors or junk for a test set with so many tracklets of people, by camera."""
        number = np.arange(1, min(round(share * num_tracklets), _MOST_OF_ONE_ID) + 1)
        ids = np.full(len(number), person_id)
        camera = _person_draws(self.seed, ids, number).integers("tracklets/camera", 1, self.cameras + 1)
        order = camera.argsort(kind="stable")
        return self._records("test", ids, camera[order], number[order])

    def _records(
        self, part: str, people: NDArray[np.int64], cameras: NDArray[np.int64], numbers: NDArray[np.int64]
    ) -> list[TrackletRecord]:
        lengths = _tracklet_draws(self.seed, people, numbers).integers(
            "tracklets/frames", self.frames[0], self.frames[1] + 1
        )
        return [
            TrackletRecord(
                person,
                camera,
                tuple(FrameName(person, camera, number, frame).path(part) for frame in range(1, 1 + length)),
            )
            for person, camera, number, length in zip(
                people.tolist(), cameras.tolist(), numbers.tolist(), lengths.tolist(), strict=True
            )
        ]


class RenderedCrops:
    """Draws the pictures of a made-up data set when they are asked for: a `CropSource`.

    One call for many pictures is much faster than many calls.

    Args:
        seed: the data set's.
        people_per_site: likewise.
        size_hw: height and width of the pictures.
        device: what to render on.
    """

    def __init__(
        self,
        seed: int,
        people_per_site: int | None = None,
        *,
        size_hw: tuple[int, int] = SIZE_HW,
        device: str = "cpu",
    ) -> None:
        self._seed = seed
        self._people_per_site = people_per_site
        self._size_hw = size_hw
        self._renderer = CropRenderer(size_hw, device=device)

    def read(self, frames: Sequence[str]) -> list[Crop]:
        """Render pictures; what they show depends on their names and what this was made with.

        Args:
            frames: names of images, as `FrameName` makes them.

        Returns:
            For each name (height, width, 3) uint8, RGB.
        """
        names = np.array([FrameName.parse(frame) for frame in frames], dtype=np.int64).reshape(-1, 4)
        crops = np.empty((len(names), *self._size_hw, 3), dtype=np.uint8)
        at_once = max(1, _PIXELS_AT_ONCE // (self._size_hw[0] * self._size_hw[1]))
        for start in range(0, len(names), at_once):
            crops[start : start + at_once] = self._render(names[start : start + at_once])
        junk = (names[:, 0] == JUNK_ID).nonzero()[0]
        if junk.size:
            crops[junk] = self._parts(crops[junk], names[junk])
        return list(crops)

    def _render(self, names: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Render what whole boxes show: (M, 4) names give (M, H, W, 3)."""
        people, cameras, numbers, frames = names.T
        specs = CropSpecs(
            person_seed=_person_draws(self._seed, people, numbers).seeds,
            camera_seed=self._sites(people, numbers).child("camera", cameras).seeds,
            tracklet_seed=_tracklet_draws(self._seed, people, numbers).seeds,
            frame=frames - 1,
        )
        rendered: NDArray[np.uint8] = self._renderer.render(specs).permute(0, 2, 3, 1).cpu().numpy()  # (M, H, W, 3)
        return rendered

    def _sites(self, people: NDArray[np.int64], numbers: NDArray[np.int64]) -> Draws:
        """What decides the cameras of a site: (N,) ids and tracklet numbers give N."""
        one = Draws(np.full(len(people), self._seed))
        if self._people_per_site is None:
            return one
        return one.child("site", (np.where(people > 0, people, numbers) - 1) // self._people_per_site)

    def _parts(self, boxes: NDArray[np.uint8], names: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Cut a quarter out of each box, the same one in a whole tracklet, and enlarge it to the size of the box."""
        draws = _tracklet_draws(self._seed, names[:, 0], names[:, 2])
        height, width = self._size_hw[0] // 2, self._size_hw[1] // 2
        tops = draws.integers("tracklets/junk top", 0, height + 1).tolist()
        lefts = draws.integers("tracklets/junk left", 0, width + 1).tolist()
        return np.stack(
            [
                cv2.resize(np.ascontiguousarray(box[top : top + height, left : left + width]), self._size_hw[::-1])
                for box, top, left in zip(boxes, tops, lefts, strict=True)
            ]
        )


def _person_draws(seed: int, people: NDArray[np.int64], numbers: NDArray[np.int64]) -> Draws:
    """What decides a person's looks and ways: (N,) ids and tracklet numbers give N.

    Every tracklet of a distractor or of junk is somebody else. No two seeds of one data set are equal: the number is
    scrambled without loss.
    """
    person = np.select([people == DISTRACTOR_ID, people == JUNK_ID], [-2 * numbers, -2 * numbers - 1], people)
    return Draws(np.full(len(people), seed)).child("person", person)


def _tracklet_draws(seed: int, people: NDArray[np.int64], numbers: NDArray[np.int64]) -> Draws:
    """What decides one tracklet: (N,) ids and tracklet numbers give N."""
    return Draws(_person_draws(seed, people, numbers).seeds).child("tracklet", numbers)
