"""A person is deleted: from the gallery, from the runs it was filled from, and then looked for in every file."""

from __future__ import annotations

import glob
import mmap
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.corrections import Key, read_corrections
from pipeline.gallery.store import FILE, GalleryStore, KnownRun, Sighting
from pipeline.identities import recording_time
from pipeline.reassociation import clock_of, read_whole, recorded
from pipeline.removal import remove_stays
from pipeline.run_directory import PARTS, RunDirectory
from reid.errors import OutputError, RunError
from reid.output_folder import check_writable, set_aside

_TRACE_BYTES = 32
_SCAN = b"\xff\xda"  # begins what is a JPEG's own: the tables before it are the same in many
_PLACES = (0.2, 0.5, 0.8)


@dataclass
class Deletion:
    """What was deleted, and what was not.

    Attributes:
        sightings: how many of the gallery.
        looks: how many vectors of it.
        stays: how many of the runs.
        runs: the runs that were looked after.
        missing_runs: runs that are not where they were, and still hold what they hold.
        recordings: camera, source, and from when to when in it the person can still be seen there, seconds.
        files: how many files were looked through afterwards.
        bytes: how many bytes they hold.
        found: files in which something was left.
        unchecked: files that vreid did not put there; pictures inside them might show the person.
        log_held: whether another process kept the gallery's log from being emptied.
    """

    sightings: int = 0
    looks: int = 0
    stays: int = 0
    runs: list[Path] = field(default_factory=list)
    missing_runs: list[Path] = field(default_factory=list)
    recordings: list[tuple[str, str, float, float]] = field(default_factory=list)
    files: int = 0
    bytes: int = 0
    found: list[Path] = field(default_factory=list)
    unchecked: list[Path] = field(default_factory=list)
    log_held: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether everything was reached, and nothing was found afterwards."""
        return not (self.missing_runs or self.found or self.unchecked or self.log_held)


def delete_person(store: GalleryStore, person_id: int, *, warn: Callable[[str], None]) -> Deletion:
    """Delete a person everywhere: rows, vectors, pictures, tracks and reports, in the gallery and its runs.

    All runs are looked at before the first is changed, and the gallery is last, so that whoever is interrupted can say
    the same again. What is in runs that are not where they were is remembered: once they are back, the same command
    reaches them. The recordings are not touched.

    Args:
        store: the gallery.
        person_id: the person.
        warn: is told what else somebody should know.

    Returns:
        What was deleted, and whether anything was found afterwards.

    Raises:
        ConfigError: there is no such person.
        InputError: a run is damaged; nothing was changed.
        OutputError: a run cannot be written; nothing was changed.
        RunError: another process writes, then nothing was changed; or the disk is full, then some runs may be changed.
    """
    done = Deletion()
    with store.writing() as writer:
        left = store.left_in_runs(person_id)
        sightings = [] if left and not _is_there(store, person_id) else store.sightings(person_id)
        ids, _, vectors = store.looks(person_id)
        traces = _vector_traces(vectors)
        traces += _picture_traces(picture for number in ids.tolist() if (picture := store.picture(number)))
        wanted: dict[int, set[Key]] = defaultdict(set)
        for sighting in sightings:
            wanted[sighting.run_id].add((sighting.camera_id, sighting.track_id))
        for run_id, camera_id, track_id in left:
            wanted[run_id].add((camera_id, track_id))
        runs = [run for run in store.runs() if run.id in wanted]
        there = [run for run in runs if _stands(run)]
        for run in there:
            _check(run)
        done.missing_runs = [run.path for run in runs if run not in there]
        done.sightings, done.looks = len(sightings), len(ids)
        for run in runs:
            if run.path.exists():
                for former in set_aside(run.path):  # replaced, but not deleted, since that was interrupted
                    shutil.rmtree(former)
        for run in there:
            removed = remove_stays(run.path, sorted(wanted[run.id]), warn=warn)
            traces += [*_vector_traces(removed.vectors), *_picture_traces(removed.pictures)]
            traces += [_own_part(scene) for scene in removed.scenes]
            done.runs.append(run.path)
            done.stays += len(removed.vectors)
            done.recordings += removed.recordings
            own = [one for one in sightings if one.run_id == run.id]
            done.recordings += _recordings(
                run, [one for one in own if (one.camera_id, one.track_id) not in removed.keys]
            )
        writer.drop_sightings([sighting.id for sighting in sightings], still_in_runs=True)
        for run in there:
            writer.drop_left_in_runs(run.id, person_id)
    try:
        store.scrub()
    except RunError:
        done.log_held = True
    _look_through(store.folder, done.runs, traces, done)
    return done


def _recordings(run: KnownRun, sightings: Sequence[Sighting]) -> list[tuple[str, str, float, float]]:
    """Say where people can be seen whose stays a run no longer holds, since a command before was interrupted."""
    cameras = {camera["camera_id"]: camera for camera in recorded(RunDirectory(run.path))["cameras"]}
    clocks = {camera_id: clock_of(camera) for camera_id, camera in cameras.items()}
    return [
        (
            one.camera_id,
            cameras[one.camera_id]["source"],
            recording_time(clocks, one.camera_id, one.start_s),
            recording_time(clocks, one.camera_id, one.end_s),
        )
        for one in sightings
        if one.camera_id in cameras
    ]


def _is_there(store: GalleryStore, person_id: int) -> bool:
    return any(person.id == person_id for person in store.people())


def _stands(run: KnownRun) -> bool:
    """Whether a run stands where it stood when it was added, and is not another one.

    Raises:
        InputError: something stands there that may be the run, but is damaged.
    """
    if not (run.path / "run.json").is_file():
        if not run.path.exists() and set_aside(run.path):
            RunDirectory(run.path)  # says what to do
        return False
    return str(recorded(RunDirectory(run.path)).get("created")) == run.created


def _check(run: KnownRun) -> None:
    """Refuse a run that could not be changed."""
    read_whole(RunDirectory(run.path))
    read_corrections(run.path)
    try:
        check_writable(run.path.parent, flag="the run", named=run.path)
    except OutputError as error:
        raise OutputError(f"{error}; nothing was deleted") from error


def _vector_traces(vectors: np.ndarray) -> list[bytes]:
    """Cut vectors (N, D) into bytes by which they would be known again in a file."""
    traces = []
    for vector in vectors[np.any(vectors != 0, axis=1)]:
        whole = np.ascontiguousarray(vector, dtype="<f4").tobytes()
        traces += [whole[start : start + _TRACE_BYTES] for start in range(0, len(whole) - _TRACE_BYTES + 1, 128)]
    return traces


def _picture_traces(pictures: Iterable[bytes]) -> list[bytes]:
    traces = []
    for picture in pictures:
        own = _own_part(picture)
        for place in _PLACES:
            start = int(place * len(own))
            traces.append(own[start : start + _TRACE_BYTES])
    return [trace for trace in traces if len(trace) == _TRACE_BYTES and len(set(trace)) > _TRACE_BYTES // 4]


def _own_part(picture: bytes) -> bytes:
    """Cut off what many JPEGs have in common. Of a whole frame no less will do: others show the same background."""
    return picture[max(0, picture.rfind(_SCAN)) :]


def _look_through(gallery: Path, runs: Sequence[Path], traces: Sequence[bytes], done: Deletion) -> None:
    """Look for traces in every file of a gallery and of runs, and of what an interrupted command left beside them."""
    for path in _files(gallery):
        _look_into(path, traces, done)
        if not path.name.startswith(FILE):
            done.unchecked.append(path)
    for run in runs:
        for path in _files(run):
            _look_into(path, traces, done)
            if path.relative_to(run).parts[0] not in PARTS:
                done.unchecked.append(path)
        for left in run.parent.glob(f".{glob.escape(run.name)}.unfinished-*"):
            for path in _files(left):
                _look_into(path, traces, done)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _look_into(path: Path, traces: Sequence[bytes], done: Deletion) -> None:
    size = path.stat().st_size
    done.files += 1
    done.bytes += size
    if not size:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if any(content.find(trace) >= 0 for trace in traces):
            done.found.append(path)
