"""A person is deleted: from the gallery, from the runs it was filled from, and then looked for in every file."""

from __future__ import annotations

import mmap
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.corrections import Key
from pipeline.gallery.store import GalleryStore
from pipeline.reassociation import recorded
from pipeline.removal import Removed, remove_stays
from pipeline.run_directory import RunDirectory
from reid.errors import InputError

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
        runs: the runs that were changed.
        missing_runs: runs that are not where they were, and still hold what they hold.
        recordings: camera, source, and from when to when in it the person can still be seen there, seconds.
        files: how many files were looked through afterwards.
        bytes: how many bytes they hold.
        found: files in which something was left.
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


def delete_person(store: GalleryStore, person_id: int, *, warn: Callable[[str], None]) -> Deletion:
    """Delete a person everywhere: rows, vectors, pictures, tracks and reports, in the gallery and its runs.

    The runs come first, so that whoever is interrupted can say the same again. The recordings are not touched.

    Args:
        store: the gallery.
        person_id: the person.
        warn: is told what else somebody should know.

    Returns:
        What was deleted, and whether anything was found afterwards.

    Raises:
        ConfigError: there is no such person.
        InputError: a run is damaged.
        OutputError: a run cannot be written.
        RunError: it could not be finished; what was said to be changed is changed whole.
    """
    sightings = store.sightings(person_id)
    ids, _, vectors = store.looks(person_id)
    traces = [*_vector_traces(vectors)]
    traces += _picture_traces(picture for number in ids.tolist() if (picture := store.picture(number)))
    by_run: dict[int, list[Key]] = defaultdict(list)
    for sighting in sightings:
        by_run[sighting.run_id].append((sighting.camera_id, sighting.track_id))
    done = Deletion(sightings=len(sightings), looks=len(ids))
    for run in store.runs():
        if run.id not in by_run:
            continue
        if not _is_there(run.path, run.created):
            done.missing_runs.append(run.path)
            continue
        removed = remove_stays(run.path, by_run[run.id], warn=warn)
        traces += [*_vector_traces(removed.vectors), *_picture_traces(removed.pictures)]
        _count(done, run.path, removed)
    with store.writing() as writer:
        writer.drop_sightings([sighting.id for sighting in sightings])
    store.scrub()
    _look_through([store.folder, *done.runs], traces, done)
    return done


def _count(done: Deletion, run: Path, removed: Removed) -> None:
    done.runs.append(run)
    done.stays += len(removed.vectors)
    done.recordings += removed.recordings


def _is_there(path: Path, created: str) -> bool:
    """Whether a run stands where it stood when it was added, and is not another one."""
    try:
        return str(recorded(RunDirectory(path)).get("created")) == created
    except InputError:
        return False


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
        own = picture[max(0, picture.rfind(_SCAN)) :]
        for place in _PLACES:
            start = int(place * len(own))
            traces.append(own[start : start + _TRACE_BYTES])
    return [trace for trace in traces if len(trace) == _TRACE_BYTES and len(set(trace)) > _TRACE_BYTES // 4]


def _look_through(folders: Sequence[Path], traces: Sequence[bytes], done: Deletion) -> None:
    """Look for traces in every file of some folders."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if not path.is_file():
                continue
            size = path.stat().st_size
            done.files += 1
            done.bytes += size
            if not size:
                continue
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                if any(content.find(trace) >= 0 for trace in traces):
                    done.found.append(path)
