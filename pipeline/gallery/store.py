"""The gallery's file: SQLite, so that rows and vectors change together or not at all, whatever kills the process.

Two kinds of rows tell of people. A *sighting* says who was where and when; it stays until it is too old or the person
is deleted. A *look* is the vector and the picture that belong to a sighting; each person keeps a limited number of
them, and whoever has none left is forgotten. Of stays that are forgotten while their run still holds them, it is kept
whose they were, so that deleting the person reaches them there. What is deleted is overwritten in the file, and the
write-ahead log is emptied after it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from pipeline.constraints import Stay
from pipeline.vector_index import CachedIndex
from reid.calibration import Calibration
from reid.errors import ConfigError, InputError, OutputError, RunError

FILE = "gallery.sqlite"
FORMAT = "vreid-gallery/1"
UNFINISHED = f".{FILE}.unfinished-"
_INDEX = "index-{}.faiss"  # of which state of the gallery
_BUSY_S = 30.0
_MOST = 2**63  # SQLite has no greater numbers
_MADE_OF = ("model", "fingerprint", "variant", "policy", "dim")

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, added TEXT NOT NULL);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, created TEXT NOT NULL, added TEXT NOT NULL,
    UNIQUE (path, created)
);
CREATE TABLE sightings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person_id INTEGER NOT NULL REFERENCES people (id),
    run_id INTEGER NOT NULL REFERENCES runs (id),
    camera_id TEXT NOT NULL,
    track_id INTEGER NOT NULL,
    start_s REAL NOT NULL,
    end_s REAL NOT NULL,
    clock_known INTEGER NOT NULL,
    start_time REAL,
    end_time REAL,
    seen REAL NOT NULL,
    UNIQUE (run_id, camera_id, track_id)
);
CREATE INDEX sightings_of ON sightings (person_id);
CREATE TABLE left_in_runs (
    run_id INTEGER NOT NULL REFERENCES runs (id),
    camera_id TEXT NOT NULL,
    track_id INTEGER NOT NULL,
    person_id INTEGER NOT NULL,
    PRIMARY KEY (run_id, camera_id, track_id)
);
CREATE TABLE looks (
    sighting_id INTEGER PRIMARY KEY REFERENCES sightings (id),
    vector BLOB NOT NULL CHECK (typeof(vector) = 'blob' AND length(vector) = {vector_bytes}),
    picture BLOB
);
"""
_SIGHTING = (
    "s.id, s.person_id, s.run_id, s.camera_id, s.track_id, s.start_s, s.end_s, s.clock_known, s.start_time, s.end_time"
)


_LEAVE = (
    "INSERT OR REPLACE INTO left_in_runs (run_id, camera_id, track_id, person_id) "
    "SELECT run_id, camera_id, track_id, person_id FROM sightings WHERE {where}"
)


@dataclass(frozen=True)
class Sighting:
    """One stay of a person.

    Attributes:
        id: its number in the gallery.
        person_id: whose.
        run_id: of which run.
        camera_id: where.
        track_id: which track of that camera in that run.
        start_s: when it began, on the clock that all cameras of the run share.
        end_s: when it ended (exclusive).
        clock_known: whether that clock holds for this camera.
        start_time: the same by the wall clock, seconds since 1970; None where it is not known.
        end_time: likewise.
    """

    id: int
    person_id: int
    run_id: int
    camera_id: str
    track_id: int
    start_s: float
    end_s: float
    clock_known: bool
    start_time: float | None
    end_time: float | None

    @property
    def in_run(self) -> Stay:
        """What other stays of its run are compared with."""
        return Stay(self.camera_id, self.start_s, self.end_s, self.clock_known, self.track_id)

    @property
    def by_clock(self) -> Stay | None:
        """What stays of other runs are compared with; None where the time is not known."""
        if self.start_time is None or self.end_time is None:
            return None
        return Stay(self.camera_id, self.start_time, self.end_time, True, self.track_id)


@dataclass(frozen=True)
class NewSighting:
    """A stay that is to be added; the fields are those of `Sighting`.

    `vector` is (D,) float32 of L2 norm 1, `picture` a JPEG, both None where the stay has none; `seen` is when it counts
    as seen for the age limit, seconds since 1970.
    """

    camera_id: str
    track_id: int
    start_s: float
    end_s: float
    clock_known: bool
    start_time: float | None
    end_time: float | None
    seen: float
    vector: np.ndarray | None
    picture: bytes | None


