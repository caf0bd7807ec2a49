"""The run directory: written whole or not at all, and read again. Every file is described in docs/formats.md."""

from __future__ import annotations

import csv
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from reid.errors import InputError, OutputError
from reid.output_folder import check_output as check_output_folder
from reid.output_folder import move_into_place, set_aside

FORMAT = "vreid-run/1"
PARTS = (
    "run.json",
    "tracklets.parquet",
    "sightings.csv",
    "embeddings.npy",
    "gallery.faiss",
    "tracks",
    "crops",
    "scenes",
    "videos",
    "report.html",
    "corrections.json",
)


@dataclass(frozen=True)
class TrackletRow:
    """One row of `tracklets.parquet`; the fields are described in docs/formats.md."""

    camera_id: str
    track_id: int
    first_frame: int
    last_frame: int
    start_s: float
    end_s: float
    frames: int
    mean_confidence: float
    evidence: str
    crops_kept: int
    crops_refused: int
    crop_frames: tuple[int, ...]
    crops_path: str
    embedded: bool
    start_time: datetime | None = None
    end_time: datetime | None = None
    identity_id: int | None = None
    mot_id: int = 0
    match_score: float | None = None
    way_score: float | None = None
    runner_up_score: float | None = None
    runner_up_identity_id: int | None = None
    runner_up_conflict: str | None = None
    margin: float | None = None
    entered_by: str | None = None
    left_by: str | None = None
    gallery_person_id: int | None = None
    gallery_score: float | None = None


_SCHEMA = pa.schema(
    [
        ("camera_id", pa.string()),
        ("track_id", pa.int64()),
        ("identity_id", pa.int64()),
        ("mot_id", pa.int64()),
        ("first_frame", pa.int64()),
        ("last_frame", pa.int64()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("start_time", pa.timestamp("us", tz="UTC")),
        ("end_time", pa.timestamp("us", tz="UTC")),
        ("frames", pa.int64()),
        ("mean_confidence", pa.float32()),
        ("evidence", pa.string()),
        ("crops_kept", pa.int32()),
        ("crops_refused", pa.int32()),
        ("crop_frames", pa.list_(pa.int64())),
        ("crops_path", pa.string()),
        ("embedded", pa.bool_()),
        ("match_score", pa.float32()),
        ("way_score", pa.float32()),
        ("runner_up_score", pa.float32()),
        ("runner_up_identity_id", pa.int64()),
        ("runner_up_conflict", pa.string()),
        ("margin", pa.float32()),
        ("entered_by", pa.string()),
        ("left_by", pa.string()),
        ("gallery_person_id", pa.int64()),
        ("gallery_score", pa.float32()),
    ]
)


class RunDirectory:
    """A finished run, read from disk as its parts are asked for.

    Args:
        path: the folder that `vreid run` wrote.

    Raises:
        InputError: the folder is not a run.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not (path / "run.json").is_file():
            former = [] if path.exists() else set_aside(path)
            if former:
                raise InputError(f"{path} was being replaced when that was interrupted; rename {former[-1]} to it")
            raise InputError(f"{path} is not a run of vreid: it holds no run.json")

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """The content of `run.json`."""
        manifest: dict[str, Any] = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        return manifest

    @cached_property
    def tracklets(self) -> list[TrackletRow]:
        """The rows of `tracklets.parquet`, in the file's order."""
        return read_tracklets(self.path / "tracklets.parquet")

    @cached_property
    def embeddings(self) -> np.ndarray:
        """(N, D) float32, in the order of `tracklets`."""
        embeddings: np.ndarray = np.load(self.path / "embeddings.npy", allow_pickle=False)
        return embeddings

    @property
    def report(self) -> Path:
        """The page to open."""
        return self.path / "report.html"


def write_tracklets(path: Path, rows: Sequence[TrackletRow]) -> None:
    """Write the table of tracklets.

    Args:
        path: the Parquet file to write.
        rows: in the order in which they are to stand.
    """
    columns = {name: [getattr(row, name) for row in rows] for name in _SCHEMA.names}
    columns["crop_frames"] = [list(frames) for frames in columns["crop_frames"]]
    pq.write_table(pa.table(columns, schema=_SCHEMA), path)


def read_tracklets(path: Path) -> list[TrackletRow]:
    """Read the table of tracklets.

    Args:
        path: a file as `write_tracklets` writes it.

    Returns:
        Its rows, in the file's order. Columns that an older version did not write have their defaults.
    """
    table = pq.read_table(path)
    names = {field.name for field in fields(TrackletRow)} & set(table.column_names)
    return [
        TrackletRow(**{**{name: row[name] for name in names}, "crop_frames": tuple(row["crop_frames"])})
        for row in table.to_pylist()
    ]


def assign_mot_ids(rows: Iterable[TrackletRow]) -> list[TrackletRow]:
    """Give every tracklet the id that stands for it in the tracks' text files.

    An identity keeps its number; each unknown tracklet gets one of its own above them, unique in the run.

    Args:
        rows: all tracklets of the run.

    Returns:
        The same rows in the same order, with `mot_id`.
    """
    rows = list(rows)
    next_id = 1 + max((row.identity_id for row in rows if row.identity_id is not None), default=0)
    numbered = []
    for row in rows:
        if row.identity_id is not None:
            numbered.append(replace(row, mot_id=row.identity_id))
        else:
            numbered.append(replace(row, mot_id=next_id))
            next_id += 1
    return numbered


SIGHTING_COLUMNS = ("person", "camera", "from", "to", "from_s", "to_s", "seconds", "track", "score", "crops", "gallery")


def write_sightings(path: Path, rows: Iterable[TrackletRow]) -> None:
    """Write who was where from when to when, for a spreadsheet.

    Args:
        path: the CSV file to write.
        rows: all tracklets; they are ordered by person and time, unknown ones last.
    """
    ordered = sorted(
        rows,
        key=lambda r: (r.identity_id is None, r.identity_id or 0, r.start_time or _NO_TIME, r.start_s, r.camera_id),
    )
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(SIGHTING_COLUMNS)
        for row in ordered:
            writer.writerow(
                (
                    "unknown" if row.identity_id is None else row.identity_id,
                    row.camera_id,
                    clock_text(row.start_time, row.start_s),
                    clock_text(row.end_time, row.end_s),
                    f"{row.start_s:.3f}",
                    f"{row.end_s:.3f}",
                    f"{row.end_s - row.start_s:.3f}",
                    row.track_id,
                    "" if row.match_score is None else f"{row.match_score:.4f}",
                    row.crops_path,
                    "" if row.gallery_person_id is None else row.gallery_person_id,
                )
            )


_NO_TIME = datetime.min.replace(tzinfo=UTC)


def clock_text(time: datetime | None, time_s: float) -> str:
    """Write a moment for a person: the clock where it is known, otherwise the position in the recording.

    Args:
        time: the moment by the clock, or None.
        time_s: seconds into the source.

    Returns:
        ISO 8601 with milliseconds in the local time zone, or `h:mm:ss.mmm`.
    """
    if time is not None:
        return time.astimezone().isoformat(timespec="milliseconds")
    milliseconds = round(time_s * 1000)
    hours, rest = divmod(milliseconds, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def write_jpeg(path: Path, rgb: np.ndarray, *, quality: int) -> None:
    """Write a picture.

    Args:
        path: the file.
        rgb: (H, W, 3) uint8.
        quality: 0 to 100.

    Raises:
        OutputError: it cannot be written.
    """
    if not cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]):
        raise OutputError(f"could not write {path}; is the disk full?")


