"""Who searches for whom in what: which answers are right, and which are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reid.data.records import JUNK_ID, DataSet, TrackletRecord
from reid.errors import InputError

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Search:
    """Queries, and the gallery that they search in.

    Right is a tracklet of the query's person. Left out, as if they were not in the gallery, are junk and the query's
    own person in the query's own camera, and with that the query itself; with `same_camera` only junk and the query
    itself. Everything else, distractors among it, is wrong.

    Attributes:
        query_people: (Q,) person ids, each >= 1.
        query_cameras: (Q,)
        gallery_people: (G,) person ids, distractors and junk among them.
        gallery_cameras: (G,)
        itself: (Q,) where in the gallery the query itself stands; -1 where it does not.
        same_camera: whether a person found again in the query's own camera counts.

    Raises:
        ValueError: a query is a distractor or junk.
    """

    query_people: Integers
    query_cameras: Integers
    gallery_people: Integers
    gallery_cameras: Integers
    itself: Integers
    same_camera: bool = False

    def __post_init__(self) -> None:
        if (self.query_people < 1).any():
            raise ValueError("query: distractors and junk are nobody to search for")

    @classmethod
    def of_records(
        cls,
        queries: Sequence[TrackletRecord],
        gallery: Sequence[TrackletRecord],
        *,
        itself: Sequence[int] | None = None,
        same_camera: bool = False,
    ) -> Search:
        """Make a search of tracklets.

        Args:
            queries: Q people.
            gallery: G tracklets.
            itself: as above; None where no query is part of the gallery, or where it need not be known, because a
                query's own camera is left out anyway.
            same_camera: as above.
        """
        own = np.full(len(queries), -1) if itself is None else np.asarray(itself, dtype=np.int64)
        return cls(*_ids(queries), *_ids(gallery), own, same_camera)

    @classmethod
    def of_data_set(cls, data_set: DataSet, *, same_camera: bool = False) -> Search:
        """Make the search that the test half of a data set is for."""
        place = {row: position for position, row in enumerate(data_set.gallery)}
        return cls.of_records(
            data_set.queries,
            [data_set.test[row] for row in data_set.gallery],
            itself=[place.get(row, -1) for row in data_set.query],
            same_camera=same_camera,
        )

    @property
    def queries(self) -> int:
        """Q."""
        return len(self.query_people)

    @property
    def gallery(self) -> int:
        """G."""
        return len(self.gallery_people)

    def right(self, query: int) -> Integers:
        """Return where in the gallery a query's right answers stand, ascending."""
        own = self._of_person(query)
        return own[~self._is_left_out(query, own)]

    def left_out(self, query: int) -> Integers:
        """Return where in the gallery a query must not look."""
        own = self._of_person(query)
        return np.concatenate([self._junk, own[self._is_left_out(query, own)]])

    @cached_property
    def unmatched(self) -> Integers:
        """The queries that have no right answer, ascending."""
        return np.array([query for query in range(self.queries) if not len(self.right(query))], dtype=np.int64)

    def check(self) -> None:
        """Refuse a search that has no result.

        Raises:
            InputError: there is no query, no gallery, or no right answer to any query.
        """
        for what, count in (("query", self.queries), ("gallery", self.gallery)):
            if not count:
                raise InputError(f"the {what} is empty: there is nothing to score")
        if len(self.unmatched) == self.queries:
            where = "in the gallery" if self.same_camera else "in another camera of the gallery"
            raise InputError(f"none of the {self.queries} queries has its person {where}")

    def _of_person(self, query: int) -> Integers:
        return self._by_person.get(int(self.query_people[query]), self._junk[:0])

    def _is_left_out(self, query: int, places: Integers) -> NDArray[np.bool_]:
        left_out: NDArray[np.bool_] = (
            places == self.itself[query]
            if self.same_camera
            else self.gallery_cameras[places] == self.query_cameras[query]
        )
        return left_out

    @cached_property
    def _junk(self) -> Integers:
        return np.flatnonzero(self.gallery_people == JUNK_ID)

    @cached_property
    def _by_person(self) -> dict[int, Integers]:
        """Person -> places in the gallery, ascending."""
        order = np.argsort(self.gallery_people, kind="stable")
        people, starts = np.unique(self.gallery_people[order], return_index=True)
        return dict(zip(people.tolist(), np.split(order, starts[1:]), strict=True))


def _ids(records: Sequence[TrackletRecord]) -> tuple[Integers, Integers]:
    """List persons and cameras."""
    people = np.array([record.person_id for record in records], dtype=np.int64)
    return people, np.array([record.camera_id for record in records], dtype=np.int64)