@dataclass(frozen=True)
class Person:
    """One person in short: `first_seen` and `last_seen` are seconds since 1970."""

    id: int
    sightings: int
    looks: int
    camera_ids: tuple[str, ...]
    first_seen: float
    last_seen: float


@dataclass(frozen=True)
class KnownRun:
    """A run that was added: where it stood then, and what tells it from another one at that place."""

    id: int
    path: Path
    created: str


class GalleryStore:
    """A gallery that exists.

    Use as a context manager. Many processes may read; one at a time writes, and others wait for it.

    Args:
        folder: of the gallery.

    Raises:
        InputError: there is no gallery, it is damaged, or another version wrote it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / FILE
        if not self.path.is_file():
            raise InputError(f"{folder} is no gallery of vreid: it holds no {FILE}; `vreid run --gallery` makes one")
        with self._errors():
            self._db = _connect(self.path, read_only=not os.access(folder, os.W_OK))
            try:
                meta = dict(self._db.execute("SELECT key, value FROM meta"))
                if meta.get("format") != FORMAT:
                    raise InputError(f"{folder} is a gallery of another version: {meta.get('format')}")
                self.made_of: dict[str, Any] = {name: json.loads(meta["made_of"])[name] for name in _MADE_OF}
                curve = json.loads(meta["calibration"])
                self.calibration = None if curve is None else Calibration.from_dict(curve)
                int(meta["state"])
                if os.access(folder, os.W_OK):
                    self._db.execute("PRAGMA journal_mode = WAL")
            except BaseException:
                self._db.close()
                raise

    @classmethod
    def create(cls, folder: Path, made_of: Mapping[str, Any], calibration: Calibration | None) -> Self:
        """Make an empty gallery, or open the one that is there if it is for the same vectors.

        Args:
            folder: of the gallery.
            made_of: which network makes the vectors: model, fingerprint, variant, policy and dim.
            calibration: of these vectors.

        Raises:
            InputError: a gallery is there that is damaged or of other vectors.
            OutputError: it cannot be written.
        """
        if not (folder / FILE).exists():
            try:
                folder.mkdir(parents=True, exist_ok=True)
                _make(folder / FILE, {name: made_of[name] for name in _MADE_OF}, calibration)
            except (OSError, sqlite3.Error) as error:
                raise OutputError(f"the gallery {folder} cannot be written: {error}") from error
        store = cls(folder)
        try:
            store.check(made_of)
        except BaseException:
            store.close()
            raise
        return store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def check(self, made_of: Mapping[str, Any]) -> None:
        """Refuse vectors that cannot be compared with those of the gallery.

        Raises:
            InputError: says what is different.
        """
        for name in _MADE_OF:
            if made_of.get(name) != self.made_of[name]:
                raise InputError(
                    f"the gallery {self.folder} holds vectors of {self.made_of['model']} with {name} "
                    f"{_short(self.made_of[name])}, these are of {made_of.get('model')} with "
                    f"{_short(made_of.get(name))}: they cannot be compared; use the same weights, or another gallery"
                )

    def people(self) -> list[Person]:
        """Everyone, by number."""
        with self._errors():
            cameras: dict[int, list[str]] = {}
            for person_id, camera_id in self._db.execute(
                "SELECT DISTINCT person_id, camera_id FROM sightings ORDER BY person_id, camera_id"
            ):
                cameras.setdefault(person_id, []).append(camera_id)
            rows = self._db.execute(
                "SELECT s.person_id, COUNT(*), COUNT(l.sighting_id), MIN(s.seen - (s.end_s - s.start_s)), MAX(s.seen) "
                "FROM sightings s LEFT JOIN looks l ON l.sighting_id = s.id GROUP BY s.person_id ORDER BY s.person_id"
            )
            return [
                Person(one, sightings, looks, tuple(cameras[one]), float(first), float(last))
                for one, sightings, looks, first, last in rows
            ]

    def sightings(self, person_id: int | None = None) -> list[Sighting]:
        """Sightings of one person, or of all, by time.

        Raises:
            ConfigError: there is no such person.
        """
        if person_id is not None and not 0 < person_id < _MOST:
            raise ConfigError(f"there is no person {person_id} in the gallery {self.folder}")
        where, values = ("", ()) if person_id is None else ("WHERE s.person_id = ?", (person_id,))
        with self._errors():
            rows = self._db.execute(f"SELECT {_SIGHTING} FROM sightings s {where} ORDER BY s.seen, s.id", values)
            found = self._sightings(rows)
        if person_id is not None and not found:
            raise ConfigError(f"there is no person {person_id} in the gallery {self.folder}")
        return found

    def sightings_numbered(self, numbers: Sequence[int]) -> dict[int, Sighting]:
        """Some sightings, by number; those that are gone are left out."""
        with self._errors():
            rows = [
                self._db.execute(f"SELECT {_SIGHTING} FROM sightings s WHERE s.id = ?", (number,)).fetchone()
                for number in numbers
            ]
            found = self._sightings(row for row in rows if row is not None)
        return {sighting.id: sighting for sighting in found}

    def looks_named(self, camera_id: str, track_id: int) -> list[tuple[Sighting, np.ndarray]]:
        """Sightings of one name that have a vector, (D,) float32: at most one a run."""
        with self._errors():
            rows = self._db.execute(
                f"SELECT {_SIGHTING}, l.vector FROM looks l JOIN sightings s ON s.id = l.sighting_id "
                "WHERE s.camera_id = ? AND s.track_id = ? ORDER BY s.id",
                (camera_id, track_id),
            ).fetchall()
            found = self._sightings(row[:-1] for row in rows)
        return [(one, np.frombuffer(row[-1], "<f4").astype(np.float32)) for one, row in zip(found, rows, strict=True)]

    def camera_ids(self) -> list[str]:
        """All cameras, by name."""
        with self._errors():
            rows = self._db.execute("SELECT DISTINCT camera_id FROM sightings ORDER BY camera_id")
            return [camera_id for (camera_id,) in rows]

    def looks(self, person_id: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Vectors of one person, or of all.

        Returns:
            (N,) int64 numbers of sightings, (N,) int64 whose they are, (N, D) float32; in order of time.
        """
        where, values = ("", ()) if person_id is None else ("WHERE s.person_id = ?", (person_id,))
        with self._errors():
            rows = self._db.execute(
                "SELECT l.sighting_id, s.person_id, l.vector FROM looks l JOIN sightings s ON s.id = l.sighting_id "
                f"{where} ORDER BY s.seen, s.id",
                values,
            ).fetchall()
            joined = b"".join(row[2] for row in rows)
            vectors = np.frombuffer(joined, dtype="<f4").reshape(len(rows), self.made_of["dim"]).astype(np.float32)
            ids = np.array([row[:2] for row in rows], dtype=np.int64).reshape(-1, 2)
        return ids[:, 0], ids[:, 1], vectors

    def counts(self) -> tuple[int, int]:
        """How many people and how many vectors there are."""
        with self._errors():
            (people,) = self._db.execute("SELECT COUNT(*) FROM people").fetchone()
            (looks,) = self._db.execute("SELECT COUNT(*) FROM looks").fetchone()
        return people, looks

    def index(self) -> CachedIndex:
        """Open the index over all vectors, by sighting; where there are very many it is kept beside the gallery.

        It belongs to one state of the gallery: every change throws it away.
        """
        state = self._state()
        index = CachedIndex(self.folder / _INDEX.format(state), self.counts()[1], lambda: self.looks()[::2])
        if self._state() != state:  # somebody may have gone while it was made
            self._drop_index()
        return index

    def _state(self) -> int:
        with self._errors():
            (state,) = self._db.execute("SELECT value FROM meta WHERE key = 'state'").fetchone()
            return int(state)

    def _drop_index(self) -> None:
        """Remove what is kept of an index, and what was left where one was being written."""
        for path in (*self.folder.glob(_INDEX.format("*")), *self.folder.glob(f".{_INDEX.format('*')}.*")):
            with contextlib.suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def picture(self, sighting_id: int) -> bytes | None:
        """The JPEG of a sighting; None where none is kept."""
        with self._errors():
            row = self._db.execute("SELECT picture FROM looks WHERE sighting_id = ?", (sighting_id,)).fetchone()
        return None if row is None else row[0]

    def runs(self) -> list[KnownRun]:
        """The runs that people were taken from."""
        with self._errors():
            rows = self._db.execute("SELECT id, path, created FROM runs ORDER BY id")
            return [KnownRun(number, Path(path), created) for number, path, created in rows]

    def _sightings(self, rows: Iterable[Sequence[Any]]) -> list[Sighting]:
        found = [_sighting(row) for row in rows]
        known = {number for (number,) in self._db.execute("SELECT id FROM runs")}
        if any(sighting.run_id not in known for sighting in found):
            raise ValueError("somebody was seen in a run that it does not know")
        return found

    def left_in_runs(self, person_id: int) -> list[tuple[int, str, int]]:
        """Run, camera and track of a person's forgotten stays that may still be in their runs."""
        with self._errors():
            rows = self._db.execute(
                "SELECT run_id, camera_id, track_id FROM left_in_runs WHERE person_id = ? ORDER BY 1, 2, 3",
                (person_id,),
            )
            return [(run_id, camera_id, track_id) for run_id, camera_id, track_id in rows]

    @contextmanager
    def writing(self) -> Iterator[GalleryWriter]:
        """Change the gallery: all of it when the block ends well, nothing otherwise.

        Raises:
            RunError: another process is writing, or the disk is full; nothing was changed.
        """
        with self._errors():
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("UPDATE meta SET value = value + 1 WHERE key = 'state'")
        try:
            self._drop_index()  # it holds vectors, perhaps of somebody who goes now
            yield GalleryWriter(self._db, self._errors)
            with self._errors():
                self._db.execute("COMMIT")
            self._drop_index()
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def scrub(self) -> None:
        """Empty the write-ahead log, so that nothing that was deleted is left in it.

        Raises:
            RunError: another process reads the gallery all the time.
        """
        self._drop_index()
        with self._errors():
            (busy, *_) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise RunError(
                f"another process holds {self.folder}, so that deleted rows are still in its log; close it, then run "
                "`vreid gallery compact`"
            )

    def scrub_if_free(self) -> None:
        """As `scrub`, but leave it to the next one where somebody reads."""
        with self._errors():
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def compact(self) -> None:
        """Give room that nothing needs any more back to the disk."""
        with self._errors():
            self._db.execute("VACUUM")
        self.scrub()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            text = str(error)
            if "locked" in text or "busy" in text:
                raise RunError(
                    f"another process has been writing to the gallery {self.folder} for {_BUSY_S:g} s; nothing was "
                    "changed, try again"
                ) from error
            if "full" in text or "I/O" in text:
                raise RunError(
                    f"the gallery {self.folder} could not be written: {text}; nothing was changed"
                ) from error
            if "readonly" in text or "unable to open" in text:
                raise InputError(f"the gallery {self.folder} cannot be opened or changed: {text}") from error
            raise InputError(f"the gallery {self.path} is damaged: {text}") from error
        except (sqlite3.DatabaseError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise InputError(f"the gallery {self.path} is damaged: {' '.join(str(error).split())}") from error


class GalleryWriter:
    """What can be changed while `GalleryStore.writing` is open."""

    def __init__(self, db: sqlite3.Connection, errors: Callable[[], AbstractContextManager[None]]) -> None:
        self._db = db
        self._errors = errors

    def add_run(self, path: Path, created: str) -> int:
        """Remember a run.

        Raises:
            ConfigError: it was added before.
        """
        try:
            with self._errors():
                return self._insert(
                    "INSERT INTO runs (path, created, added) VALUES (?, ?, ?)", (str(path), created, _now())
                )
        except InputError as error:
            if isinstance(error.__cause__, sqlite3.IntegrityError):
                raise ConfigError(f"{path} is in the gallery already") from error
            raise

    def add_person(self) -> int:
        """Make room for someone; numbers are never used again."""
        with self._errors():
            return self._insert("INSERT INTO people (added) VALUES (?)", (_now(),))

    def add_sighting(self, person_id: int, run_id: int, new: NewSighting) -> int:
        """Add a stay of a person."""
        with self._errors():
            number = self._insert(
                "INSERT INTO sightings (person_id, run_id, camera_id, track_id, start_s, end_s, clock_known, "
                "start_time, end_time, seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    person_id,
                    run_id,
                    new.camera_id,
                    new.track_id,
                    new.start_s,
                    new.end_s,
                    new.clock_known,
                    new.start_time,
                    new.end_time,
                    new.seen,
                ),
            )
            if new.vector is not None:
                vector = np.ascontiguousarray(new.vector, dtype="<f4").tobytes()
                self._insert(
                    "INSERT INTO looks (sighting_id, vector, picture) VALUES (?, ?, ?)", (number, vector, new.picture)
                )
            return number

    def move(self, sighting_ids: Sequence[int], person_id: int) -> None:
        """Say that stays are of another person."""
        with self._errors():
            self._db.executemany(
                "UPDATE sightings SET person_id = ? WHERE id = ?", [(person_id, number) for number in sighting_ids]
            )
            self._drop_unrecognisable()

    def inherit(self, person_id: int, gone: int) -> None:
        """Say that what is left in runs of someone who was merged away is of another person."""
        with self._errors():
            self._db.execute("UPDATE left_in_runs SET person_id = ? WHERE person_id = ?", (person_id, gone))

    def drop_looks(self, sighting_ids: Iterable[int]) -> None:
        """Forget vectors and pictures of stays, though not that they were."""
        with self._errors():
            self._db.executemany("DELETE FROM looks WHERE sighting_id = ?", [(number,) for number in sighting_ids])
            self._drop_unrecognisable()

    def drop_sightings(self, sighting_ids: Iterable[int], *, still_in_runs: bool = False) -> None:
        """Forget stays, and the runs of which none is left.

        Args:
            sighting_ids: which.
            still_in_runs: remember whose they were, as long as their runs are known.
        """
        ids = [(number,) for number in sighting_ids]
        with self._errors():
            if still_in_runs:
                self._db.executemany(_LEAVE.format(where="id = ?"), ids)
            self._db.executemany("DELETE FROM looks WHERE sighting_id = ?", ids)
            self._db.executemany("DELETE FROM sightings WHERE id = ?", ids)
            self._drop_unrecognisable()

    def drop_left_in_runs(self, run_id: int, person_id: int | None = None) -> None:
        """Forget whose stays in a run were, of one person or of all."""
        with self._errors():
            self._db.execute(
                "DELETE FROM left_in_runs WHERE run_id = ? AND person_id = coalesce(?, person_id)", (run_id, person_id)
            )
            self._drop_unrecognisable()

    def seen_before(self, moment: float) -> list[int]:
        """Number the sightings whose person had left before a moment, seconds since 1970."""
        with self._errors():
            return [number for (number,) in self._db.execute("SELECT id FROM sightings WHERE seen < ?", (moment,))]

    def _drop_unrecognisable(self) -> None:
        """Forget whoever has no vector left, and the runs that nothing is left of."""
        recognisable = "SELECT s.person_id FROM looks l JOIN sightings s ON s.id = l.sighting_id"
        self._db.execute(_LEAVE.format(where=f"person_id NOT IN ({recognisable})"))
        self._db.execute(f"DELETE FROM sightings WHERE person_id NOT IN ({recognisable})")
        self._db.execute("DELETE FROM people WHERE id NOT IN (SELECT person_id FROM sightings)")
        self._db.execute(
            "DELETE FROM runs WHERE id NOT IN (SELECT run_id FROM sightings UNION SELECT run_id FROM left_in_runs)"
        )

    def _insert(self, statement: str, values: tuple[Any, ...]) -> int:
        number = self._db.execute(statement, values).lastrowid
        assert number is not None
        return number