class RunDirectoryWriter:
    """Builds a run beside its final place and moves it there in one step.

    Use as a context manager; `commit` makes the run appear, leaving without it removes what was built, unless
    `keep_on_failure` was set.

    Args:
        final_path: where the run is to stand.
        overwrite: replace a run that stands there.

    Raises:
        OutputError: something stands there already, or the place cannot be written.
    """

    def __init__(self, final_path: Path, *, overwrite: bool = False) -> None:
        check_output(final_path, overwrite=overwrite)
        self._final_path = final_path.absolute()
        self._overwrite = overwrite
        self.keep_on_failure = False
        try:
            self._final_path.parent.mkdir(parents=True, exist_ok=True)
            self.path = Path(tempfile.mkdtemp(prefix=f".{final_path.name}.unfinished-", dir=self._final_path.parent))
        except OSError as error:
            raise OutputError(f"cannot write results to {final_path}: {error.strerror}") from error
        self.path.chmod(0o777 & ~_umask())
        for name in ("tracks", "crops"):
            (self.path / name).mkdir()

    def __enter__(self) -> RunDirectoryWriter:
        return self

    def __exit__(self, *_: object) -> None:
        if self.path.exists() and not self.keep_on_failure:
            shutil.rmtree(self.path, ignore_errors=True)

    def take_over(self, run: Path, *, without: Sequence[str]) -> None:
        """Take the files of another run over: linked where the file system can, else copied.

        Args:
            run: the other run's folder.
            without: names directly in it that are not taken.
        """
        for source in sorted(run.rglob("*")):
            place = source.relative_to(run)
            if place.parts[0] in without or not source.is_file():
                continue
            target = self.path / place
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source, target)
            except OSError:
                shutil.copy2(source, target)

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Write `run.json`."""
        text = json.dumps({"format": FORMAT, **manifest}, indent=2, allow_nan=False)
        (self.path / "run.json").write_text(text + "\n", encoding="ascii")

    def commit(self) -> RunDirectory:
        """Move the run to its place; a run that stood there goes only now.

        Returns:
            The finished run.

        Raises:
            OutputError: the place was taken in the meantime.
        """
        check_output(self._final_path, overwrite=self._overwrite)
        move_into_place(self.path, self._final_path)
        return RunDirectory(self._final_path)


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse a place for results that is taken or cannot be written, before any work is done.

    Args:
        path: where the run is to stand.
        overwrite: whether a run that stands there may be replaced. Anything that is not a run is never replaced.

    Raises:
        OutputError: with what to do.
    """
    check_output_folder(path, marker="run.json", what="a run", overwrite=overwrite)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