def _connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?immutable=1" if read_only else path.absolute().as_uri()
    db = sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None)
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA secure_delete = ON")
    return db


def _make(path: Path, made_of: dict[str, Any], calibration: Calibration | None) -> None:
    """Create the file in one step, so that nobody ever finds a half-made one; one that is there by then stays."""
    unfinished = path.with_name(f"{UNFINISHED}{datetime.now(UTC).timestamp():.6f}")
    try:
        db = _connect(unfinished)
        try:
            db.executescript(_SCHEMA.replace("{vector_bytes}", str(4 * int(made_of["dim"]))))
            meta = {
                "format": FORMAT,
                "state": "0",
                "made_of": json.dumps(made_of),
                "calibration": json.dumps(None if calibration is None else calibration.to_dict()),
            }
            db.executemany("INSERT INTO meta (key, value) VALUES (?, ?)", list(meta.items()))
        finally:
            db.close()
        with contextlib.suppress(FileExistsError):
            os.link(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _sighting(row: Sequence[Any]) -> Sighting:
    number, person_id, run_id, camera_id, track_id, start_s, end_s, clock_known, *times = row
    start_time, end_time = (None if time is None else float(time) for time in times)
    return Sighting(
        number,
        person_id,
        run_id,
        camera_id,
        track_id,
        float(start_s),
        float(end_s),
        bool(clock_known),
        start_time,
        end_time,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 20 else f"{text[:12]}…"
